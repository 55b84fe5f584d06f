/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Solvers that outlive their settings. */
#include "cert/keepdns.h"

#include "base/mem.h"

#define LOOK_MS    500
#define OLD_MAX    8                /* settings can be changed faster than a name server answers */
#define OLD_MAX_MS (15 * 60 * 1000) /* programs and updates have bounds of their own far below */

struct old {
    struct list node;
    struct certkeep *k;
    struct dnssolve *d;
    struct loop_timer timer;
    uint64_t end_ms;
};

/* ---- the end of one ---- */

static void end(struct certkeep *k, struct dnssolve *d)
{
    size_t left = d ? dnssolve_busy(d) : 0;
    struct fault f = {0};
    if (left) {
        fault_set(&f, ERR_TIMEOUT, "%zu challenge record%s may have been left in DNS", left,
                  left == 1 ? "" : "s");
        fault_next(&f, "remove TXT records at _acme-challenge by hand; they do no harm");
        k->host->on_trouble(k->host->ctx, &f);
    }
    dnssolve_free(d);
}

/* Attempts that wait for the place at the name may begin. */
static void end_old(struct old *o)
{
    struct certkeep *k = o->k;
    loop_timer_clear(&o->timer);
    list_remove(&o->node);
    k->ndns_before--;
    end(k, o->d);
    mem_free(o);
    if (k->winding_up || k->ndns_before)
        return;
    LIST_FOREACH (it, &k->wanted)
        container_of(it, struct keepname, node)->queued = false;
    keepstate_wake(k);
}

static void on_look(struct loop_timer *t)
{
    struct old *o = container_of(t, struct old, timer);
    if (dnssolve_busy(o->d) && loop_now_ms(o->k->loop) < o->end_ms)
        loop_timer_set(o->k->loop, t, LOOK_MS);
    else
        end_old(o);
}

/* ---- all of them ---- */

bool keepdns_must_wait(const struct certkeep *k)
{
    return k->ndns_before && (k->settings.challenges & CERTKEEP_DNS01);
}

void keepdns_retire(struct certkeep *k)
{
    struct dnssolve *d = k->dns;
    if (k->challenges)
        challenge_set_dns(k->challenges, NULL);
    k->dns = NULL;
    struct old *o = d && dnssolve_busy(d) ? mem_alloc(sizeof(*o)) : NULL;
    if (!o) {
        end(k, d);
        return;
    }
    if (k->ndns_before == OLD_MAX)
        end_old(container_of(k->dns_before.next, struct old, node));
    o->k = k;
    o->d = d;
    o->end_ms = loop_now_ms(k->loop) + OLD_MAX_MS;
    list_push(&k->dns_before, &o->node);
    k->ndns_before++;
    loop_timer_init(&o->timer, on_look);
    loop_timer_set(k->loop, &o->timer, LOOK_MS);
}

bool keepdns_hook_done(struct certkeep *k, uint64_t id, int status, struct slice output)
{
    if (k->dns && dnssolve_hook_done(k->dns, id, status, output))
        return true;
    LIST_FOREACH (it, &k->dns_before)
        if (dnssolve_hook_done(container_of(it, struct old, node)->d, id, status, output))
            return true;
    return false;
}

size_t keepdns_busy(const struct certkeep *k)
{
    size_t n = k->dns ? dnssolve_busy(k->dns) : 0;
    LIST_FOREACH (it, &k->dns_before)
        n += dnssolve_busy(container_of(it, struct old, node)->d);
    return n;
}

void keepdns_done(struct certkeep *k)
{
    if (k->challenges)
        challenge_set_dns(k->challenges, NULL);
    end(k, k->dns);
    k->dns = NULL;
    LIST_FOREACH_SAFE (it, &k->dns_before)
        end_old(container_of(it, struct old, node));
}
