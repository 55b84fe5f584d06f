/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A name server on the loop of a test: answers from lines of a zone file over UDP and TCP on one
 * loopback port, takes updates, and misbehaves as told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "os/loop.h"
#include "os/sock.h"

#define NAMESERVER_LINES 400
#define NAMESERVER_CONNS 16

enum nameserver_mode {
    NAMESERVER_TRUNCATE = 1, /* UDP answers are cut: TC and nothing else */
    NAMESERVER_DEAF = 2,     /* no answer over UDP */
    NAMESERVER_WRONG_ID = 4, /* a forged answer goes before the right one */
    NAMESERVER_WRONG_NAME = 8,
    NAMESERVER_WRONG_ONLY = 16, /* only forged answers */
    NAMESERVER_NO_EDNS = 32,    /* FORMERR for questions with OPT */
    NAMESERVER_HANG_TCP = 64,   /* accepts and says nothing */
    NAMESERVER_CUT_TCP = 128,   /* ends in the middle of the answer */
    NAMESERVER_GARBAGE = 256    /* right id and question, records cut in the middle */
};

struct nameserver_conn {
    struct loop_io io;
    struct nameserver *ns;
    uint8_t in[70000];
    size_t got;
};

struct nameserver {
    struct loop *l;
    uint16_t port;
    struct sock_addr addr;
    struct loop_io udp, tcp;
    struct nameserver_conn *conns[NAMESERVER_CONNS];
    const char *lines[NAMESERVER_LINES]; /* "www.a.test. 60 IN A 192.0.2.1" */
    size_t nlines;
    char added[16][256]; /* lines of updates */
    size_t nadded;
    unsigned mode;
    unsigned rcode;       /* other than 0: every answer */
    const char *servfail; /* this name only */
    bool authentic;       /* sets AD */
    bool no_soa;          /* negative answers without authority */
    unsigned udp_asked, tcp_asked, updates;
    unsigned update_rcode;
    /* Updates as raw bytes; returns the bytes of the reply in `out`. NULL: replied unsigned. */
    size_t (*on_update)(struct nameserver *ns, struct slice message, uint8_t *out, size_t cap);
    uint32_t sees_after; /* added lines are shown only after so many TXT questions */
};

void nameserver_open(struct nameserver *ns, struct loop *l);
/* The same lines on an address of its own (127.0.0.2) with the port of another server. */
void nameserver_open_at(struct nameserver *ns, struct loop *l, const char *ip, uint16_t port);
void nameserver_add(struct nameserver *ns, const char *line);
void nameserver_done(struct nameserver *ns);
/* "127.0.0.1:PORT", valid until the next call. */
const char *nameserver_text(const struct nameserver *ns);
