/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Drives the library's SSL object over the shared BIO: all input goes in, all output comes out, and
 * between calls nothing of ours is kept but one small struct. */
#include "crypt/session.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/bug.h"
#include "base/cidr.h"
#include "base/pool.h"
#include "crypt/liberr.h"
#include "crypt/sharedbio.h"
#include "crypt/tlsctx.h"
#include "crypt/verify.h"

#define RECORD_BYTES 16384
/* Header, explicit nonce or inner type, tag: at most 29 bytes on what we negotiate. */
#define RECORD_EXTRA 32
/* A server's first flight with a chain of two; larger ones grow once. */
#define FLIGHT_BYTES 4096
/* Least room for plain text that a read is given. */
#define ROOM_MIN 64
/* Answers to KeyUpdate, alerts. */
#define ASIDE_BYTES 128
/* Steps of the handshake machine after the handshake (KeyUpdate, refused renegotiations, tickets).
 * Each costs a key schedule and a peer sends it for 27 bytes: a flood is an attack on the
 * processor. A KeyUpdate takes three to five steps; nobody needs more than a few in a lifetime. */
#define ASIDES_MAX 160

struct session {
    SSL *ssl;
    struct tlsctx *ctx;  /* a reference */
    struct fault *fault; /* from the pool, only once something failed */
    int r;               /* sticky: OK, ERR_EOF after the peer's end, or why it is dead */
    uint16_t asides;
    uint8_t alert_sent, alert_received; /* fatal, 0 none */
    uint8_t handshakes;                 /* completed ones */
    bool server, ready, shut, certificate_asked;
};

/* The session whose call into the library runs now (the verification callback has no other way to
 * it that costs no memory per connection). */
static struct session *running;

static void enter(struct session *s, struct slice in, struct buf *out, size_t hint)
{
    running = s;
    sharedbio_now = (struct sharedbio){.in = in, .out = out, .hint = hint};
}

static struct fault *fault_of(struct session *s)
{
    if (!s->fault && (s->fault = pool_alloc(sizeof(*s->fault))))
        fault_set(s->fault, OK, "%s", "");
    return s->fault;
}

