/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One connection of a prober: dial one address, perhaps through a proxy and STARTTLS, say some
 * bytes, read the answer, and tell precisely how it went. Pacing: at most so many in flight for one
 * address, fewer after resets and timeouts. Knows bytes and sockets, no grades. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/cidr.h"
#include "base/fault.h"
#include "base/list.h"
#include "os/link.h"
#include "os/loop.h"
#include "os/sock.h"
#include "os/sockinfo.h"

struct proberun; /* all probes of one run, with their pacing */

/* How far it came and what stopped it: enough to tell a filter from a server (notes check 3). */
enum probe_stage {
    PROBE_QUEUED,
    PROBE_CONNECT,
    PROBE_PROXY,
    PROBE_STARTTLS,
    PROBE_SEND,
    PROBE_ANSWER
};
enum probe_end {
    PROBE_DONE,    /* on_bytes said it has enough */
    PROBE_REFUSED, /* ECONNREFUSED */
    PROBE_RESET,   /* ECONNRESET */
    PROBE_CLOSED,  /* FIN before enough */
    PROBE_TIMEOUT,
    PROBE_UNREACHABLE, /* EHOSTUNREACH, ENETUNREACH */
    PROBE_PROHIBITED,  /* ICMP administratively prohibited (EACCES, or EHOSTUNREACH by code 13) */
    PROBE_FAILED       /* ours: out of descriptors, memory */
};

struct probe_result {
    enum probe_stage stage;
    enum probe_end end;
    int errno_value;
    uint64_t connect_us, first_byte_us, total_us; /* from the start of connecting; 0: not reached */
    /* TCP_INFO at the end: was the hello delivered? */
    uint64_t bytes_sent, bytes_acked, bytes_received;
    uint32_t retransmits, unacked, rtt_us;
    bool icmp; /* an ICMP error came: from whom and of what kind */
    struct sockinfo_icmp icmp_error;
    struct slice received; /* everything read; a loan during on_done */
    void *state;           /* private: for probe_take_link */
};

struct probe_options {
    struct sock_addr address;
    struct slice
        connect_to;       /* address is an HTTP proxy: CONNECT to "example.com:443"; empty: none */
    const char *starttls; /* "smtp", "imap", "pop3", "ftp", "xmpp", "ldap", "postgres", "mysql",
                             "sieve", "nntp", "lmtp"; NULL: none */
    struct slice starttls_name; /* EHLO and XMPP domain */
    struct slice hello;         /* bytes to say; copied */
    uint8_t ttl;                /* IP TTL of the hello only; 0: the system's */
    uint32_t timeout_ms;        /* 0: 5000; for connecting and for the answer each */
    size_t max_bytes;           /* 0: 64 KiB */
    bool silence_expected;      /* a timeout says nothing about the server's rate limits */
};

/* Embedded by who asks; zeroed before its first use. */
struct probe {
    struct list node;
    struct proberun *run; /* NULL: not under way */
    void *state;
    void *owner; /* who asks may keep a pointer here */
    /* Some bytes came; all so far. True: enough. NULL: read until the end. May call probe_say. */
    bool (*on_bytes)(struct probe *p, struct slice received);
    /* Over before it: may be freed or started again. Never from inside probe_start. */
    void (*on_done)(struct probe *p, const struct probe_result *r);
};

struct probe_pace {
    unsigned per_address; /* in flight at once; 0: 5 */
    uint32_t gap_ms;      /* between starts at one address (--slow) */
};

/* ERR_NOMEM. */
int probe_run_new(struct loop *l, const struct probe_pace *pace, struct proberun **ret) MUST_USE;
/* Probes under way get no on_done. Accepts NULL. */
void probe_run_free(struct proberun *run);
void probe_start(struct proberun *run, const struct probe_options *o, struct probe *p);
/* Inside on_bytes: says more on the same connection (a second flight). ERR_RESET, ERR_NOMEM. */
int probe_say(struct probe *p, struct slice bytes) MUST_USE;
/* Inside on_bytes: the deadline is so far from now. */
void probe_wait(struct probe *p, uint32_t timeout_ms);
void probe_cancel(struct probe *p);
/* Inside on_done: hands the connected socket over (after CONNECT and STARTTLS, nothing said), for a
 * real TLS session: with an empty hello, on_done(PROBE_DONE) comes when connected. ERR_NOT_FOUND,
 * ERR_NOMEM, ERR_SYS. */
int probe_take_link(const struct probe_result *r, struct link *to,
                    void (*on_ready)(struct link *k)) MUST_USE;
/* Times that an address was slowed down after resets or timeouts, to be said in the report. */
unsigned probe_backoffs(const struct proberun *run, const struct sock_addr *a);
/* Connections to it so far. */
uint64_t probe_count(const struct proberun *run, const struct sock_addr *a);
/* The error code of an end, and it in words: "nothing listens there (refused)". */
int probe_err(enum probe_end end);
const char *probe_end_words(enum probe_end end);
