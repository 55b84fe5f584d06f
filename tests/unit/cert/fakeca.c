/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers are made when a request arrives (the CA has acted then) and delivered from a task, so
 * that a client that dies in between leaves the CA as a real one would be left. */
#include "fakeca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypt/csr.h"
#include "crypt/localca.h"
#include "os/clock.h"

#define BASE "https://ca.test/"

struct pending {
    struct list node;
    struct acmeca_call *call;
    int r;
    unsigned status;
    int64_t retry_after_s;
    char body[32768], location[64], type[48], detail[96];
    struct slice alternate;
};

static struct fakeca *ca;
static struct acmeca_signer signer = {.kid = SLICE(BASE "acct/1")};
static struct acmeobj_directory directory;

void __real_loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms);
void __wrap_loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms);

void __wrap_loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t delay_ms)
{
    __real_loop_timer_set(l, t, delay_ms / FAKECA_HASTE);
}

/* ---- acmeca ---- */

static void deliver(struct loop_task *t)
{
    (void)t;
    static struct acmeca_answer a;
    struct list *node = list_pop(&ca->queue);
    if (!node)
        return;
    struct pending *p = container_of(node, struct pending, node);
    struct acmeca_call *c = p->call;
    struct arena arena;
    arena_init(&arena, ACMECA_ARENA_BYTES);
    loop_defer(ca->loop, &ca->task);
    a = (struct acmeca_answer){.r = p->r,
                               .status = p->status,
                               .body = slice_cstr(p->body),
                               .location = slice_cstr(p->location),
                               .retry_after_s = p->retry_after_s,
                               .alternates = &p->alternate,
                               .nalternates = p->alternate.n > 0,
                               .arena = &arena};
    if (p->r)
        fault_set(&a.fault, p->r, "the CA says: %s", p->detail);
    a.problem = (struct acmeobj_problem){
        .type = slice_cstr(p->type), .detail = slice_cstr(p->detail), .status = p->status};
    c->ca = NULL;
    c->on_done(c, &a);
    arena_done(&arena);
    free(p);
}

static struct pending *queue(struct acmeca_call *c)
{
    struct pending *p = calloc(1, sizeof(*p));
    p->call = c;
    p->status = 200;
    p->retry_after_s = -1;
    c->ca = (struct acmeca *)(void *)ca;
    list_init(&p->node);
    list_push(&ca->queue, &p->node);
    loop_defer(ca->loop, &ca->task);
    return p;
}

static void refuse(struct pending *p, unsigned status, const char *type, const char *detail)
{
    p->r = ERR_ACME;
    p->status = status;
    snprintf(p->type, sizeof(p->type), "%s", type);
    snprintf(p->detail, sizeof(p->detail), "%s", detail);
}

void acmeca_ready(struct acmeca *unused, struct acmeca_call *c)
{
    (void)unused;
    directory = (struct acmeobj_directory){.new_order = SLICE(BASE "new-order"),
                                           .renewal_info = SLICE(BASE "ari")};
    if (ca->profile)
        directory.profiles[directory.nprofiles++] = slice_cstr(ca->profile);
    queue(c);
}

const struct acmeobj_directory *acmeca_directory(const struct acmeca *unused)
{
    (void)unused;
    return &directory;
}

struct slice acmeca_url(const struct acmeca *unused)
{
    (void)unused;
    return SLICE(BASE "dir");
}

void acmeca_cancel(struct acmeca_call *c)
{
    LIST_FOREACH_SAFE (node, &ca->queue) {
        struct pending *p = container_of(node, struct pending, node);
        if (p->call != c)
            continue;
        list_remove(&p->node);
        free(p);
    }
    c->ca = NULL;
}

/* ---- account ---- */

static struct account_call *waiting;
static struct loop_task account_task;

static void account_answer(struct loop_task *t)
{
    (void)t;
    struct account_call *c = waiting;
    waiting = NULL;
    if (c)
        c->on_done(c, OK, NULL, NULL);
}

void account_ready(struct account *a, struct account_call *c)
{
    (void)a;
    waiting = c;
    loop_defer(ca->loop, &account_task);
}

