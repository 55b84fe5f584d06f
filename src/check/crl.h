/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lists of revoked certificates (RFC 5280 5), fetched by plain http from where a certificate says.
 * Only for chains that lead to a trusted root: nobody else may send us anywhere. Judges nothing;
 * signature and serial are looked at by judgechain_verify, run again afterwards. */
#pragma once

#include "check/facts.h"
#include "check/httpget.h"
#include "client/resolve.h"

#define CRL_BYTES_MAX (2 * 1024 * 1024) /* larger ones are not worth a visit */

struct crl;

struct crl_options {
    struct loop *loop;
    struct proberun *run;
    struct resolver *res;
    struct sock_addr proxy; /* raw_bytes 0: none */
    uint32_t timeout_ms;
};

/* One list for each chain of f that names one (after judgechain_verify): fills its crl, or its
 * crl_words with the reason why not. on_done comes once, never from inside; it may call crl_free.
 * ERR_NOMEM. */
int crl_start(const struct crl_options *o, struct facts *f, void (*on_done)(void *ctx), void *ctx,
              struct crl **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void crl_free(struct crl *c);
