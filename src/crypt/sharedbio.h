/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The one BIO that all TLS connections of the process share. It holds no bytes: for the length of
 * one library call it is pointed at the caller's input and output, so a connection costs no BIO and
 * no buffer of its own. Single-threaded, not re-entrant: the library calls back here only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct bio_st;

/* What the library reads from and writes to at this moment. */
struct sharedbio {
    struct slice in; /* not read yet */
    struct buf *out;
    size_t hint;  /* room to ask for at once when out first grows */
    int failed;   /* why a write was refused: ERR_NOMEM, ERR_CAP */
    bool starved; /* a read found no input: the library waits for more */
    bool refused; /* reads fail from now on: the peer has used up its allowance */
};

extern struct sharedbio sharedbio_now;

/* The BIO with one more reference (SSL_set_bio takes it over), or NULL without memory. */
struct bio_st *sharedbio_ref(void);
