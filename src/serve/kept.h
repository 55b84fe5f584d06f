/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the keeper made, as it stands in a bundle: for each name at most one pair of certificate and
 * key for each kind of key, with where it came from. Also their way over a channel. Knows nothing
 * of certificates but their kind of key. */
#pragma once

#include "base/buf.h"
#include "crypt/keystore.h"
#include "serve/bundle.h"

enum kept_slot { KEPT_ECDSA, KEPT_RSA, KEPT_SLOTS };

/* One pair; slices are loans of the bundle or the message. */
struct kept_pair {
    enum kept_slot slot;
    struct slice source; /* "acme", "local" or "temporary" */
    struct slice chain, key;
};

/* Where a key of this kind stands: all but RSA are ECDSA to a client. */
enum kept_slot kept_slot_of(enum key_kind kind);
/* The pairs to serve `name` with, ECDSA first: a temporary one only while there is no other.
 * Returns how many. */
size_t kept_pairs(const struct bundle *b, struct slice name, struct kept_pair ret[KEPT_SLOTS]);
/* Is exactly this pair there? True for b NULL: nothing lacks it. */
bool kept_has(const struct bundle *b, struct slice name, const struct kept_pair *p);
/* Sets or replaces one pair; one that is not temporary drives a temporary one out. ERR_NOMEM,
 * ERR_CAP. */
int kept_put(struct bundle *b, struct slice name, const struct kept_pair *p) MUST_USE;
/* May the last pair of the name be dropped? Of a site's own name: no, an old certificate is better
 * than none. Of one that was made on demand: yes, its site has a fallback. */
bool kept_may_go(const struct conf *conf, struct slice name);
/* Drops a pair, unless it is the last one of its name and `last` is false. */
void kept_remove(struct bundle *b, struct slice name, enum kept_slot slot, bool last);
/* Copies the pairs that sites of conf may use: of their names, and of the names below those that
 * take certificates on demand. ERR_NOMEM, ERR_CAP. */
int kept_inherit(struct bundle *to, const struct bundle *from, const struct conf *conf) MUST_USE;

/* MESSAGE_CERTIFICATE: text name, one byte slot, texts source, chain PEM, key PEM. ERR_CAP,
 * ERR_NOMEM. */
int kept_pack(struct buf *out, struct slice name, const struct kept_pair *p) MUST_USE;
/* ERR_SYNTAX. */
int kept_unpack(struct slice payload, struct slice *ret_name, struct kept_pair *ret) MUST_USE;
