/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* On demand. */
#include "cert/keepdemand.h"

#include <stdio.h>

#include "base/mem.h"
#include "cert/certclock.h"
#include "cert/demandlist.h"
#include "cert/demandname.h"
#include "cert/keepname.h"

#define ASKS_MAX    8    /* questions to the owner's URL at once */
#define ASK_MS      5000 /* a handshake waits */
#define REFUSED_S   60   /* a name that was refused is not looked at again for so long */
#define REFUSED_MAX 4096
#define CLIENTS_MAX 4096
#define HOUR_S      3600
#define HOURLY      10 /* certificates begun, for everybody */
#define HOURLY_ONE  3  /* for one address */
#define NAMES_MAX   1000
#define URL_BYTES   4096

/* A question to the owner's URL. */
struct ask {
    struct list node;
    struct certkeep *k;
    struct acmehttp_call call;
    struct loop_timer timer;
    char name[DEMANDNAME_BYTES];
};

/* A name that was refused, or a client with what it began. */
struct mark {
    struct list node;
    char text[DEMANDNAME_BYTES];
    int64_t since_s;
    unsigned count;
};

struct keepdemand {
    struct list asks, refused, clients;
    size_t nasks, nrefused, nclients;
    int64_t begun_s[HOURLY]; /* newest first */
    bool loaded;
};

static struct keepdemand *demands(struct certkeep *k)
{
    struct keepdemand *d = k->demand ? k->demand : mem_alloc(sizeof(*d));
    if (d && !k->demand) {
        list_init(&d->asks);
        list_init(&d->refused);
        list_init(&d->clients);
        k->demand = d;
    }
    return d;
}

/* ---- marks ---- */

static void free_mark(struct mark *m, size_t *count)
{
    list_remove(&m->node);
    (*count)--;
    mem_free(m);
}

/* Those of before `since_s` are dropped on the way. */
static struct mark *find_mark(struct list *l, size_t *count, struct slice text, int64_t since_s)
{
    struct mark *hit = NULL;
    LIST_FOREACH_SAFE (it, l) {
        struct mark *m = container_of(it, struct mark, node);
        if (m->since_s < since_s)
            free_mark(m, count);
        else if (slice_eq(slice_cstr(m->text), text))
            hit = m;
    }
    return hit;
}

static struct mark *add_mark(struct list *l, size_t *count, struct slice text, int64_t now_s)
{
    struct mark *m = text.n < sizeof(m->text) ? mem_alloc(sizeof(*m)) : NULL;
    if (!m)
        return NULL;
    memcpy(m->text, text.p, text.n);
    m->since_s = now_s;
    list_init(&m->node);
    list_push(l, &m->node);
    (*count)++;
    return m;
}

static void refuse(struct certkeep *k, struct slice name, const char *why)
{
    struct keepdemand *d = k->demand;
    const struct certhost *host = k->host;
    const struct event_field fields[] = {EV_TEXT("name", name), EV_CSTR("why", why)};
    if (d->nrefused < REFUSED_MAX)
        BEST_EFFORT(!add_mark(&d->refused, &d->nrefused, name, certclock_now_s(k->loop)));
    if (host->on_event)
        host->on_event(host->ctx, EVENT_INFO, "demand_refused", fields, ARRAY_LEN(fields));
    if (host->on_refused)
        host->on_refused(host->ctx, name);
}

/* ---- budgets ---- */

static bool client_may(struct keepdemand *d, struct slice client, int64_t now_s)
{
    struct mark *m = find_mark(&d->clients, &d->nclients, client, now_s - HOUR_S);
    if (!m && d->nclients < CLIENTS_MAX)
        m = add_mark(&d->clients, &d->nclients, client, now_s);
    if (!m || m->count >= HOURLY_ONE)
        return false;
    m->count++;
    return true;
}

static bool everybody_may(const struct keepdemand *d, int64_t now_s)
{
    int64_t oldest_s = d->begun_s[HOURLY - 1];
    return !oldest_s || oldest_s <= now_s - HOUR_S || oldest_s > now_s;
}

static void count_one(struct keepdemand *d, int64_t now_s)
{
    for (size_t i = HOURLY - 1; i > 0; i--)
        d->begun_s[i] = d->begun_s[i - 1];
    d->begun_s[0] = now_s;
}

/* ---- names ---- */

static size_t demanded(const struct certkeep *k)
{
    size_t count = 0;
    LIST_FOREACH (it, &k->wanted)
        count += container_of(it, struct keepname, node)->demanded;
    return count;
}

