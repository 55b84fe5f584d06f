/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One check per upstream: wait, ask, judge, wait. A first failure is looked at again soon; only the
 * second in a row takes the upstream out, so that one lost packet does not. The first good answer
 * brings it back. */
#include "serve/healthcheck.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"
#include "client/fetch.h"
#include "os/rng.h"
#include "serve/eventlog.h"
#include "serve/forward.h"

#define FALL           2
#define AGAIN_MS       1000
#define BODY_MAX_BYTES (256 * 1024) /* a longer answer is cut: the connection is worth less */
#define ARENA_MAX      (64 * 1024)  /* attack: an upstream with endless fields */

struct check {
    struct healthcheck *h;
    struct upstream *u;
    struct loop_timer timer; /* the next check, or the end of this one's patience */
    struct fetch *f;         /* under way */
    struct arena arena;
    uint64_t body_bytes;
    unsigned fails; /* in a row */
    bool down;
};

struct healthcheck {
    struct worker *w;
    struct slice path; /* owned */
    uint64_t interval_ms, timeout_ms;
    struct conf_range status;
    uint64_t random;
    size_t n;
    struct check checks[];
};

/* Three quarters to five quarters of the interval. */
static uint64_t next_delay(struct healthcheck *h)
{
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    return h->interval_ms * 3 / 4 + (h->random >> 33) % (h->interval_ms / 2 + 1);
}

static void finish(struct check *k)
{
    fetch_free(k->f);
    k->f = NULL;
    arena_done(&k->arena);
    uint64_t delay_ms = next_delay(k->h);
    if (k->fails && !k->down && delay_ms > AGAIN_MS)
        delay_ms = AGAIN_MS;
    loop_timer_set(k->h->w->loop, &k->timer, delay_ms);
}

static void judge(struct check *k, const char *why)
{
    struct eventlog *events = k->h->w->events;
    if (!why) {
        k->fails = 0;
        upstream_mark(k->u, true, "");
        if (k->down)
            EVENT(events, EVENT_INFO, "upstream_up", EV_TEXT("upstream", upstream_name(k->u)));
        k->down = false;
        return;
    }
    if (++k->fails < FALL || k->down)
        return;
    k->down = true;
    upstream_mark(k->u, false, why);
    EVENT(events, EVENT_WARN, "upstream_down", EV_TEXT("upstream", upstream_name(k->u)),
          EV_CSTR("reason", why));
}

static void failed(struct check *k)
{
    struct fault fault = {0};
    char why[192];
    fetch_fault(k->f, &fault);
    snprintf(why, sizeof(why), "health check: %.150s", fault.what);
    judge(k, why);
    finish(k);
}

/* Reads the answer to its end, so that the connection can be kept. */
static void drop_body(struct check *k)
{
    struct slice s;
    bool end = false;
    int r;
    while (!(r = fetch_read(k->f, 65536, &s, &end)) && !end) {
        k->body_bytes += s.n;
        if (k->body_bytes > BODY_MAX_BYTES)
            break;
    }
    if (r != ERR_AGAIN)
        finish(k);
}

static void on_head(struct fetch *f, const struct fetch_head *head)
{
    struct check *k = fetch_owner(f);
    const struct conf_range *good = &k->h->status;
    char why[64];
    snprintf(why, sizeof(why), "health check: answered %u", head->status);
    judge(k, head->status >= good->min && head->status <= good->max ? NULL : why);
    drop_body(k);
}

static void on_readable(struct fetch *f)
{
    drop_body(fetch_owner(f));
}

static void on_inform(struct fetch *f, uint16_t status, const struct field *fields, size_t n)
{
    (void)f, (void)status, (void)fields, (void)n;
}

static void on_sent(struct fetch *f, size_t n)
{
    (void)f, (void)n;
}

static void on_fail(struct fetch *f, int r)
{
    (void)r;
    failed(fetch_owner(f));
}

static const struct fetch_ops ops = {on_inform, on_head, on_readable, on_sent, on_fail};

static void start(struct check *k)
{
    struct healthcheck *h = k->h;
    static const struct field fields[] = {
        {SLICE("User-Agent"), SLICE("port443 (health check)"), HDR_USER_AGENT},
        {SLICE("Accept"), SLICE("*/*"), HDR_ACCEPT},
    };
    struct fetch_request q = {.method = SLICE("GET"),
                              .target = h->path,
                              .host = forward_host(upstream_name(k->u)),
                              .fields = fields,
                              .nfields = ARRAY_LEN(fields),
                              .timeout_ms = (uint32_t)h->timeout_ms};
    k->body_bytes = 0;
    if (fetch_start(k->u, &k->arena, &q, &ops, k, &k->f)) {
        finish(k); /* our own want of memory says nothing about the upstream */
        return;
    }
    loop_timer_set(h->w->loop, &k->timer, h->timeout_ms);
}

static void on_timer(struct loop_timer *t)
{
    struct check *k = container_of(t, struct check, timer);
    if (!k->f) {
        start(k);
        return;
    }
    judge(k, "health check: no whole answer in time");
    finish(k);
}

int healthcheck_new(struct worker *w, const struct conf_health *conf, struct upstream *const *ups,
                    size_t n, struct healthcheck **ret)
{
    struct healthcheck *h = mem_alloc(sizeof(*h) + n * sizeof(h->checks[0]));
    char *path = h ? mem_dup(conf->path.p, conf->path.n) : NULL;
    if (!path || rng_bytes(&h->random, sizeof(h->random))) {
        mem_free(path);
        mem_free(h);
        return ERR_NOMEM;
    }
    h->w = w;
    h->path = slice_of(path, conf->path.n);
    h->interval_ms = conf->interval_ms;
    h->timeout_ms = conf->timeout_ms;
    h->status = conf->status;
    h->n = n;
    for (size_t i = 0; i < n; i++) {
        struct check *k = &h->checks[i];
        k->h = h;
        k->u = upstream_ref(ups[i]);
        arena_init(&k->arena, ARENA_MAX);
        loop_timer_init(&k->timer, on_timer);
        uint64_t first_ms = next_delay(h) / 4;
        loop_timer_set(w->loop, &k->timer, first_ms < AGAIN_MS ? first_ms : AGAIN_MS);
    }
    *ret = h;
    return OK;
}

void healthcheck_free(struct healthcheck *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++) {
        struct check *k = &h->checks[i];
        loop_timer_clear(&k->timer);
        fetch_free(k->f);
        arena_done(&k->arena);
        upstream_unref(k->u);
    }
    mem_free((void *)(uintptr_t)h->path.p);
    mem_free(h);
}

bool healthcheck_healthy(const struct healthcheck *h, size_t i)
{
    return !h->checks[i].down;
}
