/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What bundle.c and parcel.c share: the inside of a bundle. Private to these two files. */
#pragma once

#include "serve/bundle.h"

#define BUNDLE_SOURCE_MAX_BYTES (4 * 1024 * 1024) /* a configuration file that was generated */
#define BUNDLE_FILE_MAX_BYTES   (1024 * 1024)     /* a certificate chain or CA bundle */
#define BUNDLE_LIST_MAX         255               /* NAME=TARGET words and settings that travel */

struct bundle_item {
    struct slice path;  /* owned, NUL-ended */
    struct slice bytes; /* owned; wiped */
    int fd;             /* roots: owned; -1 */
    bool on_disk;       /* read from a file (not put by the keeper) */
};

struct bundle {
    uint32_t refs;
    char *path; /* of the configuration file; NULL none */
    struct slice text;
    char *words[BUNDLE_LIST_MAX];
    size_t nwords;
    char *settings[BUNDLE_LIST_MAX][2];
    size_t nsettings;
    struct bundle_item *items;
    size_t nitems, cap;
    bool complete;
};

/* Empty, with one reference; NULL: no memory. */
struct bundle *bundle_state_make(void);
/* A new item with a copy of `path` and nothing else, valid until the next one; NULL: no memory. */
struct bundle_item *bundle_state_append(struct bundle *b, struct slice path);
/* Wipes and frees bytes that the bundle owns. */
void bundle_state_drop_bytes(struct slice *s);
