/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Single measurements: one hello and how far it came, one whole handshake and its certificate. Any
 * number at once; when the last one is over, on_idle comes. Concludes nothing. */
#pragma once

#include "base/list.h"
#include "check/probe.h"
#include "check/whyjudge.h"
#include "crypt/tlsctx.h"

/* Embedded by who measures; the first members are filled in before whyask_open. */
struct whyask {
    struct loop *loop;
    struct proberun *run;
    struct tlsctx *verifying, *lenient;
    struct sock_addr proxy; /* raw_bytes 0: none */
    uint32_t timeout_ms;
    int64_t now_s;
    void *ctx;
    /* All that was asked is over. Never from inside a question; may ask more. */
    void (*on_idle)(struct whyask *w);

    uint64_t began_ms; /* the clock moves on since now_s */
    struct list hellos, peers;
    struct loop_task idle;
    uint8_t *scratch, random[32];
};

enum whyask_kind {
    WHYASK_CONNECT, /* says nothing */
    WHYASK_SMALL,   /* one packet out, an ordinary answer */
    WHYASK_LARGE,   /* two packets out: a post-quantum share */
    WHYASK_SHORT,   /* one packet out, a short answer: HelloRetryRequest or an alert */
    WHYASK_SPOKEN   /* a GET without TLS */
};

struct whyask_to {
    struct ip ip;
    uint16_t port;
    struct slice name;       /* SNI; copied */
    struct slice proxy_host; /* what a proxy is to dial; empty: the address */
    const char *starttls;
    struct slice starttls_name; /* outlives the question */
    uint8_t ttl;
    uint32_t timeout_ms; /* 0: the common one */
};

/* What a handshake may bring besides its certificate. All may be NULL. */
struct whyask_more {
    bool verify;       /* first with verification; without it after a refusal */
    bool get;          /* a request follows: */
    struct slice host; /* its Host and path; outlive the question */
    struct slice path;
    bool *ret_has_date;
    int64_t *ret_skew_s; /* its Date minus our time */
    struct whyjudge_speed *ret_speed;
};

/* ERR_NOMEM, ERR_TLS. */
int whyask_open(struct whyask *w) MUST_USE;
/* Ends all questions. */
void whyask_close(struct whyask *w);
/* The result is written when it is over; without memory it stays as it is. */
void whyask_hello(struct whyask *w, const struct whyask_to *to, enum whyask_kind kind,
                  struct whyjudge_hello *ret);
void whyask_peer(struct whyask *w, const struct whyask_to *to, const struct whyask_more *more,
                 struct whyjudge_peer *ret);
/* Calls on_idle soon when nothing is under way. */
void whyask_settle(struct whyask *w);
/* The Date of an answer minus our time. */
bool whyask_skew(const struct whyask *w, struct slice date, int64_t *ret_s);
/* From how a plain connection ended; for handshakes that a library made. */
enum whyjudge_end whyask_end(const struct probe_result *r);
/* The certificate's values. */
void whyask_look(struct certinfo_chain *chain, struct slice name, struct whyjudge_peer *ret);
