/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* `port443 cert list`: the store as a table or as JSON, with the server's view where it answers. */
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cert.h"
#include "cli/certlive.h"
#include "cli/certrow.h"
#include "cli/certword.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/option.h"
#include "os/clock.h"

#define LIST_MAX  (64u * 1024 * 1024)
#define ERROR_MAX 600

static const char usage[] =
    "usage: port443 cert list [--json] [--state DIR]\n\n"
    "Every certificate in the store: names, kind, key, days left, issuer; when it will be renewed "
    "and why; the\n"
    "last error of its CA, verbatim. Needs no running server.\n\n"
    "      --json       for machines\n"
    "      --state DIR  state directory of the server\n\n"
    "examples:\n"
    "  port443 cert list\n"
    "  port443 cert list --json | jq '.[] | select(.days_left < 10) | .name'\n";

struct listing {
    const struct certlive *live;
    struct json *j; /* NULL: for people */
    int64_t now_s;
    size_t count;
};

static long long days_left(const struct certinfo *ci, int64_t now_s)
{
    return (long long)(ci->not_after_s - now_s) / 86400;
}

/* Local certificates do not say it by their place. */
static bool is_rsa(const struct certrow *row)
{
    return row->rsa || (row->chain && certinfo_at(row->chain, 0)->key_kind == KEY_RSA);
}

/* ---- for machines ---- */

static void json_certificate(struct json *j, const struct certinfo *ci, int64_t now_s)
{
    json_text(j, "issuer", ci->issuer);
    json_cstr(j, "key_kind", keystore_kind_text(ci->key_kind));
    json_text(j, "serial", ci->serial);
    json_int(j, "not_before", ci->not_before_s);
    json_int(j, "not_after", ci->not_after_s);
    json_int(j, "days_left", days_left(ci, now_s));
    json_bool(j, "expired", ci->not_after_s <= now_s);
    json_array(j, "names");
    for (size_t i = 0; i < ci->nsans; i++)
        json_text(j, NULL, ci->sans[i].name);
    json_end(j, ']');
}

static void json_schedule(struct json *j, const struct certrow *row)
{
    if (row->plan.at_s) {
        json_int(j, "renewal", row->plan.at_s);
        json_cstr(j, "renewal_reason", certrow_why(row));
    }
    json_cstr(j, "state",
              row->job.step != JOB_NONE ? "ordering"
              : row->job.failures       ? "waiting"
                                        : "idle");
    json_cstr(j, "order", job_step_text(row->job.step));
    json_int(j, "last_success", row->job.last_success_s);
    json_uint(j, "failures", row->job.failures);
    if (row->job.next_s)
        json_int(j, "waiting_until", row->job.next_s);
    if (row->job.last_error.n) {
        json_text(j, "last_error", row->job.last_error);
        json_text(j, "last_problem", row->job.last_problem);
        json_int(j, "last_failure", row->job.last_failure_s);
    }
}

static void json_row(const struct listing *l, const struct certrow *row)
{
    char *entry = certlive_entry(l->live, row->name, row->rsa);
    struct json *j = l->j;
    json_object(j, NULL);
    json_text(j, "name", row->name);
    json_cstr(j, "kind", row->kind);
    json_cstr(j, "key", is_rsa(row) ? "rsa" : "ecdsa");
    if (row->chain)
        json_certificate(j, certinfo_at(row->chain, 0), l->now_s);
    if (row->meta.generation) {
        json_uint(j, "generation", row->meta.generation);
        json_text(j, "directory", row->meta.directory);
        json_text(j, "profile", row->meta.profile);
        json_bool(j, "revoked", row->meta.revoked);
        json_bool(j, "staging", row->meta.staging);
    }
    json_schedule(j, row);
    json_cstr(j, "trouble", row->trouble.code ? row->trouble.what : NULL);
    if (entry)
        json_raw(j, "server", slice_cstr(entry));
    json_end(j, '}');
    mem_free(entry);
}

/* ---- for people ---- */

