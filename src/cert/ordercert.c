/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The key is on disk before finalize is sent, the order's URL before that: whatever happens behind
 * finalize costs a download. Nothing is committed that does not hold (notes 4). */
#include "cert/ordercert.h"

#include <stdio.h>

#include "base/date.h"
#include "base/mem.h"
#include "cert/certclock.h"
#include "crypt/csr.h"
#include "crypt/digest.h"

#define ROUNDS_MAX        5 /* finalize was too early, or got lost */
#define CLOCK_TOLERANCE_S 3600
#define LIFETIME_MAX_S    (10 * 366 * 86400LL) /* private CAs; public ones stay far below */
/* Attack: none; what a certificate of ACMEHTTP_BODY_MAX may need. */
#define NAMES_TEXT_MAX 4096
#define DRAW_MODULUS   1000000u
/* A chain that cannot be read may be a damaged download: the order is asked again for this long. */
#define UNREADABLE_LIFE_S 86400

static enum key_kind wanted_kind(const struct order *o)
{
    return o->plan.id.rsa ? KEY_RSA : KEY_ECDSA_P256;
}

/* ---- key ---- */

static int make_key(struct order *o, struct fault *f)
{
    if (o->plan.reuse) {
        o->key = keystore_ref((struct key *)(uintptr_t)o->plan.reuse);
        return OK;
    }
    return keystore_generate(wanted_kind(o), &o->key, f);
}

static int load_pending(struct order *o, struct fault *f)
{
    if (o->key)
        return OK;
    if (o->plan.staging || o->job->step < JOB_KEYED)
        return ERR_NOT_FOUND;
    return lineage_load_pending_key(o->plan.state_dir, &o->plan.id, &o->key, f);
}

void ordercert_key(struct order *o)
{
    struct fault f = {0};
    orderstate_progress(o, "making the key", o->plan.id.name);
    int r = load_pending(o, &f);
    if (r) {
        f = (struct fault){0};
        r = make_key(o, &f);
        if (!r && !o->plan.staging)
            r = lineage_save_pending_key(o->plan.state_dir, &o->plan.id, o->key, &f);
    }
    if (r)
        orderstate_fail(o, r, &f, NULL);
    else if (orderstate_save(o, JOB_KEYED))
        orderstate_enter(o, ORDERSTATE_FINALIZE);
}

/* ---- finalize ---- */

static int write_finalize(const struct order *o, struct buf *out, struct fault *f)
{
    struct buf der, text;
    struct json j;
    buf_init(&der, ORDERSTATE_PAYLOAD_BYTES);
    buf_init(&text, ORDERSTATE_PAYLOAD_BYTES);
    int r = csr_make(o->key, o->plan.names, o->plan.nnames, &der, f);
    if (!r)
        r = digest_base64url(buf_slice(&der), &text);
    if (!r) {
        json_init(&j, out);
        json_object(&j, NULL);
        json_text(&j, "csr", buf_slice(&text));
        json_end(&j, '}');
        r = j.r;
    }
    buf_done(&der);
    buf_done(&text);
    return r;
}

/* Taken all the same, or the refusal stands. */
static void looked_after_refusal(struct order *o, const struct acmeca_answer *a)
{
    struct acmeobj_order obj;
    bool taken = !a->r && acmeobj_read_order(a->body, a->arena, &obj, NULL) == OK &&
                 (obj.status == ACMEOBJ_PROCESSING || obj.status == ACMEOBJ_VALID);
    if (taken)
        orderstate_follow(o, a);
    else
        orderstate_refused(o, o->refusal);
}

/* libcurl sends a request again when a kept connection dies under it. Should the first one have
 * arrived, this is the CA's answer to the second: the order knows. */
static void look_after_refusal(struct order *o, const struct acmeca_answer *a)
{
    struct acmeca_answer *kept = arena_zalloc(&o->texts, sizeof(*kept));
    if (!kept) {
        orderstate_refused(o, a);
        return;
    }
    kept->r = a->r;
    kept->fault = a->fault;
    kept->status = a->status;
    kept->retry_after_s = a->retry_after_s;
    orderstate_keep_problem(o, &a->problem, &kept->problem);
    o->refusal = kept;
    orderstate_post(o, o->job->order, SLICE_EMPTY, looked_after_refusal);
}

