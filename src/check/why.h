/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Why a visit fails: takes the control measurements (check/whymeasure) and has them judged
 * (check/whyjudge). This file joins the two and holds the well-known hosts that are compared with.
 */
#pragma once

#include "check/facts.h"
#include "client/dns.h"
#include "client/resolve.h"
#include "crypt/tlsctx.h"

struct why;

/* Only the target and what is named here is contacted: empty slices leave their measurement out.
 * Slices are borrowed until on_done. */
struct why_options {
    struct loop *loop;
    struct proberun *run;
    struct resolver *res; /* addresses of controls and of the portal's host */
    struct dns *dns;      /* the system's resolver */
    struct tlsctx *verifying, *lenient;
    struct slice second_resolver; /* "9.9.9.9" or "127.0.0.1:5353" */
    struct slice control_name;    /* innocent SNI, "www.example.com" */
    struct slice controls;        /* hosts elsewhere, "NAME[:PORT],..."; at most WHY_CONTROLS_MAX */
    struct slice portal_url;      /* plain http with a known answer... */
    struct slice portal_answer;   /* ...whose body begins so; empty: status 204 */
    struct sock_addr proxy;       /* HTTP proxy; raw_bytes 0: none */
    uint16_t plain_port;          /* 0: 80 */
    uint32_t timeout_ms;          /* 0: 5000 */
    bool downloads;               /* compare speeds when all else works (throttling) */
    bool hops;                    /* find out behind which router a device on the path sits */
};

#define WHY_CONTROLS_MAX 3

/* Fills what is empty with well-known hosts (check/control.def). */
void why_defaults(struct why_options *o);
/* After the visit (its facts are read): fills f->why. on_done comes once, never from inside.
 * ERR_NOMEM, ERR_CONFIG (second_resolver, controls, portal_url: `fault` says which). */
int why_start(const struct why_options *o, struct facts *f, void (*on_done)(void *ctx), void *ctx,
              struct why **ret, struct fault *fault) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void why_free(struct why *w);
