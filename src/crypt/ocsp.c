/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The library's OCSP calls, with its own clock replaced by the caller's. */
#include "crypt/ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "base/date.h"
#include "crypt/liberr.h"
#include "crypt/pem.h"

#define LABEL    "OCSP RESPONSE"
#define SKEW_S   300 /* responders' clocks */
#define NO_END_S 86400

static X509 *issuer_of(const struct certinfo_chain *chain)
{
    return certinfo_count(chain) > 1 ? certinfo_x509(chain, 1) : NULL;
}

int ocsp_request(const struct certinfo_chain *chain, struct buf *out, struct fault *f)
{
    X509 *issuer = issuer_of(chain);
    unsigned char *der = NULL;
    if (!issuer)
        return fault_set(f, ERR_NOT_FOUND, "the chain has no issuer to ask an OCSP responder with");
    OCSP_REQUEST *q = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, certinfo_x509(chain, 0), issuer);
    bool added = q && id && OCSP_request_add0_id(q, id);
    if (!added)
        OCSP_CERTID_free(id);
    int n = added ? i2d_OCSP_REQUEST(q, &der) : -1;
    int r = n > 0 ? buf_add(out, slice_of(der, (size_t)n))
                  : liberr_fault(f, ERR_TLS, "cannot make an OCSP request");
    OPENSSL_free(der);
    OCSP_REQUEST_free(q);
    return r;
}

static int time_of(const ASN1_GENERALIZEDTIME *t, int64_t *ret_s)
{
    const ASN1_STRING *s = (const ASN1_STRING *)t;
    return date_parse_asn1(slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)),
                           ret_s);
}

/* The signature, by the issuer itself or by a certificate that it made for this. */
static int check_signature(OCSP_BASICRESP *basic, X509 *issuer, int64_t now_s, struct fault *f)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    int good = 0;
    if (store && others && sk_X509_push(others, issuer) && X509_STORE_add_cert(store, issuer)) {
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
        good = OCSP_basic_verify(basic, others, store, 0) == 1;
    }
    X509_STORE_free(store);
    sk_X509_free(others);
    return good ? OK : liberr_fault(f, ERR_VERIFY, "the OCSP answer is not signed by the issuer");
}

static int check_status(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer, int64_t now_s,
                        int64_t *ret_until_s, struct fault *f)
{
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    int status = V_OCSP_CERTSTATUS_UNKNOWN, reason;
    int64_t from_s = 0, until_s = 0;
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, leaf, issuer);
    int found =
        id && OCSP_resp_find_status(basic, id, &status, &reason, NULL, &this_update, &next_update);
    OCSP_CERTID_free(id);
    if (!found)
        return liberr_fault(f, ERR_VERIFY, "the OCSP answer is about another certificate");
    if (!this_update || time_of(this_update, &from_s) ||
        (next_update && time_of(next_update, &until_s)))
        return fault_set(f, ERR_SYNTAX, "the OCSP answer has no readable time");
    if (!next_update)
        until_s = from_s + NO_END_S; /* newer ones are always to be had (RFC 6960 4.2.2.1) */
    if (from_s > now_s + SKEW_S || until_s <= now_s)
        return fault_set(f, ERR_EXPIRED, "the OCSP answer is not valid now");
    if (status != V_OCSP_CERTSTATUS_GOOD)
        return fault_set(f, ERR_CONFIG, "the responder says that the certificate is %s",
                         OCSP_cert_status_str(status));
    *ret_until_s = until_s;
    return OK;
}

int ocsp_check(const struct certinfo_chain *chain, struct slice der, int64_t now_s,
               int64_t *ret_until_s, struct fault *f)
{
    const unsigned char *at = der.p;
    X509 *issuer = issuer_of(chain);
    if (!issuer || der.n == 0 || der.n > OCSP_BYTES_MAX)
        return fault_set(f, ERR_SYNTAX, "there is no OCSP answer to check, or no issuer");
    OCSP_RESPONSE *answer = d2i_OCSP_RESPONSE(NULL, &at, (long)der.n);
    if (!answer || at != der.p + der.n) {
        OCSP_RESPONSE_free(answer);
        return liberr_fault(f, ERR_SYNTAX, "the OCSP answer cannot be read");
    }
    int code = OCSP_response_status(answer);
    OCSP_BASICRESP *basic =
        code == OCSP_RESPONSE_STATUS_SUCCESSFUL ? OCSP_response_get1_basic(answer) : NULL;
    int r = basic ? check_signature(basic, issuer, now_s, f)
                  : liberr_fault(f, ERR_SYNTAX, "the OCSP responder answers \"%s\"",
                                 OCSP_response_status_str(code));
    if (!r)
        r = check_status(basic, certinfo_x509(chain, 0), issuer, now_s, ret_until_s, f);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(answer);
    return r;
}

int ocsp_pem(struct slice der, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    int r = ERR_NOMEM;
    if (bio && PEM_write_bio(bio, LABEL, "", der.p, (long)der.n) > 0) {
        long n = BIO_get_mem_data(bio, &text);
        r = n > 0 ? buf_add(out, slice_of(text, (size_t)n)) : ERR_NOMEM;
    }
    BIO_free(bio);
    return r;
}

static int decode(struct slice block, struct buf *out)
{
    char *label = NULL, *head = NULL;
    unsigned char *der = NULL;
    long n = 0;
    BIO *bio = block.n <= 2 * OCSP_BYTES_MAX ? BIO_new_mem_buf(block.p, (int)block.n) : NULL;
    int r = bio && PEM_read_bio(bio, &label, &head, &der, &n) && n > 0
                ? buf_add(out, slice_of(der, (size_t)n))
                : liberr_fault(NULL, ERR_SYNTAX, "no OCSP answer");
    OPENSSL_free(label);
    OPENSSL_free(head);
    OPENSSL_free(der);
    BIO_free(bio);
    return r;
}

int ocsp_find(struct slice pem, struct buf *out)
{
    struct slice rest = pem;
    struct pem block;
    while (!pem_next(&rest, &block))
        if (slice_eq(block.label, SLICE(LABEL)))
            return decode(block.block, out);
    return ERR_NOT_FOUND;
}
