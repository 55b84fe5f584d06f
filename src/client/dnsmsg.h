/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* DNS messages as bytes, by libldns: one question out, the records that answer it in. Knows no
 * socket and no server; decides alone what belongs to a question. */
#pragma once

#include "base/arena.h"
#include "client/dns.h"

#define DNSMSG_NAME_TEXT    1024         /* 255 octets, each at most \DDD */
#define DNSMSG_QUERY_MAX    320          /* header, name of 255, type and class, OPT */
#define DNSMSG_UDP_BYTES    1232         /* what fits into every path; DNS flag day 2020 */
#define DNSMSG_ANSWER_BYTES (256 * 1024) /* of arena for one answer */

struct dnsmsg_query {
    uint8_t bytes[DNSMSG_QUERY_MAX];
    size_t n;
    size_t question_end; /* bytes[12 .. question_end) is the question section */
};

/* `edns`: with an OPT record (RFC 6891). The id is random. ERR_SYNTAX (no name), ERR_NOMEM,
 * ERR_SYS. */
int dnsmsg_query(struct slice name, enum dns_type type, bool recurse, bool edns,
                 struct dnsmsg_query *ret) MUST_USE;
/* True when the message answers q: response bit, id, opcode and question are the same. Errors that
 * servers send without a question are answers too, when they are errors. */
bool dnsmsg_belongs(const struct dnsmsg_query *q, struct slice message);
/* TC: what came is cut. */
bool dnsmsg_truncated(struct slice message);
unsigned dnsmsg_rcode(struct slice message);
/* The records that answer `name` and `type`: the chain of CNAMEs (at most 8, no loops), then those
 * of the last name; SOA also of the authority section when it stands above the last name. Other
 * records are ignored. Fills a except why; slices in `arena`. a->r is also returned: OK,
 * ERR_SYNTAX, ERR_CAP, ERR_NOMEM. */
int dnsmsg_read(struct arena *arena, struct slice message, struct slice name, enum dns_type type,
                struct dns_answer *a) MUST_USE;
