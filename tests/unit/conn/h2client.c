/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The client's side: what is asked, what came back. Checks nothing by itself: the tests do. */

#include "h2client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cmocka.h>

#include "os/clock.h"

static struct h2got scrap; /* of streams that are not ours */

struct h2got *h2client_got(struct h2client *k, int32_t id)
{
    size_t i = (size_t)(id - 1) / 2;
    return id > 0 && i < H2CLIENT_STREAMS ? &k->got[i] : &scrap;
}

static void append(char *dst, size_t cap, struct slice name, struct slice value)
{
    size_t at = strlen(dst);
    if (at < cap)
        snprintf(dst + at, cap - at, SLICE_F "=" SLICE_F ";", SLICE_A(name), SLICE_A(value));
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t n,
                     const uint8_t *value, size_t vn, uint8_t flags, void *user)
{
    struct h2got *got = h2client_got(user, f->hd.stream_id);
    struct slice nm = slice_of(name, n), v = slice_of(value, vn);
    (void)s;
    (void)flags;
    if (slice_eq(nm, SLICE(":status"))) {
        char *dst = value[0] == '1' ? got->informed : got->status;
        snprintf(dst, 4, SLICE_F, SLICE_A(v));
    } else if (f->headers.cat == NGHTTP2_HCAT_HEADERS && got->status[0]) {
        append(got->trailers, sizeof(got->trailers), nm, v);
    } else if (got->status[0]) {
        append(got->fields, sizeof(got->fields), nm, v);
    }
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user)
{
    struct h2got *got = h2client_got(user, id);
    (void)s;
    (void)flags;
    for (size_t i = 0; i < n; i++)
        if (p[i] != (uint8_t)(got->body_bytes + i))
            got->sum++;
    got->body_bytes += n;
    return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
    struct h2client *k = user;
    (void)s;
    if (f->hd.type == NGHTTP2_GOAWAY) {
        k->goaway = true;
        k->goaways++;
        k->goaway_code = f->goaway.error_code;
        k->goaway_last = f->goaway.last_stream_id;
    } else if (f->hd.type == NGHTTP2_SETTINGS && !(f->hd.flags & NGHTTP2_FLAG_ACK)) {
        for (size_t i = 0; i < f->settings.niv; i++) {
            if (f->settings.iv[i].settings_id == NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
                k->settings_max_streams = f->settings.iv[i].value;
            if (f->settings.iv[i].settings_id == NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE)
                k->settings_header_list = f->settings.iv[i].value;
        }
    } else if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        h2client_got(k, f->hd.stream_id)->ended = true;
    }
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
    struct h2client *k = user;
    struct h2got *got = h2client_got(k, id);
    (void)s;
    got->closed = true;
    got->code = code;
    k->nclosed++;
    return 0;
}

void h2client_open(struct h2client *k, struct rig *g, uint32_t stream_window)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *o;
    *k = (struct h2client){.g = g, .fd = rig_connect(g, 0)};
    int on = 1; /* Nagle would hold frames back for 40 ms */
    assert_int_equal(setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
    assert_int_equal(nghttp2_option_new(&o), 0);
    nghttp2_option_set_no_http_messaging(o, 1);
    nghttp2_option_set_peer_max_concurrent_streams(o, 1000);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    assert_int_equal(nghttp2_session_client_new2(&k->session, cb, k, o), 0);
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(o);
    const nghttp2_settings_entry e = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window};
    assert_int_equal(nghttp2_submit_settings(k->session, 0, &e, stream_window != 0), 0);
}

void h2client_done(struct h2client *k)
{
    nghttp2_session_del(k->session);
    close(k->fd);
}

