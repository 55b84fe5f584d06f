/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The library's X509 objects beside the values read out of them once; texts live in an arena. */
#include "crypt/certinfo.h"

#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/arena.h"
#include "base/date.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypt/digest.h"
#include "crypt/liberr.h"
#include "crypt/pem.h"

/* Texts of one chain: a certificate with a thousand names is the largest that is taken. */
#define ARENA_BYTES_MAX (2 * 1024 * 1024)
#define TEXT_BYTES      256
#define STATUS_REQUEST  5 /* TLS extension number, RFC 6066 8 */

struct certinfo_chain {
    struct arena arena;
    size_t count;
    unsigned refs;
    X509 *certs[CERTINFO_CHAIN_MAX]; /* a reference each */
    struct certinfo infos[CERTINFO_CHAIN_MAX];
};

static int keep_text(struct arena *a, struct slice raw, struct slice *ret)
{
    char text[TEXT_BYTES];
    size_t n = text_escape(raw, text, sizeof(text));
    char *copy = arena_cstr(a, slice_of(text, n));
    if (!copy)
        return ERR_NOMEM;
    *ret = slice_of(copy, n);
    return OK;
}

/* Common name, else organisation: what a person calls it. */
static int read_name(struct arena *a, const X509_NAME *name, struct slice *ret)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    if (at < 0)
        return keep_text(a, SLICE_EMPTY, ret);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, value);
    int r = keep_text(a, n > 0 ? slice_of(utf8, (size_t)n) : SLICE_EMPTY, ret);
    OPENSSL_free(utf8);
    return r;
}

static int read_san(struct arena *a, const GENERAL_NAME *from, struct certinfo_san *san)
{
    const ASN1_STRING *value = from->type == GEN_DNS ? from->d.dNSName : from->d.iPAddress;
    const uint8_t *p = ASN1_STRING_get0_data(value);
    size_t n = (size_t)ASN1_STRING_length(value);
    if (from->type == GEN_DNS) {
        char lower[TEXT_BYTES];
        struct slice name = slice_first(slice_of(p, n), sizeof(lower));
        for (size_t i = 0; i < name.n; i++)
            lower[i] = (char)slice_lower(p[i]);
        return keep_text(a, slice_of(lower, name.n), &san->name);
    }
    san->is_ip = true;
    if (n == 4)
        san->ip = (struct ip){{[10] = 0xff, 0xff, p[0], p[1], p[2], p[3]}};
    else
        memcpy(san->ip.bytes, p, 16);
    char text[CIDR_IP_TEXT];
    return keep_text(a, slice_of(text, cidr_format_ip(&san->ip, text)), &san->name);
}

static bool is_name(const GENERAL_NAME *g)
{
    if (g->type == GEN_DNS)
        return ASN1_STRING_length(g->d.dNSName) > 0;
    if (g->type != GEN_IPADD)
        return false;
    int n = ASN1_STRING_length(g->d.iPAddress);
    return n == 4 || n == 16;
}

static int read_sans(struct arena *a, const X509 *cert, struct certinfo *ci)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int count = names ? sk_GENERAL_NAME_num(names) : 0;
    int r = count > CERTINFO_SANS_MAX ? ERR_CAP : OK;
    struct certinfo_san *sans = NULL;
    if (!r && count && !(sans = arena_zalloc(a, (size_t)count * sizeof(*sans))))
        r = ERR_NOMEM;
    for (int i = 0; !r && i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (is_name(name))
            r = read_san(a, name, &sans[ci->nsans++]);
    }
    ci->sans = sans;
    GENERAL_NAMES_free(names);
    return r;
}

static int read_time(const ASN1_TIME *t, int64_t *ret_s)
{
    return date_parse_asn1(slice_of(ASN1_STRING_get0_data(t), (size_t)ASN1_STRING_length(t)),
                           ret_s);
}

static int read_serial(struct arena *a, X509 *cert, struct slice *ret)
{
    char hex[80];
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    struct slice raw = slice_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    size_t n = digest_hex(slice_first(raw, sizeof(hex) / 2), hex);
    return keep_text(a, slice_of(hex, n), ret);
}

