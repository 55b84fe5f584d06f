/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Validators look at every bit of this certificate (RFC 8737 3, and stricter in their source):
 * version 3, subject equal to issuer, one subjectAltName with one name, the extension critical with
 * an OCTET STRING inside its OCTET STRING. No common name: names above 64 characters fit in none.
 */
#include "crypt/alpncert.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/cidr.h"
#include "crypt/liberr.h"
#include "crypt/localca.h"
#include "crypt/sanlist.h"

#define IDENTIFIER_OID "1.3.6.1.5.5.7.1.31"
#define LIFETIME_S     (7 * 86400LL)
#define DST_BYTES      256

static int add_digest(X509 *cert, const uint8_t digest[32])
{
    uint8_t der[34] = {V_ASN1_OCTET_STRING, 32};
    memcpy(der + 2, digest, 32);
    ASN1_OBJECT *oid = OBJ_txt2obj(IDENTIFIER_OID, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;
    int ok = oid && value && ASN1_OCTET_STRING_set(value, der, sizeof(der)) &&
             (ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value)) &&
             X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
    return ok;
}

/* RFC 5280 4.1.2.4: an issuer is never empty. */
static int add_issuer(X509 *cert)
{
    static const char text[] = "port443 tls-alpn-01";
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                      (const unsigned char *)text, sizeof(text) - 1, -1, 0) &&
           X509_set_issuer_name(cert, name);
}

static int sign(const struct key *key, struct slice name, const uint8_t digest[32], int64_t now_s,
                struct certinfo_chain **ret, struct fault *f)
{
    GENERAL_NAMES *names = sanlist_new(&name, 1);
    X509 *cert = localca_blank(key, now_s, LIFETIME_S);
    int r;
    if (names && cert && add_issuer(cert) &&
        X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) &&
        add_digest(cert, digest) && X509_sign(cert, keystore_pkey(key), EVP_sha256()))
        r = certinfo_wrap(&cert, 1, ret, f);
    else
        r = liberr_fault(f, ERR_TLS, "cannot make the certificate of a challenge");
    X509_free(cert);
    GENERAL_NAMES_free(names);
    return r;
}

int alpncert_make(struct slice name, const uint8_t digest[32], int64_t now_s, struct key **ret_key,
                  struct certinfo_chain **ret_chain, struct fault *f)
{
    struct key *key;
    int r;
    if ((r = sanlist_check(&name, 1, f)) || (r = keystore_generate(KEY_ECDSA_P256, &key, f)))
        return r;
    r = sign(key, name, digest, now_s, ret_chain, f);
    if (r)
        keystore_unref(key);
    else
        *ret_key = key;
    return r;
}

struct slice alpncert_server_name(struct slice name, char *dst)
{
    static const char digits[] = "0123456789abcdef";
    struct ip ip;
    size_t n = 0;
    if (cidr_parse_ip(name, &ip) != OK) {
        n = name.n < DST_BYTES ? name.n : DST_BYTES - 1;
        if (n)
            memcpy(dst, name.p, n);
    } else if (cidr_is_v4(&ip)) {
        n = (size_t)snprintf(dst, DST_BYTES, "%u.%u.%u.%u.in-addr.arpa", ip.bytes[15], ip.bytes[14],
                             ip.bytes[13], ip.bytes[12]);
    } else {
        for (size_t i = sizeof(ip.bytes); i-- > 0; n += 4) {
            dst[n] = digits[ip.bytes[i] & 15];
            dst[n + 2] = digits[ip.bytes[i] >> 4];
            dst[n + 1] = dst[n + 3] = '.';
        }
        memcpy(dst + n, "ip6.arpa", 8);
        n += 8;
    }
    dst[n] = 0;
    return slice_of(dst, n);
}
