/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Everything that the state directory says about one certificate, for those who show it. Changes
 * nothing there, and needs no server. */
#pragma once

#include "cert/job.h"
#include "cert/lineage.h"
#include "cert/renewal.h"

struct certrow {
    struct slice name; /* what it is kept under */
    bool rsa;
    const char *kind;             /* "acme", "imported", "local", "temporary", "none" */
    struct certinfo_chain *chain; /* NULL: none yet, or none that can be read */
    struct lineage_meta meta;     /* acme, imported */
    struct job job;
    struct renewal plan;
    struct fault trouble; /* code 0: none */
};

/* Calls `each` for every certificate (`only` not empty: of that name), by name. ERR_PERM, ERR_SYS:
 * the store cannot be read, f tells. No store at all is an empty one. */
int certrow_each(const char *state, struct slice only,
                 void (*each)(void *ctx, const struct certrow *row), void *ctx,
                 struct fault *f) MUST_USE;
/* The words of the plan, local certificates included: "two thirds of its lifetime". */
const char *certrow_why(const struct certrow *row);
#define CERTROW_TIME 32
/* "2026-11-23 17:10 UTC" into dst (CERTROW_TIME bytes), which is returned; "-" for 0. */
const char *certrow_time(int64_t unix_s, char *dst);
