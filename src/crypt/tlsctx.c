/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The server's side of what all connections of a site share, and the life of both kinds. Every
 * choice here is fixed at start so that no handshake computes it again. */
#include "crypt/tlsctx.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "crypt/digest.h"
#include "crypt/liberr.h"
#include "crypt/ocsp.h"
#include "crypt/tlsctx_int.h"

/* Mozilla "intermediate" without DHE: forward secrecy and AEAD only. */
#define SUITES_12                                                                              \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
/* AES-128 first: ten rounds instead of fourteen, SHA-256 in the key schedule (DESIGN 4). */
#define SUITES_13      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define LIFETIME_S     86400u
#define LIFETIME_MAX_S (7u * 86400u)

static const EVP_CIPHER *ticket_cipher(void)
{
    static EVP_CIPHER *cipher; /* for the life of the process */
    if (!cipher)
        cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    return cipher;
}

static int ticket_mac(EVP_MAC_CTX *mac, const struct ticketring_key *key)
{
    static char sha256[] = "SHA256";
    uint8_t hmac[sizeof(key->hmac)];
    memcpy(hmac, key->hmac, sizeof(hmac));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, hmac, sizeof(hmac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
        OSSL_PARAM_construct_end()};
    int ok = EVP_MAC_CTX_set_params(mac, params);
    mem_wipe(hmac, sizeof(hmac));
    return ok;
}

/* The library's question which key makes or opens a ticket: 1 use it, 2 use it and issue a new
 * ticket, 0 not ours (full handshake), -1 failure. */
static int ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                       EVP_MAC_CTX *mac, int making)
{
    const struct tlsctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct ticketring *ring = ctx->ring;
    if (!ring || !ring->has_current)
        return 0;
    if (making) {
        memcpy(name, ring->current.name, sizeof(ring->current.name));
        if (digest_random(iv, 16) ||
            !EVP_EncryptInit_ex(cipher, ticket_cipher(), NULL, ring->current.aes, iv))
            return -1;
        return ticket_mac(mac, &ring->current) ? 1 : -1;
    }
    const struct ticketring_key *key = NULL;
    if (memcmp(name, ring->current.name, sizeof(ring->current.name)) == 0)
        key = &ring->current;
    else if (ring->has_previous &&
             memcmp(name, ring->previous.name, sizeof(ring->previous.name)) == 0)
        key = &ring->previous;
    if (!key)
        return 0;
    if (!ticket_mac(mac, key) || !EVP_DecryptInit_ex(cipher, ticket_cipher(), NULL, key->aes, iv))
        return -1;
    return key == &ring->current ? 1 : 2;
}

/* A ticket opens only where its binding is ours (CVE-2025-23419 and its kin): the library compares
 * the session id context too, but what stands between two sites' policies is checked here as well
 * and does not rest on the order of the library's steps. */
