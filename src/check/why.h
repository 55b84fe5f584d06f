/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Why a visit fails: control measurements (other name at the same address, same name elsewhere,
 * other ports, small and large hellos, other resolvers, plain http) and the table of notes section
 * 3 that turns them into one verdict with its evidence. The decision is a pure function of the
 * measurements. */
#pragma once

#include "check/facts.h"
#include "client/dns.h"

struct why;

struct why_options {
    struct loop *loop;
    struct dns *dns;              /* the system's resolver */
    struct slice second_resolver; /* "9.9.9.9"; empty: none to compare with */
    struct proberun *run;
    struct slice control_name; /* innocent SNI, "www.example.com" */
    struct slice controls;     /* hosts elsewhere, "NAME:PORT,..."; to tell one host from all */
    struct slice portal_url;   /* plain http with a known answer; empty: no test */
    uint32_t timeout_ms;
};

/* Fills f->why. on_done comes once, never from inside. ERR_NOMEM. */
int why_start(const struct why_options *o, struct facts *f, void (*on_done)(void *ctx), void *ctx,
              struct why **ret) MUST_USE;
/* Accepts NULL; no on_done comes after it. */
void why_free(struct why *w);
