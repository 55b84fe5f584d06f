/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The stages of one target. Audit and handshakes run side by side; everything after them is pure.
 */
#include "check/checkone.h"

#include "base/mem.h"
#include "check/audit.h"
#include "check/crl.h"
#include "check/grade.h"
#include "check/gradeobservatory.h"
#include "check/judge.h"
#include "check/judgecert.h"
#include "check/judgechain.h"
#include "check/judgehttp.h"
#include "check/page.h"
#include "check/webask.h"

enum stage { LOOKING, REVOCATION, REASONS, OVER };

/* A handshake at an address that the visit did not choose. */
struct other {
    struct httpget get;
    struct checkone *c;
};

struct checkone {
    struct checkone_options o;
    struct facts *f;
    void (*on_done)(void *ctx);
    void *ctx;
    struct visit *visit;
    struct audit *audit;
    struct webask *web;
    struct crl *crl;
    struct why *why;
    enum stage stage;
    struct httpget resume, h2;
    struct other others[FACTS_ADDRESSES_MAX];
    struct slice connect_to;
    struct loop_task next; /* never conclude from inside somebody's start */
    unsigned open;         /* audit, handshakes and questions about HTTP under way */
};

/* ---- judgement ---- */

static void judge(struct facts *f)
{
    judgecert_all(f);
    judge_tls(f);
    judgehttp_all(f);
    grade_ssllabs(f);
    grade_mozilla(f);
    grade_pci(f);
    gradeobservatory_give(f);
}

/* ---- stages after looking ---- */

static void stage_over(void *ctx);

/* An authority's list that could not be had is no reason to stop. */
static bool ask_crl(struct checkone *c)
{
    const struct visit_options *v = &c->o.visit;
    struct crl_options o = {.loop = v->loop,
                            .run = v->run,
                            .res = v->res,
                            .proxy = v->proxy,
                            .timeout_ms = v->timeout_ms};
    return c->o.crl && c->f->nchains && !crl_start(&o, c->f, stage_over, c, &c->crl);
}

/* A bad certificate fails the TLS step, too: it may be somebody else's. */
static bool has_failed(const struct facts *f)
{
    for (enum facts_step_id i = FACTS_DNS; i <= FACTS_TLS; i++)
        if (f->steps[i].ran && !f->steps[i].ok)
            return true;
    return f->http.r != OK;
}

static bool is_loopback(const struct ip *ip)
{
    static const uint8_t own[16] = {[15] = 1};
    return cidr_is_v4(ip) ? ip->bytes[12] == 127 : memcmp(ip->bytes, own, sizeof(own)) == 0;
}

static bool stays_inside(const struct facts *f)
{
    const struct facts_dns *d = &f->dns;
    for (size_t i = 0; i < d->naddresses; i++)
        if (!is_loopback(&d->addresses[i].ip))
            return false;
    return d->naddresses > 0;
}

static bool ask_why(struct checkone *c)
{
    const struct visit_options *v = &c->o.visit;
    struct why_options o = c->o.controls;
    struct fault fault;
    bool always = c->o.why == CHECKONE_WHY_ALWAYS;
    if (!always && (c->o.why == CHECKONE_WHY_NEVER || !has_failed(c->f)))
        return false;
    if (!always && stays_inside(c->f))
        o = (struct why_options){.control_name = o.control_name};
    o.loop = v->loop;
    o.run = v->run;
    o.res = v->res;
    o.dns = v->dns;
    o.verifying = v->verifying;
    o.lenient = v->lenient;
    o.proxy = v->proxy;
    o.plain_port = v->plain_port;
    o.timeout_ms = v->timeout_ms;
    return !why_start(&o, c->f, stage_over, c, &c->why, &fault);
}

/* Without memory a chain stays unverified, and what needs it gives no grade. */
static void verify(struct checkone *c)
{
    if (c->f->nchains)
        BEST_EFFORT(judgechain_verify(c->f, c->o.trust));
}