static void finalized(struct order *o, const struct acmeca_answer *a)
{
    if (!a->r) {
        if (orderstate_save(o, JOB_FINALIZED))
            orderstate_follow(o, a);
    } else if (orderstate_is_problem(a, "orderNotReady") && o->rounds++ < ROUNDS_MAX) {
        orderstate_enter(o, ORDERSTATE_READY);
    } else if (orderstate_hiccup(o, a) && a->retry_after_s > 0) {
        orderstate_again(o, a->retry_after_s, a->retry_after_s);
    } else if (orderstate_transient(a) && o->rounds++ < ROUNDS_MAX) {
        /* It may have arrived: the order knows. */
        orderstate_enter(o, ORDERSTATE_PROCESS);
    } else if (orderstate_is_problem(a, "malformed")) {
        look_after_refusal(o, a);
    } else {
        orderstate_refused(o, a);
    }
}

void ordercert_finalize(struct order *o)
{
    struct fault f = {0};
    struct buf payload;
    orderstate_progress(o, "asking for the certificate", o->plan.id.name);
    buf_init(&payload, ORDERSTATE_PAYLOAD_BYTES);
    int r = write_finalize(o, &payload, &f);
    if (r)
        orderstate_fail(o, r, &f, NULL);
    else
        orderstate_post(o, o->job->finalize, buf_slice(&payload), finalized);
    buf_done(&payload);
}

/* The first look comes after a moment, or when the answer to finalize said. */
void ordercert_process(struct order *o)
{
    if (!o->looked) {
        o->looked = true;
        orderstate_progress(o, "waiting for the certificate", o->plan.id.name);
        orderstate_again(o, o->retry_after_s, orderstate_left_s(o));
        return;
    }
    orderstate_fetch(o);
}

/* ---- download ---- */

static bool ends_in(const struct certinfo_chain *chain, struct slice wanted)
{
    const struct certinfo *last = certinfo_at(chain, certinfo_count(chain) - 1);
    return slice_eq_nocase(last->issuer, wanted) || slice_eq_nocase(last->subject, wanted);
}

static void next_alternate(struct order *o);

/* An alternate that is not to be had is no reason to go without a certificate. */
static void got_alternate(struct order *o, const struct acmeca_answer *a)
{
    struct certinfo_chain *chain = NULL;
    if (!a->r && certinfo_parse(a->body, &chain, NULL) == OK &&
        ends_in(chain, o->plan.preferred_chain)) {
        certinfo_unref(o->chain);
        o->chain = chain;
        orderstate_enter(o, ORDERSTATE_VERIFY);
        return;
    }
    certinfo_unref(chain);
    next_alternate(o);
}

static void next_alternate(struct order *o)
{
    if (o->alternate < o->nalternates) {
        orderstate_post(o, o->alternates[o->alternate++], SLICE_EMPTY, got_alternate);
        return;
    }
    const struct certinfo *last = certinfo_at(o->chain, certinfo_count(o->chain) - 1);
    struct event_field fields[] = {EV_TEXT("name", o->plan.id.name),
                                   EV_TEXT("preferred", o->plan.preferred_chain),
                                   EV_TEXT("chain_root", last->issuer)};
    orderstate_event(o, EVENT_WARN, "preferred_chain_missing", fields, ARRAY_LEN(fields));
    orderstate_enter(o, ORDERSTATE_VERIFY);
}

static void unreadable(struct order *o, int r, const struct fault *why)
{
    struct fault f = {0};
    if (r == ERR_NOMEM || r == ERR_CAP)
        f = *why;
    else
        fault_set(&f, r, "the downloaded certificate is damaged or cut off: %.200s", why->what);
    if (certclock_now_s(o->loop) - o->job->ordered_s > UNREADABLE_LIFE_S)
        orderstate_forget(o);
    orderstate_fail(o, r, &f, NULL);
}

