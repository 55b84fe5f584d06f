/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Where a server keeps its things: the state directory and admin socket that an option names, or
 * the defaults. */
#pragma once

#define PLACE_BYTES 512

/* The state directory into dst (PLACE_BYTES). On failure the message was printed. */
int place_state(const char *state_option, char *dst);
/* The admin socket into dst (PLACE_BYTES). On failure the message was printed. */
int place_socket(const char *state_option, const char *socket_option, char *dst);
