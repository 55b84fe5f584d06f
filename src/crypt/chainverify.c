/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The library's verification with a callback that writes every error down and lets it go on. */
#include "crypt/chainverify.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/date.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypt/pem.h"
#include "crypt/truststore.h"
#include "crypt/verify.h"

/* 80 bits: no SHA-1 below the root, no RSA under 1024. Level 2 would refuse RSA 1024, which has a
 * finding of its own. */
#define SECURITY_LEVEL 1
#define LOCAL_MAX      256 /* roots that somebody has added */

struct chainverify {
    X509_STORE *store;
    bool own; /* else the system's, shared */
    STACK_OF(X509) * local;
};

/* ---- what is trusted ---- */

int chainverify_new(struct slice ca_pem, struct chainverify **ret, struct fault *f)
{
    struct chainverify *v = mem_alloc(sizeof(*v));
    int r = OK;
    if (!v || !(v->local = sk_X509_new_null())) {
        mem_free(v);
        return fault_set(f, ERR_NOMEM, "no memory for trusted certificates");
    }
    v->own = ca_pem.n > 0;
    if (v->own) {
        r = truststore_own(ca_pem, &v->store, f);
    } else if (!(v->store = truststore_system())) {
        r = fault_set(f, ERR_NOT_FOUND, "this system has no file of trusted certificates");
        fault_next(f, "install the package ca-certificates, or name a CA file");
    }
    if (r)
        chainverify_free(v);
    else
        *ret = v;
    return r;
}

void chainverify_free(struct chainverify *v)
{
    if (!v)
        return;
    if (v->own)
        X509_STORE_free(v->store);
    sk_X509_pop_free(v->local, X509_free);
    mem_free(v);
}

void chainverify_add_local(struct chainverify *v, struct slice pem)
{
    struct slice rest = pem;
    struct pem block;
    while (pem_next(&rest, &block) == OK && sk_X509_num(v->local) < LOCAL_MAX) {
        BIO *bio = BIO_new_mem_buf(block.block.p, (int)block.block.n);
        X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        if (cert && !sk_X509_push(v->local, cert))
            X509_free(cert);
    }
    ERR_clear_error();
}

static bool is_local(const struct chainverify *v, const X509 *root)
{
    for (int i = 0; i < sk_X509_num(v->local); i++)
        if (X509_cmp(sk_X509_value(v->local, i), root) == 0)
            return true;
    return false;
}

/* A context on the store alone, for a look-up. */
bool chainverify_knows_issuer(const struct chainverify *v, const struct certinfo_chain *chain,
                              size_t i)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_OBJECT *found = NULL;
    if (ctx && X509_STORE_CTX_init(ctx, v->store, NULL, NULL))
        found = X509_STORE_CTX_get_obj_by_subject(ctx, X509_LU_X509,
                                                  X509_get_issuer_name(certinfo_x509(chain, i)));
    X509_OBJECT_free(found);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return found != NULL;
}

/* ---- names ---- */

/* "*.com" would speak for half the world: clients want a dot in what follows. */
static bool wide_wildcard(struct slice name)
{
    if (!slice_starts(name, SLICE("*.")))
        return false;
    struct slice rest = slice_from(name, 2);
    return slice_find(rest, '.') + 1 >= rest.n;
}

const struct certinfo_san *chainverify_covering(const struct certinfo *ci, struct slice host)
{
    if (slice_ends(host, SLICE(".")))
        host.n--;
    for (size_t i = 0; i < ci->nsans; i++) {
        struct certinfo one = {.sans = &ci->sans[i], .nsans = 1};
        if (!wide_wildcard(ci->sans[i].name) && certinfo_covers(&one, host))
            return &ci->sans[i];
    }
    return NULL;
}

static bool has_unreadable_sans(const X509 *cert)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    bool unreadable = !names && critical != -1; /* -1: there is none */
    GENERAL_NAMES_free(names);
    return unreadable;
}

static bool only_common_name(const struct certinfo_chain *chain, struct slice host)
{
    const struct certinfo *ci = certinfo_at(chain, 0);
    struct certinfo_san san = {.name = ci->subject};
    struct certinfo one = {.sans = &san, .nsans = 1};
    if (ci->nsans || has_unreadable_sans(certinfo_x509(chain, 0)))
        return false;
    san.is_ip = cidr_parse_ip(ci->subject, &san.ip) == OK;
    return ci->subject.n && chainverify_covering(&one, host) != NULL;
}

