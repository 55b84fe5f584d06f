/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Questions to a web server that a visit does not ask: does it let a foreign origin read with
 * credentials (CORS), and does port 80 take an API request that carries a key? Two requests at
 * most, side by side; both carry invented values only. */
#pragma once

#include "check/facts.h"
#include "check/httpget.h"

#define WEBASK_ORIGIN "https://port443-check.invalid" /* nobody may ever serve from there */

struct webask;

struct webask_options {
    struct loop *loop;
    struct proberun *run;
    struct tlsctx *tls;       /* without verification: the visit judged the certificate */
    struct sock_addr address; /* that the visit settled on */
    struct sock_addr proxy;   /* HTTP proxy; raw_bytes 0: none */
    uint32_t timeout_ms;
    uint16_t plain_port; /* as for the visit: 0 is 80, and only for targets on 443 */
};

/* After the visit (f->http.read). Fills cors_*, plain_serves_api, plain_redirects_credentials.
 * on_done comes once, never from inside; it may call webask_free. ERR_NOMEM. */
int webask_start(const struct webask_options *o, struct facts *f, void (*on_done)(void *ctx),
                 void *ctx, struct webask **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void webask_free(struct webask *w);
/* Is the target an API: told so, by its path (/api/..., /v1/...), or by what it answers (JSON)? */
bool webask_is_api(const struct facts *f);
