/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The request's direction of a fetch: head, body framing, trailers, queueing. For fetch.c only. */
#pragma once

#include "base/attr.h"
#include "client/fetch.h"

struct fetch;

/* Serialises the head; it waits in `pending`. ERR_NOMEM, ERR_CAP. */
int fetchsend_head(struct fetch *f, const struct fetch_request *q) MUST_USE;
/* The connection is open: hands `pending` to the link. ERR_NOMEM, ERR_CAP, ERR_RESET. */
int fetchsend_queue(struct fetch *f) MUST_USE;
/* Body bytes, framed. ERR_FRAMING: more or fewer bytes than declared; ERR_NOMEM, ERR_CAP,
 * ERR_RESET.
 */
int fetchsend_body(struct fetch *f, struct slice data, bool end) MUST_USE;
/* Keeps trailer fields until the last chunk. ERR_NOMEM, ERR_CAP. */
int fetchsend_trailers(struct fetch *f, const struct field *fields, size_t n) MUST_USE;
/* One send of all that is queued; *ret_sent body bytes have left since the last call. True when the
 * socket took anything. */
bool fetchsend_flush(struct fetch *f, size_t *ret_sent);
