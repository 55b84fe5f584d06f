/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The header fields of a CA's answer that ACME gives a meaning to, read line by line from bytes
 * that a hostile CA may have written. Pure; knows no clock, no connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define ACMEHEAD_LINKS_MAX   8
#define ACMEHEAD_ARENA_BYTES (16 * 1024) /* what an answer may make us keep */
#define ACMEHEAD_BYTES_MAX   (64 * 1024) /* of all header lines together */
#define ACMEHEAD_URL_MAX     2048

struct acmehead {
    struct arena arena;
    size_t seen_bytes;
    unsigned status; /* 0: no status line yet */
    struct slice content_type, nonce, location;
    int64_t retry_after_s; /* from now; -1: not sent */
    int64_t date_s;        /* 0: not sent */
    struct slice retry;    /* as sent: a date needs the server's own, which may come later */
    struct slice alternates[ACMEHEAD_LINKS_MAX];
    size_t nalternates;
};

/* Embedded; allocates nothing yet. */
void acmehead_init(struct acmehead *h);
void acmehead_done(struct acmehead *h);
/* One line with or without its CR LF. A status line drops what an earlier, interim head said.
 * ERR_CAP (more than the bounds above), ERR_NOMEM. */
int acmehead_line(struct acmehead *h, struct slice line) MUST_USE;
/* After the last line: Retry-After in both forms of RFC 9110 10.2.3, a date against the server's
 * own Date, or without one against now_s. */
void acmehead_end(struct acmehead *h, int64_t now_s);
/* "https://" and a host, visible ASCII without what JSON or HTTP would have to escape: such a URL
 * goes into signed messages as it stands. */
bool acmehead_url_ok(struct slice url);
/* The host (with port, as it stands) of a URL; of other texts any piece, or nothing. */
struct slice acmehead_url_host(struct slice url);
