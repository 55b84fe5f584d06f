/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The event log: one JSON line per event with a stable name, for people and machines that operate
 * the server. Peer bytes are escaped by the JSON writer, repeats of one event are rate limited (and
 * counted in the next line), secrets never come here. Lines are written with one write(2) each, so
 * master, keeper and workers may share the sink. */
#pragma once

#include "base/event.h"
#include "base/fault.h"
#include "base/slice.h"
#include "conf/conf.h"

struct eventlog;

/* EVENT(log, EVENT_WARN, "upstream_down", EV_TEXT("upstream", name)); at least one field. */
#define EVENT(log, level, name, ...)                                                  \
    eventlog_write((log), (level), (name), (const struct event_field[]){__VA_ARGS__}, \
                   sizeof((const struct event_field[]){__VA_ARGS__}) / sizeof(struct event_field))

/* `role`: "master", "worker 0", "keeper": a field of every line. `fd`: the open file when the sink
 * is one (serve/logfiles); lent. ERR_NOMEM, ERR_SYS. */
int eventlog_open(const struct conf_sink *sink, int fd, const char *role, struct eventlog **ret,
                  struct fault *f) MUST_USE;
/* Accepts NULL. */
void eventlog_close(struct eventlog *e);
/* NULL e writes nothing. Never fails, never blocks longer than one write. */
void eventlog_write(struct eventlog *e, enum event_level level, const char *event,
                    const struct event_field *fields, size_t n);
/* The story of a fault as fields error, message, where, next. */
void eventlog_fault(struct eventlog *e, enum event_level level, const char *event,
                    const struct fault *f);
/* After log rotation: the new file, taken over (closed when e is NULL). fd -1: nothing changes. */
void eventlog_swap_take(struct eventlog *e, int fd);
