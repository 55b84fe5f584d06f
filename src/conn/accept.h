/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The first stop of a connection, private to conn/. */
#pragma once

#include <stdint.h>

struct loop_io;

/* A listener (struct listener embeds io) is readable. */
void accept_on_ready(struct loop_io *io, uint32_t events);
