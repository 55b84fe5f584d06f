/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The shared counters and their Prometheus form. */
#include "serve/metrics.h"

#include "base/err.h"
#include "base/mem.h"
#include "os/shm.h"

#define NAME_BYTES 256
#define TEXT_TRIES 100 /* a copy takes some ten microseconds */

/* Every process writes here, also a worker that was taken over: nothing in it is believed to be a
 * length, a position or an end. */
struct segment {
    uint32_t nsites;
    int64_t reload_unix_s;
    uint64_t reload_ok;
    uint64_t reloads_refused;
    char names[METRICS_SITES][NAME_BYTES]; /* by the master only; NUL-ended */
    int64_t not_after_s[METRICS_SITES];
    uint32_t text_turn; /* odd while the keeper writes the text */
    uint32_t text_n;
    char text[METRICS_TEXT_BYTES];
    struct metrics_slot slots[];
};

/* In the process's own memory; workers inherit a copy. */
struct metrics {
    struct segment *at;
    uint32_t workers;
    uint32_t assigned; /* by the master: how many names it has given a position */
};

static const struct {
    const char *name, *kind, *help;
} rows[] = {
#define METRIC(id, name, kind, help) {name, kind, help},
#include "serve/metrics.def"
#undef METRIC
};

int metrics_new(uint32_t workers, struct metrics **ret)
{
    void *p;
    struct metrics *m = mem_alloc(sizeof(*m));
    int r = m ? shm_new(sizeof(struct segment) + workers * sizeof(struct metrics_slot), &p, NULL)
              : ERR_NOMEM;
    if (r) {
        mem_free(m);
        return r;
    }
    m->at = p;
    m->workers = workers;
    m->at->reload_ok = 1;
    *ret = m;
    return OK;
}

struct metrics_slot *metrics_slot(struct metrics *m, uint32_t worker)
{
    return &m->at->slots[worker < m->workers ? worker : m->workers - 1];
}

void metrics_slot_reset_gauges(struct metrics_slot *s)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (rows[i].kind[0] == 'g')
            s->value[i] = 0;
}

static uint32_t known(const struct metrics *m)
{
    uint32_t n = m->at->nsites;
    return n < METRICS_SITES ? n : METRICS_SITES - 1;
}

static struct slice name_of(const struct metrics *m, uint32_t site)
{
    const char *name = m->at->names[site];
    return slice_of(name, strnlen(name, NAME_BYTES));
}

static uint32_t find(const struct metrics *m, struct slice name, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (slice_eq(name_of(m, i), name))
            return i;
    return METRICS_SITES - 1;
}

uint32_t metrics_find_site(const struct metrics *m, struct slice name)
{
    return find(m, name, known(m));
}

uint32_t metrics_assign_site(struct metrics *m, struct slice name)
{
    uint32_t at = find(m, name, m->assigned);
    if (at != METRICS_SITES - 1 || m->assigned == METRICS_SITES - 1 || name.n >= NAME_BYTES)
        return at;
    memcpy(m->at->names[m->assigned], name.p, name.n);
    m->at->nsites = m->assigned + 1;
    return m->assigned++;
}

uint64_t metrics_sum(const struct metrics *m, enum metric id)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->workers; i++)
        sum += m->at->slots[i].value[id];
    return sum;
}

void metrics_exchange(struct metrics_slot *s, uint32_t site, uint16_t status, uint64_t duration_ms,
                      uint64_t bytes_in, uint64_t bytes_out)
{
    struct metrics_site *at = &s->site[site < METRICS_SITES ? site : METRICS_SITES - 1];
    unsigned bucket = 0;
    while (bucket < METRICS_BUCKETS - 1 && duration_ms > 1u << bucket)
        bucket++;
    s->duration_bucket[bucket]++;
    s->duration_sum_ms += duration_ms;
    if (status >= 200 && status < 600)
        s->value[METRIC_STATUS_2XX + (status / 100 - 2)]++;
    s->value[METRIC_BYTES_IN] += bytes_in;
    s->value[METRIC_BYTES_OUT] += bytes_out;
    at->requests++;
    at->errors_5xx += status >= 500;
    at->bytes_in += bytes_in;
    at->bytes_out += bytes_out;
}

void metrics_free(struct metrics *m)
{
    mem_free(m);
}

void metrics_set_certificate(struct metrics *m, uint32_t site, int64_t not_after_s)
{
    m->at->not_after_s[site < METRICS_SITES ? site : METRICS_SITES - 1] = not_after_s;
}

void metrics_set_reload(struct metrics *m, int64_t unix_s, bool ok)
{
    m->at->reload_unix_s = unix_s;
    m->at->reload_ok = ok;
    m->at->reloads_refused += !ok;
}

