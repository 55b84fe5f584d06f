/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Event lines. Repeats: each event name may appear EVENT_BURST times in EVENT_WINDOW_MS; what is
 * held back is counted and told by the next line of that name. */
#include "serve/eventlog.h"

#include <stdio.h>

#include "base/date.h"
#include "base/json.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/file_log.h"
#include "os/proc.h"

#define LINE_MAX        8192 /* bytes; a longer one is cut to its name */
#define EVENT_NAMES     64   /* names with their own account; the rest share the last */
#define EVENT_BURST     20
#define EVENT_WINDOW_MS 10000

struct account {
    const char *event; /* constant text */
    uint64_t window_ms;
    uint32_t count, held_back;
};

struct eventlog {
    struct file_log log;
    char role[24];
    struct account accounts[EVENT_NAMES];
    struct buf line;
};

int eventlog_open(const struct conf_sink *sink, int fd, const char *role, struct eventlog **ret,
                  struct fault *f)
{
    *ret = NULL;
    if (sink->kind == CONF_SINK_OFF)
        return OK;
    struct eventlog *e = mem_alloc(sizeof(*e));
    if (!e)
        return fault_set(f, ERR_NOMEM, "out of memory");
    snprintf(e->role, sizeof(e->role), "%s", role);
    buf_init(&e->line, LINE_MAX);
    int own = file_dup(sink->kind == CONF_SINK_FILE ? fd : sink->kind == CONF_SINK_STDOUT ? 1 : 2);
    if (own < 0 && sink->kind == CONF_SINK_FILE) {
        mem_free(e);
        return fault_set(f, ERR_SYS, "no descriptor for the event log");
    }
    file_log_init(&e->log, own);
    *ret = e;
    return OK;
}

void eventlog_close(struct eventlog *e)
{
    if (!e)
        return;
    file_log_done(&e->log);
    buf_done(&e->line);
    mem_free(e);
}

void eventlog_swap_take(struct eventlog *e, int fd)
{
    if (e && fd >= 0)
        file_log_swap(&e->log, fd);
    else
        file_close(fd);
}

static struct account *account_of(struct eventlog *e, const char *event)
{
    for (size_t i = 0; i < EVENT_NAMES - 1; i++) {
        if (!e->accounts[i].event)
            e->accounts[i].event = event;
        if (strcmp(e->accounts[i].event, event) == 0)
            return &e->accounts[i];
    }
    return &e->accounts[EVENT_NAMES - 1];
}

/* False: this line is held back. *ret_missed lines of the name were. */
static bool admitted(struct eventlog *e, const char *event, uint32_t *ret_missed)
{
    struct account *a = account_of(e, event);
    uint64_t now_ms = clock_now_ms();
    *ret_missed = 0;
    if (now_ms - a->window_ms >= EVENT_WINDOW_MS) {
        a->window_ms = now_ms;
        a->count = 0;
    }
    if (a->count >= EVENT_BURST) {
        a->held_back++;
        return false;
    }
    a->count++;
    *ret_missed = a->held_back;
    a->held_back = 0;
    return true;
}

static void write_field(struct json *j, const struct event_field *f)
{
    switch (f->kind) {
    case EVENT_TEXT:
        json_text(j, f->key, f->text);
        break;
    case EVENT_UINT:
        json_uint(j, f->key, f->number);
        break;
    case EVENT_BOOL:
        json_bool(j, f->key, f->number != 0);
        break;
    }
}

static int format(struct eventlog *e, const char *level, const char *event, uint32_t missed,
                  const struct event_field *fields, size_t n)
{
    char time[DATE_RFC3339_BYTES];
    struct json j;
    date_format_rfc3339(clock_unix_ms(), time);
    buf_reset(&e->line);
    json_init(&j, &e->line);
    json_object(&j, NULL);
    json_text(&j, "time", slice_of(time, sizeof(time)));
    json_cstr(&j, "level", level);
    json_cstr(&j, "event", event);
    json_cstr(&j, "role", e->role);
    json_uint(&j, "pid", (uint64_t)proc_pid());
    for (size_t i = 0; i < n; i++)
        write_field(&j, &fields[i]);
    if (missed)
        json_uint(&j, "held_back", missed);
    json_end(&j, '}');
    return j.r ? j.r : buf_add(&e->line, SLICE("\n"));
}

void eventlog_write(struct eventlog *e, enum event_level level, const char *event,
                    const struct event_field *fields, size_t n)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    static const struct event_field cut = {"cut", EVENT_BOOL, {0}, 1};
    uint32_t missed;
    size_t taken;
    if (!e || level == EVENT_DEBUG || !admitted(e, event, &missed))
        return;
    /* A peer that sends long texts must not make an event disappear. */
    if (format(e, levels[level], event, missed, fields, n) &&
        format(e, levels[level], event, missed, &cut, 1))
        return;
    BEST_EFFORT(file_log_write(&e->log, buf_slice(&e->line), &taken));
}

void eventlog_fault(struct eventlog *e, enum event_level level, const char *event,
                    const struct fault *f)
{
    char where[256];
    if (f->line)
        snprintf(where, sizeof(where), "%s:%d:%d", f->where, f->line, f->column);
    else
        snprintf(where, sizeof(where), "%s", f->where);
    EVENT(e, level, event, EV_CSTR("error", err_name(f->code)), EV_CSTR("message", f->what),
          EV_CSTR("while", f->nframes ? f->frames[0] : ""), EV_CSTR("where", where),
          EV_CSTR("next", f->next));
}
