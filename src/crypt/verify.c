/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One row of words for each reason that operators meet; the library's words for the rest. */
#include "crypt/verify.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/date.h"
#include "base/text.h"
#include "crypt/certinfo.h"

#define NAMES_SHOWN 6

/* "a.example, b.example and 5 more". */
static void list_names(const struct certinfo *ci, char *dst, size_t cap)
{
    size_t at = 0;
    dst[0] = 0;
    for (size_t i = 0; i < ci->nsans && i < NAMES_SHOWN && at < cap; i++)
        at += (size_t)snprintf(dst + at, cap - at, "%s%s", i ? ", " : "",
                               (const char *)ci->sans[i].name.p);
    if (ci->nsans > NAMES_SHOWN && at < cap)
        snprintf(dst + at, cap - at, " and %zu more", ci->nsans - NAMES_SHOWN);
    if (ci->nsans == 0)
        snprintf(dst, cap, "none");
}

static void explain(int error, const struct certinfo *ci, const char *wanted, struct fault *f)
{
    const char *subject = ci->subject.n   ? (const char *)ci->subject.p
                          : ci->nsans > 0 ? (const char *)ci->sans[0].name.p
                                          : "(no name)";
    const char *issuer = (const char *)ci->issuer.p;
    char day[DATE_RFC3339_BYTES + 1] = {0}, names[160];
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        fault_set(f, ERR_VERIFY, "the certificate of %s is self-signed", subject);
        fault_next(f, "name it as the trusted CA file, or give the server one from a CA");
        return;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        fault_set(f, ERR_VERIFY, "the chain ends in the unknown CA %s", subject);
        fault_next(f, "if it is yours, name its certificate as the trusted CA file");
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        fault_set(f, ERR_VERIFY, "the certificate of %s is issued by the unknown CA %s", subject,
                  issuer);
        fault_next(f, "either that CA is not trusted here, or the server does not send its "
                      "intermediate certificates");
        return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        list_names(ci, names, sizeof(names));
        fault_set(f, ERR_VERIFY, "the certificate does not speak for %s; it has: %s", wanted,
                  names);
        return;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        date_format_rfc3339(ci->not_after_s * 1000, day);
        fault_set(f, ERR_VERIFY, "the certificate of %s has expired, on %.10s", subject, day);
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        date_format_rfc3339(ci->not_before_s * 1000, day);
        fault_set(f, ERR_VERIFY, "the certificate of %s is not valid before %.19sZ", subject, day);
        fault_next(f, "is the clock of this machine right?");
        return;
    default:
        fault_set(f, ERR_VERIFY, "the certificate of %s: %s", subject,
                  X509_verify_cert_error_string(error));
    }
}

void verify_fault(struct x509_store_ctx_st *store, struct fault *f)
{
    int error = X509_STORE_CTX_get_error(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    struct certinfo_chain *chain = NULL;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *ip = host ? NULL : X509_VERIFY_PARAM_get1_ip_asc(param);
    char wanted[160];
    text_escape(slice_cstr(host ? host : ip ? ip : "the server"), wanted, sizeof(wanted));
    OPENSSL_free(ip);
    if (cert && certinfo_wrap(&cert, 1, &chain, NULL) == OK)
        explain(error, certinfo_at(chain, 0), wanted, f);
    else
        fault_set(f, ERR_VERIFY, "the certificate: %s", X509_verify_cert_error_string(error));
    certinfo_unref(chain);
    fault_while(f, "while verifying %s", wanted);
}