/* ---- errors ---- */

struct run {
    struct chainverify_result *res;
    bool strict;     /* the second one */
    bool forged_crl; /* the list may say anything: it does not count */
};

/* What an error of the library means to a person. */
static enum chainverify_kind kind_of(int code)
{
    static const struct {
        int code;
        enum chainverify_kind kind;
    } kinds[] = {
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CHAINVERIFY_UNKNOWN_ISSUER},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CHAINVERIFY_UNKNOWN_ISSUER},
        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, CHAINVERIFY_UNKNOWN_ISSUER},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, CHAINVERIFY_SELF},
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, CHAINVERIFY_ANCHOR},
        {X509_V_ERR_CERT_UNTRUSTED, CHAINVERIFY_ANCHOR},
        {X509_V_ERR_CERT_REJECTED, CHAINVERIFY_ANCHOR},
        {X509_V_ERR_CERT_CHAIN_TOO_LONG, CHAINVERIFY_ANCHOR},
        {X509_V_ERR_CERT_HAS_EXPIRED, CHAINVERIFY_EXPIRED},
        {X509_V_ERR_CERT_NOT_YET_VALID, CHAINVERIFY_NOT_YET},
        {X509_V_ERR_INVALID_PURPOSE, CHAINVERIFY_PURPOSE},
        {X509_V_ERR_INVALID_CA, CHAINVERIFY_NOT_CA},
        {X509_V_ERR_INVALID_NON_CA, CHAINVERIFY_NOT_CA},
        {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, CHAINVERIFY_NOT_CA},
        {X509_V_ERR_PATH_LENGTH_EXCEEDED, CHAINVERIFY_PATH_LENGTH},
        {X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED, CHAINVERIFY_PATH_LENGTH},
        {X509_V_ERR_PERMITTED_VIOLATION, CHAINVERIFY_NAME_CONSTRAINTS},
        {X509_V_ERR_EXCLUDED_VIOLATION, CHAINVERIFY_NAME_CONSTRAINTS},
        {X509_V_ERR_SUBTREE_MINMAX, CHAINVERIFY_NAME_CONSTRAINTS},
        {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, CHAINVERIFY_NAME_CONSTRAINTS},
        {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, CHAINVERIFY_NAME_CONSTRAINTS},
        {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, CHAINVERIFY_NAME_CONSTRAINTS},
        {X509_V_ERR_CERT_SIGNATURE_FAILURE, CHAINVERIFY_SIGNATURE},
        {X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, CHAINVERIFY_SIGNATURE},
        {X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, CHAINVERIFY_SIGNATURE},
        {X509_V_ERR_EE_KEY_TOO_SMALL, CHAINVERIFY_WEAK_KEY},
        {X509_V_ERR_CA_KEY_TOO_SMALL, CHAINVERIFY_WEAK_KEY},
        {X509_V_ERR_CA_MD_TOO_WEAK, CHAINVERIFY_WEAK_HASH},
        {X509_V_ERR_CERT_REVOKED, CHAINVERIFY_REVOKED},
        {X509_V_ERR_INVALID_EXTENSION, CHAINVERIFY_EXTENSION},
        {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, CHAINVERIFY_EXTENSION},
        {X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, CHAINVERIFY_EXTENSION},
        {X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, CHAINVERIFY_EXTENSION},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].code == code)
            return kinds[i].kind;
    return CHAINVERIFY_OTHER;
}

