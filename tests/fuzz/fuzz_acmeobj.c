/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Objects of a CA: the first byte picks the kind. Any bytes are refused with words or give values
 * that keep their promises. */
#include <stdlib.h>

#include "cert/acmehead.h"
#include "cert/acmeobj.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_order(const struct acmeobj_order *o)
{
    must(o->nnames <= ACMEOBJ_NAMES_MAX && o->nauthorizations <= ACMEOBJ_NAMES_MAX);
    for (size_t i = 0; i < o->nauthorizations; i++)
        must(acmehead_url_ok(o->authorizations[i]));
    must(acmehead_url_ok(o->finalize));
}

static void check_authz(const struct acmeobj_authz *z)
{
    must(z->nchallenges <= ACMEOBJ_CHALLENGES_MAX && z->name.n > 0);
    for (size_t i = 0; i < z->nchallenges; i++) {
        const struct acmeobj_challenge *c = &z->challenges[i];
        must(acmehead_url_ok(c->url));
        for (size_t k = 0; k < c->token.n; k++)
            must(c->token.p[k] != '/' && c->token.p[k] != '.');
    }
}

static int read_one(uint8_t kind, struct slice s, struct arena *a, struct fault *f)
{
    union {
        struct acmeobj_directory directory;
        struct acmeobj_account account;
        struct acmeobj_order order;
        struct acmeobj_authz authz;
        struct acmeobj_renewal renewal;
    } x;
    int r;
    switch (kind % 6) {
    case 0:
        return acmeobj_read_directory(s, a, &x.directory, f);
    case 1:
        return acmeobj_read_account(s, a, &x.account, f);
    case 2:
        r = acmeobj_read_order(s, a, &x.order, f);
        if (!r)
            check_order(&x.order);
        return r;
    case 3:
    case 4:
        r = acmeobj_read_authz(s, a, &x.authz, f);
        if (!r)
            check_authz(&x.authz);
        return r;
    default:
        r = acmeobj_read_renewal(s, a, &x.renewal, f);
        must(r || x.renewal.start_s < x.renewal.end_s);
        return r;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acmeobj_problem p;
    struct fault f = {0};
    struct arena a;
    if (size == 0)
        return 0;
    struct slice s = slice_of(data + 1, size - 1);
    arena_init(&a, 256 * 1024);
    int r = read_one(data[0], s, &a, &f);
    must(r == f.code && (!r || f.what[0]));
    if (!acmeobj_read_problem(s, 400, &a, &p)) {
        must(p.nsub <= ACMEOBJ_PROBLEMS_MAX);
        for (size_t i = 0; i < p.detail.n; i++)
            must(p.detail.p[i] >= ' ' && p.detail.p[i] != 0x7f);
    }
    arena_done(&a);
    return 0;
}