static void on_next(struct loop_task *t)
{
    struct checkone *c = container_of(t, struct checkone, next);
    if (c->open)
        return;
    if (c->stage == LOOKING) {
        verify(c);
        c->stage = REVOCATION;
        if (ask_crl(c))
            return;
    }
    if (c->stage == REVOCATION) {
        if (c->crl)
            verify(c);
        c->stage = REASONS;
        if (ask_why(c))
            return;
    }
    c->stage = OVER;
    judge(c->f);
    c->on_done(c->ctx);
}

static void stage_over(void *ctx)
{
    struct checkone *c = ctx;
    loop_defer(c->o.visit.loop, &c->next);
}

static void closed_one(struct checkone *c)
{
    if (--c->open == 0)
        loop_defer(c->o.visit.loop, &c->next);
}

/* ---- audit ---- */

static void on_audited(void *ctx)
{
    struct checkone *c = ctx;
    audit_free(c->audit);
    c->audit = NULL;
    closed_one(c);
}

static struct probe_options probe_options(struct checkone *c)
{
    const struct facts_target *t = &c->f->target;
    return (struct probe_options){.address = *visit_address(c->visit),
                                  .connect_to = c->connect_to,
                                  .starttls = t->starttls,
                                  .starttls_name = t->host,
                                  .timeout_ms = c->o.visit.timeout_ms};
}

/* A second verified handshake: does the server know us again? */
static void on_resumed(struct httpget *g, const struct httpget_result *r)
{
    struct checkone *c = container_of(g, struct checkone, resume);
    if (r->secured)
        c->f->tls.resumption = r->resumed ? FACTS_YES : FACTS_NO;
    closed_one(c);
}

static void on_h2(struct httpget *g, const struct httpget_result *r)
{
    struct checkone *c = container_of(g, struct checkone, h2);
    if (r->secured)
        c->f->tls.h2 = slice_eq(slice_cstr(r->alpn), SLICE("h2")) ? FACTS_YES : FACTS_NO;
    closed_one(c);
}

static void shake_hands(struct checkone *c, struct tlsctx *ctx, struct httpget *g)
{
    const struct facts_target *t = &c->f->target;
    struct httpget_options o = {.loop = c->o.visit.loop,
                                .run = c->o.visit.run,
                                .to = probe_options(c),
                                .tls = ctx,
                                .tls_name = t->sni.n ? t->sni : t->host,
                                .host = t->host,
                                .path = t->path,
                                .handshake_only = true};
    c->open += !httpget_start(&o, g);
}

/* Hellos are worth sending where something like TLS answered, even if it refused ours. What is
 * silent, or no TLS, would cost many timeouts and teach nothing. */
static bool worth_auditing(const struct facts *f)
{
    const struct facts_step *tls = &f->steps[FACTS_TLS];
    return tls->ran && tls->fault.code != ERR_NOT_TLS && tls->fault.code != ERR_TIMEOUT;
}

static void on_other(struct httpget *g, const struct httpget_result *r)
{
    struct checkone *c = container_of(g, struct other, get)->c;
    struct facts_address *a = &c->f->dns.addresses[container_of(g, struct other, get) - c->others];
    const struct certinfo *own = c->f->nchains ? certinfo_at(c->f->chains[0].chain, 0) : NULL;
    if (r->peer && own)
        a->same_certificate =
            memcmp(certinfo_at(r->peer, 0)->sha256, own->sha256, sizeof(own->sha256)) == 0
                ? FACTS_YES
                : FACTS_NO;
    closed_one(c);
}

/* Servers behind one name that are not alike are a fault that comes and goes. */
static void look_at_others(struct checkone *c)
{
    const struct facts_target *t = &c->f->target;
    struct httpget_options o = {.loop = c->o.visit.loop,
                                .run = c->o.visit.run,
                                .to = probe_options(c),
                                .tls = c->o.visit.lenient,
                                .tls_name = t->sni.n ? t->sni : t->host,
                                .host = t->host,
                                .path = t->path,
                                .handshake_only = true};
    for (size_t i = 0; i < c->f->dns.naddresses; i++) {
        const struct facts_address *a = &c->f->dns.addresses[i];
        if (a->chosen || a->end != PROBE_DONE || !a->tried)
            continue;
        sock_addr_make(&a->ip, t->port, &o.to.address);
        c->others[i] = (struct other){.get.on_done = on_other, .c = c};
        c->open += !httpget_start(&o, &c->others[i].get);
    }
}

