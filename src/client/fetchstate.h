/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a fetch is made of: shared by fetch.c (its life), fetchsend.c (the request) and fetchrecv.c
 * (the answer), and nobody else.
 *
 *   CONNECT --open--> HEAD --final head--> BODY --last byte--> DONE
 *      any stage before DONE --error--> FAILED
 *
 * The request's direction runs beside it: request_done says that its last byte was queued. */
#pragma once

#include "base/buf.h"
#include "client/fetch.h"
#include "client/upconn.h"
#include "wire/chunked.h"
#include "wire/http1.h"

/* Attack: answers with fields without end. */
#define FETCH_FIELDS_MAX 128
/* Attack: trailers without end; also the arena's cap stands behind it. */
#define FETCH_TRAILER_BYTES 4096
#define FETCH_TRAILERS_MAX  32
/* Attack: interim answers without end. */
#define FETCH_INFORMS_MAX 16

enum fetch_stage { FETCH_CONNECT, FETCH_HEAD, FETCH_BODY, FETCH_DONE, FETCH_FAILED };

/* How body bytes are written: the request's, or both directions of a tunnel. */
enum fetch_framing { FETCH_NONE, FETCH_LENGTH, FETCH_CHUNKED, FETCH_CLOSE, FETCH_RAW };

/* Only while a head is read: 5 KB that a long body or a tunnel does not hold. */
struct fetch_parse {
    struct http1_response response;
    struct field fields[FETCH_FIELDS_MAX];
};

/* Only for chunked answers. */
struct fetch_trail {
    uint8_t bytes[FETCH_TRAILER_BYTES];
    struct field fields[FETCH_TRAILERS_MAX];
};

struct fetch {
    struct upstream *u;
    struct loop *loop;
    struct arena *arena;
    const struct fetch_ops *ops;
    void *owner;
    struct upconn *uc; /* also after a failure: it has the address and the story */
    enum fetch_stage stage;
    struct loop_timer timer; /* no progress */
    struct loop_task flush;  /* at the end of the turn: head and body leave in one send */
    bool *gone;              /* set by fetch_free, for the callback that is running */
    uint32_t timeout_ms;
    uint64_t start_ms;
    uint32_t connect_ms, head_ms;
    bool trial;

    enum http_method method;
    enum fetch_framing request_framing;
    uint64_t request_left; /* of FETCH_LENGTH */
    struct buf pending;    /* plain bytes that wait for the connection or to be sealed together */
    struct buf trailer;    /* field lines behind the last chunk */
    uint64_t passed;       /* body bytes accepted */
    size_t unsent;         /* of these, not reported with on_sent */
    bool request_done;
    bool upgrade;
    bool deaf; /* the upstream takes no more bytes */

    struct fetch_parse *parse;
    struct fetch_trail *trail;
    enum fetch_framing answer_framing;
    uint64_t answer_left; /* of FETCH_LENGTH */
    struct chunked chunked;
    size_t loan;    /* bytes of the input that the owner looks at */
    size_t ahead;   /* bytes behind the loan that the chunked decoder has taken, */
    size_t ahead_n; /* of which the last ahead_n are data to be given next */
    size_t ntrailers;
    unsigned informs;
    bool answer_begun, keep_alive;
    bool starved; /* the owner was told ERR_AGAIN and waits for on_readable */

    int error;
    const char *what; /* constant: what was going on when it failed */
};
