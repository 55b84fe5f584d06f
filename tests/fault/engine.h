/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The whole engine of a worker in this process, on one loop, with real clients (curl) and a real
 * upstream as processes of their own: so that a failure that is injected here hits the server and
 * nobody else. */
#pragma once

#include "serve/site.h"

struct engine {
    struct worker w;
    struct bundle *bundle;
    struct listener listener;
    uint16_t port; /* of the server */
    int upstream_pid;
    uint16_t upstream_port; /* 0: none */
    char dir[64];           /* document root, also holds root.pem */
    uint64_t checked_faults;
};

/* Serves https://localhost:port/ from a fresh directory with hello.txt, and /app/ from an upstream
 * process. */
void engine_open(struct engine *e);
/* Ends everything; asserts that no connection and no pooled byte is left. */
void engine_close(struct engine *e);
/* Asks for `path` with curl, running the loop until it has ended (at most 10 s, else the test
 * fails). Returns the HTTP status that curl printed, 0 when it got none. */
unsigned engine_ask(struct engine *e, const char *path);
