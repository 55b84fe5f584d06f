/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a set of CAA records (RFC 8659, RFC 8657) means for one CA, one account and the challenge
 * types that are enabled. Pure; finding the set by climbing the tree is the caller's. */
#pragma once

#include "client/dns.h"

struct caa_asked {
    const struct slice *identities; /* of the CA: "letsencrypt.org" */
    size_t nidentities;             /* 0: the CA does not tell */
    struct slice account_url;       /* empty: not known, accounturi is not judged */
    const char *const *methods;     /* enabled: "http-01" ... */
    size_t nmethods;
    bool wildcard;
};

enum caa_verdict {               /* from bad to good */
                   CAA_CRITICAL, /* an unknown property is marked critical: no CA may issue (RFC
                                    8659 4.1) */
                   CAA_NOBODY,   /* "issue ;": no CA at all */
                   CAA_OTHERS,   /* other CAs only */
                   CAA_ACCOUNT,  /* our CA, for another account */
                   CAA_METHODS,  /* our CA, by other challenge types */
                   CAA_UNTOLD,   /* restricts, but which identity is our CA's is not known */
                   CAA_ALLOWED
};

/* The whole set of one name; other types among the records are ignored. *ret_detail: the tag or
 * value that decided, empty when none did; it lives as long as the records. */
enum caa_verdict caa_check(const struct dns_record *records, size_t n, const struct caa_asked *a,
                           struct slice *ret_detail);
/* True when there is any CAA record: the climb ends here. */
bool caa_present(const struct dns_record *records, size_t n);
