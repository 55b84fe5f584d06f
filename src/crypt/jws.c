/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Header, payload and signature are base64url of texts that are built here in full, because what is
 * signed is the encoded form. Everything is small: an order of a hundred names is the largest. */
#include "crypt/jws.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/json.h"
#include "crypt/digest.h"
#include "crypt/liberr.h"

/* Bound of one message's parts; a CSR with CERTINFO_SANS_MAX names of 253 characters fits. */
#define PART_BYTES_MAX (512 * 1024)
/* RSA with 16384 bits. */
#define SIGNATURE_BYTES_MAX 2048

static const struct algorithm {
    const char *name, *hash, *crv;
    enum key_kind kind;
    size_t coordinate_bytes; /* 0: RSA */
} algorithms[] = {{"ES256", "SHA256", "P-256", KEY_ECDSA_P256, 32},
                  {"ES384", "SHA384", "P-384", KEY_ECDSA_P384, 48},
                  {"ES512", "SHA512", "P-521", KEY_ECDSA_P521, 66},
                  {"RS256", "SHA256", NULL, KEY_RSA, 0}};

static int algorithm_of(const struct key *k, const struct algorithm **ret, struct fault *f)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
        if (algorithms[i].kind == keystore_kind(k)) {
            *ret = &algorithms[i];
            return OK;
        }
    return fault_set(f, ERR_CONFIG, "no ACME account can have a key of the kind %s",
                     keystore_kind_text(keystore_kind(k)));
}

/* One number of a public key as base64url text (RFC 7518 2, 6.2.1.2: coordinates have full length,
 * others no leading zero). */
static int member(struct json *j, const struct key *k, const char *key, const char *param,
                  size_t bytes)
{
    uint8_t raw[SIGNATURE_BYTES_MAX];
    BIGNUM *n = NULL;
    struct buf text;
    buf_init(&text, PART_BYTES_MAX);
    int r = EVP_PKEY_get_bn_param(keystore_pkey(k), param, &n) ? OK : ERR_TLS;
    size_t size = n && !bytes ? (size_t)BN_num_bytes(n) : bytes;
    if (!r && (size > sizeof(raw) || BN_bn2binpad(n, raw, (int)size) < 0))
        r = ERR_TLS;
    if (!r)
        r = digest_base64url(slice_of(raw, size), &text);
    if (!r)
        json_text(j, key, buf_slice(&text));
    buf_done(&text);
    BN_free(n);
    ERR_clear_error();
    return r;
}

/* RFC 7638 3.2, 3.3: the required members in the order of their names, no white space. */
static int jwk(const struct key *k, const struct algorithm *a, struct json *j, const char *name)
{
    int r;
    json_object(j, name);
    if (a->coordinate_bytes) {
        json_cstr(j, "crv", a->crv);
        json_cstr(j, "kty", "EC");
        if ((r = member(j, k, "x", OSSL_PKEY_PARAM_EC_PUB_X, a->coordinate_bytes)) ||
            (r = member(j, k, "y", OSSL_PKEY_PARAM_EC_PUB_Y, a->coordinate_bytes)))
            return r;
    } else {
        if ((r = member(j, k, "e", OSSL_PKEY_PARAM_RSA_E, 0)))
            return r;
        json_cstr(j, "kty", "RSA");
        if ((r = member(j, k, "n", OSSL_PKEY_PARAM_RSA_N, 0)))
            return r;
    }
    json_end(j, '}');
    return j->r;
}

int jws_jwk(const struct key *k, struct buf *out, struct fault *f)
{
    const struct algorithm *a;
    struct json j;
    int r = algorithm_of(k, &a, f);
    if (r)
        return r;
    json_init(&j, out);
    r = jwk(k, a, &j, NULL);
    return r ? fault_set(f, r, "the public key as JSON: %s", err_text(r)) : OK;
}

int jws_thumbprint(const struct key *k, struct buf *out, struct fault *f)
{
    uint8_t sum[DIGEST_SHA256_BYTES];
    struct buf text;
    buf_init(&text, PART_BYTES_MAX);
    int r = jws_jwk(k, &text, f);
    if (!r && ((r = digest_sha256(buf_slice(&text), sum)) ||
               (r = digest_base64url(slice_of(sum, sizeof(sum)), out))))
        fault_set(f, r, "the key's thumbprint: %s", err_text(r));
    buf_done(&text);
    return r;
}

/* ---- signatures ---- */

/* RFC 7518 3.4: both numbers with full length, where the library makes DER. */
static int flatten(struct slice der, size_t bytes, uint8_t *dst)
{
    const unsigned char *at = der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.n);
    const BIGNUM *r = NULL, *s = NULL;
    if (sig)
        ECDSA_SIG_get0(sig, &r, &s);
    bool ok =
        sig && BN_bn2binpad(r, dst, (int)bytes) > 0 && BN_bn2binpad(s, dst + bytes, (int)bytes) > 0;
    ECDSA_SIG_free(sig);
    return ok ? OK : ERR_TLS;
}

