/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a client of HTTP/2 may cost us beyond its requests: a reader of frame headers that runs in
 * front of the library, and two budgets. Knows frame types and lengths only; decodes nothing, keeps
 * no payload. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

#define H2_GUARD_FRAME_HEAD 9

/* Tokens that come back with time. */
struct h2_bucket {
    uint32_t left, cap, per_second;
    uint64_t at_ms;
};

struct h2_guard {
    uint8_t head[H2_GUARD_FRAME_HEAD];
    uint8_t head_n;  /* bytes of a frame header that came in pieces */
    bool in_block;   /* a header block waits for END_HEADERS */
    uint32_t skip;   /* payload (or preface) bytes until the next frame header */
    uint64_t frames; /* whole frame headers seen */
    uint32_t block_bytes, block_frames;
    uint32_t max_block_bytes;
    struct h2_bucket noise;  /* frames that cost work and carry no request */
    struct h2_bucket resets; /* streams opened and not meant: CVE-2023-44487, CVE-2025-8671 */
};

/* max_block_bytes: of one compressed header block. */
void h2_guard_init(struct h2_guard *g, uint32_t max_block_bytes, uint64_t now_ms);
/* Accounts for the next bytes from the client, before they are decoded. ERR_CAP: more than any
 * honest client sends; the connection is to end with ENHANCE_YOUR_CALM. */
int h2_guard_scan(struct h2_guard *g, struct slice in, uint64_t now_ms) MUST_USE;
/* One stream was reset by the client, or by us because the client provoked it. ERR_CAP as above. */
int h2_guard_reset(struct h2_guard *g, uint64_t now_ms) MUST_USE;
/* A frame with body bytes was sent: it earns the window updates that answer it. */
void h2_guard_sent(struct h2_guard *g);
/* True once the connection preface has come. */
bool h2_guard_begun(const struct h2_guard *g);