static SSL_TICKET_RETURN ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                       size_t name_n, SSL_TICKET_STATUS status, void *arg)
{
    (void)name;
    (void)name_n;
    (void)arg;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    const struct tlsctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    unsigned n = 0;
    const unsigned char *binding = SSL_SESSION_get0_id_context(session, &n);
    if (n != sizeof(ctx->binding) || !digest_equal(binding, ctx->binding, n))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* RFC 7301 3.2: our order decides; nothing in common is a fatal no_application_protocol. */
static int choose_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                       const unsigned char *offered, unsigned offered_n, void *arg)
{
    (void)ssl;
    const struct tlsctx *ctx = arg;
    unsigned char *hit;
    if (SSL_select_next_proto(&hit, ret_n, ctx->alpn, ctx->alpn_n, offered, offered_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = hit;
    return SSL_TLSEXT_ERR_OK;
}

int tlsctx_int_alpn(struct tlsctx *ctx, const struct slice *names, size_t count, struct fault *f)
{
    if (count > TLSCTX_ALPN_MAX)
        return fault_set(f, ERR_CONFIG, "more than %d ALPN names", TLSCTX_ALPN_MAX);
    for (size_t i = 0; i < count; i++) {
        if (names[i].n == 0 || names[i].n + 1 > sizeof(ctx->alpn) - ctx->alpn_n)
            return fault_set(f, ERR_CONFIG, "ALPN names too long or empty");
        ctx->alpn[ctx->alpn_n++] = (uint8_t)names[i].n;
        memcpy(ctx->alpn + ctx->alpn_n, names[i].p, names[i].n);
        ctx->alpn_n += (unsigned)names[i].n;
    }
    return OK;
}

int tlsctx_int_groups(struct tlsctx *ctx)
{
    /* The hybrid group exists from OpenSSL 3.5 on; the older library refuses the whole list. A star
     * (3.5 too) asks a client for a key share: with only the first, a server without the hybrid
     * group would cost a HelloRetryRequest. */
    static char server[] = "X25519MLKEM768:X25519:P-256";
    static char client[] = "*X25519MLKEM768:*X25519:P-256:P-384:P-521";
    static char classic[] = "X25519:P-256", classic_client[] = "X25519:P-256:P-384:P-521";
    if (SSL_CTX_set1_groups_list(ctx->ssl_ctx, ctx->server ? server : client))
        return 1;
    ERR_clear_error();
    return (int)SSL_CTX_set1_groups_list(ctx->ssl_ctx, ctx->server ? classic : classic_client);
}

int tlsctx_int_identity(struct tlsctx *ctx, const struct tlsctx_identity *id, struct fault *f)
{
    int r;
    if ((r = certinfo_check(id->chain, f)) || (r = certinfo_check_key(id->chain, id->key, f)))
        return r;
    size_t count = certinfo_count(id->chain);
    if (count > 1 && certinfo_at(id->chain, count - 1)->self_signed)
        count--; /* the peer has its own roots; sending ours only costs a packet */
    STACK_OF(X509) *rest = sk_X509_new_null();
    for (size_t i = 1; rest && i < count; i++)
        if (!sk_X509_push(rest, certinfo_x509(id->chain, i))) {
            sk_X509_free(rest);
            rest = NULL;
        }
    if (!rest)
        return liberr_fault(f, ERR_NOMEM, "no memory for a certificate chain");
    int ok = SSL_CTX_use_cert_and_key(ctx->ssl_ctx, certinfo_x509(id->chain, 0),
                                      keystore_pkey(id->key), rest, 1);
    sk_X509_free(rest);
    if (!ok)
        return liberr_fault(f, ERR_CONFIG, "the certificate of %s is not usable for TLS",
                            (const char *)certinfo_at(id->chain, 0)->subject.p);
    ctx->keys[ctx->nids] = keystore_ref(id->key);
    ctx->chains[ctx->nids++] = certinfo_ref(id->chain);
    return OK;
}

/* Only what the leaf keys can sign: the library tries each candidate in each handshake. */
static int pin_sigalgs(struct tlsctx *ctx)
{
    static const char *const lists[] = {
        [KEY_RSA] = "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pkcs1_sha256:rsa_pkcs1_sha384",
        [KEY_ECDSA_P256] = "ecdsa_secp256r1_sha256",
        [KEY_ECDSA_P384] = "ecdsa_secp384r1_sha384",
        [KEY_ECDSA_P521] = "ecdsa_secp521r1_sha512",
    };
    static const enum key_kind order[] = {KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_RSA};
    char list[256] = "";
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_LEN(order); k++)
        for (size_t i = 0; i < ctx->nids && n < sizeof(list); i++)
            if (keystore_kind(ctx->keys[i]) == order[k])
                n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ":" : "",
                                      lists[order[k]]);
    return n < sizeof(list) && SSL_CTX_set1_sigalgs_list(ctx->ssl_ctx, list);
}

