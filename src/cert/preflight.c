/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Runs a few names at a time, looks at the clock, and hands over what was found. */
#include "cert/preflight.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "cert/acmeca.h"
#include "cert/preflightname.h"

#define ARENA_BYTES  (64 * 1024)
#define PARALLEL     8
#define DEADLINE_MS  20000u
#define DNS_MS       1500u
#define SKEW_WARN_S  300
#define SKEW_ERROR_S 86400

static void look_at_clock(struct preflight *p)
{
    int64_t skew_s;
    if (!acmeca_skew(p->ca, &skew_s))
        return;
    int64_t apart_s = skew_s < 0 ? -skew_s : skew_s;
    if (apart_s <= SKEW_WARN_S)
        return;
    struct preflight_finding *f = preflightname_add(
        p, NULL, apart_s > SKEW_ERROR_S ? PREFLIGHT_ERROR : PREFLIGHT_WARN, "clock_skew");
    if (!f)
        return;
    snprintf(f->text, sizeof(f->text),
             "this machine's clock is %" PRId64 " %s %s the CA's: certificates would seem %s",
             apart_s > 7200 ? apart_s / 3600 : apart_s / 60, apart_s > 7200 ? "hours" : "minutes",
             skew_s > 0 ? "ahead of" : "behind",
             skew_s > 0 ? "expired too early" : "not yet valid");
    snprintf(f->next, sizeof(f->next), "set the clock (NTP: timedatectl set-ntp true)");
}

/* Where a CA on a private network asks from, private addresses are no hindrance. */
static bool is_public(struct slice url)
{
    static const char *const ours[] = {"localhost", ".localhost", ".test",
                                       ".internal", ".home.arpa", ".local"};
    struct slice host = SLICE_EMPTY;
    for (size_t i = 0; i + 3 <= url.n; i++)
        if (slice_starts(slice_from(url, i), SLICE("://"))) {
            host = slice_from(url, i + 3);
            break;
        }
    host = slice_first(host, slice_find(host, '/'));
    struct ip ip;
    if (host.n && host.p[0] == '[')
        host = slice_first(host, slice_find(host, ']') + 1);
    else
        host = slice_first(host, slice_find(host, ':'));
    if (cidr_parse_ip(host, &ip) == OK)
        return !cidr_is_private(&ip);
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (slice_ends(host, slice_cstr(ours[i])))
            return false;
    return slice_find(host, '.') < host.n;
}

static void finish(struct preflight *p)
{
    loop_timer_clear(&p->deadline);
    p->ops->on_done(p->ctx, p->findings, p->nfindings);
}

static void on_name(struct preflightname *n)
{
    struct preflight *p = n->p;
    if (!n->found) {
        struct preflight_finding *f = preflightname_add(p, n, PREFLIGHT_OK, "good");
        if (f)
            snprintf(f->text, sizeof(f->text), SLICE_F ": nothing stands in the way",
                     SLICE_A(slice_first(n->full, 200)));
    }
    n->active = false;
    p->active--;
    loop_defer(p->loop, &p->step);
}

static void on_step(struct loop_task *t)
{
    struct preflight *p = container_of(t, struct preflight, step);
    while (p->active < PARALLEL && p->next < p->plan.nnames) {
        struct preflightname *n = &p->names[p->next++];
        p->active++;
        preflightname_start(n);
        if (!n->pending)
            on_name(n);
    }
    if (!p->active && p->next == p->plan.nnames)
        finish(p);
}

static void on_deadline(struct loop_timer *t)
{
    struct preflight *p = container_of(t, struct preflight, deadline);
    for (size_t i = 0; i < p->plan.nnames; i++) {
        struct preflightname *n = &p->names[i];
        if (i < p->next && !n->active)
            continue;
        preflightname_cancel(n);
        struct preflight_finding *f = preflightname_add(p, n, PREFLIGHT_WARN, "dns_timeout");
        if (!f)
            continue;
        snprintf(f->text, sizeof(f->text), SLICE_F ": not all could be looked at in %u seconds",
                 SLICE_A(slice_first(n->full, 200)), DEADLINE_MS / 1000);
        snprintf(f->next, sizeof(f->next), "see that this machine's DNS servers answer");
    }
    loop_task_cancel(&p->step);
    finish(p);
}

static int copy_plan(struct preflight *p, const struct preflight_plan *plan)
{
    p->plan = *plan;
    p->names = mem_array(plan->nnames ? plan->nnames : 1, sizeof(*p->names));
    if (!p->names)
        return ERR_NOMEM;
    int r = arena_copy(&p->arena, plan->resolvers, &p->plan.resolvers);
    if (!r)
        r = arena_copy(&p->arena, plan->account_url, &p->plan.account_url);
    for (size_t i = 0; !r && i < plan->nnames; i++) {
        p->names[i].p = p;
        r = arena_copy(&p->arena, plan->names[i], &p->names[i].full);
    }
    p->plan.names = NULL;
    return r;
}

int preflight_start(struct loop *l, struct acmeca *ca, const struct preflight_plan *plan,
                    const struct preflight_ops *ops, void *ctx, struct preflight **ret)
{
    if (plan->nnames > ACMEOBJ_NAMES_MAX)
        return ERR_CAP;
    struct preflight *p = mem_alloc(sizeof(*p));
    if (!p)
        return ERR_NOMEM;
    *p = (struct preflight){.loop = l, .ca = ca, .ops = ops, .ctx = ctx, .on_name = on_name};
    arena_init(&p->arena, ARENA_BYTES);
    loop_timer_init(&p->deadline, on_deadline);
    loop_task_init(&p->step, on_step);
    int r = copy_plan(p, plan);
    const char *servers = r ? NULL : arena_cstr(&p->arena, plan->resolvers);
    struct fault ignored;
    if (!r)
        r = servers ? dns_new(l, servers, DNS_MS, &p->dns, &ignored) : ERR_NOMEM;
    if (r) {
        preflight_free(p);
        return r;
    }
    p->public_ca = is_public(acmeca_url(ca));
    look_at_clock(p);
    loop_timer_set(l, &p->deadline, DEADLINE_MS);
    loop_defer(l, &p->step);
    *ret = p;
    return OK;
}

void preflight_free(struct preflight *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->names && i < p->plan.nnames; i++)
        preflightname_cancel(&p->names[i]);
    loop_timer_clear(&p->deadline);
    loop_task_cancel(&p->step);
    dns_free(p->dns);
    mem_free(p->names);
    mem_free(p->findings);
    arena_done(&p->arena);
    mem_free(p);
}
