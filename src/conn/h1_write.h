/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The answer's side of an HTTP/1.1 connection, private to conn/: heads and body bytes gathered in
 * the worker's staging buffer, sealed in bursts, sent once per wake. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conn/exchange.h"

struct mux_h1;

/* mux_ops respond, inform and trailers. */
int h1_write_respond(struct exchange *x, const struct response *a) MUST_USE;
int h1_write_inform(struct exchange *x, uint16_t status, const struct field *fields,
                    size_t n) MUST_USE;
int h1_write_trailers(struct exchange *x, const struct field *fields, size_t n) MUST_USE;

/* After on_head: 100 Continue when the client waits for it and the engine has not refused. */
int h1_write_continue(struct mux_h1 *m) MUST_USE;
/* A whole minimal answer with Connection: close, by the mux itself. */
int h1_write_rejection(struct mux_h1 *m, uint16_t status) MUST_USE;
/* One pull of body bytes. OK: something was staged or the answer ended. ERR_AGAIN: the engine has
 * nothing now, or the client takes nothing. ERR_RESET and others: the connection is lost. A cut by
 * the engine is noted in given_up. */
int h1_write_step(struct mux_h1 *m) MUST_USE;
/* Heads made outside a wake go to the front of the staging buffer. */
int h1_write_take_pending(struct mux_h1 *m) MUST_USE;
/* Seals what is staged, behind what the link holds already. */
int h1_write_seal(struct mux_h1 *m) MUST_USE;
/* True while the client has enough unsent bytes ahead of it. */
bool h1_write_is_full(const struct mux_h1 *m);
/* Unsends the answer at hand if none of it was sealed yet; false when it is too late. */
bool h1_write_recall(struct mux_h1 *m);
