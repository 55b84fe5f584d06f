/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The answers in one list. A change marks the table dirty; a task publishes it once per turn of
 * the loop, however many orders changed it, with a version of its own. An answer is presented when
 * the host has confirmed a version that holds it. */
#include "cert/challenge.h"

#include "base/mem.h"
#include "crypt/digest.h"

/* Workers answer a message within a turn of their loop; one that hangs must not hang the order. */
#define PUBLISH_TIMEOUT_MS 10000
/* Attack: none; 8 names of some orders at once are far below it. */
#define ANSWERS_MAX      1024
#define DNS_VALUE_MAX    64 /* 43 characters of base64url */
#define OFFER_TEXT_BYTES 160

struct challenges {
    struct loop *loop;
    const struct certhost *host;
    struct dnssolve *dns;
    struct list active; /* of struct challenge */
    size_t count;
    uint64_t version; /* of the table that the host was given last */
    struct loop_task publish;
};

static const char *const type_texts[CHALLENGE_TYPES] = {"http-01", "tls-alpn-01", "dns-01",
                                                        "dns-persist-01"};

const char *challenge_type_text(enum challenge_type t)
{
    return type_texts[t];
}

int challenge_type_parse(struct slice text, enum challenge_type *ret)
{
    for (unsigned i = 0; i < CHALLENGE_TYPES; i++) {
        if (!slice_eq(text, slice_cstr(type_texts[i])))
            continue;
        *ret = (enum challenge_type)i;
        return OK;
    }
    return ERR_NOT_FOUND;
}

static bool in_table(const struct challenge *ch)
{
    return ch->type == CHALLENGE_HTTP01 || ch->type == CHALLENGE_ALPN01;
}

/* ---- the choice ---- */

static bool usable(const struct acmeobj_authz *z, enum challenge_type t)
{
    bool dns = t == CHALLENGE_DNS01 || t == CHALLENGE_PERSIST01;
    if (z->wildcard)
        return dns;
    return !(z->is_ip && dns);
}

static const struct acmeobj_challenge *offered(const struct acmeobj_authz *z, enum challenge_type t)
{
    for (size_t i = 0; i < z->nchallenges; i++)
        if (slice_eq(z->challenges[i].type, slice_cstr(type_texts[t])) &&
            (z->challenges[i].token.n > 0 || t == CHALLENGE_PERSIST01))
            return &z->challenges[i];
    return NULL;
}

static void list_offers(const struct acmeobj_authz *z, char *dst)
{
    size_t n = 0;
    dst[0] = 0;
    for (size_t i = 0; i < z->nchallenges; i++) {
        struct slice type = z->challenges[i].type;
        if (n + type.n + 3 > OFFER_TEXT_BYTES)
            break;
        if (n > 0) {
            dst[n++] = ',';
            dst[n++] = ' ';
        }
        memcpy(dst + n, type.p, type.n);
        n += type.n;
        dst[n] = 0;
    }
}

static void tell_none(const struct acmeobj_authz *z, struct fault *f)
{
    char offers[OFFER_TEXT_BYTES];
    list_offers(z, offers);
    fault_set(f, ERR_CONFIG, "no challenge for %s" SLICE_F " can be answered (offered: %s)",
              z->wildcard ? "*." : "", SLICE_A(z->name), offers[0] ? offers : "none");
    if (z->wildcard)
        fault_next(f, "wildcards need dns-01: configure acme.dns");
    else if (z->is_ip)
        fault_next(f, "addresses need http-01 or tls-alpn-01: enable one of them");
    else
        fault_next(f, "enable one of the offered types in acme.challenges");
}

const struct acmeobj_challenge *challenge_choose(const struct acmeobj_authz *z, unsigned enabled,
                                                 int last, unsigned failed,
                                                 enum challenge_type *ret, struct fault *f)
{
    enum challenge_type order[CHALLENGE_TYPES + 1];
    size_t n = 0;
    if (last >= 0 && last < CHALLENGE_TYPES)
        order[n++] = (enum challenge_type)last;
    for (unsigned t = 0; t < CHALLENGE_TYPES; t++)
        order[n++] = (enum challenge_type)t;
    for (size_t i = 0; i < n; i++) {
        unsigned bit = 1u << order[i];
        if (!(enabled & bit) || (failed & bit) || !usable(z, order[i]))
            continue;
        const struct acmeobj_challenge *c = offered(z, order[i]);
        if (!c)
            continue;
        *ret = order[i];
        return c;
    }
    tell_none(z, f);
    return NULL;
}

/* ---- the table ---- */

/* Who answers makes the server name and the certificate of it (RFC 8738 6). */
static size_t collect(const struct challenges *cs, struct certhost_answer *answers)
{
    size_t n = 0;
    LIST_FOREACH (node, &cs->active) {
        const struct challenge *ch = container_of(node, struct challenge, node);
        if (!in_table(ch))
            continue;
        struct certhost_answer *a = &answers[n++];
        *a = (struct certhost_answer){.kind = CERTHOST_ALPN01, .name = ch->name};
        memcpy(a->digest, ch->digest, sizeof(a->digest));
        if (ch->type == CHALLENGE_HTTP01) {
            a->kind = CERTHOST_HTTP01;
            a->token = ch->token;
            a->content = ch->content;
        }
    }
    return n;
}

static void answer_later(struct challenge *ch, int r)
{
    ch->r = r;
    loop_timer_clear(&ch->timer);
    loop_defer(ch->all->loop, &ch->task);
}

