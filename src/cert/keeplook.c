/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Preflight of the engine. */
#include "cert/keeplook.h"

#include <stdio.h>

#include "base/mem.h"
#include "cert/keepca.h"
#include "cert/keepcall.h"
#include "cert/keepname.h"
#include "cert/keeporder.h"

#define HTTP_PORT  80
#define HTTPS_PORT 443

static bool is_here(struct slice url)
{
    return slice_starts(url, SLICE("https://localhost")) ||
           slice_starts(url, SLICE("https://127.")) || slice_starts(url, SLICE("https://[::1]"));
}

static void make_plan(const struct keepname *n, const struct keepca *ca, struct preflight_plan *ret)
{
    const struct certkeep_settings *s = &n->k->settings;
    const struct acmeca_signer *by = account_signer(ca->account);
    bool here = is_here(ca->url); /* a test CA is led to the ports as they are bound */
    *ret = (struct preflight_plan){.names = n->names,
                                   .nnames = n->nnames,
                                   .challenges = s->challenges,
                                   .http_port = here ? s->http_port : HTTP_PORT,
                                   .https_port = here ? s->https_port : HTTPS_PORT,
                                   .resolvers = s->resolvers,
                                   .account_url = by ? by->kid : SLICE_EMPTY,
                                   .listening = s->https_port != 0};
}

static const struct preflight_finding *first_error(const struct preflight_finding *findings,
                                                   size_t count, struct fault *f)
{
    for (size_t i = 0; i < count; i++)
        if (findings[i].level == PREFLIGHT_ERROR) {
            fault_set(f, ERR_ACME, "%s", findings[i].text);
            fault_next(f, "%s", findings[i].next);
            return &findings[i];
        }
    return NULL;
}

/* ---- before an order ---- */

bool keeplook_wanted(const struct keepname *n)
{
    return n->k->settings.preflight && !n->looked && !n->job.last_success_s &&
           n->job.step == JOB_NONE && !n->staging;
}

static void on_preflight(void *ctx, const struct preflight_finding *findings, size_t count)
{
    static const enum event_level levels[] = {EVENT_DEBUG, EVENT_WARN, EVENT_ERROR};
    struct keepname *n = ctx;
    struct fault f = {0};
    for (size_t i = 0; i < count; i++) {
        const struct preflight_finding *p = &findings[i];
        const struct event_field fields[] = {EV_TEXT("identifier", p->name),
                                             EV_CSTR("finding", p->id), EV_CSTR("text", p->text),
                                             EV_CSTR("next", p->next)};
        if (p->level != PREFLIGHT_OK)
            keepname_event(n, levels[p->level], "preflight", fields, ARRAY_LEN(fields));
    }
    bool bad = first_error(findings, count, &f);
    n->looked = !bad;
    n->k->preflight_errors += bad;
    preflight_free(n->preflight);
    n->preflight = NULL;
    keeporder_looked(n, bad ? ERR_ACME : OK, &f);
}

int keeplook_begin(struct keepname *n)
{
    static const struct preflight_ops ops = {on_preflight};
    struct preflight_plan plan;
    make_plan(n, n->ca, &plan);
    return preflight_start(n->k->loop, n->ca->ca, &plan, &ops, n, &n->preflight);
}

void keeplook_stop(struct keepname *n)
{
    preflight_free(n->preflight);
    n->preflight = NULL;
}

/* ---- for an operator ---- */

struct look {
    struct certkeep_call *c;
    struct keepca *ca;
    struct acmeca_call ready;
    struct preflight *preflight;
    char name[300];
    bool rsa;
};

static void drop_look(struct certkeep_call *c)
{
    struct look *look = c->state;
    c->state = NULL;
    if (!look)
        return;
    acmeca_cancel(&look->ready);
    preflight_free(look->preflight);
    mem_free(look);
}

static void on_findings(void *ctx, const struct preflight_finding *findings, size_t count)
{
    static const char *const words[] = {"ok", "warning", "error"};
    struct look *look = ctx;
    struct certkeep_call *c = look->c;
    char line[640];
    for (size_t i = 0; i < count; i++) {
        const struct preflight_finding *p = &findings[i];
        snprintf(line, sizeof(line), "%s: %s%s%s", words[p->level], p->text,
                 p->next[0] ? " -> " : "", p->next);
        keepcall_tell(c, line, p->name);
    }
    keepcall_finish(c, first_error(findings, count, &c->fault) ? ERR_ACME : OK);
}

static void on_directory(struct acmeca_call *call, const struct acmeca_answer *a)
{
    static const struct preflight_ops ops = {on_findings};
    struct look *look = container_of(call, struct look, ready);
    struct certkeep_call *c = look->c;
    const struct keepname *n = keepname_find(c->k, slice_cstr(look->name), look->rsa);
    struct preflight_plan plan;
    if (a->r || !n) {
        if (a->r)
            c->fault = a->fault;
        keepcall_finish(c, a->r ? a->r : fault_set(&c->fault, ERR_NOT_FOUND, "wanted no longer"));
        return;
    }
    make_plan(n, look->ca, &plan);
    if (preflight_start(c->k->loop, look->ca->ca, &plan, &ops, look, &look->preflight))
        keepcall_finish(c, fault_set(&c->fault, ERR_NOMEM, "out of memory"));
}

static struct keepname *find(struct certkeep *k, struct slice name)
{
    struct keepname *n = keepname_find(k, name, false);
    return n ? n : keepname_find(k, name, true);
}

static void look_at(struct certkeep_call *c, const struct keepname *n)
{
    struct look *look = mem_alloc(sizeof(*look));
    c->state = look;
    if (!look) {
        keepcall_finish(c, fault_set(&c->fault, ERR_NOMEM, "out of memory"));
        return;
    }
    *look = (struct look){.c = c, .ca = &c->k->cas[0], .ready = {.on_done = on_directory}};
    look->rsa = n->id.rsa;
    snprintf(look->name, sizeof(look->name), SLICE_F, SLICE_A(n->names[0]));
    int r = keepca_open(look->ca, &c->fault);
    if (r)
        keepcall_finish(c, r);
    else
        acmeca_ready(look->ca->ca, &look->ready);
}

void keeplook_dry_run(struct certkeep *k, struct certkeep_call *c, struct slice name)
{
    const struct keepname *n = find(k, name);
    keepcall_begin(k, c, drop_look);
    if (!n) {
        keepcall_finish(
            c, fault_set(&c->fault, ERR_NOT_FOUND, "no site has the name " SLICE_F, SLICE_A(name)));
    } else if (n->local || !k->settings.ndirectories) {
        keepcall_tell(c, n->local ? "ok: the local CA signs it" : "no CA is configured", name);
        keepcall_finish(c, OK);
    } else {
        look_at(c, n);
    }
}
