/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One question of an audit: hello out, first flight in; and the second look at questions that ended
 * without an answer (struct auditstate_doubts). */
#include "check/auditask.h"

#include <string.h>

#include "base/mem.h"

#define HELLO_MAX      (32 * 1024)
#define ALIKE          3   /* confirmed refusals of one kind, before the rest is believed */
#define PAUSES_MAX     3   /* for servers that limit rates */
#define FIRST_PAUSE_MS 400 /* doubled each time */

static const uint16_t groups_all[] = {
    0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0016, 0x0015, 0x0014, 0x001a, 0x001b, 0x001c,
    0x0013, 0x0012, 0x000e, 0x000d, 0x000c, 0x000b, 0x000a, 0x0009, 0x0008, 0x0007, 0x0006};
static const uint16_t groups_13[] = {0x11ec, 0x001d, 0x0017, 0x0018, 0x0019, 0x001e,
                                     0x11eb, 0x11ed, 0x001f, 0x0020, 0x0021, 0x0100,
                                     0x0101, 0x0102, 0x0103, 0x0104};
static const uint16_t sigalgs_all[] = {0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a,
                                       0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
                                       0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0202, 0x0101};
static const uint16_t version_13[] = {0x0304};
static const uint16_t shares_usual[] = {0x001d, 0x0017};

void auditask_base(const struct audit *a, uint16_t version, struct hellomake *ret)
{
    const struct facts_target *t = &a->f->target;
    struct slice name = t->sni.n ? t->sni : t->host;
    *ret = (struct hellomake){
        .record_version = version == 0x0300 ? 0x0300 : 0x0301,
        .legacy_version = version < 0x0303 ? version : 0x0303,
        .sni = t->is_ip && !t->sni.n ? SLICE_EMPTY : name,
        .groups = groups_all,
        .ngroups = ARRAY_LEN(groups_all),
        .random = slice_of(a->random, sizeof(a->random)),
        .renegotiation_info = true,
        .no_extensions = version == 0x0300,
    };
    if (version >= 0x0303) {
        ret->sigalgs = sigalgs_all;
        ret->nsigalgs = ARRAY_LEN(sigalgs_all);
    }
    if (version >= 0x0304) {
        ret->shares = shares_usual;
        ret->nshares = a->shares13 ? ARRAY_LEN(shares_usual) : 0;
        ret->versions = version_13;
        ret->nversions = 1;
        ret->groups = groups_13;
        ret->ngroups = ARRAY_LEN(groups_13);
        ret->session_id = slice_of(a->random, 32); /* middlebox compatibility, RFC 8446 D.4 */
    }
}

static void drop(struct ask *q)
{
    probe_cancel(&q->probe);
    list_remove(&q->node);
    buf_done(&q->hello);
    mem_free(q);
}

static bool on_bytes(struct probe *p, struct slice received)
{
    struct ask *q = p->owner;
    struct serverflight flight;
    return serverflight_read(received, q->kind->whole, q->a->scratch, &flight) != ERR_AGAIN;
}

static struct probe_options options(const struct audit *a, const struct buf *hello)
{
    struct probe_options o = a->o.to;
    o.hello = buf_slice(hello);
    o.max_bytes = SERVERFLIGHT_MAX_BYTES + 8192;
    return o;
}

static void start(struct ask *q)
{
    struct probe_options o = options(q->a, &q->hello);
    probe_start(q->a->o.run, &o, &q->probe);
}

/* flight NULL: refused, or nothing known (q->lost). */
static void deliver(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    struct audit *a = q->a;
    a->lost += q->lost;
    list_remove(&q->node);
    q->kind->on_answer(q, flight, r);
    drop(q);
    loop_defer(a->o.loop, &a->next);
}

static void deliver_none(struct ask *q, bool lost)
{
    struct probe_result r = {.end = q->end};
    q->lost = lost;
    deliver(q, NULL, &r);
}

/* ---- second looks ---- */

static void second_look(struct ask *q)
{
    q->a->doubts.again = q;
    start(q);
}

static void on_pause(struct loop_timer *t)
{
    struct audit *a = container_of(t, struct audit, doubts.pause);
    second_look(a->doubts.again);
}

/* Without an answer to a hello that was answered before, nothing can be concluded: wait, for the
 * server or something before it may be counting. */
static void control_failed(struct audit *a)
{
    struct auditstate_doubts *d = &a->doubts;
    if (d->pauses == PAUSES_MAX) {
        struct ask *q = d->again;
        d->gave_up = true;
        d->again = NULL;
        deliver_none(q, true);
        return;
    }
    a->f->tls.backed_off = true;
    loop_timer_set(a->o.loop, &d->pause, (uint64_t)FIRST_PAUSE_MS << d->pauses++);
}

static bool on_control_bytes(struct probe *p, struct slice received)
{
    struct audit *a = p->owner;
    struct serverflight flight;
    return serverflight_read(received, false, a->scratch, &flight) != ERR_AGAIN;
}

static bool tls_came(const struct audit *a, const struct probe_result *r)
{
    struct serverflight flight;
    return !serverflight_read(r->received, false, a->scratch, &flight) &&
           (flight.kind == SERVERFLIGHT_HELLO || flight.kind == SERVERFLIGHT_RETRY);
}

