/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The client's side: what is trusted, and that it is verified unless someone said otherwise. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/mem.h"
#include "crypt/liberr.h"
#include "crypt/tlsctx_int.h"
#include "crypt/truststore.h"

static int set_trust(struct tlsctx *ctx, const struct tlsctx_client *opts, struct fault *f)
{
    ctx->verifies = !opts->insecure;
    SSL_CTX_set_verify(ctx->ssl_ctx, ctx->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!ctx->verifies)
        return OK;
    X509_STORE *store = NULL;
    if (opts->ca_pem.n) {
        int r = truststore_own(opts->ca_pem, &store, f);
        if (r)
            return r;
        /* Who names one certificate means it, be it a root, an intermediate or the server's own. */
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
        SSL_CTX_set_cert_store(ctx->ssl_ctx, store); /* takes it over */
        return OK;
    }
    if (!(store = truststore_system())) {
        fault_set(f, ERR_NOT_FOUND, "this system has no file of trusted certificates");
        fault_next(f, "install the package ca-certificates, or name a CA file");
        return ERR_NOT_FOUND;
    }
    SSL_CTX_set1_cert_store(ctx->ssl_ctx, store);
    return OK;
}

/* The name that a connection is for, as it was verified: a session may only be resumed with the
 * server that has shown its certificate for it. False: none, nothing is kept. */
static bool aimed_at(SSL *ssl, char *dst)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *ip = host ? NULL : X509_VERIFY_PARAM_get1_ip_asc(param);
    const char *name = host ? host : ip;
    size_t n = name ? strlen(name) : 0;
    bool fits = n > 0 && n < TLSCTX_INT_NAME_BYTES;
    if (fits)
        memcpy(dst, name, n + 1);
    OPENSSL_free(ip);
    ERR_clear_error(); /* that there is no address is an error for the library */
    return fits;
}

static struct tlsctx_int_memory *recall(const struct tlsctx *ctx, const char *name)
{
    for (size_t i = 0; i < TLSCTX_INT_REMEMBERED; i++)
        if (ctx->memory[i].session && strcmp(ctx->memory[i].name, name) == 0)
            return &ctx->memory[i];
    return NULL;
}

/* The library has a new session; 1 keeps the reference. */
static int remember(SSL *ssl, SSL_SESSION *session)
{
    struct tlsctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    char name[TLSCTX_INT_NAME_BYTES];
    if (!ctx->memory || !aimed_at(ssl, name))
        return 0;
    struct tlsctx_int_memory *m = recall(ctx, name);
    if (!m)
        m = &ctx->memory[ctx->memory_next++ % TLSCTX_INT_REMEMBERED];
    SSL_SESSION_free(m->session);
    memcpy(m->name, name, sizeof(m->name));
    m->session = session;
    return 1;
}

void tlsctx_client_resume(const struct tlsctx *ctx, struct ssl_st *ssl)
{
    char name[TLSCTX_INT_NAME_BYTES];
    struct tlsctx_int_memory *m = ctx->memory && aimed_at(ssl, name) ? recall(ctx, name) : NULL;
    if (m && SSL_SESSION_is_resumable(m->session))
        SSL_set_session(ssl, m->session);
}

void tlsctx_client_forget(struct tlsctx *ctx)
{
    for (size_t i = 0; ctx->memory && i < TLSCTX_INT_REMEMBERED; i++)
        SSL_SESSION_free(ctx->memory[i].session);
    mem_free(ctx->memory);
    ctx->memory = NULL;
}

static int set_protocol(struct tlsctx *ctx)
{
    SSL_CTX *sc = ctx->ssl_ctx;
    SSL_CTX_set_options(sc, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(sc, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(sc, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_session_cache_mode(sc, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(sc, remember);
    /* 0 is success for this one call. */
    return SSL_CTX_set_min_proto_version(sc, TLS1_2_VERSION) && tlsctx_int_groups(ctx) &&
           (ctx->alpn_n == 0 || SSL_CTX_set_alpn_protos(sc, ctx->alpn, ctx->alpn_n) == 0);
}

static int set_renegotiation(struct tlsctx *ctx)
{
    SSL_CTX_clear_options(ctx->ssl_ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_options(ctx->ssl_ctx,
                        SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_set_security_level(ctx->ssl_ctx, 0);
    return SSL_CTX_set_min_proto_version(ctx->ssl_ctx, TLS1_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx->ssl_ctx, TLS1_2_VERSION) == 1;
}

static void set_examining(struct tlsctx *ctx, bool verifies)
{
    SSL_CTX_set_options(ctx->ssl_ctx, SSL_OP_LEGACY_SERVER_CONNECT);
    if (!verifies)
        SSL_CTX_set_security_level(ctx->ssl_ctx, 0);
}

/* A server with certificates of several kinds shows the one that the client can verify. */
static int set_kind(struct tlsctx *ctx, enum key_kind kind)
{
    char rsa[] = "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
                 "RSA+SHA256:RSA+SHA384:RSA+SHA512";
    char ecdsa[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512";
    if (kind == KEY_OTHER)
        return 1;
    return SSL_CTX_set1_sigalgs_list(ctx->ssl_ctx, kind == KEY_RSA ? rsa : ecdsa) == 1;
}

int tlsctx_client_new(const struct tlsctx_client *opts, struct tlsctx **ret, struct fault *f)
{
    struct tlsctx *ctx = tlsctx_int_new(TLS_client_method(), f);
    if (!ctx)
        return ERR_NOMEM;
    int r = set_trust(ctx, opts, f);
    if (!r)
        r = tlsctx_int_alpn(ctx, opts->alpn, opts->nalpn, f);
    if (!r && opts->identity)
        r = tlsctx_int_identity(ctx, opts->identity, f);
    /* Unverified, nobody knows whose session it would be. */
    if (!r && (ctx->verifies || opts->remembers) &&
        !(ctx->memory = mem_array(TLSCTX_INT_REMEMBERED, sizeof(*ctx->memory))))
        r = fault_set(f, ERR_NOMEM, "no memory for a TLS context");
    if (!r && opts->now_s)
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(ctx->ssl_ctx), (time_t)opts->now_s);
    if (!r && opts->examines)
        set_examining(ctx, !opts->insecure);
    if (!r && !(set_protocol(ctx) && set_kind(ctx, opts->kind) &&
                (!opts->renegotiates || set_renegotiation(ctx))))
        r = liberr_fault(f, ERR_TLS, "the TLS library refuses the client's settings");
    if (r)
        tlsctx_unref(ctx);
    else
        *ret = ctx;
    return r;
}
