/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The owner of one fetch in tests: records what it is told and reads the answer. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "client/fetch.h"
#include "client/upstream.h"

struct caller {
    struct loop *loop;
    struct arena arena;
    struct fetch *f;
    size_t cap;  /* of each read; 0: 64 KB */
    bool fickle; /* every other read asks for one byte */
    bool paused; /* reads nothing */
    bool head_seen, ended, readable;
    struct fetch_head head;
    char fields[2048]; /* "name: value\n" of each field */
    char informs[512]; /* "103 link: </a>\n" */
    char trailers[512];
    struct buf body;
    size_t sent;
    unsigned pieces, on_sents;
    int fail;    /* of on_fail */
    int cut;     /* of fetch_read */
    bool replay; /* fetch_replayable at on_fail */
    struct fault fault;
    bool free_at_head, free_at_sent;
};

void caller_init(struct caller *c, struct loop *l);
/* Frees the fetch too. */
void caller_done(struct caller *c);
/* GET, or a request of the test's own. */
void caller_get(struct caller *c, struct upstream *u, const char *target);
void caller_start(struct caller *c, struct upstream *u, const struct fetch_request *q);
/* Frees the fetch only. */
void caller_free(struct caller *c);
void caller_read(struct caller *c);
/* Turns the loop until the answer ended or failed. */
void caller_wait(struct caller *c);
/* Turns until *flag, at most five seconds. */
bool caller_until(struct loop *l, const bool *flag);
/* A new upstream for 127.0.0.1:port with usual options. */
struct upstream *caller_upstream(struct loop *l, struct resolver *res, uint16_t port);
struct upstream_options caller_options(const char *host, uint16_t port);
