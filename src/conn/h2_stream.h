/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One stream of HTTP/2 as the owner of its exchange, private to conn/: made in one place, ended in
 * one place (CVE-2026-23918: two owners), whatever order HEADERS, DATA, RST_STREAM and the engine's
 * calls come in. */
#pragma once

#include "base/attr.h"
#include "conn/exchange.h"
#include "conn/mux_h2.h"

/* A stream whose header block begins; the library's user data of that stream. NULL without memory.
 */
struct h2_stream *h2_stream_new(struct mux_h2 *m, int32_t id) MUST_USE;
/* Ends the exchange (on_close with r) if it is open. The stream stays until the library closes it.
 */
void h2_stream_finish(struct h2_stream *s, int r);
/* RST_STREAM with an HTTP/2 error code; the exchange ends now, for r. */
void h2_stream_reset(struct h2_stream *s, int r, uint32_t code);
/* Ends what the engine gave up (deferred from exchange_abort). */
void h2_stream_reap(struct mux_h2 *m);
/* Ends every exchange with r and frees all streams. */
void h2_stream_free_all(struct mux_h2 *m, int r);

/* mux_ops resume, consumed and abort. */
void h2_stream_resume(struct exchange *x);
void h2_stream_consumed(struct exchange *x, size_t n);
void h2_stream_abort(struct exchange *x, int r);

/* Puts the callbacks of this file into cb. */
void h2_stream_register(nghttp2_session_callbacks *cb);
