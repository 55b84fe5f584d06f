/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Every request is an `ask`: fetch a nonce when the pool has none, sign, send, and once more for
 * badNonce. The directory is one ask that many may wait for. */
#include "cert/acmeca.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cert/acmehead.h"
#include "cert/certclock.h"
#include "cert/noncepool.h"
#include "crypt/jws.h"
#include "wire/phrase.h"

#define DIRECTORY_AGE_MS (3600 * 1000)
#define TRIES_MAX        12 /* of one request, while the CA refuses nonces */
#define RETRY_STEP_MS    20
#define RETRY_MAX_MS     200
#define SETTING_S        60           /* less is the correction of a clock that drifts */
#define MESSAGE_MAX      (256 * 1024) /* a CSR with a hundred names, twice in base64 */

/* Two directories: what was lent out of the last one stays readable while the next is fetched. */
struct edition {
    struct arena arena;
    struct acmeobj_directory directory;
};

struct acmeca {
    struct loop *l;
    struct acmehttp *http;
    char *url, *pem;
    struct slice url_s, pem_s;
    struct edition editions[2];
    unsigned edition;
    bool has_directory;
    uint64_t fetched_ms; /* 0: must be fetched */
    struct acmehttp_call fetch;
    struct list waiting; /* calls for the directory */
    struct list due;     /* calls to be answered in the next turn: OK or no memory */
    struct list telling; /* those being answered now */
    struct list asks;
    struct loop_task turn;
    struct noncepool nonces;
    bool knows_skew;
    int64_t skew_s, skew_setting_s; /* how our clock was set then */
    int64_t fetch_setting_s;
    uint64_t nonce_retries;
    bool *freed;
};

struct ask {
    struct list node;
    struct acmeca *ca;
    struct acmeca_call *call;
    struct acmehttp_call http;
    struct loop_task start;
    struct loop_timer pause;
    char *url;
    struct slice url_s;
    bool post; /* all below is for POST only */
    struct key *key;
    char *kid, *payload;
    struct slice kid_s, payload_s;
    struct slice nonce_url;
    char *nonce_url_copy;
    unsigned tries;
    int64_t setting_s;
};

static void next_try(struct ask *k);

static struct slice host_of(const struct acmeca *ca)
{
    struct slice host = acmehead_url_host(ca->url_s);
    return host.n ? slice_first(host, 100) : SLICE("?");
}

static void ask_free(struct ask *k)
{
    acmehttp_cancel(&k->http);
    loop_timer_clear(&k->pause);
    loop_task_cancel(&k->start);
    list_remove(&k->node);
    keystore_unref(k->key);
    mem_free(k->url);
    mem_free(k->kid);
    mem_free(k->payload);
    mem_free(k->nonce_url_copy);
    mem_free(k);
}

/* The wall clock against the monotonic one: another value means that somebody set it. */
static int64_t setting_of(const struct acmeca *ca)
{
    return certclock_now_s(ca->l) - (int64_t)(loop_now_ms(ca->l) / 1000);
}

static bool is_set_since(const struct acmeca *ca, int64_t setting_s)
{
    int64_t moved_s = setting_of(ca) - setting_s;
    return moved_s > SETTING_S || moved_s < -SETTING_S;
}

/* setting_s: when it was asked. */
static void learn(struct acmeca *ca, const struct acmehttp_reply *reply, int64_t setting_s)
{
    noncepool_put(&ca->nonces, reply->nonce, loop_now_ms(ca->l));
    if (reply->r || reply->date_s <= 0 || is_set_since(ca, setting_s))
        return;
    ca->knows_skew = true;
    ca->skew_setting_s = setting_s;
    ca->skew_s = certclock_now_s(ca->l) - reply->date_s;
}

