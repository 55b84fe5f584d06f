/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* Owns the schedule's clock and the latency histogram. It knows nothing of connections. */
#include "load.h"

#include <time.h>

uint64_t load_pace_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* The due time never depends on how late earlier operations were: a server that stalls is charged
 * for everything that should have been sent meanwhile (no coordinated omission). */
uint64_t load_pace_due(const struct load *l, uint64_t op, uint64_t now_ns)
{
    if (l->interval_ns == 0)
        return now_ns;
    return l->start_ns + op / l->opt.burst * l->interval_ns;
}

/* 64 linear buckets for each power of two. */
static size_t bucket_of(uint64_t ns)
{
    unsigned shift = 0;
    while (ns >> shift >= 128)
        shift++;
    size_t at = (size_t)shift * 64 + (size_t)(ns >> shift);
    return at < LOAD_BUCKETS ? at : LOAD_BUCKETS - 1;
}

static double bucket_us(size_t at)
{
    if (at < 128)
        return (double)at / 1000;
    size_t shift = at / 64 - 1;
    return (double)((uint64_t)(at - shift * 64) << shift) / 1000;
}

void load_pace_record(struct load *l, uint64_t ns)
{
    l->buckets[bucket_of(ns)]++;
}

double load_pace_quantile_us(const struct load *l, double q)
{
    uint64_t total = 0;
    for (size_t i = 0; i < LOAD_BUCKETS; i++)
        total += l->buckets[i];
    uint64_t rank = (uint64_t)((double)total * q);
    uint64_t seen = 0;
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        seen += l->buckets[i];
        if (seen > rank || (seen == total && total > 0))
            return bucket_us(i);
    }
    return 0;
}
