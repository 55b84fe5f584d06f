/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Heads that an HTTP/1.1 connection sends, as bytes (RFC 9112 4). Knows no connection. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"
#include "wire/field.h"

struct h1_head {
    uint16_t status;
    struct slice date; /* empty in interim answers */
    const struct field *fields;
    size_t nfields;
    struct slice ready_fields; /* serialised; instead of fields when not empty */
    struct slice connection;   /* "close", "keep-alive", "Upgrade"; empty: no Connection field */
    struct slice upgrade;      /* for 101 */
    int64_t length;            /* Content-Length; -1: none */
    bool chunked;
};

/* Appends the head with its empty line. On ERR_NOMEM or ERR_CAP b is as before. */
int h1_head_write(struct buf *b, const struct h1_head *h) MUST_USE;
/* Appends field lines without the empty one; what is not whole on error is the caller's to cut. */
int h1_head_fields(struct buf *b, const struct field *fields, size_t n) MUST_USE;
