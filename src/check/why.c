/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Measures, then judges. */
#include "check/why.h"

#include "base/mem.h"
#include "check/whymeasure.h"

struct why {
    struct facts *f;
    struct whymeasure *measure;
    void (*on_done)(void *ctx);
    void *ctx;
};

void why_defaults(struct why_options *o)
{
#define CONTROL(member, text) \
    if (!o->member.n)         \
        o->member = SLICE(text);
#define BUILT_S(s)
    bool own_portal = o->portal_url.n > 0;
    struct slice answer = o->portal_answer;
#include "check/control.def"
#undef CONTROL
#undef BUILT_S
    if (own_portal)
        o->portal_answer = answer;
}

static void on_measured(void *ctx)
{
    struct why *w = ctx;
    whyjudge_run(whymeasure_result(w->measure), &w->f->arena, &w->f->why);
    w->on_done(w->ctx);
}

int why_start(const struct why_options *o, struct facts *f, void (*on_done)(void *ctx), void *ctx,
              struct why **ret, struct fault *fault)
{
    struct why *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    *w = (struct why){.f = f, .on_done = on_done, .ctx = ctx};
    int r = whymeasure_start(o, f, on_measured, w, &w->measure, fault);
    if (r) {
        mem_free(w);
        return r;
    }
    *ret = w;
    return OK;
}

void why_free(struct why *w)
{
    if (!w)
        return;
    whymeasure_free(w->measure);
    mem_free(w);
}