/* RFC 5246 7.2.2, RFC 8446 6.2: kinds of failure that callers tell apart. */
static int kind_of(unsigned long error)
{
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return ERR_TLS;
    switch (ERR_GET_REASON(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return ERR_TLS_VERSION;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
        return ERR_NOT_TLS;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return ERR_VERIFY;
    case ERR_R_MALLOC_FAILURE:
        return ERR_NOMEM;
    default:
        return ERR_TLS;
    }
}

/* The library tells of alerts and of each handshake message. Once the handshake is over,
 * application data is the only thing that may come without end. */
static void on_event(const SSL *ssl, int where, int value)
{
    (void)ssl;
    struct session *s = running;
    if (!s)
        return;
    bool sent = (where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT;
    if (sent && value >> 8 == SSL3_AL_FATAL)
        s->alert_sent = (uint8_t)value;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        s->alert_received = (uint8_t)value;
    if (where & SSL_CB_HANDSHAKE_DONE && s->handshakes < 2)
        s->handshakes++;
    if (s->ready && (sent || (where & SSL_CB_LOOP)) && ++s->asides > ASIDES_MAX)
        sharedbio_now.refused = true;
}

/* The connection is dead: keeps why, in words. */
static int fail(struct session *s)
{
    char words[LIBERR_TEXT];
    unsigned long error = liberr_take(words);
    struct fault *f = fault_of(s);
    int alert = (int)ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    s->r = kind_of(error);
    if (sharedbio_now.failed)
        s->r = fault_set(f, sharedbio_now.failed, "%s", err_text(sharedbio_now.failed));
    else if (sharedbio_now.refused)
        s->r = fault_set(f, ERR_TLS, "the peer floods us with KeyUpdate or renegotiation messages");
    else if (f && f->code == ERR_VERIFY)
        s->r = ERR_VERIFY;
    else if (error && ERR_GET_LIB(error) == ERR_LIB_SSL && alert > 0 && alert < 256)
        fault_set(f, s->r, "the peer sent the alert \"%s\"", SSL_alert_desc_string_long(alert));
    else
        fault_set(f, s->r, "%s", words[0] ? words : "the connection ended in the handshake");
    if (s->alert_sent)
        fault_while(f, "answered with the alert \"%s\"", SSL_alert_desc_string_long(s->alert_sent));
    return s->r;
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
    struct fault *f = !ok && running ? fault_of(running) : NULL;
    if (f)
        verify_fault(store, f);
    return ok;
}

static int session_new(struct tlsctx *ctx, struct session **ret)
{
    ERR_clear_error(); /* what other code left must not look like this connection's failure */
    struct session *s = pool_alloc(sizeof(*s));
    struct bio_st *bio = s ? sharedbio_ref() : NULL;
    SSL *ssl = bio ? SSL_new(tlsctx_handle(ctx)) : NULL;
    if (!ssl) {
        BIO_free(bio);
        pool_free(s);
        ERR_clear_error();
        return ERR_NOMEM;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_info_callback(ssl, on_event);
    *s = (struct session){.ssl = ssl, .ctx = tlsctx_ref(ctx), .server = tlsctx_is_server(ctx)};
    *ret = s;
    return OK;
}

int session_accept(struct tlsctx *ctx, struct session **ret)
{
    if (BUG_IF(!tlsctx_is_server(ctx)))
        return ERR_BUG;
    int r = session_new(ctx, ret);
    if (!r)
        SSL_set_accept_state((*ret)->ssl);
    return r;
}

/* RFC 6066 3: SNI carries host names only; RFC 9525 6: what is verified is what was asked for. */
static int aim(SSL *ssl, struct slice name)
{
    char text[256];
    struct ip ip;
    if (name.n == 0 || name.n >= sizeof(text))
        return ERR_RANGE;
    bool is_ip = cidr_parse_ip(name, &ip) == OK;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (is_ip) {
        bool v4 = cidr_is_v4(&ip);
        return X509_VERIFY_PARAM_set1_ip(param, ip.bytes + (v4 ? 12 : 0), v4 ? 4 : 16) ? OK
                                                                                       : ERR_NOMEM;
    }
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    if (memchr(text, 0, name.n))
        return ERR_RANGE;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set_tlsext_host_name(ssl, text) && SSL_set1_host(ssl, text) ? OK : ERR_NOMEM;
}

/* Called for a CertificateRequest, before the answer to it is made of what the context has. */
static int on_certificate_request(SSL *ssl, void *arg)
{
    struct session *s = arg;
    (void)ssl;
    s->certificate_asked = true;
    return 1;
}

int session_connect(struct tlsctx *ctx, struct slice name, struct session **ret)
{
    if (BUG_IF(tlsctx_is_server(ctx)))
        return ERR_BUG;
    struct session *s;
    int r = session_new(ctx, &s);
    if (r)
        return r;
    SSL_set_connect_state(s->ssl);
    SSL_set_cert_cb(s->ssl, on_certificate_request, s);
    if (tlsctx_verifies(ctx))
        SSL_set_verify(s->ssl, SSL_VERIFY_PEER, on_verify);
    r = aim(s->ssl, name);
    if (r) {
        ERR_clear_error();
        session_free(s);
        return r;
    }
    tlsctx_client_resume(ctx, s->ssl);
    *ret = s;
    return OK;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    /* Without this the library takes the end for a broken one and spoils the session for resuming;
     * whether the peer got our close_notify does not matter for that (RFC 8446 6.1). */
    if (s->ready)
        SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(s->ssl);
    tlsctx_unref(s->ctx);
    pool_free(s->fault);
    pool_free(s);
}

/* What the library said when it did not do what it was asked: OK to wait for more input, ERR_EOF,
 * or dead. */
static int stopped(struct session *s)
{
    if (sharedbio_now.starved && SSL_want_read(s->ssl))
        return OK;
    if (!ERR_peek_error() && (SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN))
        return s->r = ERR_EOF;
    return fail(s);
}

/* Application records in the input, straight into `plain`. */
static int open_records(struct session *s, struct buf *plain)
{
    for (;;) {
        size_t have = (size_t)SSL_pending(s->ssl), left = sharedbio_now.in.n, got;
        size_t room = have > left ? have : left, free_bytes = plain->max_bytes - plain->n;
        uint8_t *dst;
        /* With nothing left to read the call still makes the library give its buffers back. */
        room = room > ROOM_MIN ? room : ROOM_MIN;
        room = room < free_bytes ? room : free_bytes;
        int r = room ? buf_reserve(plain, room, &dst) : ERR_CAP;
        if (r)
            return s->r = fault_set(fault_of(s), r, "%s", err_text(r));
        if (!SSL_read_ex(s->ssl, dst, room, &got))
            return stopped(s);
        buf_commit(plain, got);
        if (sharedbio_now.in.n == 0 && SSL_pending(s->ssl) == 0)
            return OK;
    }
}

static int filter_open(void *ctx, struct slice in, struct buf *plain, struct buf *out)
{
    struct session *s = ctx;
    if (s->r)
        return s->r;
    if (in.n == 0 && (s->server || s->ready))
        return OK;
    enter(s, in, out, s->ready ? ASIDE_BYTES : FLIGHT_BYTES);
    int r = OK;
    if (!s->ready) {
        if (SSL_do_handshake(s->ssl) == 1)
            s->ready = true;
        else
            r = stopped(s);
        if (r == ERR_EOF)
            r = s->r = fault_set(fault_of(s), ERR_TLS, "the peer ended the handshake");
    }
    if (!r && s->ready)
        r = open_records(s, plain);
    if (plain->n == 0)
        buf_done(plain);
    running = NULL;
    return r;
}

static int filter_seal(void *ctx, struct slice plain, struct buf *out)
{
    struct session *s = ctx;
    size_t done;
    if (!s->ready)
        return s->r ? s->r : ERR_AGAIN;
    if (s->r && s->r != ERR_EOF)
        return s->r;
    if (plain.n == 0)
        return OK;
    if (BUG_IF(s->shut))
        return ERR_BUG;
    enter(s, SLICE_EMPTY, out, plain.n + (plain.n / RECORD_BYTES + 2) * RECORD_EXTRA);
    int r = OK;
    if (!SSL_write_ex(s->ssl, plain.p, plain.n, &done))
        r = fail(s);
    running = NULL;
    return r;
}

static int filter_shut(void *ctx, struct buf *out)
{
    struct session *s = ctx;
    if (!s->ready || s->shut || (s->r && s->r != ERR_EOF))
        return OK;
    s->shut = true;
    enter(s, SLICE_EMPTY, out, ASIDE_BYTES);
    SSL_shutdown(s->ssl); /* 0: ours is out, the peer's is not in */
    ERR_clear_error();
    running = NULL;
    return sharedbio_now.failed;
}

static void filter_free(void *ctx)
{
    session_free(ctx);
}

const struct filter_ops session_filter = {filter_open, filter_seal, filter_shut, filter_free};

bool session_ready(const struct session *s)
{
    return s->ready;
}

int session_ticket(struct session *s, struct buf *out)
{
    if (!s->ready || s->r || s->shut || !s->server || SSL_version(s->ssl) != TLS1_3_VERSION ||
        !tlsctx_gives_tickets(s->ctx))
        return OK;
    enter(s, SLICE_EMPTY, out, 1024);
    int r = OK;
    if (SSL_new_session_ticket(s->ssl)) {
        uint8_t none;
        size_t got;
        if (SSL_do_handshake(s->ssl) != 1)
            r = fail(s);
        else /* the handshake took a read buffer; the library gives it back only in a read */
            SSL_read_ex(s->ssl, &none, sizeof(none), &got);
    }
    running = NULL;
    return r;
}

static const char *group_text(SSL *ssl)
{
    int nid = (int)SSL_get_negotiated_group(ssl);
    const char *name;
    if (nid == NID_X25519)
        return "X25519";
    if (nid == NID_X9_62_prime256v1)
        return "P-256";
    if (nid == NID_secp384r1)
        return "P-384";
    return nid != NID_undef && (name = SSL_group_to_name(ssl, nid)) ? name : "";
}

void session_info(const struct session *s, struct session_info *ret)
{
    const unsigned char *alpn = NULL;
    unsigned alpn_n = 0;
    SSL_get0_alpn_selected(s->ssl, &alpn, &alpn_n);
    const SSL_CIPHER *suite = SSL_get_current_cipher(s->ssl);
    const SSL_SESSION *kept = s->server ? NULL : SSL_get_session(s->ssl);
    *ret = (struct session_info){
        .version = SSL_get_version(s->ssl),
        .suite = suite ? SSL_CIPHER_standard_name(suite) : "",
        .group = s->ready ? group_text(s->ssl) : "",
        .resumed = SSL_session_reused(s->ssl),
        .alpn = slice_of(alpn, alpn_n),
        .sni = slice_cstr(SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name)),
        .early_data_bytes = kept ? SSL_SESSION_get_max_early_data(kept) : 0,
        .certificate_asked = s->certificate_asked,
    };
    ERR_clear_error();
}

int session_renegotiate(struct session *s, struct buf *out)
{
    if (BUG_IF(s->server || !s->ready))
        return ERR_BUG;
    enter(s, SLICE_EMPTY, out, FLIGHT_BYTES);
    bool begun = SSL_renegotiate(s->ssl) == 1;
    if (begun)
        (void)SSL_do_handshake(s->ssl); /* wants the answer */
    running = NULL;
    ERR_clear_error();
    return begun ? OK : ERR_TLS;
}

bool session_renegotiated(const struct session *s)
{
    return s->handshakes > 1;
}

size_t session_kept_ticket(const struct session *s, uint8_t *dst, size_t cap)
{
    const SSL_SESSION *kept = SSL_get_session(s->ssl);
    const unsigned char *ticket = NULL;
    size_t n = 0;
    if (kept)
        SSL_SESSION_get0_ticket(kept, &ticket, &n);
    if (!ticket || n > cap)
        return 0;
    memcpy(dst, ticket, n);
    return n;
}

void session_fault(const struct session *s, struct fault *f)
{
    if (s->fault)
        *f = *s->fault;
    else
        fault_set(f, s->r, "%s", err_text(s->r));
}

uint8_t session_alert(const struct session *s)
{
    return s->alert_received;
}

int session_peer(const struct session *s, struct certinfo_chain **ret)
{
    X509 *certs[CERTINFO_CHAIN_MAX];
    /* A client's stack begins with the server's own certificate, a server's does not begin with
     * the client's. */
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(s->ssl);
    int n = sent ? sk_X509_num(sent) : 0;
    size_t count = 0;
    X509 *leaf = s->server ? SSL_get0_peer_certificate(s->ssl) : NULL;
    if (leaf)
        certs[count++] = leaf;
    if (n > CERTINFO_CHAIN_MAX - (int)count)
        return ERR_CAP;
    for (int i = 0; i < n; i++)
        certs[count++] = sk_X509_value(sent, i);
    return count ? certinfo_wrap(certs, count, ret, NULL) : ERR_NOT_FOUND;
}
