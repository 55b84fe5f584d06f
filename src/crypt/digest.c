/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* SHA-256 through one algorithm handle that is fetched once: a fetch by name costs more than the
 * hash of a short text. */
#include "crypt/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/err.h"

static const EVP_MD *sha256(void)
{
    static EVP_MD *md; /* for the life of the process */
    if (!md)
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    return md;
}

int digest_sha256(struct slice s, uint8_t ret[DIGEST_SHA256_BYTES])
{
    if (sha256() && EVP_Digest(s.n ? s.p : (const uint8_t *)"", s.n, ret, NULL, sha256(), NULL))
        return OK;
    ERR_clear_error();
    return ERR_TLS;
}

int digest_sha256_pieces(const struct slice *pieces, size_t count, uint8_t ret[DIGEST_SHA256_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        return ERR_NOMEM;
    int ok = sha256() && EVP_DigestInit_ex(ctx, sha256(), NULL);
    for (size_t i = 0; ok && i < count; i++) {
        uint8_t length[8];
        for (unsigned k = 0; k < 8; k++)
            length[k] = (uint8_t)((uint64_t)pieces[i].n >> (56 - 8 * k));
        ok = EVP_DigestUpdate(ctx, length, sizeof(length)) &&
             (pieces[i].n == 0 || EVP_DigestUpdate(ctx, pieces[i].p, pieces[i].n));
    }
    ok = ok && EVP_DigestFinal_ex(ctx, ret, NULL);
    EVP_MD_CTX_free(ctx);
    if (ok)
        return OK;
    ERR_clear_error();
    return ERR_TLS;
}

int digest_hmac_sha256(struct slice key, struct slice s, uint8_t ret[DIGEST_SHA256_BYTES])
{
    unsigned n = DIGEST_SHA256_BYTES;
    if (key.n <= INT32_MAX && sha256() &&
        HMAC(sha256(), key.n ? key.p : (const uint8_t *)"", (int)key.n, s.p, s.n, ret, &n))
        return OK;
    ERR_clear_error();
    return ERR_TLS;
}

int digest_random(void *dst, size_t n)
{
    if (n <= INT32_MAX && RAND_bytes(dst, (int)n) == 1)
        return OK;
    ERR_clear_error();
    return ERR_TLS;
}

bool digest_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

size_t digest_hex(struct slice s, char *dst)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < s.n; i++) {
        dst[2 * i] = digits[s.p[i] >> 4];
        dst[2 * i + 1] = digits[s.p[i] & 15];
    }
    return 2 * s.n;
}

int digest_base64url(struct slice s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n = s.n / 3 * 4 + (s.n % 3 ? s.n % 3 + 1 : 0);
    uint8_t *p;
    int r = n ? buf_reserve(out, n, &p) : OK;
    if (r || n == 0)
        return r;
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < s.n; i++) {
        bits = (bits << 8 | s.p[i]) & 0xffff;
        for (have += 8; have >= 6; have -= 6)
            *p++ = (uint8_t)digits[bits >> (have - 6) & 63];
    }
    if (have)
        *p = (uint8_t)digits[bits << (6 - have) & 63];
    buf_commit(out, n);
    return OK;
}
