/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* How many connections each client address holds. Peers choose the keys, so the hash is seeded. An
 * IPv6 client is its /64: one host can use all of that. */
#pragma once

#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"

struct ipcount_entry;

struct ipcount {
    struct ipcount_entry **slots;
    uint32_t nslots; /* power of two */
    uint64_t seed;
};

/* Embedded. `capacity` connections are expected at most. ERR_NOMEM. */
int ipcount_init(struct ipcount *t, uint32_t capacity, uint64_t seed) MUST_USE;
void ipcount_done(struct ipcount *t);
/* Counts one more; *ret is how many there are now. ERR_NOMEM: nothing was counted. */
int ipcount_add(struct ipcount *t, const struct ip *ip, uint32_t *ret) MUST_USE;
/* Takes back one ipcount_add of the same address. */
void ipcount_drop(struct ipcount *t, const struct ip *ip);