static bool about_crl(int code)
{
    static const int codes[] = {
        X509_V_ERR_UNABLE_TO_GET_CRL,
        X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
        X509_V_ERR_CRL_SIGNATURE_FAILURE,
        X509_V_ERR_CRL_NOT_YET_VALID,
        X509_V_ERR_CRL_HAS_EXPIRED,
        X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
        X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
        X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
        X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
        X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
        X509_V_ERR_DIFFERENT_CRL_SCOPE,
        X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static const char *reason_of(X509_REVOKED *entry)
{
    static const char *const reasons[] = {
        "unspecified",      "key compromise",         "CA compromise",    "affiliation changed",
        "superseded",       "cessation of operation", "certificate hold", NULL,
        "removed from CRL", "privilege withdrawn",    "AA compromise",
    };
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    long n = reason ? ASN1_ENUMERATED_get(reason) : 0;
    ASN1_ENUMERATED_free(reason);
    return n >= 0 && n < (long)ARRAY_LEN(reasons) && reasons[n] ? reasons[n] : "unknown reason";
}

static void note_revoked(X509_STORE_CTX *ctx, struct chainverify_result *res)
{
    X509_REVOKED *entry = NULL;
    X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    char day[DATE_RFC3339_BYTES + 1] = {0};
    int64_t at_s;
    res->crl = CHAINVERIFY_CRL_REVOKED;
    if (!crl || !cert || !X509_CRL_get0_by_cert(crl, &entry, cert) || !entry)
        return;
    const ASN1_TIME *t = X509_REVOKED_get0_revocationDate(entry);
    struct slice text = slice_of(ASN1_STRING_get0_data(t), (size_t)ASN1_STRING_length(t));
    if (date_parse_asn1(text, &at_s) == OK)
        date_format_rfc3339(at_s * 1000, day);
    snprintf(res->crl_words, sizeof(res->crl_words), "revoked on %.10s: %s", day, reason_of(entry));
}

static void subject_of(X509 *cert, char *dst, size_t cap)
{
    char text[96] = "";
    if (cert && X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
                                          sizeof(text)) < 0)
        X509_NAME_oneline(X509_get_subject_name(cert), text, sizeof(text));
    text_escape(slice_cstr(text), dst, cap);
}

static void note_error(const struct run *run, X509_STORE_CTX *ctx, int code)
{
    struct chainverify_result *res = run->res;
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    struct fault f = {0};
    if (run->strict && res->strict_code == 0)
        res->strict_code = code;
    for (size_t i = 0; i < res->nerrors; i++)
        if (res->errors[i].code == code && res->errors[i].depth == depth)
            return;
    if (!run->strict && res->code == 0) {
        res->code = code;
        verify_fault(ctx, &f);
        snprintf(res->words, sizeof(res->words), "%.*s", (int)sizeof(res->words) - 1, f.what);
    }
    if (res->nerrors == CHAINVERIFY_ERRORS_MAX)
        return;
    struct chainverify_error *e = &res->errors[res->nerrors++];
    *e = (struct chainverify_error){.code = code, .depth = depth};
    e->kind = run->strict ? CHAINVERIFY_STRICT : kind_of(code);
    e->words = X509_verify_cert_error_string(code);
    subject_of(X509_STORE_CTX_get_current_cert(ctx), e->subject, sizeof(e->subject));
}

static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    struct run *run = X509_STORE_CTX_get_app_data(ctx);
    struct chainverify_result *res = run->res;
    int code = X509_STORE_CTX_get_error(ctx);
    if (ok || code == X509_V_OK)
        return 1;
    if (about_crl(code)) {
        /* An old list still tells what was revoked then. */
        run->forged_crl |= code != X509_V_ERR_CRL_HAS_EXPIRED;
        if (res->crl != CHAINVERIFY_CRL_REVOKED) {
            res->crl = CHAINVERIFY_CRL_UNUSABLE;
            snprintf(res->crl_words, sizeof(res->crl_words), "%s",
                     X509_verify_cert_error_string(code));
        }
        return 1;
    }
    if (code == X509_V_ERR_CERT_REVOKED && run->forged_crl)
        return 1;
    if (code == X509_V_ERR_CERT_REVOKED)
        note_revoked(ctx, res);
    note_error(run, ctx, code);
    return 1;
}

/* ---- the run ---- */

static STACK_OF(X509_CRL) * read_crl(struct slice bytes)
{
    const unsigned char *at = bytes.p;
    STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)bytes.n);
    BIO *bio = crl ? NULL : BIO_new_mem_buf(bytes.p, (int)bytes.n);
    if (bio)
        crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (list && crl && sk_X509_CRL_push(list, crl))
        return list;
    X509_CRL_free(crl);
    sk_X509_CRL_free(list);
    return NULL;
}

