/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The successive certificates of one name and kind of key, as generations on disk:
 *
 *   STATE/certs/<name>.<ecdsa|rsa>/            0700
 *     format                                   "1"
 *     current -> 000003                        flipped by rename after everything was synced
 *     000003/chain.pem key.pem meta.json       0600; the last three generations are kept
 *     pending.key                              key of an order that is under way
 *     job.json                                 the order under way and the schedule (cert/job)
 *   STATE/certs/quarantine/                    what could not be read, moved there whole
 *
 * "*." of a name is written "_.", ":" of an IPv6 address "-". Everything is written beside and
 * renamed; a crash leaves the old generation in use. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "cert/certstore.h"

#define LINEAGE_KEPT 3

struct lineage_id {
    struct slice name; /* normal form */
    bool rsa;          /* else ECDSA */
};

/* Of one generation; texts are in the arena of the load. */
struct lineage_meta {
    uint64_t generation;
    struct slice directory; /* URL of the CA; empty: imported by hand */
    struct slice account;   /* its account URL */
    struct slice order;     /* URL */
    struct slice profile;
    struct slice certificate; /* URL it came from */
    int64_t issued_s;
    uint32_t draw; /* 0..999999: the random point of the renewal window, drawn once */
    int64_t ari_start_s, ari_end_s, ari_chosen_s; /* 0: none known; of this certificate only */
    int64_t ari_next_poll_s;
    struct slice ari_explanation;
    bool staging; /* never handed out */
    bool revoked;
};

struct lineage_loaded {
    struct certstore_pair pair;
    struct lineage_meta meta;
};

/* The current generation. An unreadable current one falls back to the newest readable one and is
 * quarantined. ERR_NOT_FOUND: there is none, or none is readable (f->code != 0 then; all are in
 * quarantine, the job stays). An unreadable meta.json is made anew from the certificate. f tells
 * what was wrong also with OK (f->code != 0). ERR_PERM, ERR_SYS: nothing was moved, the certificate
 * may well be fine. */
int lineage_load(const char *state_dir, const struct lineage_id *id, struct arena *arena,
                 struct lineage_loaded *ret, struct fault *f) MUST_USE;
/* The same for onlookers: moves and repairs nothing. */
int lineage_peek(const char *state_dir, const struct lineage_id *id, struct arena *arena,
                 struct lineage_loaded *ret, struct fault *f) MUST_USE;
/* A new generation becomes the current one: key and chain must fit; meta.generation is set. Older
 * than the last LINEAGE_KEPT are removed. ERR_SYS (disk full), ERR_PERM: the old one stays whole.
 */
int lineage_commit(const char *state_dir, const struct lineage_id *id,
                   const struct certstore_pair *pair, struct lineage_meta *meta,
                   struct fault *f) MUST_USE;
/* Replaces meta.json of a generation. */
int lineage_save_meta(const char *state_dir, const struct lineage_id *id,
                      const struct lineage_meta *meta, struct fault *f) MUST_USE;
/* The key of an order under way. ERR_NOT_FOUND. */
int lineage_load_pending_key(const char *state_dir, const struct lineage_id *id, struct key **ret,
                             struct fault *f) MUST_USE;
int lineage_save_pending_key(const char *state_dir, const struct lineage_id *id,
                             const struct key *key, struct fault *f) MUST_USE;
void lineage_drop_pending_key(const char *state_dir, const struct lineage_id *id);
/* Small files of the lineage (job.json). ERR_NOT_FOUND. */
int lineage_read_file(const char *state_dir, const struct lineage_id *id, const char *file,
                      struct buf *ret, struct fault *f) MUST_USE;
int lineage_write_file(const char *state_dir, const struct lineage_id *id, const char *file,
                       struct slice bytes, struct fault *f) MUST_USE;
/* Moves it out of the way, into the quarantine of the store if that can be. */
void lineage_quarantine_file(const char *state_dir, const struct lineage_id *id, const char *file);
/* Every lineage in the store, in any order. ERR_NOT_FOUND when there is no store. */
int lineage_each(const char *state_dir, void (*each)(void *ctx, const struct lineage_id *id),
                 void *ctx) MUST_USE;
/* Opens the store for writing: makes STATE/certs with its marker file, refuses one whose marker has
 * a newer format or that holds foreign files, tries a write. ERR_CONFIG, ERR_PERM, ERR_SYS. */
int lineage_open_store(const char *state_dir, struct fault *f) MUST_USE;
