/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* ClientHello bytes (RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6101 5.6.1.2) and the SSLv2 hello. */
#include "wire/hellomake.h"

#include "base/err.h"

#define RECORD_MAX 16384
#define BODY_MAX   32768 /* of the handshake message; a hello that needs more is a mistake */

enum extension {
    EXT_SERVER_NAME = 0,
    EXT_STATUS_REQUEST = 5,
    EXT_GROUPS = 10,
    EXT_POINT_FORMATS = 11,
    EXT_SIGALGS = 13,
    EXT_HEARTBEAT = 15,
    EXT_ALPN = 16,
    EXT_SCT = 18,
    EXT_PADDING = 21,
    EXT_EMS = 23,
    EXT_TICKET = 35,
    EXT_VERSIONS = 43,
    EXT_COOKIE = 44,
    EXT_PSK_MODES = 45,
    EXT_KEY_SHARE = 51,
    EXT_RENEGOTIATION = 0xff01
};

#define GREASE_SUITE     0x3a3a
#define GREASE_GROUP     0x5a5a
#define GREASE_EXTENSION 0x7a7a
#define GREASE_VERSION   0x8a8a

/* Public values that servers accept: the curve's base point, or any number of the right length
 * where every one is valid. Nobody has the private key to them, and nobody needs it here. */
