/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The requests' side of an HTTP/2 connection, private to conn/: bytes from the link through the
 * library to heads, body pieces and trailers for the engine. Never sends and never ends the
 * connection. */
#pragma once

#include "base/attr.h"
#include "conn/mux_h2.h"

/* Takes what has come, within the bounds of one wake (then m->more is set). ERR_AGAIN: all was
 * taken. ERR_EOF, ERR_RESET: the peer went. OK: go on in the next wake. Else the reason why the
 * connection is to end. */
int h2_read_step(struct mux_h2 *m) MUST_USE;
/* The header block at hand has taken too long. */
void h2_read_too_slow(struct mux_h2 *m);
/* The body of s has taken too long: 408 when nothing was answered yet, else RST_STREAM. */
void h2_read_stuck(struct h2_stream *s);

/* Puts the callbacks of this file into cb. */
void h2_read_register(nghttp2_session_callbacks *cb);
