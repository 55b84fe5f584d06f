/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Extensions through the library's decoders; only the counting of extensions is done here. */
#include "crypt/certfacts.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/text.h"

#define TEXT_BYTES 512

static int keep(struct arena *a, struct slice raw, struct slice *ret)
{
    char text[TEXT_BYTES];
    size_t n = text_escape(raw, text, sizeof(text));
    char *copy = arena_cstr(a, slice_of(text, n));
    if (!copy)
        return ERR_NOMEM;
    *ret = slice_of(copy, n);
    return OK;
}

static int keep_dn(struct arena *a, const X509_NAME *name, struct slice *ret)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio)
        return ERR_NOMEM;
    X509_NAME_print_ex(bio, name, 0, (XN_FLAG_ONELINE | XN_FLAG_SEP_CPLUS_SPC) & ~XN_FLAG_SPC_EQ);
    char *text;
    long n = BIO_get_mem_data(bio, &text);
    int r = keep(a, slice_of(text, n > 0 ? (size_t)n : 0), ret);
    BIO_free(bio);
    return r;
}

static struct slice string_of(const ASN1_STRING *s)
{
    return slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

/* Only plain http is ever fetched: https would need a verification of its own, and could not end.
 */
static bool http_url(const GENERAL_NAME *g, struct slice *ret)
{
    struct slice scheme = SLICE("http://");
    if (g->type != GEN_URI)
        return false;
    *ret = string_of(g->d.uniformResourceIdentifier);
    return ret->n > scheme.n && ret->n < TEXT_BYTES / 4 * 3 &&
           slice_eq_nocase(slice_first(*ret, scheme.n), scheme);
}

static int add_crl_urls(struct arena *a, const DIST_POINT *point, struct certfacts *cf)
{
    struct slice url;
    const DIST_POINT_NAME *name = point->distpoint;
    int r = OK;
    /* CRLissuer: somebody else signs it; reasons: it is only a part. */
    if (!name || name->type != 0 || point->CRLissuer || point->reasons)
        return OK;
    for (int i = 0; !r && i < sk_GENERAL_NAME_num(name->name.fullname); i++)
        if (cf->ncrl_urls < CERTFACTS_URLS_MAX &&
            http_url(sk_GENERAL_NAME_value(name->name.fullname, i), &url))
            r = keep(a, url, &cf->crl_urls[cf->ncrl_urls++]);
    return r;
}

static int read_crl_urls(struct arena *a, const X509 *cert, struct certfacts *cf)
{
    CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    int r = OK;
    for (int i = 0; !r && points && i < sk_DIST_POINT_num(points); i++)
        r = add_crl_urls(a, sk_DIST_POINT_value(points, i), cf);
    CRL_DIST_POINTS_free(points);
    return r;
}

static int read_authority(struct arena *a, const X509 *cert, struct certfacts *cf)
{
    AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    struct slice url;
    int r = OK;
    for (int i = 0; !r && info && i < sk_ACCESS_DESCRIPTION_num(info); i++) {
        const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(info, i);
        int method = OBJ_obj2nid(d->method);
        struct slice *dst = method == NID_ad_OCSP         ? &cf->ocsp_url
                            : method == NID_ad_ca_issuers ? &cf->issuer_url
                                                          : NULL;
        if (dst && dst->n == 0 && http_url(d->location, &url))
            r = keep(a, url, dst);
    }
    AUTHORITY_INFO_ACCESS_free(info);
    return r;
}

static void read_purposes(const X509 *cert, struct certfacts *cf)
{
    static const struct {
        int bit;
        unsigned flag;
    } uses[] = {{0, CERTFACTS_SIGNS},
                {2, CERTFACTS_ENCIPHERS},
                {4, CERTFACTS_AGREES},
                {5, CERTFACTS_SIGNS_CERTS}};
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    cf->has_eku = eku != NULL;
    for (int i = 0; eku && i < sk_ASN1_OBJECT_num(eku); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i));
        cf->server_auth |= nid == NID_server_auth;
        cf->any_eku |= nid == NID_anyExtendedKeyUsage;
    }
    EXTENDED_KEY_USAGE_free(eku);
    ASN1_BIT_STRING *usage = X509_get_ext_d2i(cert, NID_key_usage, NULL, NULL);
    cf->has_key_usage = usage != NULL;
    for (size_t i = 0; usage && i < sizeof(uses) / sizeof(uses[0]); i++)
        if (ASN1_BIT_STRING_get_bit(usage, uses[i].bit))
            cf->key_usage |= uses[i].flag;
    ASN1_BIT_STRING_free(usage);
}

