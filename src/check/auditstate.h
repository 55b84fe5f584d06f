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

/* ---- auditask.c ---- */

/* A hello as a current browser would send it for this version (0x0300 .. 0x0304), with all groups
 * and schemes; arrays are constant. */
void auditask_base(const struct audit *a, uint16_t version, struct hellomake *ret);
/* Asks; on_answer comes later. Without memory the audit becomes incomplete and nothing comes. */
struct ask *auditask_hello(struct audit *a, const struct hellomake *h, const struct ask_kind *kind,
                           void *ctx);
/* The same with ready bytes. */
struct ask *auditask_bytes(struct audit *a, struct slice hello, const struct ask_kind *kind,
                           void *ctx);
/* Did the server choose what was offered? */
bool auditask_accepted(const struct serverflight *flight, uint16_t version);

/* Ends all questions without answers. */
void auditask_drop_all(struct audit *a);

/* ---- auditsuites.c ---- */

/* Every suite of an offered version; then, phase AUDIT_ORDER, the server's order. */
void auditsuites_begin(struct audit *a, enum facts_version v);
void auditsuites_order(struct audit *a, enum facts_version v);
uint16_t auditsuites_version(enum facts_version v); /* 0x0303 of FACTS_TLS12 */
/* The suites that a first hello of this version offers; returns how many (AUDITSTATE_CODES_MAX). */
size_t auditsuites_common(enum facts_version v, uint16_t *codes);
void auditsuites_drop_all(struct audit *a);

/* ---- auditgroups.c ---- */

/* Groups, signature schemes, extensions, Diffie-Hellman, further certificates. */
void auditgroups_begin(struct audit *a);
/* What needs the suites: Diffie-Hellman parameters, certificates by kind of key. */
void auditgroups_after(struct audit *a);

/* ---- auditvuln.c ---- */

/* Known attacks; those that follow from suites and versions, and those that are tried. */
void auditvuln_begin(struct audit *a);
