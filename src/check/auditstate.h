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

/* What is done with an answer: flight is NULL when there was none that could be read: q->lost tells
 * whether that means "no" (the server ends such connections, and others not) or nothing at all. */
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
    enum probe_end end; /* of a doubtful one: how it ended the first time */
    bool lost;
    struct buf hello;
    void *ctx; /* of who asked */
    unsigned tag;
};

/* A reset, a close or silence may be the server's way to say no, or that of a rate limit. Such a
 * question is asked again when all others are done, alone, and a hello that the server is known to
 * answer is asked after it: only when that one is answered the first meant "no". */
struct auditstate_doubts {
    struct list waiting; /* struct ask */
    struct ask *again;   /* asked a second time now */
    struct buf control;  /* a hello that was answered once */
    struct probe probe;  /* of the control */
    struct loop_timer pause;
    unsigned pauses, confirmed[PROBE_FAILED + 1];
    bool wavered; /* a doubtful one was answered the second time: trust no pattern */
    bool gave_up; /* controls stayed without answer: everything doubtful is lost */
};

/* One walk over groups or signature schemes: what was found is not offered again. */
struct auditstate_walk {
    uint16_t found[64];
    size_t nfound;
    bool helped; /* the certificate's own curve is offered again, behind the others */
};

enum auditstate_phase { AUDIT_VERSIONS, AUDIT_DETAILS, AUDIT_ORDER, AUDIT_ATTACKS, AUDIT_OVER };

struct audit {
    struct audit_options o;
    struct audit_ops ops;
    struct facts *f;
    enum auditstate_phase phase;
    struct list asks;
    struct list walks; /* of auditsuites.c */
    struct auditstate_walk groups13, groups12, sigalgs12;
    struct auditstate_doubts doubts;
    struct loop_task next;
    unsigned lost;    /* questions without an answer although the server speaks the version */
    unsigned pending; /* questions beyond hellos that are under way (auditvuln.c, auditcerts.c) */
    bool shares13;    /* the server wants a key share in the first hello */
    uint8_t parts[FACTS_VERSIONS]; /* the part of the suites that the version was found with */
    uint8_t *scratch;
    uint8_t random[32];
    struct auditcerts *certs; /* of auditcerts.c */
    struct auditvuln *vuln;   /* of auditvuln.c */
};
