/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which hosts does this network let out to: one verified handshake each (through a proxy where one
 * is set), judged by the same rules as one target, with all others as its controls. Knows no
 * output format. */
#pragma once

#include "check/facts.h"
#include "client/resolve.h"
#include "crypt/tlsctx.h"

#define OUTBOUND_MAX 2000

struct outbound;

/* One line of the table. Texts live as long as the run. */
struct outbound_row {
    struct slice kind, host; /* "payment", "api.stripe.com" */
    uint16_t port;
    enum facts_verdict verdict;
    bool ok;
    char address[CIDR_IP_TEXT]; /* tried; empty: none, or left to the proxy */
    char issuer[96];            /* of the certificate seen; empty: none */
    char words[240];            /* what happened */
    uint64_t took_us;
};

struct outbound_options {
    struct loop *loop;
    struct proberun *run;
    struct resolver *res;
    struct tlsctx *verifying, *lenient;
    struct sock_addr proxy; /* HTTP proxy; raw_bytes 0: none */
    int family;             /* 4, 6 or 0 */
    uint32_t timeout_ms;    /* 0: 5000 */
    unsigned at_once;       /* 0: 32 */
};

struct outbound_ops {
    void *ctx;
    /* A host is finished; its verdict may still change. May be NULL. */
    void (*on_row)(void *ctx, const struct outbound_row *row);
    /* Comes once: verdicts are final. */
    void (*on_done)(void *ctx);
};

/* list: lines "kind host[:port]", # begins a comment; empty: the built-in one (check/outbound.def).
 * No call comes from inside. ERR_CONFIG (`fault` names the line), ERR_CAP, ERR_NOMEM. */
int outbound_start(const struct outbound_options *o, struct slice list,
                   const struct outbound_ops *ops, struct outbound **ret,
                   struct fault *fault) MUST_USE;
/* Rows in the order of the list; loans until outbound_free. */
const struct outbound_row *outbound_rows(const struct outbound *b, size_t *ret_n);
/* 0: all are reached; 1: some are not. */
int outbound_status(const struct outbound *b);
/* Accepts NULL; no calls come after it. */
void outbound_free(struct outbound *b);
