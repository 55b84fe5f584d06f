/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One visit of one URL at one address: connect, TLS or not, one request, its answer, the close;
 * each stage timed and its failure kept. Follows nothing and judges nothing. */
#pragma once

#include "check/facts.h"
#include "crypt/tlsctx.h"
#include "wire/field.h"

#define HTTPGET_FIELDS_MAX 100
#define HTTPGET_BODY_MAX   (1024 * 1024) /* of the page; the rest is not looked at */
#define HTTPGET_HEAD_MAX   (64 * 1024)

enum httpget_stage { HTTPGET_TCP, HTTPGET_TLS, HTTPGET_HTTP, HTTPGET_CLOSE };

struct httpget_options {
    struct loop *loop;
    struct proberun *run;
    struct probe_options to; /* address, proxy, STARTTLS, timeout; hello stays empty */
    struct tlsctx *tls;      /* NULL: plain http */
    struct slice tls_name;   /* SNI and verification */
    struct slice host;       /* Host, with the port when it is not the scheme's */
    struct slice path;
    struct slice fields; /* further request fields, each with CRLF */
    size_t body_max;     /* 0: HTTPGET_BODY_MAX */
    bool handshake_only;
};

struct httpget_result {
    enum httpget_stage stage; /* the last one that was begun; CLOSE: all went well */
    int r;                    /* of that stage */
    struct fault fault;
    struct probe_result tcp;
    uint64_t tcp_us, tls_us, first_byte_us, http_us, close_us; /* durations of the stages */
    bool secured;
    char version[16], suite[64], group[32], alpn[16];
    bool resumed;
    bool certificate_asked;      /* the server wants one of the client */
    uint32_t early_data_bytes;   /* that its ticket allows; known once the answer was read */
    struct certinfo_chain *peer; /* a loan; NULL: none */
    uint8_t alert;               /* that the peer sent; 0: none */
    unsigned status;
    const struct field *fields; /* loans */
    size_t nfields;
    struct slice body;
    bool body_cut;
    enum facts_close close;
};

/* Embedded by who asks; zeroed before its first use. */
struct httpget {
    void *state; /* NULL: not under way */
    void *ctx;
    /* Over before it; never from inside httpget_start. */
    void (*on_done)(struct httpget *g, const struct httpget_result *r);
};

/* Slices are borrowed until on_done. ERR_NOMEM. */
int httpget_start(const struct httpget_options *o, struct httpget *g) MUST_USE;
/* No on_done comes after it. Does nothing when it is not under way. */
void httpget_cancel(struct httpget *g);
/* The value of a field, or empty; *ret_count (may be NULL): how often it was sent. */
struct slice httpget_field(const struct httpget_result *r, struct slice name, size_t *ret_count);
