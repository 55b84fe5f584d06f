/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* An HTTPS server for tests of the ACME modules, on the same loop and with a certificate of a CA of
 * its own. It knows requests and answers; the script of the test knows what they mean. */
#pragma once

#include "../client/toy.h"
#include "../crypt/pair.h"

#define TOYCA_URL_BYTES 128

struct toyca_request {
    char method[8], path[256];
    char head[4096];
    struct slice body;
};

struct toyca {
    struct loop *l;
    struct toy toy;
    struct pair_ca trust;
    struct tlsctx *ctx;
    char base[64]; /* "https://127.0.0.1:PORT" */
    unsigned requests;
    unsigned nonces; /* given out */
    /* Appends a whole answer with toyca_answer or by itself; nothing: the connection is cut. */
    void (*script)(struct toyca *t, const struct toyca_request *q, struct buf *out);
};

void toyca_open(struct toyca *t, struct loop *l,
                void (*script)(struct toyca *t, const struct toyca_request *q, struct buf *out));
void toyca_done(struct toyca *t);
/* fields: whole lines with CR LF, may be "". A fresh Replay-Nonce comes with every answer. */
void toyca_answer(struct toyca *t, struct buf *out, unsigned status, const char *fields,
                  const char *body);
/* Directory with every URL below base; renewalInfo left out. */
void toyca_directory(struct toyca *t, struct buf *out, bool binding_required);
/* Payload and protected header of a signed request, decoded, NUL-ended. */
void toyca_payload(const struct toyca_request *q, char *dst, size_t cap);
void toyca_head(const struct toyca_request *q, char *dst, size_t cap);
/* True when they contain the text. */
bool toyca_payload_has(const struct toyca_request *q, const char *text);
bool toyca_head_has(const struct toyca_request *q, const char *text);