static void begin_audit(struct checkone *c)
{
    static const struct audit_ops ops = {.on_done = on_audited};
    struct audit_ops mine = ops;
    struct audit_options o = {.loop = c->o.visit.loop,
                              .run = c->o.visit.run,
                              .to = probe_options(c),
                              .vulnerabilities = c->o.vulnerabilities};
    mine.ctx = c;
    c->open += !audit_start(&o, c->f, &mine, &c->audit);
    if (c->f->steps[FACTS_TLS].ok && c->o.visit.http)
        shake_hands(c, c->o.visit.verifying, &c->resume);
    if (c->o.visit.http)
        shake_hands(c, c->o.offers_h2, &c->h2);
}

/* ---- HTTP ---- */

static void on_answer(void *ctx, const struct httpget_result *r, bool plain, bool main)
{
    struct checkone *c = ctx;
    page_read(c->f, r, plain, main);
}

static void on_asked(void *ctx)
{
    struct checkone *c = ctx;
    webask_free(c->web);
    c->web = NULL;
    closed_one(c);
}

static void ask_web(struct checkone *c)
{
    const struct visit_options *v = &c->o.visit;
    struct webask_options o = {.loop = v->loop,
                               .run = v->run,
                               .tls = v->lenient,
                               .address = *visit_address(c->visit),
                               .proxy = v->proxy,
                               .timeout_ms = v->timeout_ms,
                               .plain_port = v->plain_port};
    c->open += !webask_start(&o, c->f, on_asked, c, &c->web);
}

/* ---- visit ---- */

static void on_visited(void *ctx)
{
    struct checkone *c = ctx;
    if (c->o.visit.http && c->f->http.read)
        ask_web(c);
    if (c->o.other_addresses && c->f->nchains)
        look_at_others(c);
    if (c->o.audit && visit_address(c->visit)->raw_bytes && worth_auditing(c->f))
        begin_audit(c);
    if (c->open == 0)
        loop_defer(c->o.visit.loop, &c->next);
}

int checkone_start(const struct checkone_options *o, struct facts *f, void (*on_done)(void *ctx),
                   void *ctx, struct checkone **ret)
{
    struct checkone *c = mem_alloc(sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    struct visit_ops ops = {.ctx = c, .on_answer = on_answer, .on_done = on_visited};
    *c = (struct checkone){.o = *o, .f = f, .on_done = on_done, .ctx = ctx};
    c->resume.on_done = on_resumed;
    c->h2.on_done = on_h2;
    loop_task_init(&c->next, on_next);
    bool v6 = slice_find(f->target.host, ':') < f->target.host.n;
    int r = OK;
    if (o->visit.proxy.raw_bytes)
        r = arena_printf(&f->arena, &c->connect_to, v6 ? "[" SLICE_F "]:%u" : SLICE_F ":%u",
                         SLICE_A(f->target.host), f->target.port);
    if (!r)
        r = visit_start(&o->visit, f, &ops, &c->visit);
    if (r) {
        checkone_free(c);
        return r;
    }
    *ret = c;
    return OK;
}

void checkone_free(struct checkone *c)
{
    if (!c)
        return;
    loop_task_cancel(&c->next);
    visit_free(c->visit);
    audit_free(c->audit);
    webask_free(c->web);
    crl_free(c->crl);
    why_free(c->why);
    for (size_t i = 0; i < FACTS_ADDRESSES_MAX; i++)
        httpget_cancel(&c->others[i].get);
    httpget_cancel(&c->resume);
    httpget_cancel(&c->h2);
    mem_free(c);
}