static void downloaded(struct order *o, const struct acmeca_answer *a)
{
    struct fault f = {0};
    if (a->r && orderstate_hiccup(o, a)) {
        orderstate_again(o, a->retry_after_s, 30);
        return;
    }
    if (a->r) {
        orderstate_refused(o, a);
        return;
    }
    certinfo_unref(o->chain);
    o->chain = NULL;
    int r = certinfo_parse(a->body, &o->chain, &f);
    if (r) {
        unreadable(o, r, &f);
        return;
    }
    o->nalternates = o->alternate = 0;
    for (size_t i = 0; i < a->nalternates && i < ACMEHTTP_LINKS_MAX; i++)
        if (arena_copy(&o->texts, a->alternates[i], &o->alternates[o->nalternates]) == OK)
            o->nalternates++;
    if (o->plan.preferred_chain.n && !ends_in(o->chain, o->plan.preferred_chain))
        next_alternate(o);
    else
        orderstate_enter(o, ORDERSTATE_VERIFY);
}

/* The key of before a restart is gone: its certificate is worth nothing. */
static void key_is_lost(struct order *o, const struct fault *f)
{
    struct event_field fields[] = {EV_TEXT("name", o->plan.id.name), EV_CSTR("error", f->what)};
    orderstate_event(o, EVENT_WARN, "pending_key_lost", fields, ARRAY_LEN(fields));
    orderstate_forget(o);
    if (o->anew) {
        orderstate_fail(o, f->code ? f->code : ERR_NOT_FOUND, f, NULL);
        return;
    }
    o->anew = true;
    orderstate_enter(o, ORDERSTATE_NEW);
}

void ordercert_download(struct order *o)
{
    struct fault f = {0};
    if (load_pending(o, &f)) {
        key_is_lost(o, &f);
        return;
    }
    orderstate_progress(o, "downloading", o->plan.id.name);
    orderstate_post(o, o->job->certificate, SLICE_EMPTY, downloaded);
}

/* ---- what must hold ---- */

static int check_names(const struct order *o, const struct certinfo *leaf, struct fault *f)
{
    char text[200];
    size_t n = 0;
    struct slice *names = mem_array(leaf->nsans + 1, sizeof(*names));
    if (!names)
        return fault_set(f, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    text[0] = 0;
    for (size_t i = 0; i < leaf->nsans; i++) {
        names[i] = leaf->sans[i].name;
        if (n + names[i].n + 3 < sizeof(text))
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s" SLICE_F, n ? ", " : "",
                                  SLICE_A(names[i]));
    }
    bool same = orderstate_same_names(names, leaf->nsans, o->plan.names, o->plan.nnames);
    mem_free(names);
    return same ? OK
                : fault_set(f, ERR_VERIFY, "the certificate is for other names than asked for: %s",
                            n ? text : "none");
}

static int check_times(const struct certinfo *leaf, int64_t now_s, struct fault *f)
{
    char from[DATE_RFC3339_BYTES], to[DATE_RFC3339_BYTES];
    date_format_rfc3339(leaf->not_before_s * 1000, from);
    date_format_rfc3339(leaf->not_after_s * 1000, to);
    if (leaf->not_after_s <= leaf->not_before_s ||
        leaf->not_after_s - leaf->not_before_s > LIFETIME_MAX_S)
        return fault_set(f, ERR_VERIFY, "the certificate's lifetime makes no sense: %.20s to %.20s",
                         from, to);
    if (leaf->not_before_s > now_s + CLOCK_TOLERANCE_S)
        return fault_set(f, ERR_VERIFY,
                         "the certificate is not valid before %.20s (or this clock is slow)", from);
    if (leaf->not_after_s < now_s - CLOCK_TOLERANCE_S)
        return fault_set(f, ERR_VERIFY,
                         "the certificate expired at %.20s already (or this clock is fast)", to);
    return OK;
}

static int check(const struct order *o, struct fault *f)
{
    const struct certinfo *leaf = certinfo_at(o->chain, 0);
    struct fault why = {0};
    if (certinfo_check_key(o->chain, o->key, &why))
        return fault_set(f, ERR_VERIFY, "the certificate is for another key than ours");
    if (leaf->is_ca)
        return fault_set(f, ERR_VERIFY, "the CA sent a CA certificate instead of one for a server");
    int r = check_names(o, leaf, f);
    if (!r)
        r = check_times(leaf, certclock_now_s(o->loop), f);
    if (!r && certinfo_check(o->chain, &why))
        r = fault_set(f, ERR_VERIFY, "the chain does not fit together: %.200s", why.what);
    return r;
}