void account_cancel(struct account_call *c)
{
    if (waiting == c)
        waiting = NULL;
}

int account_lost(struct account *a, struct fault *f)
{
    (void)a;
    (void)f;
    ca->lost++;
    return OK;
}

const struct acmeca_signer *account_signer(const struct account *a)
{
    (void)a;
    return &signer;
}

struct acmeca *account_ca(const struct account *a)
{
    (void)a;
    return NULL;
}

int account_key_authorization(const struct account *a, struct slice token, struct buf *out,
                              struct fault *f)
{
    (void)a;
    (void)f;
    return buf_printf(out, SLICE_F ".thumb", SLICE_A(token));
}

/* The key of the CSR is taken from under it: no request has to be parsed. */
int csr_make(const struct key *key, const struct slice *names, size_t nnames, struct buf *out,
             struct fault *f)
{
    (void)f;
    assert_int_equal(nnames, ca->nnames);
    for (size_t i = 0; i < nnames; i++)
        assert_true(slice_eq(names[i], ca->names[i]));
    keystore_unref(ca->seen_key);
    ca->seen_key = keystore_ref((struct key *)(uintptr_t)key);
    return buf_add(out, SLICE("csr"));
}

/* ---- dns-01, which these orders have not enabled ---- */

void dnssolve_present(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                      struct slice value)
{
    fail_msg("a record for " SLICE_F " (" SLICE_F ", %p, %p)", SLICE_A(domain), SLICE_A(value),
             (void *)d, (void *)rec);
}

void dnssolve_withdraw(struct dnssolve_record *rec)
{
    fail_msg("no record was made (%p)", (void *)rec);
}

void dnssolve_check_persist(struct dnssolve *d, struct dnssolve_record *rec, struct slice domain,
                            bool wildcard, struct slice issuer, struct slice account_url)
{
    (void)wildcard;
    (void)issuer;
    (void)account_url;
    dnssolve_present(d, rec, domain, SLICE("persistent"));
}

/* ---- objects ---- */

static void write_order(struct pending *p)
{
    size_t n = (size_t)snprintf(p->body, sizeof(p->body),
                                "{\"status\":\"%s\",\"expires\":\"2099-01-01T00:00:00Z\","
                                "\"finalize\":\"" BASE "finalize/%u\",\"identifiers\":[",
                                acmeobj_status_text(ca->status), ca->orders);
    for (size_t i = 0; i < ca->nnames; i++)
        n += (size_t)snprintf(p->body + n, sizeof(p->body) - n,
                              "%s{\"type\":\"dns\",\"value\":\"" SLICE_F "\"}", i ? "," : "",
                              SLICE_A(ca->names[i]));
    n += (size_t)snprintf(p->body + n, sizeof(p->body) - n, "],\"authorizations\":[");
    for (size_t i = 0; i < ca->nnames; i++)
        n += (size_t)snprintf(p->body + n, sizeof(p->body) - n, "%s\"" BASE "authz/%zu\"",
                              i ? "," : "", i);
    snprintf(p->body + n, sizeof(p->body) - n, "]%s}",
             ca->status == ACMEOBJ_VALID ? ",\"certificate\":\"" BASE "cert/1\"" : "");
}

static void write_authz(struct pending *p, size_t i)
{
    bool invalid = ca->authz[i] == ACMEOBJ_INVALID;
    snprintf(p->body, sizeof(p->body),
             "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"" SLICE_F "\"},"
             "\"challenges\":[{\"type\":\"dns-01\",\"url\":\"" BASE "chal/d%zu\","
             "\"token\":\"dns%zu\",\"status\":\"pending\"},{\"type\":\"http-01\",\"url\":\"" BASE
             "chal/%zu\",\"token\":\"tok%zu\",\"status\":\"%s\"%s}]}",
             acmeobj_status_text(ca->authz[i]), SLICE_A(ca->names[i]), i, i, i, i,
             acmeobj_status_text(ca->authz[i]),
             invalid ? ",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\","
                       "\"detail\":\"no way there\",\"status\":400}"
                     : "");
}

