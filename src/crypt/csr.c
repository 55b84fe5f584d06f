/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The request as the library's X509_REQ, encoded once. */
#include "crypt/csr.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypt/liberr.h"
#include "crypt/sanlist.h"

static int add_names(X509_REQ *req, const struct slice *names, size_t nnames)
{
    X509_EXTENSIONS *exts = NULL;
    GENERAL_NAMES *list = sanlist_new(names, nnames);
    /* RFC 5280 4.2.1.6: critical where the subject is empty; CAs decide about that themselves, and
     * some refuse a request with critical extensions. */
    int ok = list && X509V3_add1_i2d(&exts, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) &&
             X509_REQ_add_extensions(req, exts);
    GENERAL_NAMES_free(list);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return ok;
}

int csr_make(const struct key *key, const struct slice *names, size_t nnames, struct buf *out,
             struct fault *f)
{
    int r = sanlist_check(names, nnames, f);
    if (r)
        return r;
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    int n = 0;
    if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) &&
        X509_REQ_set_pubkey(req, keystore_pkey(key)) && add_names(req, names, nnames) &&
        X509_REQ_sign(req, keystore_pkey(key), EVP_sha256()))
        n = i2d_X509_REQ(req, &der);
    X509_REQ_free(req);
    if (n <= 0)
        return liberr_fault(f, ERR_TLS, "cannot make the certificate request");
    r = buf_add(out, slice_of(der, (size_t)n));
    OPENSSL_free(der);
    return r ? fault_set(f, r, "the certificate request: %s", err_text(r)) : OK;
}
