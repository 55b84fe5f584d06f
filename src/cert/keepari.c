/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Polling of renewal information. */
#include "cert/keepari.h"

#include "cert/certclock.h"
#include "cert/keepca.h"
#include "cert/keepname.h"

#define RUNNING_MAX 8  /* at once: a start with thousands of names must not be a flood */
#define AGAIN_S     60 /* a suspicious answer is looked at twice */
#define URL_BYTES   2048
#define LONG_TERM_S (6 * 3600)

int64_t keepari_next_s(const struct keepname *n)
{
    bool asked = n->source == KEEP_ACME && !n->meta.revoked && n->meta.directory.n &&
                 certinfo_at(n->pair.chain, 0)->not_after_s > certclock_now_s(n->k->loop) &&
                 keepca_by_url(n->k, n->meta.directory);
    if (!asked || n->ari_running || n->k->ari_running >= RUNNING_MAX)
        return KEEP_NEVER;
    return n->meta.ari_next_poll_s;
}

static void over(struct keepname *n, int64_t next_s)
{
    struct fault f = {0};
    n->ari_running = false;
    n->k->ari_running--;
    n->meta.ari_next_poll_s = next_s;
    if (lineage_save_meta(n->k->state_dir, &n->id, &n->meta, &f)) {
        n->k->store_errors++;
        keepname_trouble(n, &f, "keeping the renewal window of");
    }
    keepstate_wake(n->k);
}

/* "Not found" and the like will be so tomorrow. */
static void failed(struct keepname *n, const struct acmeca_answer *a)
{
    int64_t asked_s = n->ari_asked_s;
    bool long_term = a->r == ERR_ACME && a->status < 500 && a->status != 429;
    const struct event_field fields[] = {EV_CSTR("error", a->fault.what),
                                         EV_UINT("status", a->status)};
    n->ari_failures++;
    keepname_event(n, EVENT_WARN, "renewal_info_failed", fields, ARRAY_LEN(fields));
    over(n, a->retry_after_s >= 0
                ? renewal_next_poll(asked_s, a->retry_after_s, keepname_draw())
                : renewal_next_poll_after_error(asked_s, long_term, n->ari_failures));
}

static void tell_change(const struct keepname *n)
{
    char start[32], end[32], at[32];
    const struct event_field fields[] = {
        EV_CSTR("start", keepname_time(n->meta.ari_start_s, start)),
        EV_CSTR("end", keepname_time(n->meta.ari_end_s, end)),
        EV_CSTR("renewal", keepname_time(n->plan.at_s, at)),
        EV_CSTR("why", renewal_why_text(n->plan.why)),
        EV_TEXT("explanation", n->meta.ari_explanation)};
    keepname_event(n, EVENT_INFO, "ari_changed", fields, ARRAY_LEN(fields));
}

static void take(struct keepname *n, const struct acmeca_answer *a,
                 const struct acmeobj_renewal *window)
{
    int64_t now_s = certclock_now_s(n->k->loop);
    struct slice explanation = SLICE_EMPTY;
    n->ari_failures = 0;
    n->ari_told_s = now_s;
    if (keepca_clock(n->k) == KEEPCA_CLOCK_WRONG) { /* no telling where in the window we are */
        over(n, n->ari_asked_s + AGAIN_S);
        return;
    }
    if (renewal_take_window(&n->meta, certinfo_at(n->pair.chain, 0), window->start_s, window->end_s,
                            now_s, &n->ari_suspicious)) {
        if (window->explanation.n && arena_copy(&n->meta_arena, window->explanation, &explanation))
            explanation = SLICE_EMPTY;
        n->meta.ari_explanation = explanation;
        keepname_replan(n);
        tell_change(n);
    }
    if (n->ari_suspicious)
        keepname_event(n, EVENT_WARN, "renewal_info_doubted", NULL, 0);
    over(n, n->ari_suspicious
                ? n->ari_asked_s + AGAIN_S
                : renewal_next_poll(n->ari_asked_s, a->retry_after_s, keepname_draw()));
}

static void on_window(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct keepname *n = container_of(c, struct keepname, ari);
    struct acmeobj_renewal window;
    struct fault f = {0};
    if (a->r) {
        failed(n, a);
        return;
    }
    int r = acmeobj_read_renewal(a->body, a->arena, &window, &f);
    if (!r) {
        take(n, a, &window);
        return;
    }
    const struct event_field fields[] = {EV_CSTR("error", f.what), EV_UINT("status", a->status)};
    n->ari_failures++;
    keepname_event(n, EVENT_WARN, "renewal_info_failed", fields, ARRAY_LEN(fields));
    over(n, renewal_next_poll_after_error(n->ari_asked_s, true, n->ari_failures));
}

static void on_ready(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct keepname *n = container_of(c, struct keepname, ari);
    struct keepca *ca = keepca_by_url(n->k, n->meta.directory);
    const struct acmeobj_directory *d = a->r || !ca ? NULL : acmeca_directory(ca->ca);
    struct buf url;
    if (a->r) {
        failed(n, a);
        return;
    }
    keepca_check_clock(ca);
    buf_init(&url, URL_BYTES);
    int r = d && d->renewal_info.n ? buf_add(&url, d->renewal_info) : ERR_NOT_FOUND;
    if (!r && !slice_ends(d->renewal_info, SLICE("/")))
        r = buf_add(&url, SLICE("/"));
    if (!r)
        r = renewal_certid(n->pair.chain, &url);
    if (r) {
        over(n, certclock_now_s(n->k->loop) + LONG_TERM_S);
    } else {
        n->ari.on_done = on_window;
        acmeca_get(ca->ca, &n->ari, buf_slice(&url));
    }
    buf_done(&url);
}

void keepari_poll(struct keepname *n)
{
    struct keepca *ca = keepca_by_url(n->k, n->meta.directory);
    struct fault f = {0};
    n->ari_running = true;
    n->k->ari_running++;
    n->ari_asked_s = certclock_now_s(n->k->loop); /* waits begin here, if the clock jumps now */
    if (!ca || keepca_open(ca, &f)) {
        over(n, certclock_now_s(n->k->loop) + LONG_TERM_S);
        return;
    }
    n->ari.on_done = on_ready;
    acmeca_ready(ca->ca, &n->ari);
}

void keepari_stop(struct keepname *n)
{
    if (!n->ari_running)
        return;
    acmeca_cancel(&n->ari);
    n->ari_running = false;
    n->k->ari_running--;
}