static int sign(const struct key *k, const struct algorithm *a, struct slice text, struct buf *out)
{
    uint8_t raw[SIGNATURE_BYTES_MAX], flat[2 * 66];
    size_t n = sizeof(raw);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int r = ctx && EVP_DigestSignInit_ex(ctx, NULL, a->hash, NULL, NULL, keystore_pkey(k), NULL) &&
                    EVP_DigestSign(ctx, raw, &n, text.p, text.n)
                ? OK
                : ERR_TLS;
    EVP_MD_CTX_free(ctx);
    struct slice signature = slice_of(raw, n);
    if (!r && a->coordinate_bytes) {
        r = flatten(signature, a->coordinate_bytes, flat);
        signature = slice_of(flat, 2 * a->coordinate_bytes);
    }
    return r ? r : digest_base64url(signature, out);
}

/* "protected.payload", the text that is signed; *ret_at is where the payload begins. */
static int encode(struct slice header, struct slice payload, struct buf *out, size_t *ret_at)
{
    int r;
    if ((r = digest_base64url(header, out)) || (r = buf_add(out, SLICE("."))))
        return r;
    *ret_at = out->n;
    return digest_base64url(payload, out);
}

/* The flattened form (RFC 7515 7.2.2). */
static int write_out(struct slice text, size_t at, struct slice signature, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_object(&j, NULL);
    json_text(&j, "protected", slice_first(text, at - 1));
    json_text(&j, "payload", slice_from(text, at));
    json_text(&j, "signature", signature);
    json_end(&j, '}');
    return j.r;
}

static int head(const struct key *k, const struct algorithm *a, const struct jws_head *h,
                struct buf *out)
{
    struct json j;
    int r = OK;
    json_init(&j, out);
    json_object(&j, NULL);
    json_cstr(&j, "alg", a->name);
    if (h->kid.n)
        json_text(&j, "kid", h->kid);
    else
        r = jwk(k, a, &j, "jwk");
    if (h->nonce.n)
        json_text(&j, "nonce", h->nonce);
    json_text(&j, "url", h->url);
    json_end(&j, '}');
    return r ? r : j.r;
}

int jws_sign(const struct key *k, const struct jws_head *h, struct slice payload, struct buf *out,
             struct fault *f)
{
    const struct algorithm *a;
    struct buf header, text, signature;
    size_t at;
    int r = algorithm_of(k, &a, f);
    if (r)
        return r;
    buf_init(&header, PART_BYTES_MAX);
    buf_init(&text, PART_BYTES_MAX);
    buf_init(&signature, PART_BYTES_MAX);
    if ((r = head(k, a, h, &header)) || (r = encode(buf_slice(&header), payload, &text, &at)) ||
        (r = sign(k, a, buf_slice(&text), &signature)) ||
        (r = write_out(buf_slice(&text), at, buf_slice(&signature), out)))
        r = liberr_fault(f, r, "cannot sign a message to the CA: %s", err_text(r));
    buf_done(&header);
    buf_done(&text);
    buf_done(&signature);
    return r;
}

int jws_external(struct slice mac_key, struct slice kid, struct slice url,
                 const struct key *account, struct buf *out, struct fault *f)
{
    struct buf header, payload, text, signature;
    struct json j;
    uint8_t mac[DIGEST_SHA256_BYTES];
    size_t at;
    buf_init(&header, PART_BYTES_MAX);
    buf_init(&payload, PART_BYTES_MAX);
    buf_init(&text, PART_BYTES_MAX);
    buf_init(&signature, PART_BYTES_MAX);
    json_init(&j, &header);
    json_object(&j, NULL);
    json_cstr(&j, "alg", "HS256");
    json_text(&j, "kid", kid);
    json_text(&j, "url", url);
    json_end(&j, '}');
    int r;
    if ((r = j.r) || (r = jws_jwk(account, &payload, f)) ||
        (r = encode(buf_slice(&header), buf_slice(&payload), &text, &at)) ||
        (r = digest_hmac_sha256(mac_key, buf_slice(&text), mac)) ||
        (r = digest_base64url(slice_of(mac, sizeof(mac)), &signature)) ||
        (r = write_out(buf_slice(&text), at, buf_slice(&signature), out)))
        r = liberr_fault(f, r, "cannot bind the account to the CA's key: %s", err_text(r));
    buf_done(&header);
    buf_done(&payload);
    buf_done(&text);
    buf_done(&signature);
    return r;
}
