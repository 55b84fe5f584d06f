/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* job.json. */
#include "cert/job.h"

#include <stddef.h>

#include "cert/record.h"

#define FILE_NAME "job.json"

static const char *const steps[] = {"none", "ordered", "keyed", "finalized"};

#define FIELD(member, kind) #member, kind, offsetof(struct job, member)

static const struct record_field fields[] = {
    {FIELD(step, RECORD_WORD), ARRAY_LEN(steps), steps},
    {FIELD(directory, RECORD_TEXT), 0, NULL},
    {FIELD(account, RECORD_TEXT), 0, NULL},
    {FIELD(order, RECORD_TEXT), 0, NULL},
    {FIELD(finalize, RECORD_TEXT), 0, NULL},
    {FIELD(certificate, RECORD_TEXT), 0, NULL},
    {FIELD(profile, RECORD_TEXT), 0, NULL},
    {FIELD(replaces, RECORD_TEXT), 0, NULL},
    {FIELD(ordered_s, RECORD_I64), 0, NULL},
    {FIELD(expires_s, RECORD_I64), 0, NULL},
    {FIELD(failures, RECORD_U32), 0, NULL},
    {FIELD(attempts, RECORD_U32), 0, NULL},
    {FIELD(first_failure_s, RECORD_I64), 0, NULL},
    {FIELD(last_failure_s, RECORD_I64), 0, NULL},
    {FIELD(next_s, RECORD_I64), 0, NULL},
    {FIELD(last_success_s, RECORD_I64), 0, NULL},
    {FIELD(last_error, RECORD_TEXT), 0, NULL},
    {FIELD(last_problem, RECORD_TEXT), 0, NULL},
    {FIELD(last_challenge, RECORD_TEXT), 0, NULL},
    {FIELD(issues_s, RECORD_TIMES), 8, NULL},
    {FIELD(warned_s, RECORD_I64), 0, NULL},
    {FIELD(names_digest, RECORD_TEXT), 0, NULL},
    {FIELD(forced_s, RECORD_I64), 0, NULL},
};

const char *job_step_text(enum job_step s)
{
    return steps[s];
}

int job_read(struct slice json, struct arena *a, struct job *ret, struct fault *f)
{
    struct job j = {0};
    int r = record_read(json, fields, ARRAY_LEN(fields), a, &j, f);
    /* An order without its URL cannot be come back to. */
    if (!r && j.step != JOB_NONE && (j.order.n == 0 || j.directory.n == 0))
        r = fault_set(f, ERR_SYNTAX, "an order is under way, but its URL is missing");
    if (!r)
        *ret = j;
    return r;
}

int job_load(const char *state_dir, const struct lineage_id *id, struct arena *a, struct job *ret,
             struct fault *f)
{
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX + 1);
    *ret = (struct job){0};
    int r = lineage_read_file(state_dir, id, FILE_NAME, &b, f);
    if (!r && (r = job_read(buf_slice(&b), a, ret, f)))
        fault_while(f, "while reading " FILE_NAME " of " SLICE_F, SLICE_A(id->name));
    buf_done(&b);
    if (r == ERR_NOT_FOUND) {
        if (f)
            *f = (struct fault){0};
        return OK;
    }
    if (r == ERR_SYNTAX || r == ERR_CAP) {
        lineage_quarantine_file(state_dir, id, FILE_NAME);
        r = OK;
    }
    return r;
}

int job_save(const char *state_dir, const struct lineage_id *id, const struct job *j,
             struct fault *f)
{
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    int r = record_write(fields, ARRAY_LEN(fields), j, &b);
    if (r)
        fault_set(f, r, "job.json of " SLICE_F ": %s", SLICE_A(id->name), err_text(r));
    else
        r = lineage_write_file(state_dir, id, FILE_NAME, buf_slice(&b), f);
    buf_done(&b);
    return r;
}
