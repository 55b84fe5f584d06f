/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* When a certificate is renewed. Pure arithmetic: no clock, no I/O. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cert/lineage.h"
#include "crypt/certinfo.h"

enum renewal_why {
    RENEWAL_LIFETIME, /* two thirds of its life, spread by the draw */
    RENEWAL_HALF,     /* half of its life, where that is shorter than ten days */
    RENEWAL_ARI,      /* the CA's window (RFC 9773) */
    RENEWAL_ARI_PAST, /* the window has passed: now */
    RENEWAL_LATE,     /* less than 1/20 of its life is left: now, whatever ARI says */
    RENEWAL_REVOKED,
    RENEWAL_FORCED
};

struct renewal {
    int64_t at_s;
    enum renewal_why why;
};

/* The planned renewal of the certificate (leaf) with this metadata: never before it has a tenth of
 * its life (at most an hour) behind it, whatever ARI says. */
void renewal_plan(const struct certinfo *leaf, const struct lineage_meta *meta,
                  struct renewal *ret);
/* "two thirds of its lifetime", constant. */
const char *renewal_why_text(enum renewal_why why);
/* Takes over a window from the CA: the chosen time is drawn anew when the window has changed, and
 * kept while it has not. True when it changed. A window in the past for a certificate that is
 * younger than a tenth of its life must be seen twice: *suspicious (kept by the caller, false at
 * first) is set the first time and nothing is changed. */
bool renewal_take_window(struct lineage_meta *meta, const struct certinfo *leaf, int64_t start_s,
                         int64_t end_s, int64_t now_s, bool *suspicious);
/* When to ask for renewalInfo again: Retry-After clamped to a minute .. a day, +-10 % by draw; -1
 * (none sent): six hours. After an error: `long_term` six hours, else a minute doubling by
 * `failures`. */
int64_t renewal_next_poll(int64_t now_s, int64_t retry_after_s, uint32_t draw);
int64_t renewal_next_poll_after_error(int64_t now_s, bool long_term, uint32_t failures);
/* Alarms: warn at half of the time left after the planned renewal, critical at a tenth of life. */
enum renewal_alarm { RENEWAL_FINE, RENEWAL_WARN, RENEWAL_CRITICAL, RENEWAL_EXPIRED };
/* Which alarm is due now. */
enum renewal_alarm renewal_alarm(const struct certinfo *leaf, const struct renewal *plan,
                                 int64_t now_s);
/* The certificate id of RFC 9773 4.1: base64url(AKI) "." base64url(serial), appended.
 * ERR_NOT_FOUND: it has no authority key identifier. */
int renewal_certid(const struct certinfo_chain *chain, struct buf *out) MUST_USE;
