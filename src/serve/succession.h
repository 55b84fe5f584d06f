/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Replacing the running program by a new one without refusing a connection: the old master starts
 * the installed program with the listening sockets and the lock inherited; when the new one serves,
 * it tells the old one to finish (SIGQUIT). If the new one cannot start, the old one goes on and
 * says why. */
#pragma once

#include "os/proc.h"
#include "serve/admin.h"

struct master;

/* Prepares timers; reads what a predecessor left in the environment. */
void succession_init(struct master *m);
/* "name=fd;..." of the predecessor's sockets, or NULL. */
const char *succession_inherited_sockets(void);
/* The predecessor's lock on the file at `path`, owned by the caller; -1 when there is none. */
int succession_inherited_lock(const char *path);
/* True in a successor until it has told the predecessor. */
bool succession_under_way(void);
/* Starts the successor. The call (may be NULL) is answered when it serves or has failed. */
void succession_begin(struct master *m, struct admin_call *call);
/* In the successor, once it serves: tells the predecessor. */
void succession_announce(struct master *m);
/* In the predecessor: SIGQUIT came. True when it is the successor's word that it serves. */
bool succession_done(struct master *m, pid_t from);
/* In the predecessor: the server stops, so a successor that is not up yet stops too. */
void succession_cancel(struct master *m);
/* In the predecessor: an unknown child ended; if it was the successor, the upgrade has failed. */
void succession_reaped(struct master *m, const struct proc_exit *e);