static int read_serial_der(struct arena *a, X509 *cert, struct slice *ret)
{
    /* An INTEGER's value with its sign octet; a serial has at most 20 octets (RFC 5280 4.1.2.2),
     * whatever a CA wrote instead is not ours to judge. */
    unsigned char *der = NULL;
    int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &der);
    if (n < 0)
        return ERR_NOMEM;
    const unsigned char *at = der;
    long content = 0;
    int tag, class;
    int r = ASN1_get_object(&at, &content, &tag, &class, n) & 0x80
                ? ERR_SYNTAX
                : arena_copy(a, slice_of(at, (size_t)content), ret);
    OPENSSL_free(der);
    return r;
}

static int read_aki(struct arena *a, X509 *cert, struct slice *ret)
{
    const ASN1_OCTET_STRING *id = X509_get0_authority_key_id(cert);
    if (!id)
        return OK;
    return arena_copy(a, slice_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)), ret);
}

static void read_status(X509 *cert, struct certinfo *ci)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
    ci->has_ocsp_url = urls && sk_OPENSSL_STRING_num(urls) > 0;
    X509_email_free(urls);
    STACK_OF(SCT) *scts = X509_get_ext_d2i(cert, NID_ct_precert_scts, NULL, NULL);
    ci->scts = scts ? (unsigned)sk_SCT_num(scts) : 0;
    SCT_LIST_free(scts);
    TLS_FEATURE *features = X509_get_ext_d2i(cert, NID_tlsfeature, NULL, NULL);
    for (int i = 0; features && i < sk_ASN1_INTEGER_num(features); i++)
        if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST)
            ci->must_staple = true;
    TLS_FEATURE_free(features);
}

static int read_cert(struct arena *a, X509 *cert, struct certinfo *ci)
{
    EVP_PKEY *pkey = X509_get0_pubkey(cert);
    int nid = X509_get_signature_nid(cert), r;
    ci->key_kind = pkey ? keystore_kind_of(pkey) : KEY_OTHER;
    ci->key_bits = pkey ? (unsigned)EVP_PKEY_get_bits(pkey) : 0;
    ci->is_ca = X509_check_ca(cert) == 1;
    ci->self_signed = X509_self_signed(cert, 1) == 1;
    if (!X509_digest(cert, EVP_sha256(), ci->sha256, NULL))
        return ERR_TLS;
    if ((r = read_name(a, X509_get_subject_name(cert), &ci->subject)) ||
        (r = read_name(a, X509_get_issuer_name(cert), &ci->issuer)) ||
        (r = read_serial(a, cert, &ci->serial)) ||
        (r = read_serial_der(a, cert, &ci->serial_der)) || (r = read_aki(a, cert, &ci->aki)) ||
        (r = keep_text(a, slice_cstr(nid == NID_undef ? "unknown" : OBJ_nid2ln(nid)),
                       &ci->sigalg)) ||
        (r = read_time(X509_get0_notBefore(cert), &ci->not_before_s)) ||
        (r = read_time(X509_get0_notAfter(cert), &ci->not_after_s)))
        return r;
    read_status(cert, ci);
    return read_sans(a, cert, ci);
}

static struct certinfo_chain *chain_new(void)
{
    struct certinfo_chain *chain = mem_alloc(sizeof(*chain));
    if (chain) {
        chain->refs = 1;
        arena_init(&chain->arena, ARENA_BYTES_MAX);
    }
    return chain;
}

/* Takes over cert, also on error. */
static int chain_add(struct certinfo_chain *chain, X509 *cert, struct fault *f)
{
    if (chain->count == CERTINFO_CHAIN_MAX) {
        X509_free(cert);
        return fault_set(f, ERR_CAP, "more than %d certificates in one chain", CERTINFO_CHAIN_MAX);
    }
    size_t i = chain->count++;
    chain->certs[i] = cert;
    int r = read_cert(&chain->arena, cert, &chain->infos[i]);
    ERR_clear_error();
    if (r == ERR_CAP)
        return fault_set(f, r, "certificate %zu has more than %d names", i + 1, CERTINFO_SANS_MAX);
    return r ? fault_set(f, r, "certificate %zu: %s", i + 1, err_text(r)) : OK;
}

