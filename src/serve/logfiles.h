/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The files behind the access log and the event log. Only the master opens them, with the rights
 * that it started with; children write to descriptors that they inherit, or get anew after a
 * rotation, because they may neither open a file of root's nor create any (sandbox). Does not know
 * what a line says. */
#pragma once

#include "conf/conf.h"
#include "os/chan.h"
#include "os/file_log.h"

/* Embedded in the master; a log that goes elsewhere than to a file has fd -1. */
struct logfiles {
    struct file_log access, events;
};

/* Opens (creates, mode 0640) what the configuration names. ERR_PERM, ERR_NOT_FOUND, ERR_SYS,
 * ERR_NOMEM. */
int logfiles_open(const struct conf_log *conf, struct logfiles *ret, struct fault *f) MUST_USE;
/* Opens the same paths again (after rotation); where that fails, the old file stays in use. */
int logfiles_reopen(struct logfiles *l, struct fault *f) MUST_USE;
/* Idempotent. */
void logfiles_done(struct logfiles *l);
/* Hands both descriptors to a child as `type`. OK also when there is nothing to hand over. */
int logfiles_send(const struct logfiles *l, struct chan *to, uint16_t type) MUST_USE;
/* In the child: what logfiles_send sent. Descriptors that the message does not carry are -1; the
 * others belong to the caller from now on. ERR_SYNTAX. */
int logfiles_receive(struct slice payload, int *fds, size_t nfds, int *ret_access,
                     int *ret_events) MUST_USE;
