/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers of name servers. Input: two bytes choose the type asked for, the rest is the message.
 * Whatever comes back belongs to the question and stays within its bounds. */
#include "base/err.h"
#include "client/dnsmsg.h"
#include "fuzz.h"

static const enum dns_type types[] = {DNS_A,   DNS_NS,   DNS_CNAME, DNS_SOA,
                                      DNS_TXT, DNS_AAAA, DNS_HTTPS, DNS_CAA};

static void check(const struct dns_answer *a, enum dns_type type)
{
    bool chain = type != DNS_CNAME;
    struct slice owner = SLICE("www.a.test");
    FUZZ_CHECK(a->nrecords <= DNS_RECORDS_MAX);
    for (size_t i = 0; i < a->nrecords; i++) {
        const struct dns_record *rec = &a->records[i];
        chain = chain && rec->type == DNS_CNAME;
        FUZZ_CHECK(chain || rec->type == type);
        FUZZ_CHECK(!rec->authority || type == DNS_SOA);
        if (!rec->authority)
            FUZZ_CHECK(slice_eq(rec->owner, owner));
        if (chain)
            owner = rec->target;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum dns_type type = types[data[0] % ARRAY_LEN(types)];
    struct slice message = slice_of(data + 1, size - 1);
    struct dnsmsg_query q;
    struct arena arena;
    struct dns_answer a;
    arena_init(&arena, DNSMSG_ANSWER_BYTES);
    FUZZ_CHECK(dnsmsg_query(SLICE("www.a.test"), type, true, true, &q) == OK);
    if (message.n >= 2)
        memcpy(q.bytes, message.p, 2);
    (void)dnsmsg_belongs(&q, message);
    (void)dnsmsg_truncated(message);
    (void)dnsmsg_rcode(message);
    if (dnsmsg_read(&arena, message, SLICE("www.a.test"), type, &a) == OK)
        check(&a, type);
    arena_done(&arena);
    return 0;
}
