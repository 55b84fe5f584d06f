/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* JWK members to the library's key and on to the keystore, which decides what is usable. */
#include "crypt/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "crypt/digest.h"

#define NUMBER_MAX 2048 /* bytes: RSA of 16384 bits */
#define MEMBERS    8
#define POINT_MAX  (1 + 2 * 66)

/* What is being built; numbers are wiped at the end. */
struct building {
    OSSL_PARAM_BLD *params;
    BIGNUM *numbers[MEMBERS];
    size_t n;
};

static int decode(struct slice text, const char *name, struct buf *b, struct fault *f)
{
    buf_init(b, NUMBER_MAX);
    int r = text.n ? digest_base64url_decode(text, b) : ERR_SYNTAX;
    if (r)
        fault_set(f, r, "the key's member \"%s\" is missing or damaged", name);
    return r;
}

static void wipe(struct buf *b)
{
    if (b->p)
        mem_wipe(b->p, b->cap);
    buf_done(b);
}

static int add(struct building *d, const char *param, const char *name, struct slice text,
               struct fault *f)
{
    struct buf b;
    int r = decode(text, name, &b, f);
    if (!r) {
        BIGNUM *n = BN_bin2bn(buf_slice(&b).p, (int)b.n, NULL);
        if (n)
            d->numbers[d->n++] = n;
        if (!n || OSSL_PARAM_BLD_push_BN(d->params, param, n) != 1)
            r = fault_set(f, ERR_NOMEM, "out of memory");
    }
    wipe(&b);
    return r;
}

static int add_rsa(struct building *d, const struct jwk_parts *p, struct fault *f)
{
    const struct {
        const char *param, *name;
        struct slice text;
    } members[MEMBERS] = {
        {OSSL_PKEY_PARAM_RSA_N, "n", p->n},
        {OSSL_PKEY_PARAM_RSA_E, "e", p->e},
        {OSSL_PKEY_PARAM_RSA_D, "d", p->d},
        {OSSL_PKEY_PARAM_RSA_FACTOR1, "p", p->p},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, "q", p->q},
        {OSSL_PKEY_PARAM_RSA_EXPONENT1, "dp", p->dp},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, "dq", p->dq},
        {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qi", p->qi},
    };
    int r = OK;
    for (size_t i = 0; !r && i < MEMBERS; i++)
        r = add(d, members[i].param, members[i].name, members[i].text, f);
    return r;
}

static const struct {
    const char *crv, *group;
    size_t bytes; /* of a coordinate */
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

/* The uncompressed point: 4, x, y (RFC 7518 6.2.1: coordinates have full length). */
static int add_point(struct building *d, const struct jwk_parts *p, size_t bytes, uint8_t *point,
                     struct fault *f)
{
    struct buf x, y;
    int r = decode(p->x, "x", &x, f);
    int r2 = decode(p->y, "y", &y, f);
    if (!r && !r2 && (x.n != bytes || y.n != bytes))
        r = fault_set(f, ERR_SYNTAX, "the key's coordinates have the wrong length");
    if (!r && !r2) {
        point[0] = 4;
        memcpy(point + 1, buf_slice(&x).p, bytes);
        memcpy(point + 1 + bytes, buf_slice(&y).p, bytes);
        if (OSSL_PARAM_BLD_push_octet_string(d->params, OSSL_PKEY_PARAM_PUB_KEY, point,
                                             1 + 2 * bytes) != 1)
            r = fault_set(f, ERR_NOMEM, "out of memory");
    }
    wipe(&x);
    wipe(&y);
    return r ? r : r2;
}

static int add_ec(struct building *d, const struct jwk_parts *p, uint8_t *point, struct fault *f)
{
    size_t i = 0;
    while (i < ARRAY_LEN(curves) && !slice_eq(p->crv, slice_cstr(curves[i].crv)))
        i++;
    if (i == ARRAY_LEN(curves))
        return fault_set(f, ERR_CONFIG, "the key's curve is not used here");
    if (OSSL_PARAM_BLD_push_utf8_string(d->params, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group,
                                        0) != 1)
        return fault_set(f, ERR_NOMEM, "out of memory");
    int r = add_point(d, p, curves[i].bytes, point, f);
    return r ? r : add(d, OSSL_PKEY_PARAM_PRIV_KEY, "d", p->d, f);
}

static int make(const char *type, OSSL_PARAM *params, struct key **ret, struct fault *f)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    uint8_t *der = NULL;
    int r = OK, n = 0;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        r = fault_set(f, ERR_SYNTAX, "the members are no key");
    EVP_PKEY_CTX_free(ctx);
    ctx = r ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (!r && (!ctx || EVP_PKEY_pairwise_check(ctx) != 1))
        r = fault_set(f, ERR_SYNTAX, "the private and the public half do not belong together");
    if (!r && (n = i2d_PrivateKey(pkey, &der)) <= 0)
        r = fault_set(f, ERR_TLS, "the key cannot be written");
    if (!r)
        r = keystore_load(slice_of(der, (size_t)n), ret, f);
    if (der)
        OPENSSL_clear_free(der, (size_t)(n > 0 ? n : 0));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return r;
}

int jwk_load(const struct jwk_parts *parts, struct key **ret, struct fault *f)
{
    struct building d = {.params = OSSL_PARAM_BLD_new()};
    uint8_t point[POINT_MAX];
    OSSL_PARAM *params = NULL;
    bool rsa = slice_eq(parts->kty, SLICE("RSA"));
    int r = d.params ? OK : fault_set(f, ERR_NOMEM, "out of memory");
    if (!r && !rsa && !slice_eq(parts->kty, SLICE("EC")))
        r = fault_set(f, ERR_CONFIG, "the key is neither RSA nor EC");
    if (!r)
        r = rsa ? add_rsa(&d, parts, f) : add_ec(&d, parts, point, f);
    if (!r && !(params = OSSL_PARAM_BLD_to_param(d.params)))
        r = fault_set(f, ERR_NOMEM, "out of memory");
    if (!r)
        r = make(rsa ? "RSA" : "EC", params, ret, f);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(d.params);
    for (size_t i = 0; i < d.n; i++)
        BN_clear_free(d.numbers[i]);
    return r;
}
