/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rounds: who has not shown the record is asked again after a pause. CAs ask any of the servers, so
 * one that lags is waited for; one that never answers would fail for the CA too and is left out. */
#include "cert/dnsspread.h"

#include <stdio.h>

#include "base/err.h"

#define PAUSE_FIRST_MS 250u
#define PAUSE_MS       2000u
#define FAILURES_MAX   2

static bool holds(const struct dnsspread *s, const struct dns_answer *a)
{
    for (size_t i = 0; i < a->nrecords; i++)
        if (a->records[i].type == DNS_TXT && slice_eq(a->records[i].text, s->value))
            return true;
    return false;
}

static size_t dead(const struct dnsspread *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->nservers; i++)
        n += s->servers[i].dead;
    return n;
}

static bool complete(const struct dnsspread *s)
{
    for (size_t i = 0; i < s->nservers; i++)
        if (!s->servers[i].seen && !s->servers[i].dead)
            return false;
    return true;
}

static void end(struct dnsspread *s, int r, const struct fault *f)
{
    size_t unreachable = dead(s);
    dnsspread_cancel(s);
    s->on_done(s, r, unreachable, f);
}

static void begin_round(struct dnsspread *s);

static void end_round(struct dnsspread *s)
{
    uint64_t pause_ms = PAUSE_FIRST_MS << (s->round < 4 ? s->round : 4);
    s->round++;
    loop_timer_set(s->loop, &s->pause, pause_ms < PAUSE_MS ? pause_ms : PAUSE_MS);
}

static void on_resolvers(struct dns_query *q, const struct dns_answer *a)
{
    struct dnsspread *s = container_of(q, struct dnsspread, resolvers);
    if (holds(s, a))
        end(s, OK, NULL);
    else
        end_round(s);
}

static void on_server(struct dns_query *q, const struct dns_answer *a)
{
    struct dnsspread_server *one = container_of(q, struct dnsspread_server, q);
    struct dnsspread *s = one->all;
    s->asking--;
    one->seen = holds(s, a);
    one->failures = a->r ? one->failures + 1 : 0;
    /* Without a route (no IPv6 here) the next try fails too. */
    one->dead = a->r == ERR_UNREACHABLE || one->failures >= FAILURES_MAX;
    if (s->asking)
        return;
    if (complete(s) && dead(s) < s->nservers)
        end(s, OK, NULL);
    else if (complete(s))
        begin_round(s);
    else
        end_round(s);
}

static void begin_round(struct dnsspread *s)
{
    s->by_resolvers = dead(s) == s->nservers;
    if (s->by_resolvers) {
        s->resolvers.on_done = on_resolvers;
        dns_ask(s->dns, s->name, DNS_TXT, &s->resolvers);
        return;
    }
    for (size_t i = 0; i < s->nservers; i++) {
        struct dnsspread_server *one = &s->servers[i];
        if (one->seen || one->dead)
            continue;
        one->all = s;
        one->q.on_done = on_server;
        s->asking++;
        dns_ask_at(s->dns, &one->addr, s->name, DNS_TXT, &one->q);
    }
}

static void on_pause(struct loop_timer *t)
{
    begin_round(container_of(t, struct dnsspread, pause));
}

static void on_deadline(struct loop_timer *t)
{
    struct dnsspread *s = container_of(t, struct dnsspread, deadline);
    struct fault f = {0};
    char who[200] = "";
    size_t at = 0;
    for (size_t i = 0; i < s->nservers && at < 120; i++) {
        char text[SOCK_ADDR_TEXT];
        if (s->servers[i].seen || s->servers[i].dead)
            continue;
        sock_addr_format(&s->servers[i].addr, text);
        int n = snprintf(who + at, sizeof(who) - at, "%s%s", at ? ", " : "", text);
        at += n > 0 ? (size_t)n : 0;
    }
    fault_set(&f, ERR_TIMEOUT, "the TXT record of " SLICE_F " is still missing at %s",
              SLICE_A(slice_first(s->name, 100)), at ? who : "the resolvers");
    fault_next(&f,
               at ? "see why these servers do not follow their primary (serial, NOTIFY, transfers)"
                  : "see that the record went into the zone that the world sees");
    end(s, ERR_TIMEOUT, &f);
}

void dnsspread_start(struct dnsspread *s, struct loop *l, struct dns *dns, uint64_t timeout_ms)
{
    s->dns = dns;
    s->loop = l;
    s->asking = s->round = 0;
    s->by_resolvers = false;
    for (size_t i = 0; i < s->nservers; i++)
        s->servers[i].seen = s->servers[i].dead = false;
    loop_timer_init(&s->pause, on_pause);
    loop_timer_init(&s->deadline, on_deadline);
    loop_timer_set(l, &s->deadline, timeout_ms);
    begin_round(s);
}

void dnsspread_cancel(struct dnsspread *s)
{
    if (!s->dns)
        return;
    for (size_t i = 0; i < s->nservers; i++)
        dns_cancel(&s->servers[i].q);
    dns_cancel(&s->resolvers);
    loop_timer_clear(&s->pause);
    loop_timer_clear(&s->deadline);
    s->dns = NULL;
}
