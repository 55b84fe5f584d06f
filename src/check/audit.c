/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The phases of an audit: which versions there are, then everything about each of them side by
 * side, then what needs those answers, then known attacks. A phase ends when no question is open.
 */
#include "check/audit.h"

#include "base/mem.h"
#include "check/auditask.h"
#include "check/auditcerts.h"
#include "check/auditexts.h"
#include "check/auditgroups.h"
#include "check/auditsigs.h"
#include "check/auditsuites.h"
#include "check/auditvuln.h"
#include "crypt/digest.h"

/* ---- versions ---- */

static void ask_version(struct audit *a, enum facts_version v, unsigned part);

/* What a refusal leaves open: another part of the suites, or (TLS 1.3) a key share in the first
 * hello, for servers that cannot ask for one. */
static bool asked_further(struct ask *q, enum facts_version v, const struct serverflight *flight)
{
    unsigned part = q->tag >> 8;
    uint16_t codes[AUDITSTATE_CODES_MAX];
    bool other = flight && flight->kind != SERVERFLIGHT_ALERT;
    if (q->lost || other || (flight && flight->alert == 70))
        return false;
    if (v == FACTS_TLS13 ? part > 0 : auditsuites_part(v, part + 1, codes) == 0)
        return false;
    ask_version(q->a, v, part + 1);
    return true;
}

static void on_version(struct ask *q, const struct serverflight *flight,
                       const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    enum facts_version v = (enum facts_version)(q->tag & 0xff);
    (void)r;
    if (auditask_accepted(flight, auditsuites_version(v))) {
        t->version[v] = FACTS_YES;
        q->a->shares13 |= v == FACTS_TLS13 && q->tag >> 8;
        if (v < FACTS_TLS13 && q->tag >> 8)
            q->a->parts[v] = (uint8_t)(q->tag >> 8);
    } else if (!asked_further(q, v, flight)) {
        t->version[v] = q->lost ? FACTS_UNKNOWN : FACTS_NO;
    }
}

static void on_sslv2(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    struct facts_tls *t = &q->a->f->tls;
    (void)r;
    bool yes = flight && flight->kind == SERVERFLIGHT_SSLV2;
    t->version[FACTS_SSL2] = yes ? FACTS_YES : q->lost ? FACTS_UNKNOWN : FACTS_NO;
    size_t n = yes ? flight->sslv2_kinds.n / 3 : 0;
    uint32_t *kinds = n ? arena_alloc(&q->a->f->arena, n * sizeof(*kinds)) : NULL;
    for (size_t i = 0; kinds && i < n; i++) {
        const uint8_t *p = flight->sslv2_kinds.p + 3 * i;
        kinds[i] = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    }
    t->ssl2_kinds = kinds;
    t->nssl2_kinds = kinds ? n : 0;
}

static const struct ask_kind version_kind = {on_version, false}, sslv2_kind = {on_sslv2, false};

/* The hello of a version offers every suite that may stand in it (in parts): which one is taken
 * does not matter. */
static void ask_version(struct audit *a, enum facts_version v, unsigned part)
{
    static const uint16_t shares[] = {0x001d, 0x0017, 0x0018};
    struct hellomake h;
    uint16_t codes[AUDITSTATE_CODES_MAX];
    auditask_base(a, auditsuites_version(v), &h);
    h.suites = codes;
    h.nsuites = auditsuites_part(v, v == FACTS_TLS13 ? 0 : part, codes);
    if (v == FACTS_TLS13 && part) {
        h.shares = shares;
        h.nshares = ARRAY_LEN(shares);
    }
    struct ask *q = auditask_hello(a, &h, &version_kind, NULL);
    if (q)
        q->tag = (unsigned)v | part << 8;
}

static void ask_versions(struct audit *a)
{
    static const uint32_t kinds[] = {0x010080, 0x020080, 0x030080, 0x040080,
                                     0x050080, 0x060040, 0x0700c0};
    struct buf b;
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        ask_version(a, v, 0);
    buf_init(&b, 256);
    if (!hellomake_sslv2(kinds, ARRAY_LEN(kinds), slice_of(a->random, 16), &b))
        (void)auditask_bytes(a, buf_slice(&b), &sslv2_kind, NULL);
    buf_done(&b);
}

/* ---- phases ---- */

static void begin_phase(struct audit *a)
{
    enum facts_version v;
    switch (a->phase) {
    case AUDIT_VERSIONS:
        ask_versions(a);
        break;
    case AUDIT_DETAILS:
        for (v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
            if (a->f->tls.version[v] == FACTS_YES)
                auditsuites_begin(a, v);
        auditgroups_begin(a);
        auditexts_begin(a);
        auditcerts_begin(a);
        break;
    case AUDIT_ORDER:
        for (v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
            if (a->f->tls.version[v] == FACTS_YES)
                auditsuites_order(a, v);
        auditgroups_after(a);
        auditsigs_begin(a);
        auditcerts_after(a);
        break;
    case AUDIT_ATTACKS:
        auditvuln_begin(a);
        break;
    case AUDIT_OVER:
        break;
    }
}

static void conclude(struct audit *a)
{
    struct facts_tls *t = &a->f->tls;
    t->complete = a->lost == 0;
    for (size_t v = 0; v < FACTS_VERSIONS; v++)
        t->complete &= t->version[v] != FACTS_UNKNOWN;
    t->backed_off |= probe_backoffs(a->o.run, &a->o.to.address) > 0;
    t->connections = (unsigned)probe_count(a->o.run, &a->o.to.address);
    a->ops.on_done(a->ops.ctx);
}

static bool busy(struct audit *a)
{
    return !list_empty(&a->asks) || a->pending || auditask_doubts(a);
}

static void on_next(struct loop_task *task)
{
    struct audit *a = container_of(task, struct audit, next);
    while (!busy(a) && a->phase < AUDIT_OVER) {
        a->phase++;
        begin_phase(a);
    }
    if (!busy(a))
        conclude(a);
}

int audit_start(const struct audit_options *o, struct facts *f, const struct audit_ops *ops,
                struct audit **ret)
{
    struct audit *a = mem_alloc(sizeof(*a));
    if (!a)
        return ERR_NOMEM;
    a->o = *o;
    a->ops = *ops;
    a->f = f;
    auditask_init(a);
    list_init(&a->walks);
    loop_task_init(&a->next, on_next);
    a->scratch = mem_alloc(SERVERFLIGHT_MAX_BYTES);
    int r = a->scratch ? digest_random(a->random, sizeof(a->random)) : ERR_NOMEM;
    if (r) {
        audit_free(a);
        return r;
    }
    begin_phase(a);
    loop_defer(o->loop, &a->next); /* also when nothing could be asked */
    *ret = a;
    return OK;
}

void audit_free(struct audit *a)
{
    if (!a)
        return;
    loop_task_cancel(&a->next);
    auditask_drop_all(a);
    auditsuites_drop_all(a);
    auditcerts_drop(a);
    auditvuln_drop(a);
    mem_free(a->scratch);
    mem_free(a);
}