/* False: the owner freed the CA. */
static bool hand_out(struct acmeca *ca, struct acmeca_call *c, const struct acmeca_answer *a)
{
    bool freed = false, *outer = ca->freed;
    ca->freed = &freed;
    c->ca = NULL;
    c->state = NULL;
    c->on_done(c, a);
    if (freed) {
        if (outer)
            *outer = true;
        return false;
    }
    ca->freed = outer;
    return true;
}

static int refused(const struct acmeca *ca, struct slice url, struct acmeca_answer *a)
{
    char type[64], detail[200], where[192];
    struct slice host = host_of(ca);
    text_escape(a->problem.type, type, sizeof(type));
    text_escape(a->problem.detail, detail, sizeof(detail));
    text_escape(url, where, sizeof(where));
    if (*type)
        fault_set(&a->fault, ERR_ACME, "the CA " SLICE_F " refused with %u %s%s%s", SLICE_A(host),
                  a->status, type, *detail ? ": " : "", detail);
    else
        fault_set(&a->fault, ERR_ACME, "the CA " SLICE_F " refused: %s", SLICE_A(host), detail);
    fault_at(&a->fault, where, 0, 0);
    return ERR_ACME;
}

static int broken(const struct acmeca *ca, struct slice url, struct acmeca_answer *a,
                  const char *how)
{
    char where[192];
    struct slice host = host_of(ca);
    text_escape(url, where, sizeof(where));
    fault_set(&a->fault, ERR_SYNTAX, "the CA " SLICE_F " does not follow RFC 8555: %s",
              SLICE_A(host), how);
    fault_at(&a->fault, where, 0, 0);
    return ERR_SYNTAX;
}

/* What a reply means; the problem goes into the answer's arena. */
static void judge(const struct acmeca *ca, struct slice url, const struct acmehttp_reply *reply,
                  struct acmeca_answer *a)
{
    char how[120];
    a->r = reply->r;
    a->fault = reply->fault;
    a->status = reply->status;
    a->body = reply->body;
    a->location = reply->location;
    a->retry_after_s = reply->retry_after_s;
    a->alternates = reply->alternates;
    a->nalternates = reply->nalternates;
    if (a->r || (a->status >= 200 && a->status < 300))
        return;
    if (a->status < 400) {
        snprintf(how, sizeof(how), "it answered with %u %s", a->status,
                 phrase_of((uint16_t)a->status));
        a->r = broken(ca, url, a, how);
    } else if (acmeobj_read_problem(reply->body, reply->status, a->arena, &a->problem)) {
        a->r = fault_set(&a->fault, ERR_NOMEM, "no memory for the answer of a CA");
    } else {
        a->r = refused(ca, url, a);
    }
}

static void answer_init(struct acmeca_answer *a, struct arena *arena)
{
    *a = (struct acmeca_answer){.retry_after_s = -1, .arena = arena};
    arena_init(arena, ACMECA_ARENA_BYTES);
}

/* Tells and frees; nothing of the ask may be touched afterwards. */
static void finish(struct ask *k, struct acmeca_answer *a)
{
    struct acmeca *ca = k->ca;
    struct acmeca_call *c = k->call;
    ask_free(k);
    hand_out(ca, c, a);
}

static void finish_with(struct ask *k, const struct fault *f)
{
    struct arena arena;
    struct acmeca_answer a;
    answer_init(&a, &arena);
    a.r = f->code;
    a.fault = *f;
    finish(k, &a);
    arena_done(&arena);
}

static void on_start(struct loop_task *t)
{
    struct ask *k = container_of(t, struct ask, start);
    struct fault f = {0};
    if (k->post && !k->key)
        fault_set(&f, ERR_NOT_FOUND, "there is no account at the CA " SLICE_F " any more",
                  SLICE_A(host_of(k->ca)));
    else if (k->post && (!k->kid || !k->payload || !k->nonce_url_copy))
        fault_set(&f, ERR_NOMEM, "no memory for asking a CA");
    if (f.code)
        finish_with(k, &f);
    else
        next_try(k);
}

static void on_pause(struct loop_timer *t)
{
    next_try(container_of(t, struct ask, pause));
}

