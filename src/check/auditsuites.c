/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which suites a version has, and in which order. The suites are cut into groups that are asked
 * side by side; a refused group is done with one question, an accepted suite is taken out of its
 * group and the rest is asked again. */
#include "check/auditsuites.h"

#include <string.h>

#include "base/mem.h"
#include "check/auditask.h"

#define GROUP 48

/* One walk: what is offered next, what was taken out so far. */
struct walk {
    struct list node;
    struct audit *a;
    enum facts_version v;
    bool ordering;
    uint16_t first;
    uint16_t left[AUDITSTATE_CODES_MAX];
    size_t nleft;
    uint16_t found[AUDITSTATE_CODES_MAX];
    size_t nfound;
};

uint16_t auditsuites_version(enum facts_version v)
{
    static const uint16_t versions[] = {0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304};
    return versions[v];
}

static bool may_stand(const struct suite *s, enum facts_version v)
{
    if (s->code == 0 || s->kx == SUITE_KX_NULL)
        return false;
    if (s->tls13 || v == FACTS_TLS13)
        return s->tls13 && v == FACTS_TLS13;
    return v == FACTS_TLS12 || !s->since12;
}

/* The usual ones first: some servers read only the beginning of a long list. */
static unsigned rank(const struct suite *s)
{
    bool usual = s->auth == SUITE_AUTH_RSA || s->auth == SUITE_AUTH_ECDSA;
    return (unsigned)(usual && s->kx == SUITE_KX_ECDHE && suite_aead(s) ? 0
                      : usual && suite_forward_secret(s)                ? 1
                      : usual && s->kx == SUITE_KX_RSA                  ? 2
                      : usual                                           ? 3
                                                                        : 4);
}

static size_t candidates(enum facts_version v, uint16_t *codes)
{
    size_t all_n, n = 0;
    const struct suite *all = suite_all(&all_n);
    for (unsigned want = 0; want < 5; want++)
        for (size_t i = 0; i < all_n && n < AUDITSTATE_CODES_MAX; i++)
            if (may_stand(&all[i], v) && rank(&all[i]) == want)
                codes[n++] = all[i].code;
    return n;
}

/* Hellos with more than 128 suites are refused by some old servers. */
#define PART 120

size_t auditsuites_part(enum facts_version v, unsigned part, uint16_t *codes)
{
    uint16_t all[AUDITSTATE_CODES_MAX];
    size_t n = candidates(v, all), from = (size_t)part * PART;
    n = from < n ? n - from : 0;
    n = n < PART ? n : PART;
    if (n)
        memcpy(codes, all + from, n * sizeof(*codes));
    return n;
}

size_t auditsuites_common(const struct audit *a, enum facts_version v, uint16_t *codes)
{
    return auditsuites_part(v, a->parts[v], codes);
}

size_t auditsuites_kind(const struct audit *a, enum facts_version v,
                        bool (*kind)(const struct suite *s), uint16_t *codes)
{
    const struct facts_suites *found = &a->f->tls.suites[v];
    uint16_t common[AUDITSTATE_CODES_MAX];
    size_t all_n = found->n ? found->n : auditsuites_common(a, v, common), n = 0;
    for (size_t i = 0; i < all_n; i++) {
        const struct suite *s = suite_find(found->n ? found->codes[i] : common[i]);
        if (s && kind(s))
            codes[n++] = s->code;
    }
    return n;
}

enum facts_version auditsuites_best_clear(const struct audit *a)
{
    for (enum facts_version v = FACTS_TLS12; v >= FACTS_SSL3; v--)
        if (a->f->tls.version[v] == FACTS_YES)
            return v;
    return FACTS_SSL2;
}

enum facts_version auditsuites_best(const struct audit *a)
{
    return a->f->tls.version[FACTS_TLS13] == FACTS_YES ? FACTS_TLS13 : auditsuites_best_clear(a);
}

bool auditsuites_ecdhe(const struct suite *s)
{
    return s->kx == SUITE_KX_ECDHE && s->auth != SUITE_AUTH_PSK;
}

bool auditsuites_signed_rsa(const struct suite *s)
{
    return s->auth == SUITE_AUTH_RSA && s->kx != SUITE_KX_PSK && s->kx != SUITE_KX_SRP;
}

bool auditsuites_signed_ecdsa(const struct suite *s)
{
    return s->auth == SUITE_AUTH_ECDSA;
}

bool auditsuites_any(const struct suite *s)
{
    (void)s;
    return true;
}

static void ask(struct walk *w);
static void ask_order(struct walk *w, unsigned tag);

static void publish(struct walk *w)
{
    struct facts_suites *s = &w->a->f->tls.suites[w->v];
    size_t old = w->ordering ? 0 : s->n;
    if (!w->nfound)
        return;
    uint16_t *codes = arena_alloc(&w->a->f->arena, (old + w->nfound) * sizeof(*codes));
    if (!codes)
        return;
    if (old)
        memcpy(codes, s->codes, old * sizeof(*codes));
    memcpy(codes + old, w->found, w->nfound * sizeof(*codes));
    /* An order in which something got lost would be worse than none. */
    if (w->ordering && w->nfound != s->n)
        return;
    *s = (struct facts_suites){codes, old + w->nfound};
    w->nfound = 0;
}