static void publish(struct loop_task *t)
{
    struct challenges *cs = container_of(t, struct challenges, publish);
    struct certhost_answer *answers = mem_array(cs->count + 1, sizeof(*answers));
    uint64_t version = ++cs->version;
    LIST_FOREACH (node, &cs->active) {
        struct challenge *ch = container_of(node, struct challenge, node);
        if (!in_table(ch) || ch->version)
            continue;
        ch->version = version;
        if (!answers)
            answer_later(ch, fault_set(&ch->fault, ERR_NOMEM, "no memory for challenges"));
    }
    if (answers)
        cs->host->publish(cs->host->ctx, version, answers, collect(cs, answers));
    mem_free(answers);
}

int challenge_new(struct loop *l, const struct certhost *host, struct challenges **ret)
{
    struct challenges *cs = mem_alloc(sizeof(*cs));
    if (!cs)
        return ERR_NOMEM;
    cs->loop = l;
    cs->host = host;
    list_init(&cs->active);
    loop_task_init(&cs->publish, publish);
    *ret = cs;
    return OK;
}

void challenge_free(struct challenges *cs)
{
    if (!cs)
        return;
    while (!list_empty(&cs->active))
        challenge_withdraw(container_of(cs->active.next, struct challenge, node));
    loop_task_cancel(&cs->publish);
    mem_free(cs);
}

void challenge_set_dns(struct challenges *cs, struct dnssolve *dns)
{
    cs->dns = dns;
}

size_t challenge_count(const struct challenges *cs)
{
    return cs->count;
}

void challenge_published(struct challenges *cs, uint64_t version)
{
    LIST_FOREACH (node, &cs->active) {
        struct challenge *ch = container_of(node, struct challenge, node);
        bool waits = ch->timer.deadline_ms != 0;
        if (in_table(ch) && waits && ch->version && ch->version <= version)
            answer_later(ch, OK);
    }
}

/* ---- one answer ---- */

static void run_answer(struct loop_task *t)
{
    struct challenge *ch = container_of(t, struct challenge, task);
    ch->on_presented(ch, ch->r, ch->r ? &ch->fault : NULL);
}

static void expire(struct loop_timer *t)
{
    struct challenge *ch = container_of(t, struct challenge, timer);
    answer_later(ch, fault_set(&ch->fault, ERR_TIMEOUT,
                               "the challenge for " SLICE_F " was not taken up within %u seconds",
                               SLICE_A(ch->name), PUBLISH_TIMEOUT_MS / 1000));
}

static void dns_done(struct dnssolve_record *rec, int r, const struct fault *f)
{
    struct challenge *ch = container_of(rec, struct challenge, dns);
    if (r && f)
        ch->fault = *f;
    ch->on_presented(ch, r, r ? &ch->fault : NULL);
}

static int copy(struct slice from, struct slice *ret)
{
    char *p = mem_dup(from.p ? (const void *)from.p : "", from.n);
    if (!p)
        return ERR_NOMEM;
    *ret = slice_of(p, from.n);
    return OK;
}

static void drop(struct slice *s)
{
    mem_free((void *)(uintptr_t)s->p);
    *s = SLICE_EMPTY;
}

static int present_dns(struct challenges *cs, struct challenge *ch)
{
    if (!cs->dns)
        return fault_set(&ch->fault, ERR_CONFIG, "%s is not configured",
                         challenge_type_text(ch->type));
    ch->dns.on_done = dns_done;
    if (ch->type == CHALLENGE_PERSIST01) {
        bool wildcard = slice_starts(ch->name, SLICE("*."));
        dnssolve_check_persist(cs->dns, &ch->dns, slice_from(ch->name, wildcard ? 2 : 0), wildcard,
                               ch->token, ch->content);
        return OK;
    }
    struct buf value;
    buf_init(&value, DNS_VALUE_MAX);
    int r = digest_base64url(slice_of(ch->digest, sizeof(ch->digest)), &value);
    if (!r)
        dnssolve_present(cs->dns, &ch->dns, ch->name, buf_slice(&value));
    buf_done(&value);
    return r;
}

static int present(struct challenges *cs, struct challenge *ch)
{
    int r = digest_sha256(ch->content, ch->digest);
    if (r)
        return r;
    if (!in_table(ch))
        return present_dns(cs, ch);
    if (cs->count > ANSWERS_MAX)
        return ERR_CAP;
    loop_timer_set(cs->loop, &ch->timer, PUBLISH_TIMEOUT_MS);
    loop_defer(cs->loop, &cs->publish);
    return OK;
}

void challenge_present(struct challenges *cs, struct challenge *ch, enum challenge_type type,
                       struct slice name, struct slice token, struct slice key_authorization)
{
    ch->type = type;
    ch->version = 0;
    ch->fault = (struct fault){0};
    ch->all = cs;
    loop_task_init(&ch->task, run_answer);
    loop_timer_init(&ch->timer, expire);
    list_init(&ch->node);
    list_push(&cs->active, &ch->node);
    cs->count++;
    int r = copy(name, &ch->name);
    if (!r)
        r = copy(token, &ch->token);
    if (!r)
        r = copy(key_authorization, &ch->content);
    if (!r)
        r = present(cs, ch);
    if (!r)
        return;
    if (!ch->fault.code)
        fault_set(&ch->fault, r, "the challenge cannot be presented: %s", err_text(r));
    answer_later(ch, r);
}

void challenge_withdraw(struct challenge *ch)
{
    struct challenges *cs = ch->all;
    if (!cs)
        return;
    ch->all = NULL;
    list_remove(&ch->node);
    cs->count--;
    loop_task_cancel(&ch->task);
    loop_timer_clear(&ch->timer);
    if (in_table(ch))
        loop_defer(cs->loop, &cs->publish);
    else if (ch->dns.on_done)
        dnssolve_withdraw(&ch->dns);
    ch->dns.on_done = NULL;
    drop(&ch->name);
    drop(&ch->token);
    drop(&ch->content);
}
