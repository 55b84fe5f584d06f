/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Counters in one shared memory segment: a slot per worker, written by that worker only, without
 * locks; a reader sums the slots. Per-site counters stand in the same slot; site names have stable
 * positions that the master assigns. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

enum metric {
#define METRIC(id, name, kind, help) METRIC_##id,
#include "serve/metrics.def"
#undef METRIC
    METRIC_COUNT
};

#define METRICS_SITES   2048 /* names beyond share the last position */
#define METRICS_BUCKETS 16   /* of request duration: 1 ms, 2 ms, 4 ms ... and +Inf */

struct metrics_site {
    uint64_t requests, errors_5xx, bytes_in, bytes_out;
};

struct metrics_slot {
    uint64_t value[METRIC_COUNT];
    uint64_t duration_bucket[METRICS_BUCKETS];
    uint64_t duration_sum_ms;
    struct metrics_site site[METRICS_SITES];
};

struct metrics; /* one process's handle on the shared segment */

/* One writer per slot: plain adds on aligned words; a reader may see a value a moment old, never
 * torn. */
static inline void metrics_add(struct metrics_slot *m, enum metric id, uint64_t n)
{
    m->value[id] += n;
}
static inline void metrics_set(struct metrics_slot *m, enum metric id, uint64_t n)
{
    m->value[id] = n;
}

/* Maps the segment; before fork. `workers`: most slots that will ever be used. */
int metrics_new(uint32_t workers, struct metrics **ret) MUST_USE;
/* The handle only: the segment ends with the last process. Accepts NULL. */
void metrics_free(struct metrics *m);
struct metrics_slot *metrics_slot(struct metrics *m, uint32_t worker);
/* A replaced worker starts with its gauges at zero, counters go on. */
void metrics_slot_reset_gauges(struct metrics_slot *s);
/* Master: the position of a site name, assigned on first use. */
uint32_t metrics_assign_site(struct metrics *m, struct slice name);
/* Anyone: the position of a name that was assigned, METRICS_SITES - 1 when it was not. */
uint32_t metrics_find_site(const struct metrics *m, struct slice name);
uint64_t metrics_sum(const struct metrics *m, enum metric id);
/* Answers of one exchange: status classes, duration, bytes, site. */
void metrics_exchange(struct metrics_slot *s, uint32_t site, uint16_t status, uint64_t duration_ms,
                      uint64_t bytes_in, uint64_t bytes_out);
/* Master: facts that are not counters: certificate expiry per name, workers, reloads. */
void metrics_set_certificate(struct metrics *m, uint32_t site, int64_t not_after_s);
void metrics_set_reload(struct metrics *m, int64_t unix_s, bool ok);
#define METRICS_TEXT_BYTES (1024 * 1024)
/* Keeper: what it has to tell, in Prometheus text (copied); replaces what it said before. Cut to
 * METRICS_TEXT_BYTES at the end of a line. */
void metrics_set_text(struct metrics *m, struct slice text);
/* Prometheus text format of everything. */
int metrics_text(const struct metrics *m, struct buf *ret) MUST_USE;
