/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* When to try again after a failed order. Pure arithmetic. */
#pragma once

#include <stdint.h>

#include "cert/acmeobj.h"

enum backoff_class {
    BACKOFF_NETWORK,    /* CA not reached, 5xx: a minute, doubling to an hour */
    BACKOFF_VALIDATION, /* connection, dns, tls, unauthorized, incorrectResponse: 1, 10, 100
                           minutes, then six hours; within the budget */
    BACKOFF_RATE,       /* rateLimited, 429: as Retry-After says, else an hour doubling to a day */
    BACKOFF_PERMANENT,  /* caa, rejectedIdentifier, invalidProfile, userActionRequired,
                           externalAccountRequired, malformed ...: once a day, loud */
    BACKOFF_LOCAL,      /* disk full, hook veto, out of memory: five minutes doubling to an hour */
};

/* By the problem (may be NULL) and the error code. */
enum backoff_class backoff_class_of(int r, const struct acmeobj_problem *p);
const char *backoff_class_text(enum backoff_class c);

struct backoff_input {
    enum backoff_class class;
    uint32_t failures; /* in a row, this one included: 1.. */
    int64_t now_s, first_failure_s;
    int64_t retry_after_s; /* from now; -1. Always wins, up to eight days; a minute at least from
                              the fourth failure on */
    int64_t left_s;        /* of the certificate in use; 0: none, or expired */
    int64_t life_s;        /* its whole life; 0: none */
    uint32_t draw;         /* 0..999999: jitter of +-25 % */
};

/* The time of the next attempt: capped at a tenth of the remaining life (never under a minute, or a
 * hundredth of the whole life where that is shorter); after seven days of failure once a day. */
int64_t backoff_next(const struct backoff_input *in);