/* Browsers want two logs up to 180 days of validity, three above; private CAs have none at all. */
static void look_at_scts(struct order *o)
{
    const struct certinfo *leaf = certinfo_at(o->chain, 0);
    unsigned want = leaf->not_after_s - leaf->not_before_s > 180 * 86400 ? 3 : 2;
    if (leaf->scts == 0 || leaf->scts >= want)
        return;
    struct event_field fields[] = {EV_TEXT("name", o->plan.id.name), EV_UINT("scts", leaf->scts),
                                   EV_UINT("wanted", want)};
    orderstate_event(o, EVENT_WARN, "few_scts", fields, ARRAY_LEN(fields));
}

void ordercert_verify(struct order *o)
{
    struct fault f = {0};
    orderstate_progress(o, "checking the certificate", o->plan.id.name);
    int r = check(o, &f);
    if (!r) {
        look_at_scts(o);
        orderstate_enter(o, ORDERSTATE_COMMIT);
        return;
    }
    fault_next(&f, "the old certificate stays in use; ask the CA for the reason");
    if (r != ERR_NOMEM)
        orderstate_forget(o);
    orderstate_fail(o, r, &f, NULL);
    if (r != ERR_NOMEM)
        o->end.class = BACKOFF_PERMANENT;
}

/* ---- commit ---- */

static int fill_meta(struct order *o, struct lineage_meta *m)
{
    uint32_t draw;
    int r = digest_random(&draw, sizeof(draw));
    *m = (struct lineage_meta){.issued_s = certclock_now_s(o->loop), .draw = draw % DRAW_MODULUS};
    if (!r)
        r = arena_copy(&o->texts, o->job->directory, &m->directory);
    if (!r)
        r = arena_copy(&o->texts, o->job->account, &m->account);
    if (!r)
        r = arena_copy(&o->texts, o->job->order, &m->order);
    if (!r)
        r = arena_copy(&o->texts, o->job->profile, &m->profile);
    if (!r)
        r = arena_copy(&o->texts, o->job->certificate, &m->certificate);
    return r;
}

static void tell_issued(struct order *o)
{
    const struct certinfo *leaf = certinfo_at(o->chain, 0);
    const struct certinfo *last = certinfo_at(o->chain, certinfo_count(o->chain) - 1);
    char until[DATE_RFC3339_BYTES];
    struct buf names;
    buf_init(&names, NAMES_TEXT_MAX);
    int r = OK;
    for (size_t i = 0; i < o->plan.nnames && !r; i++)
        r = buf_printf(&names, "%s" SLICE_F, i ? " " : "", SLICE_A(o->plan.names[i]));
    date_format_rfc3339(leaf->not_after_s * 1000, until);
    struct event_field fields[] = {
        EV_TEXT("name", o->plan.id.name),    EV_TEXT("names", buf_slice(&names)),
        EV_TEXT("serial", leaf->serial),     EV_TEXT("not_after", slice_of(until, sizeof(until))),
        EV_TEXT("chain_root", last->issuer), EV_TEXT("directory", o->job->directory),
        EV_TEXT("profile", o->job->profile), EV_UINT("scts", leaf->scts),
        EV_BOOL("staging", o->plan.staging)};
    orderstate_event(o, EVENT_INFO, "issued", fields, ARRAY_LEN(fields));
    buf_done(&names);
}

void ordercert_commit(struct order *o)
{
    struct lineage_meta *m = &o->end.fresh.meta;
    struct certstore_pair pair = {o->chain, o->key};
    struct fault f = {0};
    tell_issued(o);
    if (o->plan.staging) {
        orderstate_enter(o, ORDERSTATE_END);
        return;
    }
    int r = fill_meta(o, m);
    if (!r)
        r = lineage_commit(o->plan.state_dir, &o->plan.id, &pair, m, &f);
    if (r) {
        orderstate_fail(o, r, &f, NULL);
        return;
    }
    o->end.fresh.pair.chain = certinfo_ref(o->chain);
    o->end.fresh.pair.key = keystore_ref(o->key);
    orderstate_forget(o);
    orderstate_enter(o, ORDERSTATE_END);
}