static bool is_anchor(const struct chainverify_result *r)
{
    for (size_t i = 0; i < r->nerrors; i++)
        if (r->errors[i].kind == CHAINVERIFY_ANCHOR || r->errors[i].kind == CHAINVERIFY_SELF ||
            r->errors[i].kind == CHAINVERIFY_UNKNOWN_ISSUER ||
            r->errors[i].kind == CHAINVERIFY_SIGNATURE)
            return false;
    return true;
}

static int keep_path(const struct chainverify *v, X509_STORE_CTX *ctx,
                     struct chainverify_result *res)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    X509 *certs[CERTINFO_CHAIN_MAX];
    int n = path ? sk_X509_num(path) : 0;
    if (n == 0)
        return OK;
    res->public_root = res->anchored && !v->own && !is_local(v, sk_X509_value(path, n - 1));
    if (n > CERTINFO_CHAIN_MAX)
        return OK;
    for (int i = 0; i < n; i++)
        certs[i] = sk_X509_value(path, i);
    int r = certinfo_wrap(certs, (size_t)n, &res->path, NULL);
    return r == ERR_NOMEM ? r : OK;
}

static int prepare(X509_STORE_CTX *ctx, const struct chainverify_options *o, bool strict,
                   STACK_OF(X509_CRL) * crls)
{
    unsigned long flags =
        (strict ? X509_V_FLAG_X509_STRICT : 0ul) | (crls ? X509_V_FLAG_CRL_CHECK : 0ul);
    if (!X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER))
        return ERR_NOMEM;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    X509_VERIFY_PARAM_set_time(param, (time_t)o->now_s);
    if (!X509_VERIFY_PARAM_set_flags(param, flags))
        return ERR_NOMEM;
    X509_STORE_CTX_set_verify_cb(ctx, on_verify);
    if (crls)
        X509_STORE_CTX_set0_crls(ctx, crls);
    return OK;
}

/* One run; the first fills everything, the second adds what only strict clients refuse. */
static int verify(const struct chainverify *v, const struct chainverify_options *o,
                  STACK_OF(X509) * others, STACK_OF(X509_CRL) * crls, struct run *run)
{
    struct chainverify_result *res = run->res;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int r = ERR_NOMEM;
    if (ctx && X509_STORE_CTX_init(ctx, v->store, certinfo_x509(o->sent, 0), others) &&
        X509_STORE_CTX_set_app_data(ctx, run))
        r = prepare(ctx, o, run->strict, crls);
    size_t before = res->nerrors;
    if (!r && X509_verify_cert(ctx) <= 0 && res->nerrors == before && !run->strict)
        note_error(run, ctx, X509_STORE_CTX_get_error(ctx)); /* it stopped without asking us */
    if (!r && !run->strict) {
        res->anchored = is_anchor(res);
        res->trusted = res->nerrors == 0;
        r = keep_path(v, ctx, res);
    }
    X509_STORE_CTX_free(ctx);
    return r;
}

static int verify_twice(const struct chainverify *v, const struct chainverify_options *o,
                        STACK_OF(X509) * others, struct chainverify_result *res)
{
    STACK_OF(X509_CRL) *crls = o->crl.n ? read_crl(o->crl) : NULL;
    struct run run = {.res = res};
    res->crl = crls ? CHAINVERIFY_CRL_GOOD : CHAINVERIFY_CRL_NONE;
    if (o->crl.n && !crls) {
        res->crl = CHAINVERIFY_CRL_UNUSABLE;
        snprintf(res->crl_words, sizeof(res->crl_words), "it is no list of revoked certificates");
    }
    int r = verify(v, o, others, crls, &run);
    run.strict = true;
    if (!r)
        r = verify(v, o, others, crls, &run);
    res->strict = res->trusted && res->strict_code == 0;
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
    return r;
}

int chainverify_run(const struct chainverify *v, const struct chainverify_options *o,
                    struct chainverify_result *ret)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    const struct certinfo *leaf = certinfo_at(o->sent, 0);
    int r = others ? OK : ERR_NOMEM;
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 1; !r && i < certinfo_count(o->sent); i++)
        if (!sk_X509_push(others, certinfo_x509(o->sent, i)))
            r = ERR_NOMEM;
    if (!r)
        r = verify_twice(v, o, others, ret);
    ret->name_match = chainverify_covering(leaf, o->host) != NULL;
    ret->common_name_only = only_common_name(o->sent, o->host);
    sk_X509_free(others);
    ERR_clear_error();
    return r;
}