static void print_names(const struct certrow *row, const struct certinfo *ci)
{
    if (ci->nsans == 1 && slice_eq(ci->sans[0].name, row->name))
        return;
    fputs("    names    ", stdout);
    for (size_t i = 0; i < ci->nsans; i++)
        printf("%s" SLICE_F, i ? ", " : "", SLICE_A(ci->sans[i].name));
    putchar('\n');
}

static void print_job(const struct certrow *row)
{
    char shown[ERROR_MAX], at[CERTROW_TIME];
    if (row->job.last_error.n && row->job.failures) {
        text_escape(row->job.last_error, shown, sizeof(shown));
        printf("    error    %s\n", shown);
        printf("             %u in a row; next attempt %s\n", row->job.failures,
               certrow_time(row->job.next_s, at));
    }
    if (row->job.step != JOB_NONE)
        printf("    order    under way: %s\n", job_step_text(row->job.step));
}

static void print_row(const struct certrow *row, int64_t now_s)
{
    char at[CERTROW_TIME];
    if (!row->chain) {
        printf("%-32.*s no certificate yet (%s)\n", (int)row->name.n, (const char *)row->name.p,
               row->rsa ? "RSA" : "ECDSA");
    } else {
        const struct certinfo *ci = certinfo_at(row->chain, 0);
        long long days = days_left(ci, now_s);
        printf("%-32.*s %-10s %-12s %4lld days left  %.*s\n", (int)row->name.n,
               (const char *)row->name.p, row->kind, keystore_kind_text(ci->key_kind), days,
               (int)ci->issuer.n, (const char *)ci->issuer.p);
        print_names(row, ci);
        printf("    ends     %s%s%s\n", certrow_time(ci->not_after_s, at),
               ci->not_after_s <= now_s ? "  EXPIRED" : "", row->meta.revoked ? "  REVOKED" : "");
        printf("    renewal  %s: %s\n", certrow_time(row->plan.at_s, at), certrow_why(row));
    }
    print_job(row);
    if (row->trouble.code)
        printf("    trouble  %s\n", row->trouble.what);
}

static void on_row(void *ctx, const struct certrow *row)
{
    struct listing *l = ctx;
    char phase[80];
    l->count++;
    if (l->j) {
        json_row(l, row);
        return;
    }
    print_row(row, l->now_s);
    if (certlive_member(l->live, row->name, row->rsa, "phase", phase, sizeof(phase)))
        printf("    server   %s\n", phase);
}

static int list_json(const char *state, struct listing *l, struct fault *f)
{
    struct buf b;
    struct json j;
    buf_init(&b, LIST_MAX);
    json_init(&j, &b);
    j.pretty = true;
    l->j = &j;
    json_array(&j, NULL);
    int r = certrow_each(state, SLICE_EMPTY, on_row, l, f);
    json_end(&j, ']');
    if (!r && j.r)
        r = fault_set(f, j.r, "the list is too long: %s", err_text(j.r));
    if (!r)
        printf("%.*s\n", (int)b.n, (const char *)buf_slice(&b).p);
    buf_done(&b);
    return r;
}

int cert_list(int argc, char **argv)
{
    const char *state_option = NULL;
    bool as_json = false;
    const struct option_spec specs[] = {
        {"state", 0, NULL, &state_option},
        {"json", 0, &as_json, NULL},
    };
    const struct option_parse parse = {"cert list", specs, ARRAY_LEN(specs), usage};
    struct certword w;
    struct fault f = {0};
    int status;
    if (!certword_begin(&w, &parse, &state_option, argc, argv, &status) ||
        !certword_count(&w, 0, 0, &status))
        return status;
    struct certlive *live = certlive_ask(w.state);
    struct listing l = {.live = live, .now_s = clock_unix_ms() / 1000};
    int r =
        as_json ? list_json(w.state, &l, &f) : certrow_each(w.state, SLICE_EMPTY, on_row, &l, &f);
    certlive_free(live);
    if (r)
        faults_print_one("cert list", &f);
    else if (!as_json && l.count == 0)
        printf("no certificates in %s\n", w.state);
    return r ? CMD_FAILED : CMD_GOOD;
}