static bool wants_another_nonce(const struct ask *k, const struct acmeca_answer *a)
{
    return a->r == ERR_ACME && k->post && k->tries < TRIES_MAX &&
           slice_eq(a->problem.type, SLICE("badNonce"));
}

/* A CA that refuses one nonce has often forgotten all of them; the one that came with the refusal
 * is fresh (RFC 8555 6.5). */
static void try_again(struct ask *k, const struct acmehttp_reply *reply)
{
    struct acmeca *ca = k->ca;
    uint64_t wait_ms = (uint64_t)k->tries * RETRY_STEP_MS;
    ca->nonce_retries++;
    noncepool_clear(&ca->nonces);
    noncepool_put(&ca->nonces, reply->nonce, loop_now_ms(ca->l));
    loop_timer_set(ca->l, &k->pause, wait_ms > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms);
}

static void on_reply(struct acmehttp_call *c, const struct acmehttp_reply *reply)
{
    struct ask *k = container_of(c, struct ask, http);
    struct arena arena;
    struct acmeca_answer a;
    answer_init(&a, &arena);
    learn(k->ca, reply, k->setting_s);
    judge(k->ca, k->url_s, reply, &a);
    if (wants_another_nonce(k, &a))
        try_again(k, reply);
    else
        finish(k, &a);
    arena_done(&arena);
}

static void on_nonce(struct acmehttp_call *c, const struct acmehttp_reply *reply)
{
    struct ask *k = container_of(c, struct ask, http);
    struct arena arena;
    struct acmeca_answer a;
    answer_init(&a, &arena);
    learn(k->ca, reply, k->setting_s);
    judge(k->ca, k->nonce_url, reply, &a);
    if (!a.r && !reply->nonce.n)
        a.r = broken(k->ca, k->nonce_url, &a, "newNonce gave no nonce");
    if (a.r)
        finish(k, &a);
    else
        next_try(k);
    arena_done(&arena);
}

static void send_signed(struct ask *k, struct slice nonce)
{
    struct acmeca *ca = k->ca;
    struct jws_head head = {.url = k->url_s, .nonce = nonce, .kid = k->kid_s};
    struct fault f = {0};
    struct buf message;
    buf_init(&message, MESSAGE_MAX);
    int r = jws_sign(k->key, &head, k->payload_s, &message, &f);
    if (r) {
        if (!f.code)
            fault_set(&f, r, "a message to a CA cannot be signed");
        buf_done(&message);
        finish_with(k, &f);
        return;
    }
    k->tries++;
    k->setting_s = setting_of(ca);
    k->http.on_done = on_reply;
    acmehttp_start(ca->http,
                   &(struct acmehttp_request){.method = ACMEHTTP_POST,
                                              .url = k->url_s,
                                              .body = buf_slice(&message),
                                              .ca_pem = ca->pem_s},
                   &k->http);
    buf_done(&message);
}

static void next_try(struct ask *k)
{
    struct acmeca *ca = k->ca;
    char nonce[NONCEPOOL_BYTES];
    size_t n = k->post ? noncepool_take(&ca->nonces, loop_now_ms(ca->l), nonce) : 0;
    if (n) {
        send_signed(k, slice_of(nonce, n));
        return;
    }
    k->setting_s = setting_of(ca);
    k->http.on_done = k->post ? on_nonce : on_reply;
    acmehttp_start(ca->http,
                   &(struct acmehttp_request){.method = k->post ? ACMEHTTP_HEAD : ACMEHTTP_GET,
                                              .url = k->post ? k->nonce_url : k->url_s,
                                              .ca_pem = ca->pem_s},
                   &k->http);
}

static char *copy(struct slice s, struct slice *ret)
{
    char *p = mem_dup(s.n ? s.p : (const uint8_t *)"", s.n);
    *ret = slice_of(p, s.n);
    return p;
}