static struct certinfo_chain *issue(int root)
{
    struct certinfo_chain *chain = NULL;
    struct key *other = NULL;
    int64_t now_s = clock_unix_ms() / 1000;
    struct localca_leaf leaf = {
        .names = ca->names, .nnames = ca->nnames, .key = ca->seen_key, .now_s = now_s};
    if (ca->chain == FAKECA_OTHER_KEY) {
        assert_int_equal(keystore_generate(KEY_ECDSA_P256, &other, NULL), OK);
        leaf.key = other;
    }
    if (ca->chain == FAKECA_OTHER_NAMES)
        leaf.nnames--;
    if (ca->chain == FAKECA_EXPIRED)
        leaf.now_s = now_s - 100 * 86400;
    assert_int_equal(localca_issue(ca->roots[root], ca->root_keys[root], &leaf, &chain, NULL), OK);
    keystore_unref(other);
    return chain;
}

static void write_chain(struct pending *p, int root)
{
    struct buf pem;
    struct certinfo_chain *leaf = issue(root);
    buf_init(&pem, sizeof(p->body) - 1);
    if (ca->chain != FAKECA_A_CA)
        assert_int_equal(certinfo_pem(leaf, &pem), OK);
    int above = ca->chain == FAKECA_LOOSE ? !root : root;
    assert_int_equal(certinfo_pem(ca->roots[above], &pem), OK);
    size_t n = ca->chain == FAKECA_CUT ? pem.n - 100 : pem.n;
    memcpy(p->body, buf_slice(&pem).p, n);
    buf_done(&pem);
    certinfo_unref(leaf);
    if (ca->alternates)
        p->alternate = SLICE(BASE "cert/2");
    ca->downloads++;
}

/* ---- requests ---- */

static void new_order(struct pending *p, struct slice payload)
{
    snprintf(ca->last_order, sizeof(ca->last_order), SLICE_F, SLICE_A(payload));
    if (ca->replaces_error && strstr(ca->last_order, "\"replaces\"")) {
        refuse(p, ca->replaces_status, ca->replaces_error, "cannot be replaced");
        return;
    }
    ca->orders++;
    ca->status = ca->valid_at_once ? ACMEOBJ_READY : ACMEOBJ_PENDING;
    for (size_t i = 0; i < ca->nnames; i++)
        ca->authz[i] = ca->valid_at_once ? ACMEOBJ_VALID : ACMEOBJ_PENDING;
    p->status = 201;
    snprintf(p->location, sizeof(p->location), BASE "order/%u", ca->orders);
    write_order(p);
}

static void get_order(struct pending *p)
{
    if (ca->no_order) {
        refuse(p, 404, "malformed", "no such order");
        return;
    }
    if (ca->hiccups > 0) {
        ca->hiccups--;
        refuse(p, 503, "serverInternal", "busy");
        return;
    }
    if (ca->order_invalid)
        ca->status = ACMEOBJ_INVALID;
    if (ca->status == ACMEOBJ_PROCESSING && ca->processing-- == 0)
        ca->status = ACMEOBJ_VALID;
    write_order(p);
    if (ca->status == ACMEOBJ_PROCESSING)
        p->retry_after_s = ca->retry_after_s;
}

static void finalize(struct pending *p)
{
    if (ca->lost_finalize > 0) {
        ca->lost_finalize--;
        p->r = ERR_RESET;
        return;
    }
    if (ca->not_ready > 0) {
        ca->not_ready--;
        refuse(p, 403, "orderNotReady", "too early");
        return;
    }
    if (ca->status != ACMEOBJ_READY) {
        refuse(p, 403, "orderNotReady", "too late");
        return;
    }
    if (ca->no_finalize) {
        refuse(p, 400, ca->finalize_error, "no");
        return;
    }
    ca->finalized++;
    ca->status = ca->processing ? ACMEOBJ_PROCESSING : ACMEOBJ_VALID;
    if (ca->twice_finalize > 0) {
        ca->twice_finalize--;
        refuse(p, 403, ca->finalize_error, "too late");
        return;
    }
    write_order(p);
    if (ca->cut_finalize > 0) {
        ca->cut_finalize--;
        p->r = ERR_RESET;
    }
}

