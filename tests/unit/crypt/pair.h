/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A client and a server session back to back in memory, and certificates to give them. For tests;
 * every failure ends the test. */
#pragma once

#include "base/buf.h"
#include "crypt/localca.h"
#include "crypt/session.h"
#include "crypt/tlsctx.h"

struct pair {
    struct session *client, *server;
    struct buf c2s, s2c;             /* on the wire, not delivered yet */
    struct buf at_client, at_server; /* plain text that arrived */
    int client_r, server_r;          /* last answer of each open */
};

/* A local CA; `now` of the machine, for what the library itself verifies. */
struct pair_ca {
    struct key *key;
    struct certinfo_chain *chain;
    struct buf pem;
    int64_t now_s;
};

/* Root of the tests of one program. */
void pair_ca_init(struct pair_ca *ca);
void pair_ca_done(struct pair_ca *ca);
/* Key and certificate for one name; `offset_s` moves its time. The caller unrefs both. */
struct tlsctx_identity pair_identity(struct pair_ca *ca, const char *name, enum key_kind kind,
                                     int64_t offset_s);
void pair_identity_done(struct tlsctx_identity *id);
/* A server context for "site.test" with an ECDSA certificate. */
struct tlsctx *pair_server(struct pair_ca *ca, struct ticketring *ring, uint8_t binding);
/* A client context that trusts the CA. */
struct tlsctx *pair_client(struct pair_ca *ca);

void pair_init(struct pair *p, struct tlsctx *client, struct tlsctx *server, const char *name);
/* Moves bytes both ways, at most `step` at once (0: all), until nothing moves. */
void pair_run(struct pair *p, size_t step);
/* Runs until both are ready; fails the test otherwise. */
void pair_handshake(struct pair *p, size_t step);
/* Seals at one side; the bytes are then on the wire. */
void pair_say(struct pair *p, bool from_client, struct slice plain);
void pair_done(struct pair *p);
