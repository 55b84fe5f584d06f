/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The request's side of an HTTP/1.1 connection, private to conn/: bytes from the link to heads and
 * body pieces for the engine. Never sends and never ends the connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/slice.h"

struct mux_h1;

/* An unread body is dropped up to this much so that the connection can go on. */
#define H1_READ_DISCARD_BYTES 65536

/* One unit of progress. OK: something was done, call again. ERR_AGAIN: nothing to do before the
 * next edge, or before the engine or the client has taken something. ERR_EOF, ERR_RESET: the peer
 * went (where a half close matters it is noted instead). Else the error of what was read. */
int h1_read_step(struct mux_h1 *m) MUST_USE;
/* After the answer: whether what is unread of the request can be dropped within bounds, so that the
 * next request is found for sure. Sets the state to drop it. */
bool h1_read_skip_body(struct mux_h1 *m);
/* True when body bytes are wanted now: only then is a silent client at fault. */
bool h1_read_wants_body(const struct mux_h1 *m);
/* What was read of the request line at hand, for the log. A loan from the link. */
struct slice h1_read_line(const struct mux_h1 *m);
