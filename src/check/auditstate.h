/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What audit.c (phases), auditask.c (one question), auditsuites.c, auditgroups.c and auditvuln.c
 * share. Private to these files. */
#pragma once

#include "check/audit.h"
#include "wire/hellomake.h"
#include "wire/serverflight.h"
#include "wire/suite.h"

#define AUDITSTATE_CODES_MAX 400 /* suites, groups or schemes in one hello */

struct audit;
struct ask;

/* What is done with an answer: flight is NULL when there was none that could be read (r tells how
 * it ended). */
struct ask_kind {
    void (*on_answer)(struct ask *q, const struct serverflight *flight,
                      const struct probe_result *r);
    bool whole; /* read to ServerHelloDone */
};

/* One question: a hello and what to do with the answer. Freed after its answer. */
struct ask {
    struct probe probe;
    struct list node;
    struct audit *a;
    const struct ask_kind *kind;
    bool retried; /* a reset or a timeout was asked again once */
    struct buf hello;
    void *ctx; /* of who asked */
    unsigned tag;
};

enum auditstate_phase { AUDIT_VERSIONS, AUDIT_DETAILS, AUDIT_ORDER, AUDIT_ATTACKS, AUDIT_OVER };

struct audit {
    struct audit_options o;
    struct audit_ops ops;
    struct facts *f;
    enum auditstate_phase phase;
    struct list asks;
    struct list walks; /* of auditsuites.c */
    struct loop_task next;
    unsigned lost; /* questions without an answer although the server speaks the version */
    uint8_t *scratch;
    uint8_t random[32];
};
