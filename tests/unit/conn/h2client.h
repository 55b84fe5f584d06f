/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* An HTTP/2 client on nghttp2 over a socket of the rig, in the same thread: its waits turn the
 * worker's loop. Keeps what each stream got. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nghttp2/nghttp2.h>

#include "rig.h"

#define H2CLIENT_STREAMS 512

/* What came on one stream; index in the table is (id - 1) / 2. */
struct h2got {
    char status[4];
    char informed[4]; /* status of an interim answer */
    char fields[512]; /* "name=value;" of the final answer */
    char trailers[128];
    uint64_t body_bytes;
    uint32_t sum; /* of the body's bytes: bytes in the rig's pattern order */
    bool ended, closed;
    uint32_t code; /* of RST_STREAM or 0 */
};

struct h2client {
    struct rig *g;
    int fd;
    nghttp2_session *session;
    struct h2got got[H2CLIENT_STREAMS];
    unsigned nclosed;
    bool goaway, eof;
    unsigned goaways;
    uint32_t goaway_code;
    int32_t goaway_last;
    uint64_t upload_left; /* of the one body being sent */
    bool upload_trailers; /* end it with X-Sum */
    bool upload_hold;     /* keep it open behind the last byte */
    uint32_t settings_max_streams, settings_header_list;
};

/* A connected client with SETTINGS sent; window 0: the default. */
void h2client_open(struct h2client *k, struct rig *g, uint32_t stream_window);
void h2client_done(struct h2client *k);
/* Sends a request with the given fields ("name", "value" pairs, NULL ends); returns its stream id.
 */
int32_t h2client_send(struct h2client *k, bool body, const char *const *fields);
/* GET https://a.test<path>. */
int32_t h2client_get(struct h2client *k, const char *path);
/* POST of n bytes without content-length. */
int32_t h2client_post(struct h2client *k, const char *path, uint64_t n);
/* Sends what is queued and takes what comes, turning the loop, until *counter >= n, the end of the
 * connection, or two seconds. */
void h2client_run(struct h2client *k, const unsigned *counter, unsigned n);
/* For about ms. */
void h2client_pass(struct h2client *k, unsigned ms);
/* One raw frame behind what the session has to send. */
void h2client_frame(struct h2client *k, uint8_t type, uint8_t flags, uint32_t id, struct slice s);
struct h2got *h2client_got(struct h2client *k, int32_t id);
