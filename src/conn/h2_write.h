/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The answers' side of an HTTP/2 connection, private to conn/: heads for the library, body bytes
 * pulled right into the worker's staging buffer behind room for their frame header. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conn/exchange.h"
#include "conn/mux_h2.h"

/* mux_ops respond, inform and trailers. */
int h2_write_respond(struct exchange *x, const struct response *a) MUST_USE;
int h2_write_inform(struct exchange *x, uint16_t status, const struct field *fields,
                    size_t n) MUST_USE;
int h2_write_trailers(struct exchange *x, const struct field *fields, size_t n) MUST_USE;

/* An answer without a body by the mux itself, for a stream whose exchange is not open. */
void h2_write_rejection(struct h2_stream *s, uint16_t status);
/* Stages frames, seals and sends: at most a few bursts, then m->more is set. OK: all is gone or
 * the rest waits for the client. ERR_AGAIN: the socket takes no more now. ERR_RESET and others: the
 * connection is lost. */
int h2_write_step(struct mux_h2 *m) MUST_USE;

/* Puts the callbacks of this file into cb. */
void h2_write_register(nghttp2_session_callbacks *cb);
