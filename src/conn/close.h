/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The end of a connection, private to conn/. Both calls first destroy the mux (which closes its
 * exchanges with r) and may free c before they return: the caller touches nothing afterwards. */
#pragma once

#include <stdbool.h>

struct conn;

/* Orderly: our end (close_notify) goes behind what is queued, in the same send; then the peer's
 * bytes are discarded until its end, within linger_timeout_ms and CLOSE_DISCARD_BYTES, so that our
 * last bytes are not lost to a RST. r is what conn_ops on_close reports; OK for a normal end. */
void close_start(struct conn *c, int r);
/* At once; unsent bytes are lost. With `reset` the peer gets RST: hostile peers, and answers whose
 * cut must be visible. */
void close_now(struct conn *c, int r, bool reset);
