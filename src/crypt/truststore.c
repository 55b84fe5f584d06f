/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The library's store of trusted certificates, filled from files or texts. */
#include "crypt/truststore.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "base/mem.h"
#include "crypt/liberr.h"
#include "crypt/pem.h"

/* Where distributions keep the system's roots in one file; SSL_CERT_FILE comes first. */
static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                      "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

X509_STORE *truststore_system(void)
{
    static X509_STORE *store; /* for the life of the process */
    if (store || !(store = X509_STORE_new()))
        return store;
    const char *named = secure_getenv(X509_get_default_cert_file_env());
    bool loaded = named && X509_STORE_load_file(store, named);
    for (size_t i = 0; !loaded && i < ARRAY_LEN(bundles); i++)
        loaded = X509_STORE_load_file(store, bundles[i]);
    ERR_clear_error();
    if (!loaded) {
        X509_STORE_free(store);
        store = NULL;
    }
    return store;
}

static int add_root(X509_STORE *store, struct slice block, struct fault *f)
{
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.n);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    int ok = cert && X509_STORE_add_cert(store, cert);
    X509_free(cert);
    BIO_free(bio);
    return ok ? OK : liberr_fault(f, ERR_CONFIG, "a trusted certificate cannot be read");
}

int truststore_own(struct slice pem_text, X509_STORE **ret, struct fault *f)
{
    X509_STORE *store = X509_STORE_new();
    if (!store)
        return liberr_fault(f, ERR_NOMEM, "no memory for trusted certificates");
    struct slice rest = pem_text;
    struct pem pem;
    size_t count = 0;
    int r = OK;
    while (!r && pem_next(&rest, &pem) == OK)
        if (slice_ends(pem.label, SLICE("CERTIFICATE")) && !(r = add_root(store, pem.block, f)))
            count++;
    if (!r && count == 0)
        r = fault_set(f, ERR_CONFIG, "there is no certificate in the file of trusted ones");
    if (r) {
        X509_STORE_free(store);
        return r;
    }
    *ret = store;
    return OK;
}
