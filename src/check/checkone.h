/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Everything about one target, in its order: the visit, the audit with the few real handshakes that
 * it needs, the judgement, the reason when a step failed, the grades. */
#pragma once

#include "check/facts.h"
#include "check/visit.h"
#include "check/why.h"
#include "crypt/chainverify.h"

struct checkone;

/* When the reason is looked for, which may ask hosts elsewhere. */
enum checkone_why {
    CHECKONE_WHY_FAILED, /* when a step failed; loopback addresses have no path to be measured */
    CHECKONE_WHY_ALWAYS,
    CHECKONE_WHY_NEVER
};

/* Borrowed for its whole life. */
struct checkone_options {
    struct visit_options visit;
    struct tlsctx *offers_h2;        /* no verification; offers h2 and http/1.1 */
    const struct chainverify *trust; /* that chains are verified against */
    bool audit, vulnerabilities;
    bool crl;             /* ask the authorities' lists of revoked certificates */
    bool other_addresses; /* do they show the same certificate? */
    enum checkone_why why;
    struct why_options controls; /* texts only; the rest is filled in */
};

/* on_done comes once, never from inside; it may call checkone_free. ERR_NOMEM. */
int checkone_start(const struct checkone_options *o, struct facts *f, void (*on_done)(void *ctx),
                   void *ctx, struct checkone **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void checkone_free(struct checkone *c);
