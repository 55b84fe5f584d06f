/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The standing TXT record of dns-persist-01 (draft-ietf-acme-dns-persist) at
 * _validation-persist.DOMAIN: its text, and whether one allows what is asked. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct dnspersist_asked {
    struct slice issuer, account_url;
    bool wildcard;
    uint64_t now_s; /* since 1970 */
};

enum dnspersist_verdict {                     /* from bad to good */
                          DNSPERSIST_FOREIGN, /* of another CA, or no such record at all */
                          DNSPERSIST_ACCOUNT, /* our CA, another account */
                          DNSPERSIST_EXPIRED, /* persistUntil has passed, or is no number */
                          DNSPERSIST_NARROW,  /* lacks policy=wildcard */
                          DNSPERSIST_GOOD
};

/* What one TXT record (its strings joined) says; any bytes. */
enum dnspersist_verdict dnspersist_check(struct slice record, const struct dnspersist_asked *a);
/* `ca.example; accounturi=https://...; policy=wildcard`, appended. ERR_CAP, ERR_NOMEM. */
int dnspersist_text(struct slice issuer, struct slice account_url, bool wildcard,
                    struct buf *out) MUST_USE;
