/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* DNS questions of any type on the loop, with the whole answer: for CAA, SOA, NS, TXT, CNAME and
 * addresses at a server of one's choice. Messages are made and read by libldns; UDP first, TCP when
 * the answer was cut. Answers are bounded and belong to their question only (id, name, type). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cidr.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/slice.h"
#include "os/loop.h"
#include "os/sock.h"

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_HTTPS = 65,
    DNS_CAA = 257
};

#define DNS_RECORDS_MAX 256 /* a forgotten _acme-challenge may have collected many */

/* One record of the answer section (SOA also from the authority section). Texts are in the arena of
 * the query: names in lower case without the final dot ("" is the root). */
struct dns_record {
    struct slice owner;
    uint16_t type;
    uint32_t ttl_s;
    struct ip ip;        /* A, AAAA */
    struct slice target; /* NS, CNAME, SOA: primary */
    struct slice text;   /* TXT: all strings joined; CAA: the value; others: presentation form */
    struct slice tag;    /* CAA: "issue" */
    uint8_t flags;       /* CAA: 128 is critical */
    bool authority;      /* from the authority section */
};

enum dns_rcode {
    DNS_NOERROR,
    DNS_FORMERR,
    DNS_SERVFAIL,
    DNS_NXDOMAIN,
    DNS_NOTIMP,
    DNS_REFUSED,
    DNS_NOTAUTH = 9
};

struct dns_answer {
    int r;          /* OK also for NXDOMAIN and empty answers; ERR_TIMEOUT, ERR_REFUSED,
                       ERR_UNREACHABLE, ERR_SYNTAX (malformed answer, or the name is none),
                       ERR_CAP (too many records), ERR_NOMEM, ERR_RESOLVE (SERVFAIL, REFUSED ...) */
    unsigned rcode; /* enum dns_rcode; 0 without an answer */
    bool authentic; /* AD: the server says that it checked DNSSEC; ask with AD (RFC 6840 5.7) */
    const struct dns_record *records; /* CNAMEs of the chain first, in their order */
    size_t nrecords;
    const char *why; /* words for r; never NULL */
};

struct dns;

/* servers: "127.0.0.1:5353,[::1]:53" (port 53 when left out), asked in turn; NULL or "": the
 * system's (resolv.conf). timeout_ms of one try, 0: 2000; two tries for each server. ERR_CONFIG,
 * ERR_NOMEM. */
int dns_new(struct loop *l, const char *servers, uint32_t timeout_ms, struct dns **ret,
            struct fault *f) MUST_USE;
/* Queries under way get no on_done any more. Accepts NULL. */
void dns_free(struct dns *d);

/* Embedded by who asks; zeroed before its first use. */
struct dns_query {
    struct dns *d; /* NULL: not under way */
    void *state;
    /* Slices live during the call. The query is over before it. */
    void (*on_done)(struct dns_query *q, const struct dns_answer *a);
    struct list node;
};

/* Asks the servers of d (recursion desired). Never calls on_done from inside. */
void dns_ask(struct dns *d, struct slice name, enum dns_type type, struct dns_query *q);
/* Asks exactly this server, without recursion: an authoritative one. */
void dns_ask_at(struct dns *d, const struct sock_addr *server, struct slice name,
                enum dns_type type, struct dns_query *q);
/* A ready message over TCP to one server, and its raw answer: for RFC 2136 updates, which sign the
 * bytes themselves. Embedded by who asks; zeroed before its first use. */
struct dns_exchange {
    struct dns *d; /* NULL: not under way */
    void *state;
    void (*on_done)(struct dns_exchange *x, int r, struct slice answer, const char *why);
    struct list node;
};
/* The message is copied. x is over before its on_done, which never comes from inside; the answer is
 * a loan of that call and carries the message's id, nothing more is checked. At most 10 s. */
void dns_send(struct dns *d, const struct sock_addr *server, struct slice message,
              struct dns_exchange *x);
/* No on_done comes after it. Does nothing when it is not under way. */
void dns_cancel(struct dns_query *q);
void dns_cancel_exchange(struct dns_exchange *x);
