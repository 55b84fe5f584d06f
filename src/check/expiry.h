/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* When do the certificates of many hosts end? One connection each, some hundred at once: a TLS 1.2
 * hello shows the certificate in clear text, a server that speaks only TLS 1.3 gets a real
 * handshake. An alarm goes by the fraction of the lifetime that is left, because a fixed number of
 * days fits neither certificates of six days nor those of two hundred. Trust is not looked at. */
#pragma once

#include "check/checkrun.h"

struct expiry;

/* By urgency. */
enum expiry_state {
    EXPIRY_EXPIRED,
    EXPIRY_NOT_YET,  /* its time has not come */
    EXPIRY_CRITICAL, /* a tenth of the lifetime or a day is left */
    EXPIRY_UNSEEN,   /* there was no certificate to look at: `why` */
    EXPIRY_WARN,     /* a third of the lifetime is left */
    EXPIRY_GOOD,
    EXPIRY_STATES
};

struct expiry_row {
    const struct facts_target *target;
    enum expiry_state state;
    int64_t not_before_s, not_after_s;
    char subject[128], issuer[128]; /* printable */
    bool name_match;
    int r;         /* EXPIRY_UNSEEN */
    char why[200]; /* printable */
};

struct expiry_options {
    const struct checkrun_options *run; /* loop, names, pins, family, timeout, now_s, identity;
                                           at_once 0: 300 */
    void (*on_row)(void *ctx, const struct expiry_row *row); /* one is known; may be NULL */
    void (*on_done)(void *ctx); /* never from inside expiry_start; may call expiry_free */
    void *ctx;
};

/* Fills rows[n], one for each target in their order; all pointers must live until expiry_free.
 * ERR_CONFIG, ERR_NOT_FOUND, ERR_NOMEM. */
int expiry_start(const struct expiry_options *o, const struct facts_target *targets, size_t n,
                 struct expiry_row *rows, struct expiry **ret, struct fault *f) MUST_USE;
/* Accepts NULL. */
void expiry_free(struct expiry *e);

/* What `left` of a lifetime means. Pure. */
enum expiry_state expiry_judge(int64_t not_before_s, int64_t not_after_s, int64_t now_s);
/* The most urgent first; equals by their end, then by name. */
void expiry_sort(struct expiry_row *rows, size_t n);
/* "expired", "critical": constant. */
const char *expiry_state_text(enum expiry_state s);
enum facts_severity expiry_severity(enum expiry_state s);
