/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The master process: opens the ports, starts keeper and workers, watches over them, reloads,
 * upgrades, stops. Never parses a byte from the network. */
#pragma once

#include "conf/conf.h"
#include "serve/bundle.h"
#include "serve/keeper.h"

/* What the command line shows once the server is up. */
struct master_ready {
    const struct conf *conf;
    const char *state_dir;
    const char *socket_path;
    uint16_t https_port, http_port; /* as bound; http 0: no port-80 listener */
    uint32_t workers;
    const char *user;    /* that workers run as; NULL: unchanged */
    const char *warning; /* NULL or one line to show */
};

struct master_options {
    struct bundle_source source;
    const char *state_dir;   /* NULL: configuration, else the default of DESIGN 5 */
    const char *socket_path; /* NULL: state_dir/port443.sock */
    char **argv; /* NULL-ended, to start a successor with; [0] is replaced by the program's path */
    const struct keeper_ops *keeper;
    void (*on_ready)(void *ctx, const struct master_ready *ready);
    void *ctx;
};

/* Runs the server until it is stopped. OK, or the error that kept it from starting with at least
 * one entry in `faults`. */
int master_run(const struct master_options *o, struct conf_faults *faults) MUST_USE;
