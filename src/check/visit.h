/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The five steps of a visit: name, TCP, TLS, HTTP, close. One real, verified connection, timed;
 * what it learns goes into struct facts. Goes on after a bad certificate (without sending anything
 * that matters), so that everything wrong is told at once. */
#pragma once

#include "check/facts.h"
#include "check/httpget.h"
#include "client/dns.h"
#include "client/resolve.h"
#include "crypt/tlsctx.h"

struct visit;

struct visit_options {
    struct loop *loop;
    struct dns *dns;      /* records beyond addresses */
    struct resolver *res; /* addresses, /etc/hosts included */
    struct proberun *run;
    struct tlsctx *verifying,
        *lenient; /* lenient: no verification, for what lies behind a bad certificate */
    struct tlsctx_identity *identity; /* client certificate; NULL */
    int family;                       /* 4, 6 or 0 */
    struct sock_addr proxy;           /* HTTP proxy; raw_bytes 0: none */
    const struct ip *resolve_to;      /* --resolve; NULL */
    uint32_t timeout_ms;
    uint16_t plain_port; /* 0: 80, and only for targets on 443 */
    bool http;           /* steps 4 and 5 and port 80; off for STARTTLS and --expiry */
};

struct visit_ops {
    void *ctx;
    /* An answer of the page's host over https or of port 80: to be read (fields, cookies, page).
     * `main`: the last one of the https walk. */
    void (*on_answer)(void *ctx, const struct httpget_result *r, bool plain, bool main);
    /* Comes once, never from inside visit_start. May call visit_free. */
    void (*on_done)(void *ctx);
};

/* Fills f->steps, dns, chains[0] (the chain alone), tls.negotiated_*, http hops, close. ERR_NOMEM.
 */
int visit_start(const struct visit_options *o, struct facts *f, const struct visit_ops *ops,
                struct visit **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void visit_free(struct visit *v);
/* The address that the visit settled on; raw_bytes 0: none answered. */
const struct sock_addr *visit_address(const struct visit *v);
