/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* HTTP towards certificate authorities: libcurl on the loop. Bounded in time, bytes and redirects
 * (none are followed: RFC 8555 knows none); HTTPS only, the server always verified. Knows nothing
 * of JWS and JSON. */
#pragma once

#include "base/fault.h"
#include "os/loop.h"

#define ACMEHTTP_BODY_MAX   (1024 * 1024) /* a CA that sends more is broken or hostile */
#define ACMEHTTP_LINKS_MAX  8             /* alternate chains */
#define ACMEHTTP_TIMEOUT_MS 60000         /* whole request; connecting: 15 s of it */

struct acmehttp;

/* What came back. Slices live during on_done only. */
struct acmehttp_reply {
    int r;              /* OK when there is an HTTP status at all; else ERR_RESOLVE, ERR_REFUSED,
                           ERR_UNREACHABLE, ERR_TIMEOUT, ERR_TLS, ERR_VERIFY, ERR_RESET, ERR_CAP, ERR_NOMEM,
                           ERR_SYNTAX (no https URL; the answer is not HTTP), ERR_CONFIG (the trusted
                           certificates              cannot be read) */
    struct fault fault; /* the story of r */
    unsigned status;
    struct slice body, content_type, nonce, location;
    int64_t retry_after_s; /* seconds from now, both forms of RFC 9110 10.2.3; -1: not sent */
    int64_t date_s;        /* the server's clock; 0: not sent */
    struct slice alternates[ACMEHTTP_LINKS_MAX]; /* Link: <...>;rel="alternate" */
    size_t nalternates;
};

/* Embedded by who asks; zeroed before its first use. */
struct acmehttp_call {
    struct acmehttp *http; /* NULL: not under way */
    struct list node;      /* with state: of acmehttp.c */
    void *state;
    /* The call is over before it: it may be freed or started again. */
    void (*on_done)(struct acmehttp_call *c, const struct acmehttp_reply *reply);
};

enum acmehttp_method { ACMEHTTP_GET, ACMEHTTP_HEAD, ACMEHTTP_POST };

struct acmehttp_request {
    enum acmehttp_method method;
    struct slice url;
    struct slice body;   /* POST: application/jose+json; copied */
    struct slice ca_pem; /* trust only these; empty: the system's store. Copied */
    bool loopback;       /* http:// is taken too: a server on this machine, not a CA */
    bool ocsp;           /* POST application/ocsp-request; http:// is usual: the answer is signed */
};

/* ERR_NOMEM, ERR_SYS. */
int acmehttp_new(struct loop *l, struct acmehttp **ret, struct fault *f) MUST_USE;
/* Calls under way get no on_done any more. Accepts NULL. */
void acmehttp_free(struct acmehttp *h);
/* on_done comes later, never from inside this call (also for errors). */
void acmehttp_start(struct acmehttp *h, const struct acmehttp_request *q, struct acmehttp_call *c);
/* No on_done comes after it. Does nothing when c is not under way. */
void acmehttp_cancel(struct acmehttp_call *c);
