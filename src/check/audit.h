/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a server would speak with others: versions, suites, groups, signature algorithms, extensions
 * and known attacks, by raw hellos of which only the first answer is read. All independent
 * questions are asked side by side within the pace. Fills facts->tls and further chains. */
#pragma once

#include "check/facts.h"

struct audit;

struct audit_options {
    struct loop *loop;
    struct proberun *run;
    struct probe_options to; /* the address that the visit chose, proxy, STARTTLS */
    bool vulnerabilities;    /* also those that send malformed messages */
};

struct audit_ops {
    void *ctx;
    void (*on_done)(void *ctx);
};

/* on_done comes once, never from inside; it may call audit_free. ERR_NOMEM. */
int audit_start(const struct audit_options *o, struct facts *f, const struct audit_ops *ops,
                struct audit **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void audit_free(struct audit *a);
