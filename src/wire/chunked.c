/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The chunked coding as a machine of single bytes for sizes, extensions and trailers, and of whole
 * pieces for data. Strict like the heads: only CRLF ends a line, digits only, everything bounded.
 */
#include "wire/chunked.h"

#include "base/err.h"
#include "base/num.h"

enum state {
    SIZE,     /* hexadecimal digits */
    SIZE_BWS, /* blanks that only an extension may follow */
    EXT,      /* extension bytes */
    SIZE_LF,  /* CR of the size line seen */
    DATA,     /* left > 0 bytes of data */
    DATA_CR,  /* data complete */
    DATA_LF,  /* its CR seen */
    LINE,     /* first byte of a trailer line, or the CR of the final empty line */
    NAME,     /* trailer name up to the colon */
    VALUE,    /* trailer value */
    VALUE_LF, /* CR of a trailer line seen */
    LAST_LF,  /* CR of the final empty line seen */
    ENDED,
    FAILED,
};

void chunked_init(struct chunked *c, uint8_t *trailer, size_t trailer_cap)
{
    *c = (struct chunked){.trailer = trailer, .trailer_cap = trailer_cap, .state = SIZE};
}

static bool plain(uint8_t ch)
{
    return (field_class[ch] & FIELD_VALUE) != 0;
}

static unsigned hex_value(uint8_t ch)
{
    return ch <= '9' ? ch - 48u : (ch | 0x20u) - 87u;
}

static int on_size(struct chunked *c, uint8_t ch)
{
    if (field_class[ch] & FIELD_HEX) {
        /* 16 digits at most, and never a size that makes sums overflow. */
        if (++c->digits > 16 || c->left >> 59)
            return ERR_FRAMING;
        c->left = c->left << 4 | hex_value(ch);
        return OK;
    }
    if (!c->digits)
        return ERR_FRAMING;
    if (ch == '\r')
        c->state = SIZE_LF;
    else if (ch == ';')
        c->state = EXT;
    else if (ch == ' ' || ch == '\t')
        c->state = SIZE_BWS;
    else
        return ERR_FRAMING;
    return OK;
}

static int on_ext(struct chunked *c, uint8_t ch)
{
    if (++c->ext_bytes > CHUNKED_EXT_MAX_BYTES)
        return ERR_FRAMING;
    if (c->state == SIZE_BWS) {
        if (ch != ' ' && ch != '\t' && ch != ';')
            return ERR_FRAMING;
        c->state = ch == ';' ? EXT : SIZE_BWS;
        return OK;
    }
    if (ch == '\r')
        c->state = SIZE_LF;
    else if (!plain(ch))
        return ERR_FRAMING;
    return OK;
}

static int keep_trailer(struct chunked *c, uint8_t ch)
{
    size_t cap = c->trailer ? c->trailer_cap : CHUNKED_TRAILER_MAX_BYTES;
    if (c->trailer_n == cap)
        return ERR_HEAD_TOO_LARGE;
    if (c->trailer)
        c->trailer[c->trailer_n] = ch;
    c->trailer_n++;
    return OK;
}

static int on_trailer(struct chunked *c, uint8_t ch)
{
    if (c->state == LINE && ch == '\r') {
        c->state = LAST_LF;
        return OK;
    }
    if (c->state == LINE || c->state == NAME) {
        bool name = (field_class[ch] & FIELD_TCHAR) != 0;
        if (!name && (c->state == LINE || ch != ':'))
            return ERR_FRAMING;
        c->state = name ? NAME : VALUE;
    } else if (ch == '\r') {
        c->state = VALUE_LF;
    } else if (!plain(ch)) {
        return ERR_FRAMING;
    }
    return keep_trailer(c, ch);
}

/* The LF that one of four states waits for. */
static int on_lf(struct chunked *c, uint8_t ch)
{
    if (ch != '\n')
        return ERR_FRAMING;
    if (c->state == SIZE_LF) {
        c->state = c->left ? DATA : LINE;
        c->digits = 0;
        return OK;
    }
    if (c->state == DATA_LF) {
        c->state = SIZE;
        return OK;
    }
    if (c->state == LAST_LF) {
        c->state = ENDED;
        return OK;
    }
    c->state = LINE;
    return keep_trailer(c, ch);
}

static int on_byte(struct chunked *c, uint8_t ch)
{
    if (c->state == SIZE)
        return on_size(c, ch);
    if (c->state == SIZE_BWS || c->state == EXT)
        return on_ext(c, ch);
    if (c->state == LINE || c->state == NAME || c->state == VALUE)
        return on_trailer(c, ch);
    if (c->state != DATA_CR)
        return on_lf(c, ch);
    c->state = DATA_LF;
    return ch == '\r' ? OK : ERR_FRAMING;
}

int chunked_feed(struct chunked *c, struct slice in, size_t *ret_used, struct slice *ret_data)
{
    int r = c->state == FAILED ? ERR_FRAMING : OK;
    size_t at = 0;
    while (r == OK && at < in.n && c->state != ENDED) {
        if (c->state == DATA) {
            *ret_data = slice_first(slice_from(in, at), c->left);
            c->left -= ret_data->n;
            c->state = c->left ? DATA : DATA_CR;
            *ret_used = at + ret_data->n;
            return OK;
        }
        r = on_byte(c, in.p[at++]);
    }
    if (r == OK)
        r = c->state == ENDED ? ERR_EOF : ERR_AGAIN;
    else
        c->state = FAILED;
    *ret_used = at;
    return r;
}

int chunked_trailers(const struct chunked *c, struct field *fields, size_t cap, size_t *ret_count)
{
    size_t count = 0;
    struct slice rest = slice_of(c->trailer, c->trailer ? c->trailer_n : 0);
    while (rest.n) {
        size_t end = slice_find(rest, '\r');
        size_t colon = slice_find(rest, ':');
        struct slice name = slice_first(rest, colon);
        struct slice value = slice_of(rest.p + colon + 1, end - colon - 1);
        enum hdr token = token_of(name);
        rest = slice_from(rest, end + 2);
        if (token_flags(token) & (TOKEN_HOP | TOKEN_NO_TRAILER))
            continue;
        if (count == cap)
            return ERR_HEAD_TOO_LARGE;
        fields[count++] = (struct field){name, slice_trim(value), token};
    }
    *ret_count = count;
    return OK;
}

size_t chunked_head(char *dst, uint64_t size)
{
    size_t n = num_format_hex(size, dst);
    dst[n] = '\r';
    dst[n + 1] = '\n';
    return n + 2;
}