static void read_limits(const X509 *cert, struct certfacts *cf)
{
    BASIC_CONSTRAINTS *bc = X509_get_ext_d2i(cert, NID_basic_constraints, NULL, NULL);
    long n = bc && bc->pathlen ? ASN1_INTEGER_get(bc->pathlen) : CERTFACTS_PATHLEN_NONE;
    cf->path_length = n > 1000 ? 1000 : n < 0 ? CERTFACTS_PATHLEN_NONE : (int)n;
    BASIC_CONSTRAINTS_free(bc);
    cf->has_name_constraints = X509_get_ext_by_NID(cert, NID_name_constraints, -1) >= 0;
    cf->issuer_known_by_id = X509_get_ext_by_NID(cert, NID_authority_key_identifier, -1) >= 0;
}

static int keep_oid(struct arena *a, const ASN1_OBJECT *oid, struct slice *ret)
{
    char text[80];
    int n = OBJ_obj2txt(text, sizeof(text), oid, 0);
    size_t most = sizeof(text) - 1;
    return keep(a, slice_of(text, n < 0 ? 0 : (size_t)n < most ? (size_t)n : most), ret);
}

/* Every pair: a certificate has few, and a hostile one with thousands is cut. */
static int read_flaws(struct arena *a, const X509 *cert, struct certfacts *cf)
{
    int n = X509_get_ext_count(cert), r = OK;
    n = n > 200 ? 200 : n;
    for (int i = 0; !r && i < n; i++) {
        X509_EXTENSION *ext = X509_get_ext(cert, i);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);
        for (int k = 0; !r && k < i && !cf->duplicate_extension; k++)
            if (OBJ_cmp(oid, X509_EXTENSION_get_object(X509_get_ext(cert, k))) == 0) {
                cf->duplicate_extension = true;
                r = keep_oid(a, oid, &cf->duplicate);
            }
        const X509V3_EXT_METHOD *known = X509V3_EXT_get(ext);
        void *value = known ? X509V3_EXT_d2i(ext) : NULL;
        if (!r && known && !value && cf->unreadable.n == 0)
            r = keep_oid(a, oid, &cf->unreadable);
        if (value && known->it)
            ASN1_item_free(value, ASN1_ITEM_ptr(known->it));
        else if (value && known->ext_free)
            known->ext_free(value);
    }
    return r;
}

/* The digest inside the signature; Ed25519 and PSS name none here and are judged by the library. */
static enum certfacts_hash hash_of(X509 *cert)
{
    int digest = NID_undef;
    X509_get_signature_info(cert, &digest, NULL, NULL, NULL);
    switch (digest) {
    case NID_md2:
    case NID_md4:
    case NID_md5:
        return CERTFACTS_MD5;
    case NID_sha1:
        return CERTFACTS_SHA1;
    case NID_sha224:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
        return CERTFACTS_SHA2;
    default:
        return CERTFACTS_OTHER;
    }
}

static uint64_t exponent_of(X509 *cert)
{
    EVP_PKEY *pkey = X509_get0_pubkey(cert);
    BIGNUM *e = NULL;
    uint64_t value = 0;
    if (pkey && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1) {
        BN_ULONG word = BN_get_word(e);
        value = BN_num_bits(e) > 63 ? UINT64_MAX : (uint64_t)word;
    }
    BN_free(e);
    return value;
}

int certfacts_read(const struct certinfo_chain *chain, size_t i, struct arena *a,
                   struct certfacts *ret)
{
    X509 *cert = certinfo_x509(chain, i);
    int r, n = i2d_X509(cert, NULL);
    *ret = (struct certfacts){.version = (unsigned)X509_get_version(cert) + 1,
                              .hash = hash_of(cert),
                              .rsa_exponent = exponent_of(cert),
                              .der_bytes = n > 0 ? (size_t)n : 0};
    ret->self_issued = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
    read_purposes(cert, ret);
    read_limits(cert, ret);
    if (!(r = read_flaws(a, cert, ret)) && !(r = read_crl_urls(a, cert, ret)) &&
        !(r = read_authority(a, cert, ret)) &&
        !(r = keep_dn(a, X509_get_subject_name(cert), &ret->subject_dn)))
        r = keep_dn(a, X509_get_issuer_name(cert), &ret->issuer_dn);
    ERR_clear_error();
    return r;
}

bool certfacts_issued(const struct certinfo_chain *chain, size_t i,
                      const struct certinfo_chain *others, size_t issuer)
{
    X509 *cert = certinfo_x509(chain, i), *by = certinfo_x509(others, issuer);
    EVP_PKEY *pkey = X509_get0_pubkey(by);
    /* Not X509_check_issued: a key usage that forbids it is another fault than a wrong order. */
    bool yes = pkey && X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(by)) == 0 &&
               X509_verify(cert, pkey) == 1;
    ERR_clear_error();
    return yes;
}

bool certfacts_same(const struct certinfo *a, const struct certinfo *b)
{
    return memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}
