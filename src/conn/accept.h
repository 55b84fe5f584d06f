/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The first stop of a connection, private to conn/. */
#pragma once

#include <stdint.h>

struct ip;
struct listener;
struct loop_io;

/* A listener (struct listener embeds io) is readable. */
void accept_on_ready(struct loop_io *io, uint32_t events);
/* Takes over a connected, non-blocking socket as if `from` had accepted it from that address:
 * limits are not asked. On any failure fd is closed and nothing else happens. */
void accept_take(struct listener *from, int fd, const struct ip *peer, uint16_t peer_port);
