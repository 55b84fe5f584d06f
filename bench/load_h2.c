/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */
/* Owns the HTTP/2 side of the load client, with nghttp2: streams out, each response checked (status
 * 200, body length). It refuses to know sockets. */
#include "load.h"

#include <string.h>

enum { WINDOW_BYTES = 1 << 30 };

static uint8_t out_buffer[65536];

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
                     void *user)
{
    (void)user;
    (void)flags;
    struct load_stream *s = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (s && name_bytes == 7 && !memcmp(name, ":status", 7) && value_bytes == 3)
        s->status = (uint32_t)(value[0] - '0') * 100 + (uint32_t)(value[1] - '0') * 10 +
                    (uint32_t)(value[2] - '0');
    return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t n,
                   void *user)
{
    (void)flags;
    (void)data;
    (void)user;
    struct load_stream *s = nghttp2_session_get_stream_user_data(h2, id);
    if (s)
        s->bytes += n;
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
    struct load_link *k = user;
    struct load_stream *s = nghttp2_session_get_stream_user_data(h2, id);
    if (!s)
        return 0;
    if (error || s->status != 200 || s->bytes != k->load->opt.bytes)
        load_fail("stream %d: error %u, status %u, %llu bytes", id, error, s->status,
                  (unsigned long long)s->bytes);
    s->busy = false;
    k->room++;
    load_complete(k->load, k, s->due_ns);
    return 0;
}

void load_h2_setup(struct load *l)
{
    if (nghttp2_session_callbacks_new(&l->h2_callbacks))
        load_fail("nghttp2: no memory");
    nghttp2_session_callbacks_set_on_header_callback(l->h2_callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(l->h2_callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(l->h2_callbacks, on_stream_close);
}

void load_h2_start(struct load *l, struct load_link *k)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
    };
    const uint8_t *alpn = NULL;
    unsigned alpn_bytes = 0;
    SSL_get0_alpn_selected(k->ssl, &alpn, &alpn_bytes);
    if (alpn_bytes != 2 || memcmp(alpn, "h2", 2))
        load_fail("the server did not select h2");
    if (nghttp2_session_client_new(&k->h2, l->h2_callbacks, k) ||
        nghttp2_submit_settings(k->h2, NGHTTP2_FLAG_NONE, settings, 2) ||
        nghttp2_session_set_local_window_size(k->h2, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES))
        load_fail("nghttp2: session setup failed");
    k->room = l->opt.streams;
    load_h2_flush(k);
}

static nghttp2_nv field(const char *name, const char *value)
{
    union {
        const char *text;
        uint8_t *bytes;
    } n = {name}, v = {value}; /* nghttp2_nv wants pointers to non-const and does not write */
    return (nghttp2_nv){n.bytes, v.bytes, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

void load_h2_submit(struct load *l, struct load_link *k, uint64_t due_ns)
{
    struct load_stream *s = k->streams;
    while (s->busy)
        s++;
    *s = (struct load_stream){.due_ns = due_ns, .busy = true};
    const nghttp2_nv fields[] = {
        field(":method", "GET"),          field(":scheme", "https"),
        field(":authority", l->opt.name), field(":path", l->opt.path),
        field("user-agent", "bench/1"),   field("accept", "*/*"),
    };
    k->room--;
    if (nghttp2_submit_request(k->h2, NULL, fields, sizeof(fields) / sizeof(*fields), NULL, s) < 0)
        load_fail("nghttp2: submit failed");
}

void load_h2_feed(struct load_link *k, const uint8_t *data, size_t n)
{
    ssize_t used = nghttp2_session_mem_recv(k->h2, data, n);
    if (used < 0)
        load_fail("HTTP/2: %s", nghttp2_strerror((int)used));
    if (!nghttp2_session_want_read(k->h2))
        load_fail("HTTP/2: the server ended the session");
    k->dirty = true;
}

void load_h2_flush(struct load_link *k)
{
    size_t have = 0;
    for (;;) {
        const uint8_t *data = NULL;
        ssize_t n = nghttp2_session_mem_send(k->h2, &data);
        if (n < 0)
            load_fail("HTTP/2: %s", nghttp2_strerror((int)n));
        if (n == 0)
            break;
        if (have + (size_t)n > sizeof(out_buffer))
            load_fail("HTTP/2: more to send than the buffer holds");
        memcpy(out_buffer + have, data, (size_t)n);
        have += (size_t)n;
    }
    if (have)
        load_link_write(k, out_buffer, have);
    k->dirty = false;
}

void load_h2_stop(struct load_link *k)
{
    nghttp2_session_del(k->h2);
    k->h2 = NULL;
}
