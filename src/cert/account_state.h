/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The inside of an account, for account.c (who asks, and when) and accountstep.c (what is said to
 * the CA). Nobody else includes it. */
#pragma once

#include "cert/account.h"
#include "cert/accountfile.h"

enum account_kind { ACCOUNT_READY, ACCOUNT_ROLLOVER, ACCOUNT_DEACTIVATE, ACCOUNT_UPDATE };

struct account {
    struct acmeca *ca;
    struct loop *l;
    char *email, *eab_kid, *state_dir;
    struct secret eab_key;
    char path[ACCOUNTFILE_PATH_BYTES];
    struct file_info seen; /* account.json as we know it */
    bool loaded;
    struct arena arena; /* texts of record */
    struct accountfile_record record;
    struct key *key, *next;
    struct acmeca_signer signer;
    struct list queue, current, telling;
    bool busy;
    enum account_kind kind;                 /* of current */
    bool changed;                           /* in this order the CA has confirmed a new key */
    struct fault refusal;                   /* code: it has refused one */
    struct acmeobj_problem refusal_problem; /* texts are in the arena */
    struct acmeca_call rq;
    struct loop_task turn;
    struct fault notice;   /* told with the next success */
    int64_t retry_after_s; /* of the answer that ends current; -1 */
    bool *freed;
};