static ssize_t on_upload(nghttp2_session *s, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
                         nghttp2_data_source *src, void *user)
{
    struct h2client *k = user;
    static uint8_t sum[] = "x-sum", v[] = "42", auth[] = "authorization";
    (void)src;
    if (k->upload_left == 0 && k->upload_hold)
        return NGHTTP2_ERR_DEFERRED;
    n = k->upload_left < n ? (size_t)k->upload_left : n;
    memset(p, 'u', n);
    k->upload_left -= n;
    if (k->upload_left == 0 && !k->upload_hold)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (k->upload_left == 0 && k->upload_trailers) {
        const nghttp2_nv t[] = {{sum, v, 5, 2, 0}, {auth, v, 13, 2, 0}};
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(s, id, t, 2);
    }
    return (ssize_t)n;
}

int32_t h2client_send(struct h2client *k, bool body, const char *const *fields)
{
    nghttp2_nv nva[256];
    size_t n = 0;
    for (; fields[2 * n]; n++) {
        nva[n] = (nghttp2_nv){(uint8_t *)(uintptr_t)fields[2 * n],
                              (uint8_t *)(uintptr_t)fields[2 * n + 1], strlen(fields[2 * n]),
                              strlen(fields[2 * n + 1]), NGHTTP2_NV_FLAG_NO_COPY_NAME};
        assert_true(n < 255);
    }
    const nghttp2_data_provider up = {.read_callback = on_upload};
    int32_t id = nghttp2_submit_request(k->session, NULL, nva, n, body ? &up : NULL, NULL);
    assert_true(id > 0);
    return id;
}

int32_t h2client_get(struct h2client *k, const char *path)
{
    const char *const fields[] = {":method", "GET",        ":scheme", "https", ":authority",
                                  "a.test",  ":path",      path,      "x-a",   "1",
                                  "accept",  "text/plain", NULL};
    return h2client_send(k, false, fields);
}

int32_t h2client_post(struct h2client *k, const char *path, uint64_t n)
{
    const char *const fields[] = {":method", "POST",  ":scheme", "https", ":authority",
                                  "a.test",  ":path", path,      NULL};
    k->upload_left = n;
    return h2client_send(k, true, fields);
}

/* False when nothing moved. */
static bool step(struct h2client *k)
{
    const uint8_t *p;
    uint8_t in[65536];
    bool moved = false;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(k->session, &p)) > 0) {
        rig_send(k->g, k->fd, slice_of(p, (size_t)n));
        moved = true;
    }
    while ((n = recv(k->fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
        assert_int_equal(nghttp2_session_mem_recv(k->session, in, (size_t)n), n);
        moved = true;
    }
    if (n == 0 || errno != EAGAIN) {
        k->eof = true;
        shutdown(k->fd, SHUT_RDWR);
    }
    return moved;
}

void h2client_run(struct h2client *k, const unsigned *counter, unsigned n)
{
    uint64_t end = clock_now_ms() + 2000;
    while (*counter < n && clock_now_ms() < end) {
        if (!k->eof && step(k))
            end = clock_now_ms() + 2000;
        loop_turn(k->g->loop, 1);
    }
}

void h2client_pass(struct h2client *k, unsigned ms)
{
    uint64_t end = clock_now_ms() + ms;
    /* A busy machine may take the time away: so many turns at least. */
    for (unsigned i = 0; !k->eof && (i < 4 || clock_now_ms() < end); i++) {
        step(k);
        loop_turn(k->g->loop, 1);
    }
}

void h2client_frame(struct h2client *k, uint8_t type, uint8_t flags, uint32_t id, struct slice s)
{
    static uint8_t frame[9 + 16384];
    const uint8_t head[9] = {
        (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8), (uint8_t)s.n,       type,       flags,
        (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    assert_in_range(s.n, 0, 16384);
    memcpy(frame, head, sizeof(head));
    if (s.n)
        memcpy(frame + sizeof(head), s.p, s.n);
    step(k);
    for (size_t at = 0; !k->eof && at < sizeof(head) + s.n;) {
        ssize_t n = send(k->fd, frame + at, sizeof(head) + s.n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        k->eof = n < 0 && errno != EAGAIN;
        at += n > 0 ? (size_t)n : 0;
        loop_turn(k->g->loop, 0);
    }
}
