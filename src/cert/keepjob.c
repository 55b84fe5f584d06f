/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The schedule on disk. */
#include "cert/keepjob.h"

#include "cert/certclock.h"
#include "cert/keepname.h"

#define WORDS_BYTES 4096 /* of what a CA says about a failure */
#define FORCED_S    3600 /* an order of the operator outlives a crash for so long */
#define ISSUES      (sizeof(((struct job *)0)->issues_s) / sizeof(int64_t))

/* ---- texts of the job, so that the arena can be had anew ---- */

static const size_t texts[] = {
    offsetof(struct job, directory),    offsetof(struct job, account),
    offsetof(struct job, order),        offsetof(struct job, finalize),
    offsetof(struct job, certificate),  offsetof(struct job, profile),
    offsetof(struct job, replaces),     offsetof(struct job, last_error),
    offsetof(struct job, last_problem), offsetof(struct job, last_challenge),
    offsetof(struct job, names_digest),
};

static void repack(struct keepname *n)
{
    struct job copy = n->job;
    struct arena a;
    int r = OK;
    arena_init(&a, KEEP_ARENA_BYTES);
    for (size_t i = 0; !r && i < ARRAY_LEN(texts); i++) {
        struct slice *text = (struct slice *)(void *)((char *)&copy + texts[i]);
        if (text->n)
            r = arena_copy(&a, *text, text);
        else
            *text = SLICE_EMPTY;
    }
    if (r) {
        arena_done(&a); /* the old one does */
        return;
    }
    arena_done(&n->job_arena);
    n->job_arena = a;
    n->job = copy;
}

void keepjob_save(struct keepname *n)
{
    struct fault f = {0};
    if (!n->order)
        repack(n);
    if (job_save(n->k->state_dir, &n->id, &n->job, &f)) {
        n->k->store_errors++;
        keepname_trouble(n, &f, "keeping the schedule of");
    }
}

/* ---- issues ---- */

static void push_issue(struct job *j, int64_t at_s)
{
    for (size_t i = ISSUES - 1; i > 0; i--)
        j->issues_s[i] = j->issues_s[i - 1];
    j->issues_s[0] = at_s;
}

void keepjob_load(struct keepname *n)
{
    struct fault f = {0};
    int r = job_load(n->k->state_dir, &n->id, &n->job_arena, &n->job, &f);
    if (r || f.code) {
        n->k->store_errors++;
        keepname_trouble(n, &f, "reading the schedule of");
    }
    bool own = n->source == KEEP_ACME && n->meta.directory.n && !n->names_differ;
    if (own && n->meta.issued_s > n->job.issues_s[0])
        push_issue(&n->job, n->meta.issued_s);
    int64_t forced_ago_s = certclock_now_s(n->k->loop) - n->job.forced_s;
    n->forced =
        n->source == KEEP_ACME && n->job.forced_s && forced_ago_s >= 0 && forced_ago_s < FORCED_S;
}

void keepjob_succeeded(struct keepname *n)
{
    struct job *j = &n->job;
    if (n->names_differ)
        for (size_t i = 0; i < ISSUES; i++)
            j->issues_s[i] = 0; /* another name set */
    push_issue(j, certclock_now_s(n->k->loop));
    keepjob_reset(n);
    j->attempts = 0;
    j->last_success_s = certclock_now_s(n->k->loop);
    j->warned_s = 0;
    j->last_error = j->last_problem = SLICE_EMPTY;
}

void keepjob_reset(struct keepname *n)
{
    n->job.failures = 0;
    n->job.forced_s = 0;
    n->job.first_failure_s = n->job.next_s = 0;
    n->ca_index = n->ca_failures = 0;
    n->probe = false;
    n->failed_types = 0;
    n->wait_until_s = 0;
}

/* ---- failures ---- */

/* The CA's words, those about single names behind them. */
static int words_of(const struct keepfail *why, struct buf *out)
{
    const struct acmeobj_problem *p = why->problem;
    if (!p || !p->detail.n)
        return why->fault ? buf_add(out, slice_cstr(why->fault->what)) : OK;
    int r = buf_add(out, p->detail);
    for (size_t i = 0; !r && i < p->nsub; i++)
        r = buf_printf(out, "; " SLICE_F ": " SLICE_F, SLICE_A(p->sub[i].identifier),
                       SLICE_A(p->sub[i].detail));
    return r == ERR_CAP ? OK : r;
}

static void remember(struct keepname *n, const struct keepfail *why)
{
    struct job *j = &n->job;
    struct buf words;
    buf_init(&words, WORDS_BYTES);
    if (words_of(why, &words) || arena_copy(&n->job_arena, buf_slice(&words), &j->last_error))
        j->last_error = SLICE_EMPTY;
    if (arena_copy(&n->job_arena, why->problem ? why->problem->type : SLICE_EMPTY,
                   &j->last_problem))
        j->last_problem = SLICE_EMPTY;
    buf_done(&words);
}

void keepjob_failed(struct keepname *n, const struct keepfail *why)
{
    struct job *j = &n->job;
    int64_t now_s = certclock_now_s(n->k->loop), left_s = 0, life_s = 0;
    if (n->source == KEEP_ACME) {
        const struct certinfo *leaf = certinfo_at(n->pair.chain, 0);
        left_s = leaf->not_after_s > now_s ? leaf->not_after_s - now_s : 0;
        life_s = leaf->not_after_s - leaf->not_before_s;
    }
    j->forced_s = 0;
    j->failures++;
    j->attempts++;
    j->last_failure_s = now_s;
    if (!j->first_failure_s)
        j->first_failure_s = now_s;
    remember(n, why);
    const struct backoff_input in = {.class = why->class,
                                     .failures = j->failures,
                                     .now_s = now_s,
                                     .first_failure_s = j->first_failure_s,
                                     .retry_after_s = why->retry_after_s,
                                     .left_s = left_s,
                                     .life_s = life_s,
                                     .draw = keepname_draw()};
    j->next_s = backoff_next(&in);
    n->k->retry_after_waits += why->retry_after_s >= 0;
}