static void trigger(struct pending *p, size_t i)
{
    bool all = true;
    ca->triggers++;
    ca->authz[i] = ca->failing & 1u << i ? ACMEOBJ_INVALID : ACMEOBJ_VALID;
    for (size_t k = 0; k < ca->nnames; k++)
        all = all && ca->authz[k] == ACMEOBJ_VALID;
    if (all)
        ca->status = ACMEOBJ_READY;
    snprintf(p->body, sizeof(p->body), "{\"type\":\"http-01\",\"status\":\"processing\"}");
}

static void route(struct pending *p, const char *path, struct slice payload)
{
    size_t i = strchr(path, '/') ? (size_t)strtoul(strchr(path, '/') + 1, NULL, 10) : 0;
    if (ca->lost_account > 0) {
        ca->lost_account--;
        refuse(p, 400, "accountDoesNotExist", "who are you");
    } else if (!strcmp(path, "new-order")) {
        new_order(p, payload);
    } else if (!strncmp(path, "order/", 6)) {
        get_order(p);
    } else if (!strncmp(path, "authz/", 6)) {
        ca->deactivated += payload.n > 0;
        write_authz(p, i);
    } else if (!strncmp(path, "chal/", 5)) {
        trigger(p, i);
    } else if (!strncmp(path, "finalize/", 9)) {
        finalize(p);
    } else if (!strncmp(path, "cert/", 5)) {
        write_chain(p, i == 2);
    } else {
        fail_msg("unexpected request: %s", path);
    }
}

void acmeca_post(struct acmeca *unused, struct acmeca_call *c, struct slice url,
                 const struct acmeca_signer *by, struct slice payload)
{
    (void)unused;
    char path[96];
    assert_true(slice_starts(url, SLICE(BASE)));
    assert_ptr_equal(by, &signer);
    snprintf(path, sizeof(path), SLICE_F, SLICE_A(slice_from(url, sizeof(BASE) - 1)));
    assert_true(ca->requests < FAKECA_LOG);
    snprintf(ca->log[ca->requests++], sizeof(ca->log[0]), "%s", path);
    struct pending *p = queue(c);
    route(p, path, payload);
    if (ca->die_at && ca->requests >= ca->die_at) {
        ca->dead = true;
        loop_stop(ca->loop);
    }
}

/* ---- the CA itself ---- */

void fakeca_open(struct fakeca *fake, struct loop *l)
{
    ca = fake;
    ca->loop = l;
    ca->retry_after_s = -1;
    list_init(&ca->queue);
    loop_task_init(&ca->task, deliver);
    loop_task_init(&account_task, account_answer);
    waiting = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(keystore_generate(KEY_ECDSA_P256, &ca->root_keys[i], NULL), OK);
        assert_int_equal(
            localca_root(ca->root_keys[i], clock_unix_ms() / 1000, &ca->roots[i], NULL), OK);
    }
    ca->root1 = (const char *)certinfo_at(ca->roots[0], 0)->subject.p;
    ca->root2 = (const char *)certinfo_at(ca->roots[1], 0)->subject.p;
}

void fakeca_close(struct fakeca *fake)
{
    struct list *node;
    while ((node = list_pop(&fake->queue)))
        free(container_of(node, struct pending, node));
    loop_task_cancel(&fake->task);
    loop_task_cancel(&account_task);
    keystore_unref(fake->seen_key);
    for (int i = 0; i < 2; i++) {
        keystore_unref(fake->root_keys[i]);
        certinfo_unref(fake->roots[i]);
    }
}

void fakeca_expect(struct fakeca *fake, const struct slice *names, size_t n)
{
    assert_true(n <= FAKECA_NAMES);
    memcpy(fake->names, names, n * sizeof(*names));
    fake->nnames = n;
}

unsigned fakeca_count(const struct fakeca *fake, const char *prefix)
{
    unsigned n = 0;
    for (unsigned i = 0; i < fake->requests; i++)
        n += strncmp(fake->log[i], prefix, strlen(prefix)) == 0;
    return n;
}

struct account *fakeca_account(struct fakeca *fake)
{
    return (struct account *)(void *)fake;
}