static bool take_out(struct walk *w, uint16_t code)
{
    for (size_t i = 0; i < w->nleft; i++)
        if (w->left[i] == code) {
            memmove(w->left + i, w->left + i + 1, (w->nleft - i - 1) * sizeof(*w->left));
            w->nleft--;
            w->found[w->nfound++] = code;
            return true;
        }
    return false;
}

static void on_suite(struct ask *q, const struct serverflight *flight, const struct probe_result *r)
{
    struct walk *w = q->ctx;
    (void)r;
    bool yes = auditask_accepted(flight, auditsuites_version(w->v));
    if (yes && take_out(w, flight->suite) && w->nleft)
        ask(w);
    else
        publish(w);
}

static const struct ask_kind suite_kind = {on_suite, false};

/* Servers that prefer ChaCha20 only for clients that name it first have an order nevertheless:
 * those suites are moved behind the others. */
static void chacha_last(struct walk *w)
{
    uint16_t last[AUDITSTATE_CODES_MAX];
    size_t nlast = 0, n = 0;
    for (size_t i = 0; i < w->nleft; i++) {
        const struct suite *s = suite_find(w->left[i]);
        if (s && s->cipher == SUITE_CHACHA20)
            last[nlast++] = w->left[i];
        else
            w->left[n++] = w->left[i];
    }
    memcpy(w->left + n, last, nlast * sizeof(*last));
}

static void ask(struct walk *w)
{
    struct hellomake h;
    if (w->ordering)
        chacha_last(w);
    auditask_base(w->a, auditsuites_version(w->v), &h);
    h.suites = w->left;
    h.nsuites = w->nleft;
    (void)auditask_hello(w->a, &h, &suite_kind, w);
}

static struct walk *new_walk(struct audit *a, enum facts_version v, const uint16_t *codes, size_t n)
{
    struct walk *w = mem_alloc(sizeof(*w));
    if (!w) {
        a->lost++;
        return NULL;
    }
    w->a = a;
    w->v = v;
    memcpy(w->left, codes, n * sizeof(*codes));
    w->nleft = n;
    list_push(&a->walks, &w->node);
    return w;
}

void auditsuites_begin(struct audit *a, enum facts_version v)
{
    uint16_t codes[AUDITSTATE_CODES_MAX];
    size_t n = candidates(v, codes);
    for (size_t i = 0; i < n; i += GROUP) {
        struct walk *w = new_walk(a, v, codes + i, n - i < GROUP ? n - i : GROUP);
        if (w)
            ask(w);
    }
}

/* ---- order ---- */

/* The same suites backwards: a server with an order of its own chooses as before. */
static void on_backwards(struct ask *q, const struct serverflight *flight,
                         const struct probe_result *r)
{
    struct walk *w = q->ctx;
    struct facts_tls *t = &w->a->f->tls;
    (void)r;
    if (!auditask_accepted(flight, auditsuites_version(w->v)))
        return;
    if (q->tag == 0) {
        w->first = flight->suite; /* forwards; asked again with the list turned round */
        for (size_t i = 0; i < w->nleft / 2; i++) {
            uint16_t other = w->left[i];
            w->left[i] = w->left[w->nleft - 1 - i];
            w->left[w->nleft - 1 - i] = other;
        }
        ask_order(w, 1);
        return;
    }
    t->server_order[w->v] = flight->suite == w->first ? FACTS_YES : FACTS_NO;
    if (t->server_order[w->v] == FACTS_YES) {
        w->ordering = true;
        ask(w);
    }
}

static const struct ask_kind order_kind = {on_backwards, false};

static void ask_order(struct walk *w, unsigned tag)
{
    struct hellomake h;
    chacha_last(w);
    auditask_base(w->a, auditsuites_version(w->v), &h);
    h.suites = w->left;
    h.nsuites = w->nleft;
    struct ask *q = auditask_hello(w->a, &h, &order_kind, w);
    if (q)
        q->tag = tag;
}

/* With a single suite beside ChaCha20 ones, its place in the list cannot tell an order from a
 * preference of the client: nothing is asked then. */
static bool can_tell(const struct facts_suites *s)
{
    size_t chacha = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct suite *known = suite_find(s->codes[i]);
        chacha += known && known->cipher == SUITE_CHACHA20;
    }
    return s->n - chacha >= 2 || (chacha == s->n && s->n >= 2);
}

/* The walks end in any order: what was found is listed as it is offered, the usual ones first. */
static void sort(struct audit *a, enum facts_version v)
{
    struct facts_suites *s = &a->f->tls.suites[v];
    uint16_t all[AUDITSTATE_CODES_MAX];
    size_t all_n = candidates(v, all), n = 0;
    uint16_t *sorted = arena_alloc(&a->f->arena, (s->n + 1) * sizeof(*sorted));
    for (size_t i = 0; sorted && i < all_n; i++)
        for (size_t k = 0; k < s->n; k++)
            if (s->codes[k] == all[i])
                sorted[n++] = all[i];
    if (n == s->n && n)
        s->codes = sorted;
}

void auditsuites_order(struct audit *a, enum facts_version v)
{
    const struct facts_suites *s = &a->f->tls.suites[v];
    sort(a, v);
    struct walk *w = can_tell(s) ? new_walk(a, v, s->codes, s->n) : NULL;
    if (w)
        ask_order(w, 0);
}

void auditsuites_drop_all(struct audit *a)
{
    LIST_FOREACH_SAFE (it, &a->walks) {
        list_remove(it);
        mem_free(container_of(it, struct walk, node));
    }
}
