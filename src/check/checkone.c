/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The stages of one target. Audit and handshakes run side by side; everything after them is pure.
 */
#include "check/checkone.h"

#include "base/mem.h"
#include "check/audit.h"
#include "check/grade.h"
#include "check/gradeobservatory.h"
#include "check/judge.h"
#include "check/judgehttp.h"
#include "check/page.h"
#include "check/webask.h"

struct checkone {
    struct checkone_options o;
    struct facts *f;
    void (*on_done)(void *ctx);
    void *ctx;
    struct visit *visit;
    struct audit *audit;
    struct webask *web;
    struct httpget resume, h2;
    struct slice host;
    struct slice connect_to;
    struct loop_task next; /* never conclude from inside somebody's start */
    unsigned open;         /* audit, handshakes and questions about HTTP under way */
};

/* ---- judgement ---- */

static void judge(struct facts *f)
{
    judge_tls(f);
    judgehttp_all(f);
    grade_ssllabs(f);
    grade_mozilla(f);
    grade_pci(f);
    gradeobservatory_give(f);
}

static void conclude(struct checkone *c)
{
    judge(c->f);
    c->on_done(c->ctx);
}

static void on_next(struct loop_task *t)
{
    struct checkone *c = container_of(t, struct checkone, next);
    if (c->open == 0)
        conclude(c);
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
    httpget_cancel(&c->resume);
    httpget_cancel(&c->h2);
    mem_free(c);
}