static void answer_later(struct acmeca *ca, struct acmeca_call *c)
{
    list_init(&c->node);
    list_push(&ca->due, &c->node);
    loop_defer(ca->l, &ca->turn);
}

static struct ask *ask_new(struct acmeca *ca, struct acmeca_call *c, struct slice url)
{
    struct ask *k = mem_alloc(sizeof(*k));
    c->ca = ca;
    c->state = NULL;
    list_init(&c->node);
    if (k) {
        k->ca = ca;
        k->call = c;
        loop_timer_init(&k->pause, on_pause);
        loop_task_init(&k->start, on_start);
        k->url = copy(url, &k->url_s);
        list_init(&k->node);
    }
    if (k && k->url) {
        c->state = k;
        list_push(&ca->asks, &k->node);
        loop_defer(ca->l, &k->start); /* errors never come from inside the call */
        return k;
    }
    if (k)
        ask_free(k);
    answer_later(ca, c);
    return NULL;
}

void acmeca_get(struct acmeca *ca, struct acmeca_call *c, struct slice url)
{
    BEST_EFFORT(!ask_new(ca, c, url)); /* without memory it is answered all the same */
}

void acmeca_post(struct acmeca *ca, struct acmeca_call *c, struct slice url,
                 const struct acmeca_signer *by, struct slice payload)
{
    struct ask *k = ask_new(ca, c, url);
    if (!k)
        return;
    const struct acmeobj_directory *d = acmeca_directory(ca);
    k->post = true;
    k->key = by->key ? keystore_ref(by->key) : NULL; /* it may be deactivated while in use */
    k->kid = copy(by->kid, &k->kid_s);
    k->payload = copy(payload, &k->payload_s);
    k->nonce_url_copy = copy(d ? d->new_nonce : SLICE_EMPTY, &k->nonce_url);
    if (!payload.p)
        k->payload_s = SLICE_EMPTY;
}

static void keep_directory(struct acmeca *ca, const struct acmehttp_reply *reply,
                           struct acmeca_answer *a)
{
    struct edition *next = &ca->editions[ca->edition ^ 1];
    struct fault f = {0};
    arena_done(&next->arena);
    a->r = acmeobj_read_directory(reply->body, &next->arena, &next->directory, &f);
    if (a->r) {
        broken(ca, ca->url_s, a, f.what);
        a->fault.code = a->r;
        return;
    }
    ca->edition ^= 1;
    ca->has_directory = true;
    ca->fetched_ms = loop_now_ms(ca->l);
    ca->fetched_ms += !ca->fetched_ms;
}

static void on_directory(struct acmehttp_call *c, const struct acmehttp_reply *reply)
{
    struct acmeca *ca = container_of(c, struct acmeca, fetch);
    struct arena arena;
    struct acmeca_answer a;
    answer_init(&a, &arena);
    learn(ca, reply, ca->fetch_setting_s);
    judge(ca, ca->url_s, reply, &a);
    if (!a.r)
        keep_directory(ca, reply, &a);
    /* Who asks again from inside of on_done waits for the next one. */
    list_take(&ca->telling, &ca->waiting);
    bool alive = true;
    for (struct list *n; alive && (n = list_pop(&ca->telling));)
        alive = hand_out(ca, container_of(n, struct acmeca_call, node), &a);
    arena_done(&arena);
}

void acmeca_ready(struct acmeca *ca, struct acmeca_call *c)
{
    c->ca = ca;
    c->state = NULL;
    list_init(&c->node);
    if (ca->fetched_ms && loop_now_ms(ca->l) - ca->fetched_ms < DIRECTORY_AGE_MS) {
        c->state = ca; /* due and fine, unlike those that no memory was left for */
        answer_later(ca, c);
        return;
    }
    ca->fetched_ms = 0;
    list_push(&ca->waiting, &c->node);
    if (ca->fetch.http)
        return;
    ca->fetch_setting_s = setting_of(ca);
    ca->fetch.on_done = on_directory;
    acmehttp_start(
        ca->http,
        &(struct acmehttp_request){.method = ACMEHTTP_GET, .url = ca->url_s, .ca_pem = ca->pem_s},
        &ca->fetch);
}

