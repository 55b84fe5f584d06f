/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The five steps of a visit: name, TCP, TLS, HTTP, close. One real, verified connection, timed;
 * what it learns goes into struct facts. Goes on after a bad certificate (without sending anything
 * that matters), so that everything wrong is told at once. */
#pragma once

#include "check/facts.h"
#include "client/dns.h"
#include "crypt/tlsctx.h"

struct visit;

struct visit_options {
    struct loop *loop;
    struct dns *dns;
    struct proberun *run;
    struct tlsctx *verifying,
        *lenient; /* lenient: no verification, for what lies behind a bad certificate */
    struct tlsctx_identity *identity; /* client certificate; NULL */
    int family;                       /* 4, 6 or 0 */
    struct slice proxy;               /* "http://HOST:PORT"; empty */
    const struct ip *resolve_to;      /* --resolve; NULL */
    uint32_t timeout_ms;
    bool http; /* steps 4 and 5 and port 80; off for STARTTLS and --expiry */
};

/* Fills f->steps, dns, chains[0], http, close. on_done comes once, never from inside. ERR_NOMEM. */
int visit_start(const struct visit_options *o, struct facts *f, void (*on_done)(void *ctx),
                void *ctx, struct visit **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void visit_free(struct visit *v);
