/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* From measurements to one verdict, its evidence and the next action: a pure function, a table of
 * rules in the order in which causes hide one another. Knows no socket, no clock, no name server.
 * Every member of the measurements is zero when it was not measured, and nothing is concluded from
 * that. */
#pragma once

#include "check/facts.h"

#define WHYJUDGE_OTHERS_MAX   4
#define WHYJUDGE_CONTROLS_MAX 3
#define WHYJUDGE_IPS_MAX      8
#define WHYJUDGE_SEEN_MAX     96

/* How far one hello came. */
enum whyjudge_end {
    WHYJUDGE_NOT_RUN,
    WHYJUDGE_OURS, /* this computer's own failure: says nothing */
    WHYJUDGE_REFUSED,
    WHYJUDGE_PROHIBITED, /* ICMP, at any stage; or the proxy's own refusal */
    WHYJUDGE_UNREACHABLE,
    WHYJUDGE_NO_ANSWER, /* to the SYN */
    WHYJUDGE_OPEN,      /* connected, nothing was said */
    WHYJUDGE_CUT,       /* reset or end after the hello, without an answer */
    WHYJUDGE_UNACKED,   /* the hello itself was lost */
    WHYJUDGE_SILENT,    /* the hello was acknowledged, no (whole) answer came */
    WHYJUDGE_NOT_TLS,
    WHYJUDGE_ALERT,
    WHYJUDGE_HELLO /* ServerHello or HelloRetryRequest */
};

struct whyjudge_hello {
    enum whyjudge_end end;
    bool by_reset, by_proxy;
    uint8_t alert;
    uint64_t took_us, acked_bytes, received_bytes;
    uint32_t retransmits;
    bool icmp;
    struct sockinfo_icmp icmp_error;
    uint8_t seen[WHYJUDGE_SEEN_MAX]; /* first bytes of what is not TLS */
    size_t nseen;
};

/* A whole handshake. */
struct whyjudge_peer {
    bool tried, secured; /* secured: finished, perhaps unverified */
    bool trusted;        /* verified, name included */
    bool timed_out, has_certificate, self_signed, covers;
    uint8_t alert, leaf[32];
    char issuer[96], subject[96], words[160]; /* words: why it was refused */
    int64_t not_before_s, not_after_s;
};

struct whyjudge_names {
    bool asked;
    int r; /* of dns_answer */
    unsigned rcode;
    struct ip ips[WHYJUDGE_IPS_MAX];
    size_t nips;
};

struct whyjudge_control {
    char name[80];
    struct whyjudge_hello own, target; /* its own name, the target's name at its address */
    struct whyjudge_peer own_peer, target_peer;
    bool has_date;
    int64_t skew_s; /* its clock minus ours */
};

/* One download: bytes and time. */
struct whyjudge_speed {
    uint64_t bytes, took_us;
};

struct whyjudge_measures {
    struct slice host;
    char address[SOCK_ADDR_TEXT];
    bool tls_ok;         /* the visit's verified handshake */
    uint8_t visit_alert; /* that ended the visit */
    bool client_certificate;
    int64_t now_s, built_s; /* built_s: no clock may be earlier */

    bool has_address, name_fixed; /* name_fixed: an address was given, DNS plays no part */
    struct whyjudge_names system, second, control_name, random_name;
    struct whyjudge_peer second_peer; /* at an address that only the second resolver gave */
    bool second_differs;              /* no address in common with the visit's */

    struct whyjudge_hello target, innocent, large, small_answer, spoken; /* spoken: plain GET */
    struct whyjudge_hello plain;                                         /* port 80, OPEN */
    struct whyjudge_peer peer, innocent_peer;
    struct whyjudge_hello others[WHYJUDGE_OTHERS_MAX]; /* target hello at its other addresses */
    struct ip other_ips[WHYJUDGE_OTHERS_MAX];
    size_t nothers;
    struct whyjudge_control controls[WHYJUDGE_CONTROLS_MAX];
    size_t ncontrols;

    bool portal_tried, portal_replaced, portal_has_date;
    unsigned portal_status;
    char portal_location[128];
    int64_t portal_skew_s;

    struct whyjudge_speed speed[2], innocent_speed[2];
    unsigned hop; /* the smallest TTL at which the device still acts; 0: unknown */
};

/* Texts go into the arena. Fills verdict, evidence and next. */
void whyjudge_run(const struct whyjudge_measures *m, struct arena *a, struct facts_why *ret);
/* The next thing to do about a verdict. */
const char *whyjudge_next(enum facts_verdict v);
/* Half a sentence about the end of a hello. */
const char *whyjudge_end_words(enum whyjudge_end end);
/* What our clock should be moved by, by several hosts that agree; false: unknown or they do not. */
bool whyjudge_skew(const struct whyjudge_measures *m, int64_t *ret_s);