void acmeca_stale(struct acmeca *ca)
{
    ca->fetched_ms = 0;
}

static void on_turn(struct loop_task *t)
{
    struct acmeca *ca = container_of(t, struct acmeca, turn);
    bool alive = true;
    list_take(&ca->telling, &ca->due);
    for (struct list *n; alive && (n = list_pop(&ca->telling));) {
        struct acmeca_call *c = container_of(n, struct acmeca_call, node);
        struct arena arena;
        struct acmeca_answer a;
        answer_init(&a, &arena);
        if (!c->state)
            a.r = fault_set(&a.fault, ERR_NOMEM, "no memory for asking a CA");
        alive = hand_out(ca, c, &a);
        arena_done(&arena);
    }
}

int acmeca_new(struct loop *l, struct acmehttp *http, struct slice url, struct slice ca_pem,
               struct acmeca **ret, struct fault *f)
{
    struct acmeca *ca = mem_alloc(sizeof(*ca));
    if (!ca)
        return fault_set(f, ERR_NOMEM, "no memory for a CA");
    ca->l = l;
    ca->http = http;
    list_init(&ca->waiting);
    list_init(&ca->due);
    list_init(&ca->telling);
    list_init(&ca->asks);
    loop_task_init(&ca->turn, on_turn);
    arena_init(&ca->editions[0].arena, ACMECA_ARENA_BYTES);
    arena_init(&ca->editions[1].arena, ACMECA_ARENA_BYTES);
    ca->url = copy(url, &ca->url_s);
    ca->pem = copy(ca_pem, &ca->pem_s);
    if (!ca->url || !ca->pem) {
        acmeca_free(ca);
        return fault_set(f, ERR_NOMEM, "no memory for a CA");
    }
    *ret = ca;
    return OK;
}

static void forget(struct list *calls)
{
    for (struct list *n; (n = list_pop(calls));) {
        struct acmeca_call *c = container_of(n, struct acmeca_call, node);
        c->ca = NULL;
        c->state = NULL;
    }
}

void acmeca_free(struct acmeca *ca)
{
    if (!ca)
        return;
    if (ca->freed)
        *ca->freed = true;
    acmehttp_cancel(&ca->fetch);
    forget(&ca->waiting);
    forget(&ca->due);
    forget(&ca->telling);
    while (!list_empty(&ca->asks)) {
        struct ask *k = container_of(ca->asks.next, struct ask, node);
        k->call->ca = NULL;
        k->call->state = NULL;
        ask_free(k);
    }
    loop_task_cancel(&ca->turn);
    arena_done(&ca->editions[0].arena);
    arena_done(&ca->editions[1].arena);
    mem_free(ca->url);
    mem_free(ca->pem);
    mem_free(ca);
}

void acmeca_cancel(struct acmeca_call *c)
{
    struct acmeca *ca = c->ca;
    if (!ca)
        return;
    if (c->state && c->state != ca)
        ask_free(c->state);
    list_remove(&c->node);
    c->ca = NULL;
    c->state = NULL;
}

struct slice acmeca_url(const struct acmeca *ca)
{
    return ca->url_s;
}

struct loop *acmeca_loop(const struct acmeca *ca)
{
    return ca->l;
}

const struct acmeobj_directory *acmeca_directory(const struct acmeca *ca)
{
    return ca->has_directory ? &ca->editions[ca->edition].directory : NULL;
}

bool acmeca_skew(const struct acmeca *ca, int64_t *ret_s)
{
    bool known = ca->knows_skew && !is_set_since(ca, ca->skew_setting_s);
    if (known)
        *ret_s = ca->skew_s;
    return known;
}

uint64_t acmeca_nonce_retries(const struct acmeca *ca)
{
    return ca->nonce_retries;
}