static int add_block(struct certinfo_chain *chain, struct slice block, struct fault *f)
{
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.n);
    if (!bio)
        return liberr_fault(f, ERR_NOMEM, "no memory for a certificate");
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (!cert)
        return liberr_fault(f, ERR_SYNTAX, "certificate %zu cannot be read", chain->count + 1);
    return chain_add(chain, cert, f);
}

static int add_der(struct certinfo_chain *chain, struct slice bytes, struct fault *f)
{
    const unsigned char *at = bytes.p;
    X509 *cert = bytes.n ? d2i_X509(NULL, &at, (long)bytes.n) : NULL;
    ERR_clear_error();
    if (cert)
        return chain_add(chain, cert, f);
    fault_set(f, ERR_SYNTAX, "there is no certificate in it");
    fault_next(f, "a PEM file with a line \"-----BEGIN CERTIFICATE-----\" is needed");
    return ERR_SYNTAX;
}

static bool is_certificate(struct slice label)
{
    return slice_eq(label, SLICE("CERTIFICATE")) || slice_eq(label, SLICE("X509 CERTIFICATE")) ||
           slice_eq(label, SLICE("TRUSTED CERTIFICATE"));
}

static int add_all(struct certinfo_chain *chain, struct slice bytes, struct fault *f)
{
    struct slice rest = bytes;
    struct pem pem;
    int r, got = OK;
    while (!got && (r = pem_next(&rest, &pem)) == OK)
        if (is_certificate(pem.label))
            got = add_block(chain, pem.block, f);
    if (got)
        return got;
    if (r == ERR_SYNTAX)
        return fault_set(f, r, "a \"-----BEGIN\" line has no \"-----END\" line: the file is cut");
    return chain->count ? OK : add_der(chain, bytes, f);
}

int certinfo_parse(struct slice bytes, struct certinfo_chain **ret, struct fault *f)
{
    if (bytes.n > CERTINFO_BYTES_MAX)
        return fault_set(f, ERR_CAP, "too large for a certificate chain: %zu bytes", bytes.n);
    struct certinfo_chain *chain = chain_new();
    if (!chain)
        return fault_set(f, ERR_NOMEM, "no memory for a certificate chain");
    int r = add_all(chain, bytes, f);
    if (r)
        certinfo_unref(chain);
    else
        *ret = chain;
    return r;
}

int certinfo_ders(const struct slice *ders, size_t count, struct certinfo_chain **ret,
                  struct fault *f)
{
    struct certinfo_chain *chain = chain_new();
    if (!chain)
        return fault_set(f, ERR_NOMEM, "no memory for a certificate chain");
    int r = count ? OK : ERR_SYNTAX;
    for (size_t i = 0; !r && i < count; i++)
        r = add_der(chain, ders[i], f);
    if (r)
        certinfo_unref(chain);
    else
        *ret = chain;
    return r;
}

int certinfo_wrap(struct x509_st *const *certs, size_t count, struct certinfo_chain **ret,
                  struct fault *f)
{
    struct certinfo_chain *chain = chain_new();
    if (!chain)
        return fault_set(f, ERR_NOMEM, "no memory for a certificate chain");
    int r = OK;
    for (size_t i = 0; !r && i < count; i++) {
        X509_up_ref(certs[i]);
        r = chain_add(chain, certs[i], f);
    }
    if (r)
        certinfo_unref(chain);
    else
        *ret = chain;
    return r;
}

struct certinfo_chain *certinfo_ref(struct certinfo_chain *chain)
{
    chain->refs++;
    return chain;
}

void certinfo_unref(struct certinfo_chain *chain)
{
    if (!chain || --chain->refs)
        return;
    for (size_t i = 0; i < chain->count; i++)
        X509_free(chain->certs[i]);
    arena_done(&chain->arena);
    mem_free(chain);
}

