/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hooks of certificates in the master. The keeper says which hook, with what arguments and input;
 * which program that is stands in the configuration, which the keeper cannot change. The programs
 * run as the user of the children, never as root. */
#pragma once

#include "base/buf.h"
#include "crypt/certhost.h"
#include "os/proc.h"

struct master;

/* ERR_NOMEM. Before the keeper is started. */
int hooks_open(struct master *m) MUST_USE;
/* What still runs is killed. Idempotent. */
void hooks_close(struct master *m);
/* MESSAGE_HOOK of the keeper; MESSAGE_HOOK_DONE will follow, also when the program cannot run. */
void hooks_call(struct master *m, struct slice payload);
/* True when the child that has ended was a hook. */
bool hooks_reaped(struct master *m, const struct proc_exit *e);
/* The keeper has gone, and with it who wanted to know. */
void hooks_lost(struct master *m);

/* The two messages: packed (appended) and read; slices of the result are loans of the payload.
 * ERR_CAP, ERR_NOMEM; ERR_SYNTAX. */
int hooks_pack(struct buf *b, const struct certhost_call *call) MUST_USE;
int hooks_parse(struct slice payload, struct certhost_call *ret) MUST_USE;
int hooks_pack_done(struct buf *b, uint64_t id, int status, struct slice output) MUST_USE;
int hooks_parse_done(struct slice payload, uint64_t *ret_id, int *ret_status,
                     struct slice *ret_output) MUST_USE;