/* RFC 6066 8: only clients that ask come here. A staple is never worth a failed handshake. */
static int on_status(SSL *ssl, void *arg)
{
    const struct tlsctx *ctx = arg;
    const X509 *used = SSL_get_certificate(ssl);
    for (size_t i = 0; i < ctx->nids; i++) {
        struct slice staple = ctx->staples[i];
        if (certinfo_x509(ctx->chains[i], 0) != used || !staple.n ||
            ctx->staple_until_s[i] <= (int64_t)time(NULL))
            continue;
        unsigned char *copy = OPENSSL_memdup(staple.p, staple.n); /* the library frees it */
        if (!copy)
            return SSL_TLSEXT_ERR_NOACK;
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple.n);
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int keep_staple(struct tlsctx *ctx, size_t i, const struct tlsctx_identity *id)
{
    int64_t until_s;
    if (!id->staple.n || ocsp_check(id->chain, id->staple, (int64_t)time(NULL), &until_s, NULL))
        return OK;
    uint8_t *copy = (uint8_t *)mem_dup(id->staple.p, id->staple.n);
    if (!copy)
        return ERR_NOMEM;
    ctx->staples[i] = slice_of(copy, id->staple.n);
    ctx->staple_until_s[i] = until_s;
    SSL_CTX_set_tlsext_status_cb(ctx->ssl_ctx, on_status);
    SSL_CTX_set_tlsext_status_arg(ctx->ssl_ctx, ctx);
    return OK;
}

static int set_identities(struct tlsctx *ctx, const struct tlsctx_server *opts, struct fault *f)
{
    if (opts->nidentities == 0 || opts->nidentities > TLSCTX_IDENTITIES_MAX)
        return fault_set(f, ERR_CONFIG, "one to %d certificates are needed, not %zu",
                         TLSCTX_IDENTITIES_MAX, opts->nidentities);
    for (size_t i = 0; i < opts->nidentities; i++) {
        enum key_kind kind = keystore_kind(opts->identities[i].key);
        for (size_t k = 0; k < i; k++)
            if ((keystore_kind(ctx->keys[k]) == KEY_RSA) == (kind == KEY_RSA))
                return fault_set(f, ERR_CONFIG, "two certificates with an %s key for one site",
                                 kind == KEY_RSA ? "RSA" : "ECDSA");
        int r = tlsctx_int_identity(ctx, &opts->identities[i], f);
        if (!r && (r = keep_staple(ctx, i, &opts->identities[i])))
            fault_set(f, r, "out of memory");
        if (r)
            return r;
    }
    return OK;
}

static int set_protocol(struct tlsctx *ctx, const struct tlsctx_server *opts)
{
    SSL_CTX *sc = ctx->ssl_ctx;
    uint32_t lifetime_s = opts->ticket_lifetime_s ? opts->ticket_lifetime_s : LIFETIME_S;
    SSL_CTX_set_options(sc, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (!opts->ring)
        SSL_CTX_set_options(sc, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(sc, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(sc, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_session_cache_mode(sc, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(sc, lifetime_s < LIFETIME_MAX_S ? lifetime_s : LIFETIME_MAX_S);
    SSL_CTX_set_alpn_select_cb(sc, choose_alpn, ctx);
    return SSL_CTX_set_min_proto_version(sc, opts->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(sc, SUITES_12) && SSL_CTX_set_ciphersuites(sc, SUITES_13) &&
           tlsctx_int_groups(ctx) && pin_sigalgs(ctx) &&
           SSL_CTX_set_num_tickets(sc, 0) &&    /* session_ticket sends it with the first answer */
           SSL_CTX_set_max_early_data(sc, 0) && /* 0-RTT can be replayed */
           SSL_CTX_set_session_id_context(sc, ctx->binding, sizeof(ctx->binding)) &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(sc, ticket_keys) &&
           SSL_CTX_set_session_ticket_cb(sc, NULL, ticket_opened, NULL);
}

int tlsctx_server_new(const struct tlsctx_server *opts, struct tlsctx **ret, struct fault *f)
{
    static const struct slice usual_alpn[] = {SLICE("h2"), SLICE("http/1.1")};
    struct tlsctx *ctx = tlsctx_int_new(TLS_server_method(), f);
    if (!ctx)
        return ERR_NOMEM;
    ctx->server = true;
    ctx->ring = opts->ring;
    memcpy(ctx->binding, opts->binding, sizeof(ctx->binding));
    int r = opts->nalpn ? tlsctx_int_alpn(ctx, opts->alpn, opts->nalpn, f)
                        : tlsctx_int_alpn(ctx, usual_alpn, ARRAY_LEN(usual_alpn), f);
    if (!r)
        r = set_identities(ctx, opts, f);
    if (!r && !(ticket_cipher() && set_protocol(ctx, opts)))
        r = liberr_fault(f, ERR_TLS, "the TLS library refuses the server's settings");
    if (r)
        tlsctx_unref(ctx);
    else
        *ret = ctx;
    return r;
}

struct tlsctx *tlsctx_int_new(const struct ssl_method_st *method, struct fault *f)
{
    struct tlsctx *ctx = mem_alloc(sizeof(*ctx));
    if (ctx && (ctx->ssl_ctx = SSL_CTX_new(method))) {
        ctx->refs = 1;
        SSL_CTX_set_app_data(ctx->ssl_ctx, ctx);
        return ctx;
    }
    liberr_fault(f, ERR_NOMEM, "no memory for a TLS context");
    mem_free(ctx);
    return NULL;
}

struct tlsctx *tlsctx_ref(struct tlsctx *ctx)
{
    ctx->refs++;
    return ctx;
}

void tlsctx_unref(struct tlsctx *ctx)
{
    if (!ctx || --ctx->refs)
        return;
    tlsctx_client_forget(ctx);
    SSL_CTX_free(ctx->ssl_ctx);
    for (size_t i = 0; i < ctx->nids; i++) {
        keystore_unref(ctx->keys[i]);
        certinfo_unref(ctx->chains[i]);
        mem_free((void *)(uintptr_t)ctx->staples[i].p);
    }
    mem_free(ctx);
}

size_t tlsctx_certs(const struct tlsctx *ctx, const struct certinfo *ret[TLSCTX_IDENTITIES_MAX])
{
    for (size_t i = 0; i < ctx->nids; i++)
        ret[i] = certinfo_at(ctx->chains[i], 0);
    return ctx->nids;
}

const struct certinfo *tlsctx_covering(const struct tlsctx *ctx, struct slice host)
{
    for (size_t i = 0; i < ctx->nids; i++)
        if (certinfo_covers(certinfo_at(ctx->chains[i], 0), host))
            return certinfo_at(ctx->chains[i], 0);
    return NULL;
}

struct ssl_ctx_st *tlsctx_handle(const struct tlsctx *ctx)
{
    return ctx->ssl_ctx;
}

bool tlsctx_is_server(const struct tlsctx *ctx)
{
    return ctx->server;
}

bool tlsctx_verifies(const struct tlsctx *ctx)
{
    return ctx->verifies;
}

bool tlsctx_gives_tickets(const struct tlsctx *ctx)
{
    return ctx->ring && ctx->ring->has_current;
}
