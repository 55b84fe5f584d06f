/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What every worker has, seen from the keeper: answers to challenges, of which the engine wants to
 * know when they are given, and certificates, which are then looked at with a handshake
 * (serve/confirm). Knows messages, no processes. */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "crypt/certhost.h"
#include "serve/confirm.h"

struct published_host {
    void *ctx;
    /* Sends MESSAGE_CHALLENGES to the master; `payload` is lent. */
    int (*send)(void *ctx, struct slice payload);
    /* Every worker answers by the engine's table `version`. */
    void (*on_published)(void *ctx, uint64_t version);
    /* As struct confirm_host. */
    void (*on_served)(void *ctx, struct slice name, enum key_kind kind, const uint8_t sha256[32],
                      int r);
};

/* Embedded. */
struct published {
    struct loop *loop;
    struct published_host host;
    struct confirm *confirm;
    struct buf table; /* answers as packed last */
    uint64_t number;  /* of the message sent last */
    uint64_t version; /* the engine's, of the table */
    bool version_due; /* the engine waits to hear of it */
    bool behind;      /* certificates were sent after the last message */
    struct loop_task again;
    struct map looked; /* struct look of published.c, by kind and name */
};

/* `host` is copied. ERR_NOMEM. */
int published_init(struct published *p, struct loop *l, const struct published_host *host) MUST_USE;
/* Accepts what was only zeroed. */
void published_done(struct published *p);
/* Where we listen, as confirm_address has it. */
void published_address(struct published *p, const struct ip *listen, size_t n, uint16_t port);
/* A new table of the engine. ERR_CAP, ERR_NOMEM, or what `send` said. */
int published_table(struct published *p, uint64_t version, const struct certhost_answer *answers,
                    size_t n) MUST_USE;
/* A certificate was sent to the master; it will be looked at once every worker has it, unless this
 * very chain was looked at before: each reload sends all of them again. */
void published_certificate(struct published *p, struct slice name, enum key_kind kind,
                           struct slice chain_pem);
/* MESSAGE_PUBLISHED of the master. */
void published_answer(struct published *p, struct slice payload);
