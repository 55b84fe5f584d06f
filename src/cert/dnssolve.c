/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The settings and the door; the way of a record is cert/dnsjob's. */
#include "cert/dnssolve.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cert/dnsjob.h"
#include "cert/dnspersist.h"

#define OPTIONS_BYTES 8192

static void on_starved(struct loop_task *t)
{
    struct dnssolve *d = container_of(t, struct dnssolve, starve);
    struct list now, *node;
    list_init(&now);
    list_take(&now, &d->starved);
    while ((node = list_pop(&now))) {
        struct dnssolve_record *rec = container_of(node, struct dnssolve_record, node);
        struct fault f = {0};
        fault_set(&f, ERR_NOMEM, "no memory for a DNS challenge");
        rec->d = NULL;
        rec->on_done(rec, ERR_NOMEM, &f);
    }
}

static int copy_options(struct dnssolve *d, const struct dnssolve_options *o)
{
    d->o = *o;
    d->o.tsig_secret = NULL;
    int r = arena_copy(&d->arena, o->resolvers, &d->o.resolvers);
    if (!r)
        r = arena_copy(&d->arena, o->zone, &d->o.zone);
    if (!r)
        r = arena_copy(&d->arena, o->tsig_name, &d->key.name);
    if (!r && o->tsig_secret)
        r = secret_set(&d->secret, secret_expose(o->tsig_secret));
    if (d->o.zone.n && d->o.zone.p[d->o.zone.n - 1] == '.')
        d->o.zone.n--;
    if (o->tsig_secret)
        d->key.secret = &d->secret;
    return r;
}

static int open_solver(struct dnssolve *d, const struct dnssolve_options *o, struct fault *f)
{
    if (copy_options(d, o))
        return fault_set(f, ERR_NOMEM, "no memory for the settings of dns-01");
    if (tsig_algorithm_parse(o->tsig_algorithm, &d->key.algorithm)) {
        char word[64];
        text_escape_quotes(o->tsig_algorithm, word, sizeof(word));
        fault_set(f, ERR_CONFIG, "\"%s\" is no TSIG algorithm that we know", word);
        fault_next(f, "hmac-sha256, hmac-sha384 and hmac-sha512 are");
        return ERR_CONFIG;
    }
    if (d->key.secret && !d->key.name.n)
        return fault_set(f, ERR_CONFIG, "the TSIG key of dns-01 has a secret and no name");
    int r = nameservers_read(d->o.resolvers, &d->resolvers, f);
    if (r)
        return r;
    const char *list = arena_cstr(&d->arena, d->o.resolvers);
    return list ? dns_new(d->loop, list, 0, &d->dns, f)
                : fault_set(f, ERR_NOMEM, "no memory for the settings of dns-01");
}

int dnssolve_new(struct loop *l, const struct dnssolve_options *o, const struct certhost *host,
                 struct dnssolve **ret, struct fault *f)
{
    struct dnssolve *d = mem_alloc(sizeof(*d));
    if (!d)
        return fault_set(f, ERR_NOMEM, "no memory for dns-01");
    d->loop = l;
    d->host = host;
    arena_init(&d->arena, OPTIONS_BYTES);
    list_init(&d->jobs);
    list_init(&d->starved);
    loop_task_init(&d->starve, on_starved);
    int r = open_solver(d, o, f);
    if (r)
        dnssolve_free(d);
    else
        *ret = d;
    return r;
}

void dnssolve_free(struct dnssolve *d)
{
    if (!d)
        return;
    while (!list_empty(&d->jobs)) {
        struct dnsjob *j = container_of(d->jobs.next, struct dnsjob, node);
        if (j->rec) {
            j->rec->d = NULL;
            j->rec->state = NULL;
        }
        dnsjob_free(j);
    }
    struct list *node;
    while ((node = list_pop(&d->starved)))
        container_of(node, struct dnssolve_record, node)->d = NULL;
    loop_task_cancel(&d->starve);
    dns_free(d->dns);
    secret_done(&d->secret);
    arena_done(&d->arena);
    mem_free(d);
}

static void taken(struct dnssolve *d, struct dnssolve_record *rec, struct dnsjob *j)
{
    rec->d = d;
    rec->state = j;
    list_init(&rec->node);
    if (!j) {
        list_push(&d->starved, &rec->node);
        loop_defer(d->loop, &d->starve);
    }
}

void dnssolve_present(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                      struct slice value)
{
    if (slice_starts(domain, SLICE("*.")))
        domain = slice_from(domain, 2);
    taken(d, rec, dnsjob_present(d, rec, domain, value));
}

