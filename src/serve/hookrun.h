/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hook programs, a few at once: the environment and arguments that they get, the queue in front of
 * them, and how each ended. Used by the master, which decides what program runs, and by the command
 * line on its own. Knows no configuration and no messages. */
#pragma once

#include "crypt/certhost.h"
#include "os/loop.h"
#include "os/program.h"

#define HOOKRUN_RUNNING_MAX 8   /* programs at once */
#define HOOKRUN_WAITING_MAX 256 /* behind them; an engine that asks for more is refused */

struct hookrun;

struct hookrun_host {
    void *ctx;
    bool drop; /* rights of the programs, to this user and group */
    uint32_t uid, gid;
    /* Path of the program for a hook, as it is configured when the program starts; empty: none. */
    struct slice (*path)(void *ctx, enum certhost_hook hook);
    /* How call `id` ended: the exit status, or as os/program.h has it; the last of its output. */
    void (*on_done)(void *ctx, uint64_t id, int status, struct slice output);
};

/* `host` is copied. ERR_NOMEM. */
int hookrun_new(struct loop *l, const struct hookrun_host *host, struct hookrun **ret) MUST_USE;
/* Queues a call (copied); on_done follows, never from inside. ERR_NOMEM, ERR_CAP (too many wait):
 * on_done does not come. The program gets the
 * arguments up to the last one that is not empty, the input on its standard input, and in its
 * environment nothing but PATH, LANG, PORT443_HOOK (hookrun_word) and the arguments by name:
 * PORT443_DNS_ACTION, PORT443_DNS_NAME, PORT443_DNS_VALUE for dns, PORT443_NAME for the others. */
int hookrun_call(struct hookrun *h, const struct certhost_call *call) MUST_USE;
/* For processes that reap all their children: true when `e` was a program of ours. */
bool hookrun_reaped(struct hookrun *h, const struct proc_exit *e);
/* Whoever asked has gone: what waits is dropped, what runs goes on but nobody hears of it. */
void hookrun_forget(struct hookrun *h);
/* Kills what still runs. Accepts NULL. */
void hookrun_free(struct hookrun *h);
/* "pre_issue", "deployed", "failed", "expiring", "dns"; constant. */
const char *hookrun_word(enum certhost_hook hook);
