/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Read hands out sharedbio_now.in, write appends to sharedbio_now.out. */
#include "crypt/sharedbio.h"

#include <openssl/bio.h>

#include "base/err.h"

struct sharedbio sharedbio_now;

static int bio_read(BIO *bio, char *dst, size_t n, size_t *ret)
{
    struct sharedbio *b = &sharedbio_now;
    BIO_clear_retry_flags(bio);
    if (b->refused)
        return 0;
    if (b->in.n == 0) {
        b->starved = true;
        BIO_set_retry_read(bio);
        return 0;
    }
    if (n > b->in.n)
        n = b->in.n;
    memcpy(dst, b->in.p, n);
    b->in = slice_from(b->in, n);
    *ret = n;
    return 1;
}

static int bio_write(BIO *bio, const char *src, size_t n, size_t *ret)
{
    struct sharedbio *b = &sharedbio_now;
    uint8_t *dst;
    BIO_clear_retry_flags(bio);
    int r = b->out ? buf_reserve(b->out, n > b->hint ? n : b->hint, &dst) : ERR_BUG;
    if (r == ERR_CAP && n < b->hint)
        r = buf_reserve(b->out, n, &dst);
    if (r) {
        b->failed = r;
        return 0;
    }
    memcpy(dst, src, n);
    buf_commit(b->out, n);
    b->hint = n < b->hint ? b->hint - n : 0;
    *ret = n;
    return 1;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

struct bio_st *sharedbio_ref(void)
{
    static BIO *bio; /* for the life of the process */
    if (!bio) {
        BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "port443");
        if (method && BIO_meth_set_read_ex(method, bio_read) &&
            BIO_meth_set_write_ex(method, bio_write) && BIO_meth_set_ctrl(method, bio_ctrl))
            bio = BIO_new(method);
        if (!bio) {
            BIO_meth_free(method);
            return NULL;
        }
        BIO_set_init(bio, 1);
    }
    BIO_up_ref(bio);
    return bio;
}
