/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reports of the engine. Member names: docs/certificates.md. */
#include "cert/keepreport.h"

#include "cert/certclock.h"
#include "cert/keepname.h"
#include "cert/keeporder.h"

static void write_time(struct json *j, const char *key, int64_t at_s)
{
    json_int(j, key, at_s > 0 && at_s < KEEP_NEVER ? at_s : 0);
}

static void write_pair(const struct keepname *n, int64_t now_s, struct json *j)
{
    const struct certinfo *leaf = n->pair.chain ? certinfo_at(n->pair.chain, 0) : NULL;
    if (!leaf)
        return;
    int64_t left_s = leaf->not_after_s - now_s;
    json_text(j, "issuer", leaf->issuer);
    json_text(j, "serial", leaf->serial);
    json_int(j, "not_before", leaf->not_before_s);
    json_int(j, "not_after", leaf->not_after_s);
    json_int(j, "days_left", left_s > 0 ? left_s / 86400 : 0);
    json_bool(j, "expired", left_s <= 0);
}

/* The time of the next attempt and the reason for it. */
static void write_renewal(const struct keepname *n, struct json *j)
{
    if (n->source == KEEP_LOCAL) {
        write_time(j, "renewal", n->local_renew_s);
        json_cstr(j, "renewal_reason", "two thirds of its lifetime");
        return;
    }
    write_time(j, "renewal", keepname_attempt_s(n));
    if (n->names_differ)
        json_cstr(j, "renewal_reason", "the site has other names now");
    else if (n->forced)
        json_cstr(j, "renewal_reason", renewal_why_text(RENEWAL_FORCED));
    else if (n->source == KEEP_ACME)
        json_cstr(j, "renewal_reason", renewal_why_text(n->plan.why));
    else if (n->k->settings.ndirectories)
        json_cstr(j, "renewal_reason", "there is no certificate yet");
    else
        json_cstr(j, "renewal_reason", "no CA is configured");
}

static void write_state(const struct keepname *n, int64_t now_s, struct json *j)
{
    const char *stage = keeporder_stage_text(n);
    bool failing = n->job.failures && n->job.next_s > now_s && !n->forced;
    bool waiting = n->wait_until_s > now_s || failing || n->queued;
    json_cstr(j, "state", stage ? "ordering" : waiting ? "waiting" : "idle");
    json_cstr(j, "phase", stage);
    if (stage || !waiting)
        return;
    write_time(j, "waiting_until", n->queued ? 0 : keepname_attempt_s(n));
    json_cstr(j, "waiting_for",
              n->queued                 ? "a place at the CA"
              : n->wait_until_s > now_s ? n->wait_why
                                        : "the next attempt after a failure");
}

static void write_ari(const struct keepname *n, struct json *j)
{
    json_object(j, "ari");
    write_time(j, "start", n->meta.ari_start_s);
    write_time(j, "end", n->meta.ari_end_s);
    write_time(j, "chosen", n->meta.ari_chosen_s);
    write_time(j, "next_poll", n->meta.ari_next_poll_s);
    json_text(j, "explanation", n->meta.ari_explanation);
    json_end(j, '}');
}

static struct slice directory_of(const struct keepname *n)
{
    const struct certkeep_settings *s = &n->k->settings;
    if (n->ca)
        return n->ca->url;
    if (n->source == KEEP_ACME)
        return n->meta.directory;
    return n->local || !s->ndirectories ? SLICE_EMPTY : s->directories[0];
}

static uint32_t least_fill(const struct keepname *n, struct slice directory, int64_t now_s)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < n->nnames; i++) {
        uint32_t fill = budget_fill(n->k->budget, directory, n->names[i], now_s);
        least = fill < least ? fill : least;
    }
    return least;
}

static void write_acme(const struct keepname *n, int64_t now_s, struct json *j)
{
    struct slice directory = directory_of(n);
    json_uint(j, "failures", n->job.failures);
    json_text(j, "last_error", n->job.last_error);
    json_text(j, "last_problem", n->job.last_problem);
    write_time(j, "last_failure", n->job.last_failure_s);
    write_time(j, "last_success", n->job.last_success_s);
    json_text(j, "directory", directory);
    json_bool(j, "staging", n->staging && n->stage != KEEP_IDLE);
    if (directory.n)
        json_milli(j, "budget", least_fill(n, directory, now_s));
    if (n->source != KEEP_ACME)
        return;
    json_text(j, "account", n->meta.account);
    json_text(j, "profile", n->meta.profile);
    json_bool(j, "revoked", n->meta.revoked);
    json_bool(j, "served_mismatch", n->mismatch);
    if (n->meta.ari_next_poll_s || n->meta.ari_start_s)
        write_ari(n, j);
}

static void write_name(const struct keepname *n, int64_t now_s, struct json *j)
{
    json_object(j, NULL);
    json_text(j, "name", n->names[0]);
    json_array(j, "names");
    for (size_t i = 0; i < n->nnames; i++)
        json_text(j, NULL, n->names[i]);
    json_end(j, ']');
    json_cstr(j, "key", n->id.rsa ? "rsa" : "ecdsa");
    json_cstr(j, "kind", keepname_source_text(n));
    json_bool(j, "on_demand", n->demanded);
    write_pair(n, now_s, j);
    write_renewal(n, j);
    write_state(n, now_s, j);
    if (!n->local)
        write_acme(n, now_s, j);
    json_end(j, '}');
}

static void write_ca(const struct keepca *ca, struct json *j)
{
    const struct acmeca_signer *by = ca->account ? account_signer(ca->account) : NULL;
    int64_t skew_s;
    json_object(j, NULL);
    json_text(j, "directory", ca->url);
    json_bool(j, "staging", ca->staging);
    json_text(j, "account", by ? by->kid : SLICE_EMPTY);
    json_uint(j, "running", ca->running);
    json_uint(j, "attempts", ca->attempts);
    json_uint(j, "successes", ca->successes);
    if (ca->ca && acmeca_skew(ca->ca, &skew_s))
        json_int(j, "clock_skew", skew_s);
    json_end(j, '}');
}

void keepreport_write(struct certkeep *k, struct json *j)
{
    int64_t now_s = certclock_now_s(k->loop);
    json_array(j, "certificates");
    LIST_FOREACH (it, &k->wanted)
        write_name(container_of(it, struct keepname, node), now_s, j);
    json_end(j, ']');
    json_object(j, "acme");
    json_array(j, "directories");
    for (size_t i = 0; i < ARRAY_LEN(k->cas); i++)
        if (k->cas[i].url.n)
            write_ca(&k->cas[i], j);
    json_end(j, ']');
    json_uint(j, "challenges", k->challenges ? challenge_count(k->challenges) : 0);
    json_uint(j, "store_errors", k->store_errors);
    json_uint(j, "hook_failures", k->hook_failures);
    json_end(j, '}');
}