static void save(const struct certkeep *k)
{
    struct demandlist_entry *all = mem_array(NAMES_MAX, sizeof(*all));
    struct fault f = {0};
    size_t count = 0;
    LIST_FOREACH (it, &k->wanted) {
        const struct keepname *n = container_of(it, struct keepname, node);
        if (all && n->demanded && count < NAMES_MAX)
            all[count++] = (struct demandlist_entry){n->names[0], n->asked_s};
    }
    if (all && demandlist_save(k->state_dir, all, count, &f))
        k->host->on_trouble(k->host->ctx, &f);
    mem_free(all);
}

static struct keepname *add(struct certkeep *k, struct slice name, int64_t asked_s)
{
    const struct certkeep_name w = {&name, 1, false};
    struct fault f = {0};
    struct keepname *n = keepname_new(k, &w, k->settings.keys == CERTKEEP_RSA);
    if (!n)
        return NULL;
    n->demanded = n->keep = true;
    n->temporary = false; /* the host has one certificate for all that wait */
    n->asked_s = asked_s;
    if (keepname_begin(n, &f)) {
        k->host->on_trouble(k->host->ctx, &f);
        keepname_free(n);
        return NULL;
    }
    list_push(&k->wanted, &n->node);
    k->nwanted++;
    return n;
}

static int begin(struct certkeep *k, struct slice name)
{
    int64_t now_s = certclock_now_s(k->loop);
    const struct event_field fields[] = {EV_TEXT("name", name)};
    if (!everybody_may(k->demand, now_s) || demanded(k) >= NAMES_MAX ||
        k->nwanted >= KEEP_WANTED_MAX) {
        refuse(k, name, "over the budget of all");
        return ERR_PERM;
    }
    count_one(k->demand, now_s);
    if (!add(k, name, now_s))
        return ERR_NOMEM;
    if (k->host->on_event)
        k->host->on_event(k->host->ctx, EVENT_INFO, "demand_accepted", fields, ARRAY_LEN(fields));
    save(k);
    keepstate_wake(k);
    return OK;
}

/* ---- the question to the owner ---- */

static void free_ask(struct ask *a)
{
    acmehttp_cancel(&a->call);
    loop_timer_clear(&a->timer);
    list_remove(&a->node);
    a->k->demand->nasks--;
    mem_free(a);
}

static void on_answer(struct acmehttp_call *call, const struct acmehttp_reply *reply)
{
    struct ask *a = container_of(call, struct ask, call);
    struct certkeep *k = a->k;
    char name[DEMANDNAME_BYTES];
    bool yes = !reply->r && reply->status == 200, broken = reply->r != OK;
    snprintf(name, sizeof(name), "%s", a->name);
    free_ask(a);
    if (!yes)
        refuse(k, slice_cstr(name), broken ? "the ask URL does not answer" : "the ask URL says no");
    else if (!keepname_find(k, slice_cstr(name), k->settings.keys == CERTKEEP_RSA))
        BEST_EFFORT(begin(k, slice_cstr(name)));
}

static void on_silence(struct loop_timer *t)
{
    struct ask *a = container_of(t, struct ask, timer);
    refuse(a->k, slice_cstr(a->name), "the ask URL does not answer in time");
    free_ask(a);
}

static int ask_owner(struct certkeep *k, struct slice name)
{
    struct keepdemand *d = k->demand;
    struct slice base = k->settings.on_demand_ask;
    char url[URL_BYTES];
    LIST_FOREACH (it, &d->asks)
        if (slice_eq(slice_cstr(container_of(it, struct ask, node)->name), name))
            return OK;
    if (!k->http && acmehttp_new(k->loop, &k->http, NULL))
        return ERR_NOMEM;
    struct ask *a = d->nasks < ASKS_MAX ? mem_alloc(sizeof(*a)) : NULL;
    if (!a)
        return ERR_PERM;
    a->k = k;
    snprintf(a->name, sizeof(a->name), SLICE_F, SLICE_A(name));
    list_init(&a->node);
    list_push(&d->asks, &a->node);
    d->nasks++;
    loop_timer_init(&a->timer, on_silence);
    loop_timer_set(k->loop, &a->timer, ASK_MS);
    snprintf(url, sizeof(url), SLICE_F "%cdomain=" SLICE_F, SLICE_A(base),
             slice_find(base, '?') < base.n ? '&' : '?', SLICE_A(name));
    a->call.on_done = on_answer;
    const struct acmehttp_request q = {
        .method = ACMEHTTP_GET, .url = slice_cstr(url), .loopback = demandname_is_loopback(base)};
    acmehttp_start(k->http, &q, &a->call);
    return OK;
}

