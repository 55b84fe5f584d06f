/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Prices of frames (CVE-2019-9511 to 9518) and the bound of a header block before it is decoded
 * (CVE-2024-27316, -28182: CONTINUATION without end). Buckets forgive bursts, not floods. */
#include "conn/h2_guard.h"

#include "base/err.h"

#define PREFACE_BYTES 24 /* RFC 9113 3.4; its text is checked by the library */

/* Frame types (RFC 9113 6). */
enum {
    DATA = 0,
    HEADERS = 1,
    PRIORITY = 2,
    RST_STREAM = 3,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7,
    WINDOW_UPDATE = 8,
    CONTINUATION = 9
};

#define FLAG_END_STREAM  0x1
#define FLAG_ACK         0x1
#define FLAG_END_HEADERS 0x4

#define NOISE_BURST      1000
#define NOISE_PER_SECOND 100
#define RESET_BURST      100
#define RESET_PER_SECOND 10
/* A block of the largest list that we take fits into a few frames of 16 KB; more are a flood. */
#define BLOCK_FRAMES_MAX 32

static void bucket_init(struct h2_bucket *b, uint32_t cap, uint32_t per_second, uint64_t now_ms)
{
    *b = (struct h2_bucket){.left = cap, .cap = cap, .per_second = per_second, .at_ms = now_ms};
}

static int spend(struct h2_bucket *b, uint32_t price, uint64_t now_ms)
{
    if (now_ms > b->at_ms) {
        uint64_t earned = (now_ms - b->at_ms) * b->per_second / 1000;
        if (earned) {
            uint64_t left = b->left + earned;
            b->left = left < b->cap ? (uint32_t)left : b->cap;
            b->at_ms = now_ms;
        }
    }
    if (b->left < price)
        return ERR_CAP;
    b->left -= price;
    return OK;
}

void h2_guard_init(struct h2_guard *g, uint32_t max_block_bytes, uint64_t now_ms)
{
    *g = (struct h2_guard){.skip = PREFACE_BYTES, .max_block_bytes = max_block_bytes};
    bucket_init(&g->noise, NOISE_BURST, NOISE_PER_SECOND, now_ms);
    bucket_init(&g->resets, RESET_BURST, RESET_PER_SECOND, now_ms);
}

static uint32_t price_of(uint8_t type, uint8_t flags, uint32_t length)
{
    switch (type) {
    case DATA:
        return length == 0 && !(flags & FLAG_END_STREAM) ? 5 : 0;
    case HEADERS: /* bounded by concurrency and the budget of resets */
    case CONTINUATION:
        return 0;
    case SETTINGS:
        return flags & FLAG_ACK ? 1 : 10;
    case PING:
        return flags & FLAG_ACK ? 1 : 2;
    case PRIORITY:
    case RST_STREAM:
    case WINDOW_UPDATE:
        return 1;
    case GOAWAY:
        return 10;
    default:
        return 2;
    }
}

static int on_block_frame(struct h2_guard *g, uint8_t type, uint8_t flags, uint32_t length)
{
    if (type == HEADERS) {
        g->block_bytes = g->block_frames = 0;
        g->in_block = true;
    }
    if (!g->in_block) /* the library ends the connection over it */
        return OK;
    g->block_bytes += length;
    g->block_frames++;
    if (flags & FLAG_END_HEADERS)
        g->in_block = false;
    return g->block_bytes > g->max_block_bytes || g->block_frames > BLOCK_FRAMES_MAX ? ERR_CAP : OK;
}

static int on_frame(struct h2_guard *g, const uint8_t *h, uint64_t now_ms)
{
    uint32_t length = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    uint32_t price = price_of(h[3], h[4], length);
    g->skip = length;
    g->frames++;
    if (h[3] == HEADERS || h[3] == CONTINUATION)
        return on_block_frame(g, h[3], h[4], length);
    return price ? spend(&g->noise, price, now_ms) : OK;
}

int h2_guard_scan(struct h2_guard *g, struct slice in, uint64_t now_ms)
{
    while (in.n) {
        if (g->skip) {
            uint32_t n = g->skip < in.n ? g->skip : (uint32_t)in.n;
            g->skip -= n;
            in = slice_from(in, n);
            continue;
        }
        const uint8_t *h = in.p;
        if (g->head_n == 0 && in.n >= H2_GUARD_FRAME_HEAD) {
            in = slice_from(in, H2_GUARD_FRAME_HEAD);
        } else {
            g->head[g->head_n++] = *in.p;
            in = slice_from(in, 1);
            if (g->head_n < H2_GUARD_FRAME_HEAD)
                continue;
            g->head_n = 0;
            h = g->head;
        }
        int r = on_frame(g, h, now_ms);
        if (r)
            return r;
    }
    return OK;
}

int h2_guard_reset(struct h2_guard *g, uint64_t now_ms)
{
    return spend(&g->resets, 1, now_ms);
}

void h2_guard_sent(struct h2_guard *g)
{
    g->noise.left += g->noise.left + 2 <= g->noise.cap ? 2 : 0;
}

bool h2_guard_begun(const struct h2_guard *g)
{
    return g->frames > 0;
}
