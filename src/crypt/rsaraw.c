/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One modular power with the key of a certificate. */
#include "crypt/rsaraw.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/err.h"

static EVP_PKEY *rsa_key(const struct certinfo_chain *chain)
{
    EVP_PKEY *key = X509_get0_pubkey(certinfo_x509(chain, 0));
    return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? key : NULL;
}

size_t rsaraw_bytes(const struct certinfo_chain *chain)
{
    EVP_PKEY *key = rsa_key(chain);
    int n = key ? EVP_PKEY_get_size(key) : 0;
    ERR_clear_error();
    return n > 0 && n <= RSARAW_BYTES_MAX ? (size_t)n : 0;
}

int rsaraw_encrypt(const struct certinfo_chain *chain, struct slice block, uint8_t *ret)
{
    size_t n = rsaraw_bytes(chain), written = n;
    if (n == 0 || block.n != n)
        return ERR_RANGE;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa_key(chain), NULL);
    int ok = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
             EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
             EVP_PKEY_encrypt(ctx, ret, &written, block.p, block.n) > 0 && written == n;
    int r = ok ? OK : ctx ? ERR_TLS : ERR_NOMEM;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return r;
}
