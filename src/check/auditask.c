/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One question of an audit: hello out, first flight in. A reset or a timeout is asked again once,
 * because a rate limit looks like a refusal; what stays silent is counted as lost. */
#include "check/auditask.h"

#include <string.h>

#include "base/mem.h"

#define HELLO_MAX (32 * 1024)

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

static void start(struct ask *q)
{
    struct probe_options o = q->a->o.to;
    o.hello = buf_slice(&q->hello);
    o.max_bytes = SERVERFLIGHT_MAX_BYTES + 8192;
    probe_start(q->a->o.run, &o, &q->probe);
}

static void on_done(struct probe *p, const struct probe_result *r)
{
    struct ask *q = p->owner;
    struct audit *a = q->a;
    struct serverflight flight;
    bool cut = r->end == PROBE_RESET || r->end == PROBE_TIMEOUT || r->end == PROBE_FAILED;
    if (cut && !r->received.n && !q->retried) {
        q->retried = true;
        start(q);
        return;
    }
    int e = serverflight_read(r->received, q->kind->whole, a->scratch, &flight);
    bool read = !e || (e != ERR_AGAIN && flight.random.n);
    if (!read && cut)
        a->lost++;
    q->kind->on_answer(q, read ? &flight : NULL, r);
    drop(q);
    if (list_empty(&a->asks))
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

void auditask_drop_all(struct audit *a)
{
    LIST_FOREACH_SAFE (it, &a->asks)
        drop(container_of(it, struct ask, node));
}
