/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What master.c, startup.c, clocks.c, child.c, change.c, relay.c, overview.c and succession.c
 * share: the state of the one master. Private to these files, which are one module cut by subject.
 */
#pragma once

#include "crypt/ticketring.h"
#include "os/filewatch.h"
#include "os/proc_signals.h"
#include "serve/admin.h"
#include "serve/child.h"
#include "serve/eventlog.h"
#include "serve/hookrun.h"
#include "serve/logfiles.h"
#include "serve/master.h"
#include "serve/metrics.h"
#include "serve/ports.h"

#define MASTER_PATH_BYTES 512
#define MASTER_CALLS_MAX  16 /* admin calls that may wait for one reload or report */

enum master_phase { MASTER_CERTIFYING, MASTER_STARTING, MASTER_RUNNING, MASTER_STOPPING };

/* A configuration on its way into use. */
struct change {
    struct bundle *bundle; /* NULL: no change under way */
    struct conf *conf;
    bool asked; /* the keeper knows its names */
    bool sent;  /* to the workers; else it waits for certificates of new names */
    bool failed;
    char failure[1024];
    struct admin_call *call; /* who asked; NULL: a signal */
    struct loop_timer bound;
};

/* What passes between keeper, workers and operators without being read here. */
struct relay {
    struct buf table;        /* challenges as sent to workers: our number, then the answers */
    uint64_t number;         /* of the table; counts those of all keepers */
    uint64_t version;        /* the keeper's own number of it */
    bool due;                /* the keeper waits to hear that every worker has it */
    struct loop_timer bound; /* of that wait */
    struct list orders;      /* struct order of relay.c: commands under way */
    uint64_t next_id;
};

struct master {
    const struct master_options *o;
    struct loop *loop;
    enum master_phase phase;
    int result; /* why it ended */
    struct conf_faults *faults;
    struct bundle *bundle; /* in use */
    struct conf *conf;
    struct change change;
    struct relay relay;
    uint64_t config; /* counts configurations put into use */
    char state_dir[MASTER_PATH_BYTES], socket_path[MASTER_PATH_BYTES];
    const char *user; /* NULL: children keep our rights */
    uint32_t uid, gid;
    struct proc_signals signals;
    char warning[256];
    int lock_fd;
    struct ports ports;
    struct metrics *metrics;
    struct ticketring ring;
    struct logfiles logs;
    struct eventlog *events;
    struct filewatch *watch;
    struct child keeper, *workers;
    uint32_t nworkers;
    struct hookrun *hooks;
    struct admin *admin;
    struct admin_call *waiting[MASTER_CALLS_MAX]; /* for the overview */
    size_t nwaiting;
    struct loop_timer tickets, certificates, overview_bound, stop_bound, start_bound;
    int64_t started_s, reloaded_s;
    uint64_t reloads, reload_failures;
    bool reload_ok;
    int successor_pid; /* of an upgrade under way */
};

/* ---- master.c ---- */

/* A child's first word or last: starts the next phase, or fails the start. */
void master_state_child_ready(struct master *m, struct child *k);
void master_state_child_failed(struct master *m, struct child *k, struct slice text);
/* Every name has its first certificate: workers may start. */
void master_state_certified(struct master *m);
