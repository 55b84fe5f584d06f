/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Metrics of certificates: notes to operators, see docs/certificates.md. */
#include "cert/keepmetrics.h"

#include "cert/certclock.h"
#include "cert/keepname.h"

/* One family: a value for each certificate that has one. */
struct family {
    const char *name, *help;
    bool (*value)(const struct keepname *n, int64_t now_s, long long *ret);
};

static const struct certinfo *leaf_of(const struct keepname *n)
{
    return n->pair.chain ? certinfo_at(n->pair.chain, 0) : NULL;
}

static bool not_before(const struct keepname *n, int64_t now_s, long long *ret)
{
    const struct certinfo *leaf = leaf_of(n);
    (void)now_s;
    *ret = leaf ? leaf->not_before_s : 0;
    return leaf;
}

static bool not_after(const struct keepname *n, int64_t now_s, long long *ret)
{
    const struct certinfo *leaf = leaf_of(n);
    (void)now_s;
    *ret = leaf ? leaf->not_after_s : 0;
    return leaf;
}

static bool renewal(const struct keepname *n, int64_t now_s, long long *ret)
{
    int64_t at_s = n->source == KEEP_LOCAL ? n->local_renew_s : keepname_attempt_s(n);
    (void)now_s;
    *ret = at_s;
    return at_s < KEEP_NEVER;
}

static bool last_success(const struct keepname *n, int64_t now_s, long long *ret)
{
    (void)now_s;
    *ret = n->job.last_success_s;
    return !n->local;
}

static bool failures(const struct keepname *n, int64_t now_s, long long *ret)
{
    (void)now_s;
    *ret = n->job.failures;
    return !n->local;
}

static bool mismatch(const struct keepname *n, int64_t now_s, long long *ret)
{
    (void)now_s;
    *ret = n->mismatch;
    return n->pair.chain != NULL;
}

static bool ari_age(const struct keepname *n, int64_t now_s, long long *ret)
{
    *ret = now_s - n->ari_told_s;
    return n->ari_told_s > 0;
}

static bool budget_left(const struct keepname *n, int64_t now_s, long long *ret)
{
    const struct certkeep_settings *s = &n->k->settings;
    long long least = -1;
    for (size_t i = 0; !n->local && s->ndirectories && i < n->nnames; i++) {
        long long fill = budget_fill(n->k->budget, s->directories[0], n->names[i], now_s);
        least = least < 0 || fill < least ? fill : least;
    }
    *ret = least / 1000;
    return least >= 0;
}

static const struct family families[] = {
    {"stored_not_before_seconds", "Begin of validity, seconds since 1970.", not_before},
    {"stored_not_after_seconds", "End of validity, seconds since 1970.", not_after},
    {"renewal_seconds", "Time of the next attempt, seconds since 1970.", renewal},
    {"last_success_seconds", "Time of the last issue, seconds since 1970; 0: none.", last_success},
    {"failures", "Failed attempts since the last success.", failures},
    {"served_mismatch", "1: a handshake showed another certificate than the store has.", mismatch},
    {"renewal_info_age_seconds", "Age of what the CA last said about renewal.", ari_age},
    {"validation_budget", "Failed validations that may still be risked.", budget_left},
};

static int write_family(const struct certkeep *k, const struct family *f, struct buf *out)
{
    int64_t now_s = certclock_now_s(k->loop);
    int r =
        buf_printf(out, "# HELP port443_certificate_%s %s\n# TYPE port443_certificate_%s gauge\n",
                   f->name, f->help, f->name);
    LIST_FOREACH (it, &k->wanted) {
        const struct keepname *n = container_of(it, struct keepname, node);
        long long value;
        if (!r && f->value(n, now_s, &value))
            r = buf_printf(
                out, "port443_certificate_%s{name=\"" SLICE_F "\",key=\"%s\",source=\"%s\"} %lld\n",
                f->name, SLICE_A(n->names[0]), n->id.rsa ? "rsa" : "ecdsa", keepname_source_text(n),
                value);
    }
    return r;
}

static int write_states(const struct certkeep *k, struct buf *out)
{
    static const char *const words[] = {"none", "temporary", "local", "acme"};
    size_t counts[ARRAY_LEN(words)] = {0};
    LIST_FOREACH (it, &k->wanted)
        counts[container_of(it, struct keepname, node)->source]++;
    int r = buf_printf(out, "# HELP port443_certificates Wanted certificates by what they have.\n"
                            "# TYPE port443_certificates gauge\n");
    for (size_t i = 0; !r && i < ARRAY_LEN(words); i++)
        r = buf_printf(out, "port443_certificates{source=\"%s\"} %zu\n", words[i], counts[i]);
    return r;
}

static int write_ca(const struct keepca *ca, struct buf *out)
{
    int r = buf_printf(
        out, "port443_certificate_attempts_total{directory=\"" SLICE_F "\",result=\"ok\"} %llu\n",
        SLICE_A(ca->url), (unsigned long long)ca->successes);
    for (size_t i = 0; !r && i < ARRAY_LEN(ca->failures); i++)
        r = buf_printf(out,
                       "port443_certificate_attempts_total{directory=\"" SLICE_F
                       "\",result=\"%s\"} %llu\n",
                       SLICE_A(ca->url), backoff_class_text((enum backoff_class)i),
                       (unsigned long long)ca->failures[i]);
    return r;
}

static int write_total(struct buf *out, const char *name, const char *help, uint64_t value)
{
    return buf_printf(out,
                      "# HELP port443_certificate_%s %s\n# TYPE port443_certificate_%s counter\n"
                      "port443_certificate_%s %llu\n",
                      name, help, name, name, (unsigned long long)value);
}

static int write_totals(const struct certkeep *k, struct buf *out)
{
    uint64_t nonces = 0, order_ms = 0;
    int r = buf_printf(out, "# HELP port443_certificate_attempts_total Attempts by CA and result.\n"
                            "# TYPE port443_certificate_attempts_total counter\n");
    for (size_t i = 0; !r && i < ARRAY_LEN(k->cas); i++) {
        const struct keepca *ca = &k->cas[i];
        nonces += ca->ca ? acmeca_nonce_retries(ca->ca) : 0;
        order_ms += ca->order_ms;
        r = ca->url.n ? write_ca(ca, out) : OK;
    }
    if (!r)
        r = write_total(out, "order_seconds_total", "Time that successful attempts took.",
                        order_ms / 1000);
    if (!r)
        r = write_total(out, "nonce_retries_total", "Nonces that a CA refused.", nonces);
    if (!r)
        r = write_total(out, "retry_after_total", "Failures whose wait the CA prescribed.",
                        k->retry_after_waits);
    if (!r)
        r = write_total(out, "hook_failures_total", "Hook programs that failed.", k->hook_failures);
    if (!r)
        r = write_total(out, "store_errors_total", "Reads and writes of the store that failed.",
                        k->store_errors);
    if (!r)
        r = write_total(out, "preflight_errors_total", "Orders that preflight forbade.",
                        k->preflight_errors);
    return r ? r
             : write_total(out, "served_mismatches_total", "Times that another one was served.",
                           k->served_mismatches);
}

int keepmetrics_write(struct certkeep *k, struct buf *out)
{
    int r = write_states(k, out);
    for (size_t i = 0; !r && i < ARRAY_LEN(families); i++)
        r = write_family(k, &families[i], out);
    return r ? r : write_totals(k, out);
}
