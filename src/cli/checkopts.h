/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The options of `port443 check`, read into values: how to look, at what, and what to print.
 * Messages go to standard error here. */
#pragma once

#include "base/arena.h"
#include "check/checkrun.h"
#include "check/facts.h"

#define CHECKOPTS_PINS_MAX    16
#define CHECKOPTS_TARGETS_MAX 100000

enum checkopts_profile {
    CHECKOPTS_NO_PROFILE,
    CHECKOPTS_MODERN,
    CHECKOPTS_INTERMEDIATE,
    CHECKOPTS_OLD
};

/* What standard output gets. */
enum checkopts_shape {
    CHECKOPTS_TEXT,
    CHECKOPTS_JSON,
    CHECKOPTS_CSV,
    CHECKOPTS_NAGIOS,
    CHECKOPTS_PROMETHEUS,
    CHECKOPTS_SARIF,
    CHECKOPTS_JUNIT
};

struct checkopts {
    struct checkrun_options run; /* without the loop */
    struct facts_target *targets;
    size_t ntargets;
    enum facts_severity fail_on;
    bool never_fails; /* --fail-on never */
    enum checkopts_profile profile;
    uint64_t watch_ms; /* 0: once */
    enum checkopts_shape shape;
    bool verbose;
    const char *html;   /* file, or NULL */
    const char *expiry; /* file of hosts, or NULL */
    bool outbound;
    const char *outbound_list; /* file; NULL: the built-in list */
    /* Private. */
    int status;
    struct arena arena;
    struct checkrun_pin pins[CHECKOPTS_PINS_MAX];
    struct buf ca, cert, key;
    struct tlsctx_identity identity;
};

/* Parses argv. False: nothing is to be done, *status says with what to exit. checkopts_done is
 * called in either case. */
bool checkopts_read(struct checkopts *o, int argc, char **argv, int *status);
void checkopts_done(struct checkopts *o);
