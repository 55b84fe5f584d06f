/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One worker process: unprivileged, sandboxed, single-threaded; all client and upstream traffic. */
#pragma once

#include "crypt/ticketring.h"
#include "serve/bundle.h"
#include "serve/logfiles.h"
#include "serve/metrics.h"

/* A listening socket that the master opened. */
struct worker_listener {
    int fd;
    bool tls; /* else the port-80 or metrics listener */
    bool metrics;
    uint16_t public_port;
};

struct worker_options {
    uint32_t index;
    bool drop; /* rights, to this user and group */
    uint32_t uid, gid;
    const char *state_dir;
    struct bundle *bundle;
    struct slice challenges; /* as MESSAGE_CHALLENGES; empty: none */
    const struct logfiles *logs;
    struct metrics *metrics;
    const struct ticketring *ring;
    const struct worker_listener *listeners; /* this worker's */
    size_t nlisteners;
    uint16_t https_port, http_port;
};

/* Runs in the forked child until drained; the exit status. `fd`: its end of the channel. */
int worker_main(const struct worker_options *o, int fd);
