/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The end of a connection, private to conn/. Every call may free c before it returns: the caller
 * touches nothing afterwards. */
#pragma once

#include <stdbool.h>

struct conn;

/* Bytes of the peer that are thrown away after our end: what may be on its way in socket buffers
 * when we answer an upload early. A peer that sends more gets RST. */
#define CLOSE_DISCARD_BYTES (1024 * 1024)

/* Orderly: our end (close_notify) goes behind what is queued, in the same send; then the peer's
 * bytes are discarded until its end, within linger_timeout_ms and CLOSE_DISCARD_BYTES, so that our
 * last bytes are not lost to a RST. Destroys the mux first, which closes its exchanges with r. r is
 * what conn_ops on_close reports; OK for a normal end. */
void close_start(struct conn *c, int r);
/* At once; unsent bytes are lost. With `reset` the peer gets RST: hostile peers, and answers whose
 * cut must be visible. */
void close_now(struct conn *c, int r, bool reset);
/* Events of a connection in CONN_CLOSING. */
void close_on_ready(struct conn *c);
