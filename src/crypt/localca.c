/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates are assembled field by field. */
#include "crypt/localca.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/cidr.h"
#include "base/text.h"
#include "crypt/digest.h"
#include "crypt/liberr.h"
#include "crypt/sanlist.h"

/* RFC 5280 4.2.1.10: a DNS constraint covers the name and everything below it. The addresses are
 * those that cidr_is_private knows. */
#define CONSTRAINTS                                                                             \
    "critical,permitted;DNS:localhost,permitted;DNS:test,permitted;DNS:internal,"               \
    "permitted;DNS:home.arpa,permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0," \
    "permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0,"                 \
    "permitted;IP:169.254.0.0/255.255.0.0,"                                                     \
    "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,permitted;IP:fc00::/fe00::,"      \
    "permitted;IP:fe80::/ffc0::"
#define CN_BYTES_MAX 64 /* RFC 5280 ub-common-name */

bool localca_permits(struct slice name)
{
    static const struct slice suffixes[] = {SLICE(".localhost"), SLICE(".test"), SLICE(".internal"),
                                            SLICE(".home.arpa")};
    struct ip ip;
    if (cidr_parse_ip(name, &ip) == OK)
        return cidr_is_private(&ip);
    if (slice_eq_nocase(name, SLICE("localhost")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (name.n > suffixes[i].n &&
            slice_eq_nocase(slice_from(name, name.n - suffixes[i].n), suffixes[i]))
            return true;
    return false;
}

static int add_text(X509_NAME *name, int nid, struct slice text)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, text.p, (int)text.n, -1, 0);
}

static int add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int ok = ext && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return ok;
}

static int set_serial(X509 *cert)
{
    uint8_t bytes[16];
    if (digest_random(bytes, sizeof(bytes)))
        return 0;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, always 16 bytes */
    BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    int ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

struct x509_st *localca_blank(const struct key *key, int64_t now_s, int64_t lifetime_s)
{
    X509 *cert = X509_new();
    if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
        ASN1_TIME_set(X509_getm_notBefore(cert), now_s - LOCALCA_BACKDATE_S) &&
        ASN1_TIME_set(X509_getm_notAfter(cert), now_s + lifetime_s) &&
        X509_set_pubkey(cert, keystore_pkey(key)))
        return cert;
    X509_free(cert);
    return NULL;
}

/* Signs and wraps; takes over cert. `ok` false: something before went wrong. */
static int finish(X509 *cert, int ok, const struct key *signer, struct certinfo_chain **ret,
                  struct fault *f)
{
    int r;
    if (ok && X509_sign(cert, keystore_pkey(signer), EVP_sha256()))
        r = certinfo_wrap(&cert, 1, ret, f);
    else
        r = liberr_fault(f, ERR_TLS, "cannot make the certificate");
    X509_free(cert);
    return r;
}

static int root_name(X509 *cert, const struct key *key)
{
    uint8_t sum[DIGEST_SHA256_BYTES];
    char text[] = "port443 local CA 01234567";
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(keystore_pkey(key), &der);
    int ok = n > 0 && digest_sha256(slice_of(der, (size_t)n), sum) == OK;
    OPENSSL_free(der);
    if (!ok)
        return 0;
    digest_hex(slice_of(sum, 4), text + sizeof(text) - 9);
    X509_NAME *name = X509_get_subject_name(cert);
    return add_text(name, NID_organizationName, SLICE("port443 local")) &&
           add_text(name, NID_commonName, slice_cstr(text)) && X509_set_issuer_name(cert, name);
}

int localca_root(const struct key *key, int64_t now_s, struct certinfo_chain **ret, struct fault *f)
{
    X509 *cert = localca_blank(key, now_s, LOCALCA_ROOT_S);
    int ok = cert && root_name(cert, key) &&
             add_ext(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
             add_ext(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
             add_ext(cert, cert, NID_name_constraints, CONSTRAINTS) &&
             add_ext(cert, cert, NID_subject_key_identifier, "hash") &&
             add_ext(cert, cert, NID_authority_key_identifier, "keyid:always");
    return finish(cert, ok, key, ret, f);
}

static int add_sans(X509 *cert, const struct localca_leaf *leaf)
{
    GENERAL_NAMES *names = sanlist_new(leaf->names, leaf->nnames);
    int ok = names && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(names);
    return ok;
}

/* The first host name is the common name. An address is not: verifiers hold it against the DNS
 * constraints of the root. */
static int leaf_name(X509 *cert, const struct localca_leaf *leaf, struct slice organisation)
{
    X509_NAME *name = X509_get_subject_name(cert);
    struct ip ip;
    if (!add_text(name, NID_organizationName, organisation))
        return 0;
    for (size_t i = 0; i < leaf->nnames; i++)
        if (leaf->names[i].n <= CN_BYTES_MAX && cidr_parse_ip(leaf->names[i], &ip) != OK)
            return add_text(name, NID_commonName, leaf->names[i]);
    return 1;
}

static int check_permits(const struct localca_leaf *leaf, struct fault *f)
{
    for (size_t i = 0; i < leaf->nnames; i++) {
        char name[128];
        if (localca_permits(leaf->names[i]))
            continue;
        text_escape(leaf->names[i], name, sizeof(name));
        fault_set(f, ERR_CONFIG, "the local CA may not speak for %s", name);
        fault_next(f, "it is for localhost, .localhost, .test, .internal, .home.arpa and private "
                      "addresses; public names get certificates by ACME or from files");
        return ERR_CONFIG;
    }
    return OK;
}

static int add_leaf_exts(X509 *cert, X509 *issuer, const struct localca_leaf *leaf)
{
    return add_ext(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_ext(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_ext(cert, issuer, NID_ext_key_usage, "serverAuth") &&
           add_ext(cert, issuer, NID_subject_key_identifier, "hash") &&
           add_ext(cert, issuer, NID_authority_key_identifier, "keyid:always") &&
           add_sans(cert, leaf);
}

int localca_issue(const struct certinfo_chain *root, const struct key *root_key,
                  const struct localca_leaf *leaf, struct certinfo_chain **ret, struct fault *f)
{
    int r;
    if ((r = sanlist_check(leaf->names, leaf->nnames, f)) || (r = check_permits(leaf, f)) ||
        (r = certinfo_check_key(root, root_key, f)))
        return r;
    X509 *issuer = certinfo_x509(root, 0);
    X509 *cert =
        localca_blank(leaf->key, leaf->now_s, leaf->lifetime_s ? leaf->lifetime_s : LOCALCA_LEAF_S);
    int ok = cert && leaf_name(cert, leaf, SLICE("port443 local")) &&
             X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
             add_leaf_exts(cert, issuer, leaf);
    return finish(cert, ok, root_key, ret, f);
}

int localca_selfsigned(const struct localca_leaf *leaf, struct certinfo_chain **ret,
                       struct fault *f)
{
    int r = sanlist_check(leaf->names, leaf->nnames, f);
    if (r)
        return r;
    X509 *cert =
        localca_blank(leaf->key, leaf->now_s, leaf->lifetime_s ? leaf->lifetime_s : LOCALCA_TEMP_S);
    int ok = cert && leaf_name(cert, leaf, SLICE("port443 temporary")) &&
             X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
             add_leaf_exts(cert, cert, leaf);
    return finish(cert, ok, leaf->key, ret, f);
}