size_t certinfo_count(const struct certinfo_chain *chain)
{
    return chain->count;
}

const struct certinfo *certinfo_at(const struct certinfo_chain *chain, size_t i)
{
    return &chain->infos[i];
}

struct x509_st *certinfo_x509(const struct certinfo_chain *chain, size_t i)
{
    return chain->certs[i];
}

/* What to call a certificate in a message. */
static const char *called(const struct certinfo *ci)
{
    if (ci->subject.n)
        return (const char *)ci->subject.p;
    return ci->nsans ? (const char *)ci->sans[0].name.p : "(no name)";
}

int certinfo_check(const struct certinfo_chain *chain, struct fault *f)
{
    for (size_t i = 0; i + 1 < chain->count; i++) {
        X509 *cert = chain->certs[i], *issuer = chain->certs[i + 1];
        EVP_PKEY *pkey = X509_get0_pubkey(issuer);
        bool fits =
            X509_check_issued(issuer, cert) == X509_V_OK && pkey && X509_verify(cert, pkey) == 1;
        ERR_clear_error();
        if (fits)
            continue;
        fault_set(f, ERR_CONFIG,
                  "certificate %zu (%s, issued by %s) is not signed by certificate %zu (%s)", i + 1,
                  called(&chain->infos[i]), (const char *)chain->infos[i].issuer.p, i + 2,
                  called(&chain->infos[i + 1]));
        fault_next(f, "order: the site's own certificate first, then each certificate's issuer");
        return ERR_CONFIG;
    }
    return OK;
}

int certinfo_check_key(const struct certinfo_chain *chain, const struct key *key, struct fault *f)
{
    if (chain->count && X509_check_private_key(chain->certs[0], keystore_pkey(key)) == 1)
        return OK;
    ERR_clear_error();
    const struct certinfo *leaf = &chain->infos[0];
    return fault_set(f, ERR_CONFIG,
                     "the private key (%s, %u bits) is not that of certificate %s (%s, %u bits)",
                     keystore_kind_text(keystore_kind(key)), keystore_bits(key), called(leaf),
                     keystore_kind_text(leaf->key_kind), leaf->key_bits);
}

static bool matches(struct slice pattern, struct slice host)
{
    if (!slice_starts(pattern, SLICE("*.")))
        return slice_find(pattern, '*') == pattern.n && slice_eq_nocase(pattern, host);
    size_t dot = slice_find(host, '.');
    struct slice rest = slice_from(pattern, 1);
    return dot > 0 && slice_find(rest, '*') == rest.n && rest.n > 1 &&
           slice_eq_nocase(rest, slice_from(host, dot));
}

bool certinfo_covers(const struct certinfo *ci, struct slice host)
{
    struct ip ip;
    bool is_ip = cidr_parse_ip(host, &ip) == OK;
    for (size_t i = 0; i < ci->nsans; i++) {
        const struct certinfo_san *san = &ci->sans[i];
        if (san->is_ip != is_ip)
            continue;
        if (is_ip ? memcmp(san->ip.bytes, ip.bytes, sizeof(ip.bytes)) == 0
                  : matches(san->name, host))
            return true;
    }
    return false;
}

int certinfo_pem(const struct certinfo_chain *chain, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int ok = bio != NULL;
    for (size_t i = 0; ok && i < chain->count; i++)
        ok = PEM_write_bio_X509(bio, chain->certs[i]);
    char *text;
    long n = ok ? BIO_get_mem_data(bio, &text) : 0;
    int r = ok ? buf_add(out, slice_of(text, (size_t)n)) : ERR_NOMEM;
    ERR_clear_error();
    BIO_free(bio);
    return r;
}

int certinfo_der(const struct certinfo_chain *chain, size_t i, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_X509(chain->certs[i], &der);
    int r = n > 0 ? buf_add(out, slice_of(der, (size_t)n)) : ERR_TLS;
    OPENSSL_free(der);
    ERR_clear_error();
    return r;
}
