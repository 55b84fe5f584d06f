/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The certificate engine run by a command on its own, without a server: on a loop of its own, with
 * the responder's ports and one hook program. */
#pragma once

#include "cert/certkeep.h"

struct certalone {
    const char *verb; /* for messages: "cert issue" */
    const char *state;
    const struct certkeep_settings *settings;
    const struct certkeep_name *names;
    size_t nnames;
    const char *dns_hook; /* program; NULL: none */
    bool ports;           /* challenges may have to be answered: bind settings' ports */
    bool findings;        /* every line of progress stays */
    /* Begins the order; called once the engine is open. */
    void (*start)(void *ctx, struct certkeep *k, struct certkeep_call *c);
    void *ctx;
};

/* Runs it to its end; what went wrong is printed. Returns the exit status. */
int certalone_run(const struct certalone *o);