static int head(struct buf *b, const char *name, const char *kind, const char *help)
{
    return buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static int durations(const struct metrics *m, struct buf *b)
{
    static const char name[] = "port443_request_duration_seconds";
    uint64_t sum = 0, sum_ms = 0;
    int r = head(b, name, "histogram",
                 "Time from the first byte of a request to the end of its answer");
    for (unsigned k = 0; !r && k < METRICS_BUCKETS; k++) {
        for (uint32_t i = 0; i < m->workers; i++)
            sum += m->at->slots[i].duration_bucket[k];
        if (k < METRICS_BUCKETS - 1)
            r = buf_printf(b, "%s_bucket{le=\"%u.%03u\"} %llu\n", name, (1u << k) / 1000,
                           (1u << k) % 1000, (unsigned long long)sum);
    }
    for (uint32_t i = 0; i < m->workers; i++)
        sum_ms += m->at->slots[i].duration_sum_ms;
    return r ? r
             : buf_printf(b, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%03u\n%s_count %llu\n", name,
                          (unsigned long long)sum, name, (unsigned long long)(sum_ms / 1000),
                          (unsigned)(sum_ms % 1000), name, (unsigned long long)sum);
}

static struct metrics_site site_sum(const struct metrics *m, uint32_t site)
{
    struct metrics_site sum = {0};
    for (uint32_t i = 0; i < m->workers; i++) {
        const struct metrics_site *s = &m->at->slots[i].site[site];
        sum.requests += s->requests;
        sum.errors_5xx += s->errors_5xx;
        sum.bytes_in += s->bytes_in;
        sum.bytes_out += s->bytes_out;
    }
    return sum;
}

static int site_lines(const struct metrics *m, struct buf *b, const char *name, const char *help,
                      uint64_t (*value)(const struct metrics_site *))
{
    int r = head(b, name, "counter", help);
    for (uint32_t i = 0, n = known(m); !r && i < n; i++) {
        struct metrics_site sum = site_sum(m, i);
        r = buf_printf(b, "%s{site=\"" SLICE_F "\"} %llu\n", name, SLICE_A(name_of(m, i)),
                       (unsigned long long)value(&sum));
    }
    return r;
}

static uint64_t requests(const struct metrics_site *s)
{
    return s->requests;
}

static uint64_t errors_5xx(const struct metrics_site *s)
{
    return s->errors_5xx;
}

static uint64_t bytes_out(const struct metrics_site *s)
{
    return s->bytes_out;
}

static int certificates(const struct metrics *m, struct buf *b)
{
    static const char name[] = "port443_certificate_not_after_seconds";
    int r = head(b, name, "gauge", "End of the certificate in use, seconds since 1970");
    for (uint32_t i = 0, n = known(m); !r && i < n; i++)
        if (m->at->not_after_s[i])
            r = buf_printf(b, "%s{site=\"" SLICE_F "\"} %lld\n", name, SLICE_A(name_of(m, i)),
                           (long long)m->at->not_after_s[i]);
    return r;
}

static int reload_lines(const struct metrics *m, struct buf *b)
{
    int r = head(b, "port443_reload_ok", "gauge", "1: the last reload was put into use");
    if (!r)
        r = buf_printf(b, "port443_reload_ok %llu\n", (unsigned long long)m->at->reload_ok);
    if (!r)
        r = head(b, "port443_reload_time_seconds", "gauge",
                 "Time of the last reload, seconds since 1970");
    if (!r)
        r = buf_printf(b, "port443_reload_time_seconds %lld\n", (long long)m->at->reload_unix_s);
    if (!r)
        r = head(b, "port443_reloads_refused_total", "counter", "Reloads that were refused");
    return r ? r
             : buf_printf(b, "port443_reloads_refused_total %llu\n",
                          (unsigned long long)m->at->reloads_refused);
}

/* A reader that meets the writer sees an odd or another turn and reads again. A keeper that died
 * while it wrote leaves an odd one: no text until the next keeper's. */
void metrics_set_text(struct metrics *m, struct slice text)
{
    struct segment *at = m->at;
    uint32_t turn = __atomic_load_n(&at->text_turn, __ATOMIC_RELAXED) | 1;
    if (text.n > METRICS_TEXT_BYTES) {
        text.n = METRICS_TEXT_BYTES;
        while (text.n && text.p[text.n - 1] != '\n')
            text.n--;
    }
    __atomic_store_n(&at->text_turn, turn, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (text.n)
        memcpy(at->text, text.p, text.n);
    at->text_n = (uint32_t)text.n;
    __atomic_store_n(&at->text_turn, turn + 1, __ATOMIC_RELEASE);
}

static int keeper_text(const struct metrics *m, struct buf *b)
{
    const struct segment *at = m->at;
    for (unsigned i = 0; i < TEXT_TRIES; i++) {
        uint8_t *dst;
        uint32_t turn = __atomic_load_n(&at->text_turn, __ATOMIC_ACQUIRE);
        uint32_t n = __atomic_load_n(&at->text_n, __ATOMIC_RELAXED);
        if (turn & 1 || n == 0 || n > METRICS_TEXT_BYTES)
            continue;
        int r = buf_reserve(b, n, &dst);
        if (r)
            return r;
        memcpy(dst, at->text, n);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&at->text_turn, __ATOMIC_RELAXED) != turn)
            continue;
        buf_commit(b, n);
        return OK;
    }
    return OK;
}

int metrics_text(const struct metrics *m, struct buf *ret)
{
    int r = OK;
    for (size_t i = 0; !r && i < METRIC_COUNT; i++) {
        r = head(ret, rows[i].name, rows[i].kind, rows[i].help);
        if (!r)
            r = buf_printf(ret, "%s %llu\n", rows[i].name,
                           (unsigned long long)metrics_sum(m, (enum metric)i));
    }
    if (!r)
        r = durations(m, ret);
    if (!r)
        r = site_lines(m, ret, "port443_site_requests_total", "Requests of a site", requests);
    if (!r)
        r = site_lines(m, ret, "port443_site_errors_total", "Answers 500-599 of a site",
                       errors_5xx);
    if (!r)
        r = site_lines(m, ret, "port443_site_sent_bytes_total", "Body bytes sent by a site",
                       bytes_out);
    if (!r)
        r = certificates(m, ret);
    if (!r)
        r = reload_lines(m, ret);
    return r ? r : keeper_text(m, ret);
}
