/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Asking again at half of an answer's time, at least once a day; after errors a minute, doubling to
 * an hour. A responder that says "revoked" is believed by clients without our help: nothing is
 * stapled. */
#include "cert/keepocsp.h"

#include <string.h>

#include "cert/certclock.h"
#include "cert/keepname.h"
#include "crypt/certfacts.h"
#include "crypt/ocsp.h"

#define AGAIN_MAX_S 86400
#define ERROR_S     60
#define ERROR_MAX_S 3600
#define URL_ARENA   (256 * 1024)

/* The certificate that the state is about. */
static bool is_about(const struct keepname *n)
{
    const uint8_t *now = certinfo_at(n->pair.chain, 0)->sha256;
    return memcmp(n->ocsp.about, now, sizeof(n->ocsp.about)) == 0;
}

void keepocsp_init(struct keepname *n)
{
    buf_init(&n->ocsp.answer, OCSP_BYTES_MAX);
}

int64_t keepocsp_next_s(const struct keepname *n)
{
    bool asked = n->source == KEEP_ACME && !n->meta.revoked && !n->ocsp.running &&
                 certinfo_at(n->pair.chain, 0)->has_ocsp_url &&
                 certinfo_at(n->pair.chain, 0)->not_after_s > certclock_now_s(n->k->loop);
    if (!asked)
        return KEEP_NEVER;
    return is_about(n) ? n->ocsp.next_s : 0;
}

static void again(struct keepname *n, int64_t wait_s)
{
    n->ocsp.running = false;
    n->ocsp.next_s = certclock_now_s(n->k->loop) + wait_s;
    keepstate_wake(n->k);
}

static void failed(struct keepname *n, const char *why)
{
    int64_t wait_s = (int64_t)ERROR_S << (n->ocsp.failures < 6 ? n->ocsp.failures : 6);
    const struct event_field fields[] = {EV_CSTR("error", why)};
    if (n->ocsp.failures++ == 0) /* once until it works again */
        keepname_event(n, EVENT_WARN, "ocsp_failed", fields, ARRAY_LEN(fields));
    again(n, wait_s < ERROR_MAX_S ? wait_s : ERROR_MAX_S);
}

static void take(struct keepname *n, struct slice der)
{
    struct fault f = {0};
    int64_t now_s = certclock_now_s(n->k->loop), until_s;
    buf_done(&n->ocsp.answer);
    int r = ocsp_check(n->pair.chain, der, now_s, &until_s, &f);
    if (!r && (r = buf_add(&n->ocsp.answer, der)))
        fault_set(&f, r, "%s", err_text(r));
    if (r) {
        failed(n, f.what);
        return;
    }
    n->ocsp.failures = 0;
    int64_t half_s = (until_s - now_s) / 2;
    again(n, half_s < ERROR_S ? ERROR_S : half_s < AGAIN_MAX_S ? half_s : AGAIN_MAX_S);
    keepname_hand_out(n);
}

static void on_answer(struct acmehttp_call *c, const struct acmehttp_reply *reply)
{
    struct keepname *n = container_of(c, struct keepname, ocsp.call);
    if (reply->r)
        failed(n, reply->fault.what);
    else if (reply->status != 200)
        failed(n, "the responder answers with an error status");
    else
        take(n, reply->body);
}

static int start(struct keepname *n, struct slice url, struct fault *f)
{
    struct buf body;
    buf_init(&body, OCSP_BYTES_MAX);
    int r = n->k->http ? OK : acmehttp_new(n->k->loop, &n->k->http, f);
    if (!r)
        r = ocsp_request(n->pair.chain, &body, f);
    if (!r) {
        const struct acmehttp_request q = {
            .method = ACMEHTTP_POST, .url = url, .body = buf_slice(&body), .ocsp = true};
        n->ocsp.call.on_done = on_answer;
        acmehttp_start(n->k->http, &q, &n->ocsp.call);
    }
    buf_done(&body);
    return r;
}

void keepocsp_ask(struct keepname *n)
{
    struct certfacts facts;
    struct arena a;
    struct fault f = {0};
    arena_init(&a, URL_ARENA);
    if (!is_about(n))
        keepocsp_stop(n);
    memcpy(n->ocsp.about, certinfo_at(n->pair.chain, 0)->sha256, sizeof(n->ocsp.about));
    n->ocsp.running = true;
    int r = certfacts_read(n->pair.chain, 0, &a, &facts);
    if (!r && !facts.ocsp_url.n)
        again(n, AGAIN_MAX_S); /* only other schemes than http */
    else if (r || (r = start(n, facts.ocsp_url, &f)))
        failed(n, f.code ? f.what : err_text(r));
    arena_done(&a);
}

void keepocsp_stop(struct keepname *n)
{
    acmehttp_cancel(&n->ocsp.call);
    buf_done(&n->ocsp.answer);
    n->ocsp.running = false;
    n->ocsp.failures = 0;
    n->ocsp.next_s = 0;
    memset(n->ocsp.about, 0, sizeof(n->ocsp.about));
}

int keepocsp_append(const struct keepname *n, struct buf *pem)
{
    return n->ocsp.answer.n && is_about(n) ? ocsp_pem(buf_slice(&n->ocsp.answer), pem) : OK;
}
