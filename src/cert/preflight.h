/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Before an order: what would fail, in plain words. Asks DNS for every name (A, AAAA, CAA up the
 * tree, RFC 8659), opens 80 and 443 of each address, compares the clock with the CA's. A finding is
 * an error only when the validation cannot succeed; everything else is a warning. */
#pragma once

#include "cert/acmeca.h"
#include "cert/challenge.h"
#include "client/dns.h"

enum preflight_level { PREFLIGHT_OK, PREFLIGHT_WARN, PREFLIGHT_ERROR };

struct preflight_finding {
    enum preflight_level level;
    struct slice name; /* which name; empty: all */
    const char *id;    /* stable: "dns_none", "dns_failed", "dns_timeout", "private_address",
                          "caa_forbids", "caa_unknown", "port_closed", "port_filtered",
                          "ipv6_broken", "clock_skew", "no_challenge", "good" */
    char text[320];    /* one sentence */
    char next[240];    /* what to do; empty: nothing */
};

struct preflight_plan {
    const struct slice *names;
    size_t nnames;
    unsigned challenges;            /* mask of 1 << enum challenge_type */
    uint16_t http_port, https_port; /* that the CA will be led to: 80 and 443 outside of tests; 0:
                                       is not looked at */
    struct slice resolvers;         /* empty: the system's */
    struct slice account_url;       /* for CAA accounturi (RFC 8657); empty: not known */
    bool listening;                 /* our own server answers there: connect is expected to work;
                                       else a refused connection is no finding */
};

struct preflight;

struct preflight_ops {
    /* Comes once with all findings (a loan), never from inside preflight_start. May call
     * preflight_free. */
    void (*on_done)(void *ctx, const struct preflight_finding *findings, size_t n);
};

/* Starts; the plan is copied. ca must be ready (acmeca_ready) and stay until the end. At most 20 s.
 * ERR_NOMEM, ERR_CONFIG (resolvers), ERR_CAP (more names than an order holds). */
int preflight_start(struct loop *l, struct acmeca *ca, const struct preflight_plan *plan,
                    const struct preflight_ops *ops, void *ctx, struct preflight **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. on_done may call it. */
void preflight_free(struct preflight *p);
