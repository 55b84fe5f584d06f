/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Reason phrases of status codes (RFC 9110 15). */
#pragma once

#include <stdint.h>

/* Constant text: "Not Found"; for codes without a registered phrase a word for their class. Never
 * NULL. */
const char *phrase_of(uint16_t status);