/* ---- the door ---- */

/* Known: asked for once more; one that was put away is back at once. */
static int again(struct keepname *n)
{
    int64_t now_s = certclock_now_s(n->k->loop);
    bool away = n->away;
    n->asked_s = now_s;
    n->away = false;
    if (away) {
        keepname_hand_out(n);
        save(n->k);
        keepstate_wake(n->k);
    }
    return OK;
}

int keepdemand_ask(struct certkeep *k, struct slice name, struct slice client_address)
{
    const struct certkeep_settings *s = &k->settings;
    int64_t now_s = certclock_now_s(k->loop);
    if (!s->on_demand || !s->ndirectories || (!s->nallow && !s->on_demand_ask.n))
        return ERR_PERM;
    struct keepname *n = keepname_find(k, name, s->keys == CERTKEEP_RSA);
    if (n)
        return again(n);
    struct keepdemand *d = demandname_ok(name) ? demands(k) : NULL;
    if (!d || find_mark(&d->refused, &d->nrefused, name, now_s - REFUSED_S))
        return ERR_PERM;
    if (s->nallow && !demandname_allowed(s->on_demand_allow, s->nallow, name)) {
        refuse(k, name, "not in the allow-list");
        return ERR_PERM;
    }
    if (!client_may(d, client_address, now_s)) {
        refuse(k, name, "over the budget of this client");
        return ERR_PERM;
    }
    return s->on_demand_ask.n ? ask_owner(k, name) : begin(k, name);
}

/* ---- the list over time ---- */

static void put_away(struct keepname *n)
{
    const struct certhost *host = n->k->host;
    n->away = true;
    if (host->on_removed)
        host->on_removed(host->ctx, n->names[0], keystore_kind(n->pair.key));
}

void keepdemand_look(struct certkeep *k)
{
    int64_t now_s = certclock_now_s(k->loop);
    bool changed = false;
    if (!k->demand)
        return;
    LIST_FOREACH_SAFE (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        if (!n->demanded || n->source != KEEP_ACME || n->stage != KEEP_IDLE)
            continue;
        if (!n->away && n->plan.at_s <= now_s && n->asked_s <= n->meta.issued_s)
            put_away(n);
        if (n->away && certinfo_at(n->pair.chain, 0)->not_after_s <= now_s) {
            k->nwanted--;
            keepname_free(n);
            changed = true;
        }
    }
    if (changed)
        save(k);
}

static void on_listed(void *ctx, struct slice name, int64_t asked_s)
{
    struct certkeep *k = ctx;
    const struct certkeep_settings *s = &k->settings;
    bool known = keepname_find(k, name, false) || keepname_find(k, name, true);
    bool allowed = !s->nallow || demandname_allowed(s->on_demand_allow, s->nallow, name);
    if (!known && allowed && demandname_ok(name) && demanded(k) < NAMES_MAX &&
        k->nwanted < KEEP_WANTED_MAX)
        BEST_EFFORT(!add(k, name, asked_s));
}

void keepdemand_keep(struct certkeep *k)
{
    const struct certkeep_settings *s = &k->settings;
    struct keepdemand *d = s->on_demand && s->ndirectories ? demands(k) : NULL;
    struct fault f = {0};
    if (!d)
        return;
    LIST_FOREACH (it, &k->wanted) {
        struct keepname *n = container_of(it, struct keepname, node);
        if (n->demanded && !n->keep)
            n->keep = !s->nallow || demandname_allowed(s->on_demand_allow, s->nallow, n->names[0]);
    }
    if (d->loaded)
        return;
    d->loaded = true;
    if (demandlist_load(k->state_dir, on_listed, k, &f))
        k->host->on_trouble(k->host->ctx, &f);
}

void keepdemand_stop(struct certkeep *k)
{
    if (k->demand)
        LIST_FOREACH_SAFE (it, &k->demand->asks)
            free_ask(container_of(it, struct ask, node));
}

void keepdemand_done(struct certkeep *k)
{
    struct keepdemand *d = k->demand;
    if (!d)
        return;
    keepdemand_stop(k);
    LIST_FOREACH_SAFE (it, &d->refused)
        free_mark(container_of(it, struct mark, node), &d->nrefused);
    LIST_FOREACH_SAFE (it, &d->clients)
        free_mark(container_of(it, struct mark, node), &d->nclients);
    mem_free(d);
    k->demand = NULL;
}
