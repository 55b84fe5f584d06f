/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Many targets, a bounded number of them at once, on one loop: makes what they share (trust,
 * resolvers, pace) and hands the facts of each out as it ends. */
#pragma once

#include "check/checkone.h"
#include "crypt/tlsctx.h"

struct checkrun;

/* --resolve: this name and port is at that address. */
struct checkrun_pin {
    struct slice host; /* normal form */
    uint16_t port;
    struct ip ip;
};

enum checkrun_pace { CHECKRUN_USUAL, CHECKRUN_SLOW, CHECKRUN_FAST };

/* Everything pointed to must live until checkrun_free. */
struct checkrun_options {
    struct loop *loop;
    struct slice ca_pem;              /* trusted instead of the system's roots; empty: those */
    struct tlsctx_identity *identity; /* client certificate; NULL: none */
    int64_t now_s;                    /* 0: the clock */
    struct slice proxy;               /* "192.0.2.1:3128", "proxy.example:3128"; empty: none */
    const char *resolver;             /* name servers, "192.0.2.53:53"; NULL: the system's */
    const struct checkrun_pin *pins;
    size_t npins;
    int family; /* 4, 6; 0 both */
    uint32_t timeout_ms;
    enum checkrun_pace pace;
    uint16_t plain_port; /* where plain http is looked at; 0: 80, for targets on 443 */
    bool audit, http, vulnerabilities, crl;
    enum checkone_why why;
    struct why_options controls; /* texts only */
    unsigned at_once;            /* targets; 0: 24 */
};

struct checkrun_ops {
    void *ctx;
    /* The facts of target i, whole; the callee frees them. In the order in which they end. */
    void (*on_target)(void *ctx, size_t i, struct facts *f);
    /* Never from inside checkrun_start; may call checkrun_free. r: ERR_RESOLVE (the proxy's name,
     * f says why), ERR_NOMEM. */
    void (*on_done)(void *ctx, int r, const struct fault *f);
};

/* ERR_CONFIG (trusted certificates, client certificate, resolver), ERR_NOT_FOUND (no system
 * store), ERR_SYNTAX (proxy), ERR_NOMEM. */
int checkrun_start(const struct checkrun_options *o, const struct facts_target *targets, size_t n,
                   const struct checkrun_ops *ops, struct checkrun **ret, struct fault *f) MUST_USE;
/* Accepts NULL; no call comes after it. */
void checkrun_free(struct checkrun *r);
