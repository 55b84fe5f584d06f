/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Texts inside messages. */
#include "serve/message.h"

int message_text(struct buf *b, struct slice text)
{
    uint8_t head[4] = {(uint8_t)(text.n >> 24), (uint8_t)(text.n >> 16), (uint8_t)(text.n >> 8),
                       (uint8_t)text.n};
    int r = text.n > UINT32_MAX ? ERR_CAP : buf_add(b, slice_of(head, sizeof(head)));
    return r ? r : buf_add(b, text);
}

struct slice message_next(struct cur *c)
{
    struct cur block = cur_block(c, 4);
    return slice_of(block.p, cur_left(&block));
}

int message_u64(struct buf *b, uint64_t value)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    return buf_add(b, slice_of(bytes, sizeof(bytes)));
}

uint64_t message_next_u64(struct cur *c)
{
    uint64_t high = cur_u32(c);
    return high << 32 | cur_u32(c);
}
