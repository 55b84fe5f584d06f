/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hashes through algorithm handles that are fetched once: a fetch by name costs more than the hash
 * of a short text. */
#include "crypt/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/err.h"

static const EVP_MD *hash(enum digest_kind kind)
{
    static const char *const names[] = {"SHA256", "SHA384", "SHA512"};
    static EVP_MD *mds[ARRAY_LEN(names)]; /* for the life of the process */
    if (!mds[kind])
        mds[kind] = EVP_MD_fetch(NULL, names[kind], NULL);
    return mds[kind];
}

static const EVP_MD *sha256(void)
{
    return hash(DIGEST_SHA256);
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

int digest_hmac(enum digest_kind kind, struct slice key, struct slice s,
                uint8_t ret[DIGEST_BYTES_MAX], size_t *ret_n)
{
    unsigned n = 0;
    if (key.n <= INT32_MAX && hash(kind) &&
        HMAC(hash(kind), key.n ? key.p : (const uint8_t *)"", (int)key.n, s.p, s.n, ret, &n)) {
        *ret_n = n;
        return OK;
    }
    ERR_clear_error();
    return ERR_TLS;
}

int digest_hmac_sha256(struct slice key, struct slice s, uint8_t ret[DIGEST_SHA256_BYTES])
{
    uint8_t sum[DIGEST_BYTES_MAX];
    size_t n;
    int r = digest_hmac(DIGEST_SHA256, key, s, sum, &n);
    if (!r)
        memcpy(ret, sum, DIGEST_SHA256_BYTES);
    return r;
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

/* Six bits, or -1. The two alphabets differ in their last two characters. */
static int sextet(uint8_t ch, bool url)
{
    if (ch >= 'A' && ch <= 'Z')
        return ch - 'A';
    if (ch >= 'a' && ch <= 'z')
        return ch - 'a' + 26;
    if (ch >= '0' && ch <= '9')
        return ch - '0' + 52;
    if (ch == (url ? '-' : '+'))
        return 62;
    return ch == (url ? '_' : '/') ? 63 : -1;
}

static int decode(struct slice s, bool url, struct buf *out)
{
    size_t padding = 0;
    for (; s.n && padding < 2 && s.p[s.n - 1] == '='; padding++)
        s.n--;
    size_t last = s.n % 4, due = last ? 4 - last : 0;
    if (last == 1 || (padding != due && !(url && padding == 0)))
        return ERR_SYNTAX;
    size_t n = s.n / 4 * 3 + (last ? last - 1 : 0), at = 0;
    uint8_t *p;
    int r = n ? buf_reserve(out, n, &p) : OK;
    if (r || n == 0)
        return r;
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < s.n; i++) {
        int six = sextet(s.p[i], url);
        if (six < 0)
            return ERR_SYNTAX;
        bits = (bits << 6 | (unsigned)six) & 0xfff;
        if ((have += 6) >= 8) {
            have -= 8;
            p[at++] = (uint8_t)(bits >> have);
        }
    }
    if (bits & ((1U << have) - 1))
        return ERR_SYNTAX;
    buf_commit(out, n);
    return OK;
}

int digest_base64url_decode(struct slice s, struct buf *out)
{
    return decode(s, true, out);
}

int digest_base64_decode(struct slice s, struct buf *out)
{
    return decode(s, false, out);
}
