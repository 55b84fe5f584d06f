/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Keys as the library's EVP_PKEY; texts are searched for the first private key block. */
#include "crypt/keystore.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "crypt/liberr.h"
#include "crypt/pem.h"

#define RSA_MIN_BITS 2048
#define RSA_GEN_BITS 2048
/* A key text is a few KB; a whole chain may stand next to it. */
#define KEY_BYTES_MAX (256 * 1024)

struct key {
    EVP_PKEY *pkey;
    unsigned refs;
    enum key_kind kind;
};

static const struct {
    const char *group;
    enum key_kind kind;
} groups[] = {
    {"prime256v1", KEY_ECDSA_P256}, {"secp384r1", KEY_ECDSA_P384}, {"secp521r1", KEY_ECDSA_P521}};

enum key_kind keystore_kind_of(const struct evp_pkey_st *pkey)
{
    int id = EVP_PKEY_get_base_id(pkey);
    if (id == EVP_PKEY_RSA)
        return KEY_RSA;
    if (id == EVP_PKEY_ED25519)
        return KEY_ED25519;
    char name[64];
    if (id != EVP_PKEY_EC || !EVP_PKEY_get_group_name(pkey, name, sizeof(name), NULL))
        return KEY_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (strcmp(name, groups[i].group) == 0)
            return groups[i].kind;
    return KEY_OTHER;
}

const char *keystore_kind_text(enum key_kind kind)
{
    static const char *const texts[] = {
        [KEY_OTHER] = "unknown",          [KEY_RSA] = "RSA",
        [KEY_ECDSA_P256] = "ECDSA P-256", [KEY_ECDSA_P384] = "ECDSA P-384",
        [KEY_ECDSA_P521] = "ECDSA P-521", [KEY_ED25519] = "Ed25519"};
    return texts[kind];
}

/* Takes over pkey, also on error. */
static int wrap(EVP_PKEY *pkey, struct key **ret)
{
    struct key *k = mem_alloc(sizeof(*k));
    if (!k) {
        EVP_PKEY_free(pkey);
        return ERR_NOMEM;
    }
    *k = (struct key){pkey, 1, keystore_kind_of(pkey)};
    *ret = k;
    return OK;
}

static int refuse_passphrase(char *dst, int cap, int writing, void *asked)
{
    (void)dst;
    (void)cap;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static int encrypted(struct fault *f)
{
    fault_set(f, ERR_CONFIG, "the private key is encrypted with a passphrase");
    fault_next(f, "decrypt it: openssl pkey -in KEY -out PLAIN-KEY (and keep it readable for its "
                  "owner only)");
    return ERR_CONFIG;
}

static int decode_block(struct slice block, EVP_PKEY **ret, struct fault *f)
{
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.n);
    if (!bio)
        return liberr_fault(f, ERR_NOMEM, "no memory for a private key");
    bool asked = false;
    *ret = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
    BIO_free(bio);
    if (*ret) {
        ERR_clear_error();
        return OK;
    }
    if (asked) {
        ERR_clear_error();
        return encrypted(f);
    }
    return liberr_fault(f, ERR_SYNTAX, "the private key cannot be read");
}

static int decode_der(struct slice bytes, EVP_PKEY **ret, struct fault *f)
{
    const unsigned char *at = bytes.p;
    *ret = bytes.n ? d2i_AutoPrivateKey(NULL, &at, (long)bytes.n) : NULL;
    ERR_clear_error();
    if (*ret)
        return OK;
    fault_set(f, ERR_SYNTAX, "there is no private key in it");
    fault_next(f, "a PEM file with a line \"-----BEGIN PRIVATE KEY-----\" is needed");
    return ERR_SYNTAX;
}

static int decode(struct slice bytes, EVP_PKEY **ret, struct fault *f)
{
    struct slice rest = bytes;
    struct pem pem;
    int r;
    while ((r = pem_next(&rest, &pem)) == OK) {
        if (slice_eq(pem.label, SLICE("ENCRYPTED PRIVATE KEY")))
            return encrypted(f);
        if (slice_ends(pem.label, SLICE("PRIVATE KEY")))
            return decode_block(pem.block, ret, f);
    }
    if (r == ERR_SYNTAX)
        return fault_set(f, r, "a \"-----BEGIN\" line has no \"-----END\" line: the file is cut");
    return decode_der(bytes, ret, f);
}

int keystore_load(struct slice bytes, struct key **ret, struct fault *f)
{
    EVP_PKEY *pkey = NULL;
    if (bytes.n > KEY_BYTES_MAX)
        return fault_set(f, ERR_SYNTAX, "too large for a private key: %zu bytes", bytes.n);
    int r = decode(bytes, &pkey, f);
    if (r)
        return r;
    enum key_kind kind = keystore_kind_of(pkey);
    int bits = EVP_PKEY_get_bits(pkey);
    if (kind == KEY_OTHER || kind == KEY_ED25519) {
        const char *name = EVP_PKEY_get0_type_name(pkey);
        r = fault_set(f, ERR_CONFIG, "browsers take no %s key of this kind", name ? name : "such");
        fault_next(f, "use ECDSA P-256 or RSA with 2048 bits or more");
    } else if (kind == KEY_RSA && bits < RSA_MIN_BITS) {
        r = fault_set(f, ERR_CONFIG, "the RSA key has %d bits, browsers want at least %d", bits,
                      RSA_MIN_BITS);
    }
    if (r) {
        EVP_PKEY_free(pkey);
        return r;
    }
    r = wrap(pkey, ret);
    return r ? fault_set(f, r, "no memory for a private key") : OK;
}

int keystore_generate(enum key_kind kind, struct key **ret, struct fault *f)
{
    EVP_PKEY *pkey = NULL;
    if (kind == KEY_ECDSA_P256)
        pkey = EVP_EC_gen("P-256");
    else if (kind == KEY_ECDSA_P384)
        pkey = EVP_EC_gen("P-384");
    else if (kind == KEY_RSA)
        pkey = EVP_RSA_gen(RSA_GEN_BITS);
    else
        return fault_set(f, ERR_NOT_IMPLEMENTED, "no %s keys are made here",
                         keystore_kind_text(kind));
    if (!pkey)
        return liberr_fault(f, ERR_TLS, "cannot make an %s key", keystore_kind_text(kind));
    int r = wrap(pkey, ret);
    return r ? fault_set(f, r, "no memory for a private key") : OK;
}

struct key *keystore_ref(struct key *k)
{
    k->refs++;
    return k;
}

void keystore_unref(struct key *k)
{
    if (!k || --k->refs)
        return;
    EVP_PKEY_free(k->pkey);
    mem_free(k);
}

int keystore_export_pem(const struct key *k, struct secret *ret)
{
    BIO *bio = BIO_new(BIO_s_mem()); /* wipes its storage when it grows and when it goes */
    char *text;
    long n;
    int r = ERR_TLS;
    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) &&
        (n = BIO_get_mem_data(bio, &text)) > 0)
        r = secret_set(ret, slice_of(text, (size_t)n));
    else
        r = liberr_fault(NULL, bio ? ERR_TLS : ERR_NOMEM, "export");
    BIO_free(bio);
    return r;
}

enum key_kind keystore_kind(const struct key *k)
{
    return k->kind;
}

unsigned keystore_bits(const struct key *k)
{
    return (unsigned)EVP_PKEY_get_bits(k->pkey);
}

struct evp_pkey_st *keystore_pkey(const struct key *k)
{
    return k->pkey;
}
