/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The answer's direction of a fetch: heads, body framing, trailers. For fetch.c only. Errors leave
 * a constant text in fetch.what. */
#pragma once

#include "base/attr.h"
#include "client/fetch.h"

struct fetch;

/* The next head. OK: an interim one (status below 200, not a tunnel; its slices are loans until
 * fetchrecv_inform_done) or the final one (copied to the arena; body set up). ERR_AGAIN; errors of
 * on_fail. *ret_progress: bytes came. */
int fetchrecv_head(struct fetch *f, struct fetch_head *ret, bool *ret_progress) MUST_USE;
/* Drops the interim head. */
void fetchrecv_inform_done(struct fetch *f);
/* As fetch_read, in stage FETCH_BODY; sets FETCH_DONE with the end. */
int fetchrecv_body(struct fetch *f, size_t cap, struct slice *ret, bool *ret_end,
                   bool *ret_progress) MUST_USE;
/* Ends the loan of the last piece. */
void fetchrecv_release(struct fetch *f);
/* Frees what reading holds. */
void fetchrecv_done(struct fetch *f);
