/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A bundle on its way over a channel. Strings are counted, roots travel as descriptors, buffers
 * that held key bytes are wiped. */
#include "serve/parcel.h"

#include "base/cur.h"
#include "base/mem.h"
#include "serve/bundle_state.h"

/* Strings travel as 32-bit length and bytes; an absent path is the length 0xffffffff. */
static int put_text(struct buf *out, const char *text, size_t n)
{
    uint32_t length = text ? (uint32_t)n : UINT32_MAX;
    uint8_t head[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                       (uint8_t)length};
    int r = buf_add(out, slice_of(head, 4));
    return r || !text ? r : buf_add(out, slice_of(text, n));
}

static int put_cstr(struct buf *out, const char *text)
{
    return put_text(out, text, text ? strlen(text) : 0);
}

static int pack_source(const struct bundle *b, struct buf *out)
{
    int r = put_cstr(out, b->path);
    if (!r)
        r = put_text(out, b->text.p ? (const char *)b->text.p : "", b->text.n);
    uint8_t counts[2] = {(uint8_t)b->nwords, (uint8_t)b->nsettings};
    if (!r)
        r = buf_add(out, slice_of(counts, 2));
    for (size_t i = 0; !r && i < b->nwords; i++)
        r = put_cstr(out, b->words[i]);
    for (size_t i = 0; !r && i < 2 * b->nsettings; i++)
        r = put_cstr(out, b->settings[i / 2][i % 2]);
    return r;
}

static int send_item(const struct bundle_item *it, struct chan *to, uint16_t first_type)
{
    struct buf out;
    if (it->fd >= 0)
        return chan_send(to, (uint16_t)(first_type + PARCEL_ROOT), it->path, &it->fd, 1);
    buf_init(&out, BUNDLE_FILE_MAX_BYTES + 8192);
    int r = put_text(&out, (const char *)it->path.p, it->path.n);
    if (!r)
        r = buf_add(&out, it->bytes);
    if (!r)
        r = chan_send_blob(to, (uint16_t)(first_type + PARCEL_FILE), buf_slice(&out));
    if (out.p)
        mem_wipe(out.p, out.cap);
    buf_done(&out);
    return r;
}

int parcel_send(const struct bundle *b, struct chan *to, uint16_t first_type)
{
    struct buf out;
    buf_init(&out, BUNDLE_SOURCE_MAX_BYTES + 1024 * 1024);
    int r = pack_source(b, &out);
    if (!r)
        r = chan_send_blob(to, (uint16_t)(first_type + PARCEL_SOURCE), buf_slice(&out));
    buf_done(&out);
    for (size_t i = 0; !r && i < b->nitems; i++)
        r = send_item(&b->items[i], to, first_type);
    return r ? r : chan_send(to, (uint16_t)(first_type + PARCEL_END), SLICE_EMPTY, NULL, 0);
}

static struct slice get_text(struct cur *c, bool *ret_absent)
{
    uint32_t n = cur_u32(c);
    *ret_absent = n == UINT32_MAX;
    return *ret_absent ? SLICE_EMPTY : cur_bytes(c, n);
}

static char *get_cstr(struct cur *c)
{
    bool absent;
    struct slice s = get_text(c, &absent);
    return absent || c->bad ? NULL : mem_dup(s.p, s.n);
}

static int unpack_source(struct bundle *b, struct slice payload)
{
    struct cur c = cur_of(payload);
    bool absent;
    b->path = get_cstr(&c);
    struct slice text = get_text(&c, &absent);
    char *copy = mem_dup(text.p, text.n);
    if (!copy)
        return ERR_NOMEM;
    b->text = slice_of(copy, text.n);
    size_t nwords = cur_u8(&c), nsettings = cur_u8(&c);
    while (!c.bad && b->nwords < nwords && (b->words[b->nwords] = get_cstr(&c)))
        b->nwords++;
    while (!c.bad && b->nsettings < nsettings) {
        char **pair = b->settings[b->nsettings++];
        pair[0] = get_cstr(&c);
        pair[1] = get_cstr(&c);
        if (!pair[0] || !pair[1])
            return ERR_NOMEM;
    }
    if (!b->path)
        bundle_state_drop_bytes(&b->text); /* no file: conf_load wants no text either */
    return c.bad ? ERR_SYNTAX : b->nwords < nwords ? ERR_NOMEM : OK;
}

static int unpack_file(struct bundle *b, struct slice payload)
{
    struct cur c = cur_of(payload);
    bool absent;
    struct slice path = get_text(&c, &absent);
    return c.bad ? ERR_SYNTAX : bundle_put(b, path, cur_bytes(&c, cur_left(&c)));
}

static int unpack_root(struct bundle *b, struct slice path, int *fds, size_t nfds)
{
    struct bundle_item *it = nfds == 1 ? bundle_state_append(b, path) : NULL;
    if (!it)
        return nfds == 1 ? ERR_NOMEM : ERR_SYNTAX;
    it->fd = fds[0];
    fds[0] = -1; /* kept: the channel closes the others */
    return OK;
}

int parcel_receive(struct bundle **partial, unsigned message, struct slice payload, int *fds,
                   size_t nfds)
{
    int r = OK;
    if (message == PARCEL_SOURCE) {
        bundle_unref(*partial);
        *partial = bundle_state_make();
    }
    struct bundle *b = *partial;
    if (!b)
        r = message == PARCEL_SOURCE ? ERR_NOMEM : ERR_SYNTAX;
    else if (message == PARCEL_SOURCE)
        r = unpack_source(b, payload);
    else if (message == PARCEL_FILE)
        r = unpack_file(b, payload);
    else if (message == PARCEL_ROOT)
        r = unpack_root(b, payload, fds, nfds);
    else
        b->complete = true;
    if (!r)
        return b->complete ? OK : ERR_AGAIN;
    bundle_unref(b);
    *partial = NULL;
    return r;
}