static void on_control_done(struct probe *p, const struct probe_result *r)
{
    struct audit *a = p->owner;
    struct auditstate_doubts *d = &a->doubts;
    struct ask *q = d->again;
    if (!tls_came(a, r)) {
        control_failed(a);
        return;
    }
    d->again = NULL;
    d->confirmed[q->end]++;
    deliver_none(q, false);
}

/* A doubtful question is without an answer again. */
static void still_doubtful(struct ask *q)
{
    struct audit *a = q->a;
    struct auditstate_doubts *d = &a->doubts;
    if (!d->control.n) {
        d->again = NULL;
        deliver_none(q, true);
        return;
    }
    struct probe_options o = options(a, &d->control);
    d->probe = (struct probe){.owner = a, .on_bytes = on_control_bytes, .on_done = on_control_done};
    probe_start(a->o.run, &o, &d->probe);
}

bool auditask_doubts(struct audit *a)
{
    struct auditstate_doubts *d = &a->doubts;
    while (!d->again && !list_empty(&d->waiting)) {
        struct ask *q = container_of(d->waiting.next, struct ask, node);
        bool alike = d->confirmed[q->end] >= ALIKE && !d->wavered;
        if (d->gave_up || alike)
            deliver_none(q, d->gave_up);
        else
            second_look(q);
        if (!list_empty(&a->asks))
            return true;
    }
    return d->again != NULL;
}

/* ---- answers ---- */

static void keep_control(struct audit *a, const struct ask *q, const struct serverflight *flight)
{
    bool tls = flight->kind == SERVERFLIGHT_HELLO || flight->kind == SERVERFLIGHT_RETRY;
    if (tls && !a->doubts.control.n)
        BEST_EFFORT(buf_add(&a->doubts.control, buf_slice(&q->hello)));
}

/* Everything that was wanted has come, or what came cannot become an answer. */
static bool is_whole(int e, const struct serverflight *flight, const struct probe_result *r)
{
    if (e == ERR_AGAIN)
        return flight->kind == SERVERFLIGHT_ALERT && r->end != PROBE_RESET;
    return !e || r->end == PROBE_DONE;
}

static void on_done(struct probe *p, const struct probe_result *r)
{
    struct ask *q = p->owner;
    struct audit *a = q->a;
    struct serverflight flight;
    bool second = a->doubts.again == q;
    int e = serverflight_read(r->received, q->kind->whole, a->scratch, &flight);
    bool useful = !e || flight.random.n || flight.kind == SERVERFLIGHT_ALERT;
    if (is_whole(e, &flight, r) || (second && flight.random.n)) {
        if (second) {
            a->doubts.again = NULL;
            a->doubts.wavered = true;
        }
        if (useful)
            keep_control(a, q, &flight);
        deliver(q, useful ? &flight : NULL, r);
        return;
    }
    q->end = r->end;
    if (second) {
        still_doubtful(q);
        return;
    }
    list_remove(&q->node);
    list_push(&a->doubts.waiting, &q->node);
    loop_defer(a->o.loop, &a->next);
}

struct ask *auditask_bytes(struct audit *a, struct slice hello, const struct ask_kind *kind,
                           void *ctx)
{
    struct ask *q = mem_alloc(sizeof(*q));
    if (!q) {
        a->lost++;
        return NULL;
    }
    q->a = a;
    q->kind = kind;
    q->ctx = ctx;
    q->probe = (struct probe){.owner = q, .on_bytes = on_bytes, .on_done = on_done};
    buf_init(&q->hello, HELLO_MAX);
    list_init(&q->node);
    list_push(&a->asks, &q->node);
    if (buf_add(&q->hello, hello)) {
        a->lost++;
        drop(q);
        return NULL;
    }
    start(q);
    return q;
}

struct ask *auditask_hello(struct audit *a, const struct hellomake *h, const struct ask_kind *kind,
                           void *ctx)
{
    struct buf b;
    struct ask *q = NULL;
    buf_init(&b, HELLO_MAX);
    if (hellomake_write(h, &b))
        a->lost++;
    else
        q = auditask_bytes(a, buf_slice(&b), kind, ctx);
    buf_done(&b);
    return q;
}

bool auditask_accepted(const struct serverflight *flight, uint16_t version)
{
    return flight && flight->version == version &&
           (flight->kind == SERVERFLIGHT_HELLO || flight->kind == SERVERFLIGHT_RETRY);
}

void auditask_init(struct audit *a)
{
    list_init(&a->asks);
    list_init(&a->doubts.waiting);
    loop_timer_init(&a->doubts.pause, on_pause);
    buf_init(&a->doubts.control, HELLO_MAX);
}

void auditask_drop_all(struct audit *a)
{
    LIST_FOREACH_SAFE (it, &a->asks)
        drop(container_of(it, struct ask, node));
    LIST_FOREACH_SAFE (again, &a->doubts.waiting)
        drop(container_of(again, struct ask, node));
    probe_cancel(&a->doubts.probe);
    loop_timer_clear(&a->doubts.pause);
    buf_done(&a->doubts.control);
}