static const uint8_t p256_base[] = {
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
    0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
    0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
    0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
static const uint8_t p384_base[] = {
    0x04, 0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1, 0xc7, 0x1e, 0xf3,
    0x20, 0xad, 0x74, 0x6e, 0x1d, 0x3b, 0x62, 0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41,
    0xe0, 0x82, 0x54, 0x2a, 0x38, 0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c, 0x3a,
    0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7, 0x36, 0x17, 0xde, 0x4a, 0x96, 0x26, 0x2c,
    0x6f, 0x5d, 0x9e, 0x98, 0xbf, 0x92, 0x92, 0xdc, 0x29, 0xf8, 0xf4, 0x1d, 0xbd, 0x28,
    0x9a, 0x14, 0x7c, 0xe9, 0xda, 0x31, 0x13, 0xb5, 0xf0, 0xb8, 0xc0, 0x0a, 0x60, 0xb1,
    0xce, 0x1d, 0x7e, 0x81, 0x9d, 0x7a, 0x43, 0x1d, 0x7c, 0x90, 0xea, 0x0e, 0x5f};

static const uint8_t p521_base[] = {
    0x04, 0x00, 0xc6, 0x85, 0x8e, 0x06, 0xb7, 0x04, 0x04, 0xe9, 0xcd, 0x9e, 0x3e, 0xcb, 0x66,
    0x23, 0x95, 0xb4, 0x42, 0x9c, 0x64, 0x81, 0x39, 0x05, 0x3f, 0xb5, 0x21, 0xf8, 0x28, 0xaf,
    0x60, 0x6b, 0x4d, 0x3d, 0xba, 0xa1, 0x4b, 0x5e, 0x77, 0xef, 0xe7, 0x59, 0x28, 0xfe, 0x1d,
    0xc1, 0x27, 0xa2, 0xff, 0xa8, 0xde, 0x33, 0x48, 0xb3, 0xc1, 0x85, 0x6a, 0x42, 0x9b, 0xf9,
    0x7e, 0x7e, 0x31, 0xc2, 0xe5, 0xbd, 0x66, 0x01, 0x18, 0x39, 0x29, 0x6a, 0x78, 0x9a, 0x3b,
    0xc0, 0x04, 0x5c, 0x8a, 0x5f, 0xb4, 0x2c, 0x7d, 0x1b, 0xd9, 0x98, 0xf5, 0x44, 0x49, 0x57,
    0x9b, 0x44, 0x68, 0x17, 0xaf, 0xbd, 0x17, 0x27, 0x3e, 0x66, 0x2c, 0x97, 0xee, 0x72, 0x99,
    0x5e, 0xf4, 0x26, 0x40, 0xc5, 0x50, 0xb9, 0x01, 0x3f, 0xad, 0x07, 0x61, 0x35, 0x3c, 0x70,
    0x86, 0xa2, 0x72, 0xc2, 0x40, 0x88, 0xbe, 0x94, 0x76, 0x9f, 0xd1, 0x66, 0x50};

static int u8(struct buf *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;
    return buf_add(b, slice_of(&byte, 1));
}

static int u16(struct buf *b, size_t v)
{
    uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    return v > 0xffff ? ERR_RANGE : buf_add(b, slice_of(bytes, 2));
}

/* Leaves room for a length of `width` bytes; patch() fills it with what came behind. */
static int open_block(struct buf *b, unsigned width, size_t *ret_at)
{
    static const uint8_t zeros[3];
    *ret_at = b->n;
    return buf_add(b, slice_of(zeros, width));
}

static int close_block(struct buf *b, unsigned width, size_t at)
{
    size_t n = b->n - at - width;
    if (n >> (8 * width))
        return ERR_RANGE;
    for (unsigned i = 0; i < width; i++)
        b->p[b->off + at + i] = (uint8_t)(n >> (8 * (width - 1 - i)));
    return OK;
}

static int begin_extension(struct buf *b, unsigned type, size_t *ret_at)
{
    int r = u16(b, type);
    return r ? r : open_block(b, 2, ret_at);
}

static int plain_extension(struct buf *b, bool wanted, unsigned type, struct slice body)
{
    size_t at;
    if (!wanted)
        return OK;
    int r = begin_extension(b, type, &at);
    if (!r)
        r = buf_add(b, body);
    return r ? r : close_block(b, 2, at);
}

/* A list of 16-bit values behind a length of `width` bytes; `grease` in front when not 0. */
static int u16_list(struct buf *b, unsigned width, unsigned grease, const uint16_t *list, size_t n)
{
    size_t at;
    int r = open_block(b, width, &at);
    if (!r && grease)
        r = u16(b, grease);
    for (size_t i = 0; !r && i < n; i++)
        r = u16(b, list[i]);
    return r ? r : close_block(b, width, at);
}

static int list_extension(struct buf *b, unsigned type, unsigned width, unsigned grease,
                          const uint16_t *list, size_t n)
{
    size_t at;
    if (n == 0)
        return OK;
    int r = begin_extension(b, type, &at);
    if (!r)
        r = u16_list(b, width, grease, list, n);
    return r ? r : close_block(b, 2, at);
}

static int server_name(struct buf *b, struct slice name)
{
    size_t at, list, host;
    if (name.n == 0)
        return OK;
    int r = begin_extension(b, EXT_SERVER_NAME, &at);
    if (!r)
        r = open_block(b, 2, &list);
    if (!r)
        r = u8(b, 0);
    if (!r)
        r = open_block(b, 2, &host);
    if (!r)
        r = buf_add(b, name);
    if (!r)
        r = close_block(b, 2, host);
    if (!r)
        r = close_block(b, 2, list);
    return r ? r : close_block(b, 2, at);
}

static int alpn(struct buf *b, const struct slice *names, size_t n)
{
    size_t at, list;
    if (n == 0)
        return OK;
    int r = begin_extension(b, EXT_ALPN, &at);
    if (!r)
        r = open_block(b, 2, &list);
    for (size_t i = 0; !r && i < n; i++) {
        r = names[i].n > 255 ? ERR_RANGE : u8(b, (unsigned)names[i].n);
        if (!r)
            r = buf_add(b, names[i]);
    }
    if (!r)
        r = close_block(b, 2, list);
    return r ? r : close_block(b, 2, at);
}

/* n bytes that count up: any X25519 or X448 value is a key, and small numbers are valid everywhere.
 */
static int filler(struct buf *b, size_t n, bool zero)
{
    int r = OK;
    for (size_t i = 0; !r && i < n; i++)
        r = u8(b, zero ? 0 : (unsigned)(i * 7 + 9) & 0xff);
    return r;
}

#define MLKEM768_BYTES  1184 /* FIPS 203: twelve-bit coefficients below 3329; zeros are */
#define MLKEM1024_BYTES 1568

static int share_value(struct buf *b, uint16_t group)
{
    int r;
    switch (group) {
    case 0x001d:
        return filler(b, 32, false);
    case 0x001e:
        return filler(b, 56, false);
    case 0x0017:
        return buf_add(b, slice_of(p256_base, sizeof(p256_base)));
    case 0x0018:
        return buf_add(b, slice_of(p384_base, sizeof(p384_base)));
    case 0x0019:
        return buf_add(b, slice_of(p521_base, sizeof(p521_base)));
    case 0x0100: /* RFC 7919: any number between 1 and p - 1, with leading zeros */
        return filler(b, 2048 / 8, false);
    case 0x0101:
        return filler(b, 3072 / 8, false);
    case 0x0102:
        return filler(b, 4096 / 8, false);
    case 0x11ec:
        r = filler(b, MLKEM768_BYTES, true);
        return r ? r : filler(b, 32, false);
    case 0x11eb:
        r = buf_add(b, slice_of(p256_base, sizeof(p256_base)));
        return r ? r : filler(b, MLKEM768_BYTES, true);
    case 0x11ed:
        r = buf_add(b, slice_of(p384_base, sizeof(p384_base)));
        return r ? r : filler(b, MLKEM1024_BYTES, true);
    default:
        return ERR_RANGE;
    }
}

static int key_shares(struct buf *b, const struct hellomake *h)
{
    size_t at, list, key;
    int r = begin_extension(b, EXT_KEY_SHARE, &at);
    if (!r)
        r = open_block(b, 2, &list);
    if (!r && h->grease && h->nshares) {
        static const uint8_t grease[] = {GREASE_GROUP >> 8, GREASE_GROUP & 0xff, 0, 1, 0};
        r = buf_add(b, slice_of(grease, sizeof(grease)));
    }
    for (size_t i = 0; !r && i < h->nshares; i++) {
        r = u16(b, h->shares[i]);
        if (!r)
            r = open_block(b, 2, &key);
        if (!r)
            r = share_value(b, h->shares[i]);
        if (!r)
            r = close_block(b, 2, key);
    }
    if (!r)
        r = close_block(b, 2, list);
    return r ? r : close_block(b, 2, at);
}

static int cookie(struct buf *b, struct slice value)
{
    size_t at, inner;
    if (value.n == 0)
        return OK;
    int r = begin_extension(b, EXT_COOKIE, &at);
    if (!r)
        r = open_block(b, 2, &inner);
    if (!r)
        r = buf_add(b, value);
    if (!r)
        r = close_block(b, 2, inner);
    return r ? r : close_block(b, 2, at);
}

static int tls13_extensions(struct buf *b, const struct hellomake *h)
{
    static const uint8_t psk_modes[] = {1, 1}; /* psk_dhe_ke */
    if (h->nversions == 0)
        return OK;
    int r = list_extension(b, EXT_VERSIONS, 1, h->grease ? GREASE_VERSION : 0, h->versions,
                           h->nversions);
    if (!r)
        r = cookie(b, h->cookie);
    if (!r)
        r = plain_extension(b, true, EXT_PSK_MODES, slice_of(psk_modes, sizeof(psk_modes)));
    return r ? r : key_shares(b, h);
}

/* RFC 7685: fills up to pad_to bytes of handshake message; the extension itself costs four. */
static int padding(struct buf *b, const struct hellomake *h, size_t message_at)
{
    size_t at, have = b->n - message_at + 4;
    if (h->pad_to <= have)
        return OK;
    int r = begin_extension(b, EXT_PADDING, &at);
    if (!r)
        r = filler(b, h->pad_to - have, true);
    return r ? r : close_block(b, 2, at);
}

static int extensions(struct buf *b, const struct hellomake *h, size_t message_at)
{
    static const uint8_t ocsp[] = {1, 0, 0, 0, 0}, formats[] = {1, 0}, heartbeat[] = {1},
                         none[] = {0};
    size_t at;
    if (h->no_extensions)
        return OK;
    int r = open_block(b, 2, &at);
    if (!r)
        r = plain_extension(b, h->grease, GREASE_EXTENSION, SLICE_EMPTY);
    if (!r)
        r = server_name(b, h->sni);
    if (!r)
        r = plain_extension(b, h->ems, EXT_EMS, SLICE_EMPTY);
    if (!r)
        r = plain_extension(b, h->renegotiation_info, EXT_RENEGOTIATION, slice_of(none, 1));
    if (!r)
        r = list_extension(b, EXT_GROUPS, 2, h->grease ? GREASE_GROUP : 0, h->groups, h->ngroups);
    if (!r)
        r = plain_extension(b, h->ngroups > 0, EXT_POINT_FORMATS, slice_of(formats, 2));
    if (!r)
        r = plain_extension(b, h->session_ticket, EXT_TICKET, h->ticket);
    if (!r)
        r = alpn(b, h->alpn, h->nalpn);
    if (!r)
        r = plain_extension(b, h->status_request, EXT_STATUS_REQUEST, slice_of(ocsp, 5));
    if (!r)
        r = list_extension(b, EXT_SIGALGS, 2, 0, h->sigalgs, h->nsigalgs);
    if (!r)
        r = plain_extension(b, h->sct, EXT_SCT, SLICE_EMPTY);
    if (!r)
        r = plain_extension(b, h->heartbeat, EXT_HEARTBEAT, slice_of(heartbeat, 1));
    if (!r)
        r = tls13_extensions(b, h);
    if (!r)
        r = padding(b, h, message_at);
    return r ? r : close_block(b, 2, at);
}

static int message(struct buf *b, const struct hellomake *h)
{
    static const uint8_t zeros[32];
    size_t at, id;
    int r = u8(b, 1);
    if (!r)
        r = open_block(b, 3, &at);
    if (!r)
        r = u16(b, h->legacy_version);
    if (!r)
        r = buf_add(b, h->random.n == 32 ? h->random : slice_of(zeros, 32));
    if (!r)
        r = open_block(b, 1, &id);
    if (!r)
        r = buf_add(b, h->session_id);
    if (!r)
        r = close_block(b, 1, id);
    if (!r)
        r = u16_list(b, 2, h->grease ? GREASE_SUITE : 0, h->suites, h->nsuites);
    if (!r)
        r = h->deflate ? buf_add(b, slice_of("\2\1\0", 3)) : buf_add(b, slice_of("\1\0", 2));
    if (!r)
        r = extensions(b, h, 0);
    return r ? r : close_block(b, 3, at);
}

bool hellomake_can_share(uint16_t group)
{
    struct buf b;
    buf_init(&b, 4096);
    bool can = share_value(&b, group) == OK;
    buf_done(&b);
    return can;
}

int hellomake_write(const struct hellomake *h, struct buf *out)
{
    struct buf b;
    buf_init(&b, BODY_MAX);
    int r = message(&b, h);
    struct slice rest = buf_slice(&b);
    unsigned version = h->record_version ? h->record_version : 0x0301;
    while (!r && rest.n) {
        struct slice part = slice_first(rest, rest.n < RECORD_MAX ? rest.n : RECORD_MAX);
        r = u8(out, 22);
        if (!r)
            r = u16(out, version);
        if (!r)
            r = u16(out, part.n);
        if (!r)
            r = buf_add(out, part);
        rest = slice_from(rest, part.n);
    }
    buf_done(&b);
    return r == ERR_CAP ? ERR_RANGE : r;
}

int hellomake_sslv2(const uint32_t *kinds, size_t nkinds, struct slice challenge, struct buf *out)
{
    size_t n = 9 + 3 * nkinds + challenge.n;
    if (n > 0x7fff || challenge.n > 32)
        return ERR_RANGE;
    int r = u16(out, 0x8000 | n);
    if (!r)
        r = u8(out, 1);
    if (!r)
        r = u16(out, 0x0002);
    if (!r)
        r = u16(out, 3 * nkinds);
    if (!r)
        r = u16(out, 0);
    if (!r)
        r = u16(out, challenge.n);
    for (size_t i = 0; !r && i < nkinds; i++) {
        r = u8(out, kinds[i] >> 16);
        if (!r)
            r = u16(out, kinds[i] & 0xffff);
    }
    return r ? r : buf_add(out, challenge);
}
