/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A conversation of two flights that no honest client has: hello, the server's clear-text flight,
 * then bytes of ours, and what the server says to them. Private to the audit. */
#pragma once

#include "check/auditstate.h"

struct attack;

struct attack_kind {
    /* The server's flight was read: what is said now, into out. Another result than OK ends the
     * conversation without an answer. */
    int (*make)(struct attack *t, const struct serverflight *flight, struct buf *out);
    /* Is what came after it enough? */
    bool (*enough)(struct attack *t, struct slice after);
    /* said: our second flight went out; after: what came then. */
    void (*on_end)(struct attack *t, bool said, struct slice after, const struct probe_result *r);
};

/* Embedded; zeroed before its first use. */
struct attack {
    struct probe probe;
    struct audit *a;
    const struct attack_kind *kind;
    struct buf hello;
    size_t mark; /* bytes received when our second flight went out; 0: it did not */
    uint16_t version;
    unsigned variant;
    uint32_t patience_ms; /* for what comes after our second flight; 0: as the audit's */
    bool retried;
};

/* Begins with h; on_end comes later. Without memory it is as if nothing was answered, at once. */
void auditattack_start(struct audit *a, struct attack *t, const struct hellomake *h,
                       const struct attack_kind *kind);
/* Ends it without on_end. */
void auditattack_drop(struct attack *t);
/* The first alert of `after`; 0: its first record is none. */
uint8_t auditattack_alert(struct slice after);
/* Appends a record. ERR_CAP, ERR_NOMEM. */
int auditattack_record(struct buf *out, uint8_t type, uint16_t version, struct slice body) MUST_USE;