void dnssolve_withdraw(struct dnssolve_record *rec)
{
    struct dnsjob *j = rec->state;
    if (!rec->d)
        return;
    rec->d = NULL;
    rec->state = NULL;
    if (j)
        dnsjob_withdraw(j);
    else
        list_remove(&rec->node);
}

bool dnssolve_hook_done(struct dnssolve *d, uint64_t id, int status, struct slice output)
{
    LIST_FOREACH (node, &d->jobs) {
        struct dnsjob *j = container_of(node, struct dnsjob, node);
        if (id && j->hook_id == id) {
            dnsjob_hook_done(j, status, output);
            return true;
        }
    }
    return false;
}

size_t dnssolve_busy(const struct dnssolve *d)
{
    size_t n = 0;
    LIST_FOREACH (node, &d->jobs)
        n += container_of(node, struct dnsjob, node)->rec == NULL;
    return n;
}

/* ---- dns-persist-01 ---- */

static int persist_verdict(struct dnsjob *j, const struct dns_answer *a, struct fault *f)
{
    struct dnspersist_asked asked = {j->issuer, j->account_url, j->wildcard,
                                     (uint64_t)(loop_unix_ms(j->d->loop) / 1000)};
    enum dnspersist_verdict best = DNSPERSIST_FOREIGN;
    for (size_t i = 0; i < a->nrecords; i++) {
        if (a->records[i].type != DNS_TXT)
            continue;
        enum dnspersist_verdict v = dnspersist_check(a->records[i].text, &asked);
        best = v > best ? v : best;
    }
    struct slice name = slice_first(j->zone.name, 150);
    switch (best) {
    case DNSPERSIST_GOOD:
        return OK;
    case DNSPERSIST_FOREIGN:
        fault_set(f, ERR_NOT_FOUND, "there is no TXT record for " SLICE_F " at " SLICE_F,
                  SLICE_A(slice_first(j->issuer, 80)), SLICE_A(name));
        break;
    case DNSPERSIST_ACCOUNT:
        fault_set(f, ERR_PERM, "the TXT record at " SLICE_F " names another account",
                  SLICE_A(name));
        break;
    case DNSPERSIST_EXPIRED:
        fault_set(f, ERR_EXPIRED, "the TXT record at " SLICE_F " has expired (persistUntil)",
                  SLICE_A(name));
        break;
    case DNSPERSIST_NARROW:
        fault_set(f, ERR_PERM, "the TXT record at " SLICE_F " does not allow wildcards",
                  SLICE_A(name));
        break;
    }
    fault_next(f, "the owner of the zone puts there: \"" SLICE_F "; accounturi=" SLICE_F "%s\"",
               SLICE_A(slice_first(j->issuer, 60)), SLICE_A(slice_first(j->account_url, 110)),
               j->wildcard ? "; policy=wildcard" : "");
    return f->code;
}

static void on_persist(struct dns_query *q, const struct dns_answer *a)
{
    struct dnsjob *j = container_of(q, struct dnsjob, query);
    struct fault f = {0};
    int r = a->r;
    if (r)
        fault_set(&f, r, "cannot look up the TXT record at " SLICE_F ": %s",
                  SLICE_A(slice_first(j->zone.name, 150)), a->why);
    else
        r = persist_verdict(j, a, &f);
    struct dnssolve_record *rec = j->rec;
    rec->d = NULL;
    rec->state = NULL;
    dnsjob_free(j);
    rec->on_done(rec, r, r ? &f : NULL);
}

void dnssolve_check_persist(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                            bool wildcard, struct slice issuer, struct slice account_url)
{
    struct dnsjob *j = dnsjob_new(d, rec);
    if (j &&
        (arena_printf(&j->arena, &j->zone.name, "_validation-persist." SLICE_F, SLICE_A(domain)) ||
         arena_copy(&j->arena, issuer, &j->issuer) ||
         arena_copy(&j->arena, account_url, &j->account_url))) {
        dnsjob_free(j);
        j = NULL;
    }
    taken(d, rec, j);
    if (!j)
        return;
    j->step = DNSJOB_CHECK;
    j->wildcard = wildcard;
    j->query.on_done = on_persist;
    dns_ask(d->dns, j->zone.name, DNS_TXT, &j->query);
}

int dnssolve_persist_text(struct slice issuer, struct slice account_url, bool wildcard,
                          struct buf *out)
{
    return dnspersist_text(issuer, account_url, wildcard, out);
}
