/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One child process as the master sees it: its channel, its state, its restarts. */
#pragma once

#include "base/buf.h"
#include "os/chan.h"

struct master;

enum child_state { CHILD_NONE, CHILD_STARTING, CHILD_READY, CHILD_ENDING };

struct child {
    struct master *m;
    bool keeper;    /* else a worker */
    uint32_t index; /* of the worker */
    enum child_state state;
    int pid; /* 0: none */
    struct chan chan;
    uint64_t started_ms;
    uint32_t quick_deaths; /* in a row, each within CHILD_YOUNG_MS of its start */
    uint64_t restarts;
    uint64_t config;      /* of master.config: what it has, or will have by what it was sent */
    uint32_t bundles_due; /* configurations sent and not answered */
    uint64_t published;   /* number of the newest table of challenges that it answers by */
    bool change_sent;     /* it was sent the change under way */
    bool change_due;      /* and its answer is still to come: the last of bundles_due */
    struct loop_timer respawn;
    struct buf report; /* last MESSAGE_REPORT: JSON */
    bool report_due;
};

#define CHILD_YOUNG_MS 10000

/* Forks it and runs keeper_main or worker_main there (does not return in the child). ERR_SYS. */
int child_start(struct child *k, struct fault *f) MUST_USE;
/* The process has ended; closes the channel. Returns how long to wait before the next start (ms): 0
 * at first, then 1 s doubling to 30 s while it keeps dying young. */
uint64_t child_ended(struct child *k);
/* Sends a message without payload; a dead child is ignored. */
void child_tell(struct child *k, uint16_t type);
/* Hands it the log files as they are now (after a rotation); a dead child is ignored. */
void child_send_logs(struct child *k);
