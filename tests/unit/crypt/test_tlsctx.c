/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What contexts decide: who may resume what, versions, suites, groups, and which certificates are
 * believed, with the words when they are not. */
#include "crypt/tlsctx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "pair.h"

static struct pair_ca ca;
static struct ticketring ring;

/* One connection with a question and an answer; true when it was a resumed one. */
static bool visit(struct tlsctx *client, struct tlsctx *server)
{
    struct pair p;
    struct session_info at_server, at_client;
    pair_init(&p, client, server, "site.test");
    pair_handshake(&p, 0);
    pair_say(&p, true, SLICE("GET / HTTP/1.1\r\n\r\n"));
    pair_run(&p, 0);
    assert_int_equal(session_ticket(p.server, &p.s2c), OK);
    pair_say(&p, false, SLICE("HTTP/1.1 204 No Content\r\n\r\n"));
    pair_run(&p, 0);
    assert_int_equal(p.at_client.n, 27);
    session_info(p.server, &at_server);
    session_info(p.client, &at_client);
    assert_int_equal(at_server.resumed, at_client.resumed);
    assert_true(slice_eq(at_server.alpn, SLICE("h2")));
    pair_done(&p);
    return at_server.resumed;
}

static void resumes_where_the_ring_and_the_binding_are_the_same(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        print_message("version %x\n", (unsigned)version);
        struct tlsctx *client = pair_client(&ca);
        struct tlsctx *a = pair_server(&ca, &ring, 1), *b = pair_server(&ca, &ring, 1);
        struct tlsctx *other = pair_server(&ca, &ring, 2);
        SSL_CTX_set_max_proto_version(tlsctx_handle(client), version);
        assert_false(visit(client, a));
        assert_true(visit(client, a));
        assert_true(visit(client, b));      /* another worker */
        assert_false(visit(client, other)); /* another site or policy: CVE-2025-23419 */
        assert_true(visit(client, other));
        tlsctx_unref(client);
        tlsctx_unref(a);
        tlsctx_unref(b);
        tlsctx_unref(other);
    }
}

static void the_previous_key_still_opens_tickets(void **state)
{
    (void)state;
    struct tlsctx *client = pair_client(&ca), *server = pair_server(&ca, &ring, 1);
    assert_false(visit(client, server));
    assert_int_equal(ticketring_rotate(&ring), OK);
    assert_true(visit(client, server)); /* and got a ticket of the new key */
    assert_int_equal(ticketring_rotate(&ring), OK);
    assert_true(visit(client, server));
    assert_int_equal(ticketring_rotate(&ring), OK);
    assert_int_equal(ticketring_rotate(&ring), OK);
    assert_false(visit(client, server));
    tlsctx_unref(client);
    tlsctx_unref(server);
}

static void gives_no_tickets_without_keys(void **state)
{
    (void)state;
    struct ticketring empty = {0};
    struct tlsctx *client = pair_client(&ca);
    struct tlsctx *none = pair_server(&ca, NULL, 1), *empty_ring = pair_server(&ca, &empty, 1);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX_set_max_proto_version(tlsctx_handle(client), version);
        assert_false(visit(client, none));
        assert_false(visit(client, none));
        assert_false(visit(client, empty_ring));
        assert_false(visit(client, empty_ring));
    }
    tlsctx_unref(client);
    tlsctx_unref(none);
    tlsctx_unref(empty_ring);
}

static void the_ticket_leaves_with_the_first_answer(void **state)
{
    (void)state;
    struct tlsctx *client = pair_client(&ca), *server = pair_server(&ca, &ring, 1);
    struct pair p;
    pair_init(&p, client, server, "site.test");
    assert_int_equal(session_filter.open(p.server, buf_slice(&p.c2s), &p.at_server, &p.s2c), OK);
    buf_done(&p.c2s);
    assert_int_equal(session_filter.open(p.client, buf_slice(&p.s2c), &p.at_client, &p.c2s), OK);
    buf_done(&p.s2c);
    assert_true(session_ready(p.client) && !session_ready(p.server));
    assert_int_equal(session_filter.open(p.server, buf_slice(&p.c2s), &p.at_server, &p.s2c), OK);
    buf_done(&p.c2s);
    assert_true(session_ready(p.server));
    assert_int_equal(p.s2c.n, 0); /* nothing of its own: no send for the ticket */
    assert_int_equal(p.s2c.cap + p.at_server.cap, 0);
    assert_int_equal(session_ticket(p.server, &p.s2c), OK);
    size_t ticket = p.s2c.n;
    pair_say(&p, false, SLICE("answer"));
    print_message("ticket %zu bytes, both %zu\n", ticket, p.s2c.n);
    assert_in_range(ticket, 100, 600);
    assert_int_equal(p.s2c.n, ticket + 5 + 6 + 1 + 16); /* one buffer, one send */
    pair_run(&p, 0);
    assert_true(slice_eq(buf_slice(&p.at_client), SLICE("answer")));
    pair_done(&p);
    tlsctx_unref(client);
    tlsctx_unref(server);
}

/* What is agreed with clients of different tastes. */
static void agrees(void **state)
{
    (void)state;
    static struct {
        int version;
        const char *suites13, *suites12;
        char groups[16];
        const char *suite, *group;
    } rows[] = {
        {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256", NULL, "X25519:P-256",
         "TLS_AES_128_GCM_SHA256", "X25519"},
        {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", NULL,
         "P-256:X25519", "TLS_CHACHA20_POLY1305_SHA256",
         "P-256"}, /* its key share is taken: no retry */
        {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256", NULL, "P-384:P-256",
         "TLS_AES_128_GCM_SHA256", "P-256"},
        {TLS1_2_VERSION, NULL, "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
         "P-256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "P-256"},
    };
    struct tlsctx *server = pair_server(&ca, &ring, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlsctx *client = pair_client(&ca);
        SSL_CTX *sc = tlsctx_handle(client);
        struct pair p;
        struct session_info info;
        SSL_CTX_set_max_proto_version(sc, rows[i].version);
        assert_true(!rows[i].suites13 || SSL_CTX_set_ciphersuites(sc, rows[i].suites13));
        assert_true(!rows[i].suites12 || SSL_CTX_set_cipher_list(sc, rows[i].suites12));
        assert_true(SSL_CTX_set1_groups_list(sc, rows[i].groups));
        pair_init(&p, client, server, "site.test");
        pair_handshake(&p, 0);
        session_info(p.server, &info);
        print_message("%s %s %s\n", info.version, info.suite, info.group);
        assert_string_equal(info.suite, rows[i].suite);
        assert_string_equal(info.group, rows[i].group);
        pair_done(&p);
        tlsctx_unref(client);
    }
    tlsctx_unref(server);
}

/* Handshakes that must not happen: what each side says. */
static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *suites12, *alpn;
        int version, r;
        const char *words; /* at the server */
    } rows[] = {
        {"AES128-GCM-SHA256", NULL, TLS1_2_VERSION, ERR_TLS, "no shared cipher"},
        {"ECDHE-ECDSA-AES128-SHA256", NULL, TLS1_2_VERSION, ERR_TLS, "no shared cipher"},
        {NULL, "\x04spdy", TLS1_3_VERSION, ERR_TLS, "no application protocol"},
    };
    struct tlsctx *server = pair_server(&ca, &ring, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlsctx *client = pair_client(&ca);
        SSL_CTX *sc = tlsctx_handle(client);
        struct pair p;
        struct fault f;
        SSL_CTX_set_max_proto_version(sc, rows[i].version);
        assert_true(!rows[i].suites12 || SSL_CTX_set_cipher_list(sc, rows[i].suites12));
        if (rows[i].alpn)
            SSL_CTX_set_alpn_protos(sc, (const uint8_t *)rows[i].alpn, 5);
        pair_init(&p, client, server, "site.test");
        pair_run(&p, 0);
        session_fault(p.server, &f);
        print_message("%s: %s, %s\n", err_name(p.server_r), f.what, f.frames[0]);
        assert_int_equal(p.server_r, rows[i].r);
        assert_non_null(strstr(f.what, rows[i].words));
        session_fault(p.client, &f);
        print_message("   client: %s: %s\n", err_name(p.client_r), f.what);
        assert_int_not_equal(p.client_r, OK);
        assert_non_null(strstr(f.what, "the peer sent the alert"));
        pair_done(&p);
        tlsctx_unref(client);
    }
    tlsctx_unref(server);
}

static void serves_both_kinds_of_key(void **state)
{
    (void)state;
    struct fault f = {0};
    struct tlsctx *server, *client = pair_client(&ca);
    struct tlsctx_identity ids[] = {pair_identity(&ca, "site.test", KEY_RSA, 0),
                                    pair_identity(&ca, "site.test", KEY_ECDSA_P256, 0)};
    struct tlsctx_server opts = {.identities = ids, .nidentities = 2};
    assert_int_equal(tlsctx_server_new(&opts, &server, &f), OK);
    const struct certinfo *certs[TLSCTX_IDENTITIES_MAX];
    assert_int_equal(tlsctx_certs(server, certs), 2);
    assert_non_null(tlsctx_covering(server, SLICE("SITE.test")));
    assert_null(tlsctx_covering(server, SLICE("other.test")));
    static const struct {
        const char *suites, *suite;
    } rows[] = {
        {"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256",
         "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"}, /* ours to choose: the cheaper signature */
        {"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
        {"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
         "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}, /* a telephone without AES */
        {"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305",
         "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pair p;
        struct session_info info;
        SSL_CTX_set_max_proto_version(tlsctx_handle(client), TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(tlsctx_handle(client), rows[i].suites);
        pair_init(&p, client, server, "site.test");
        pair_handshake(&p, 0);
        session_info(p.server, &info);
        print_message("%s\n", info.suite);
        assert_string_equal(info.suite, rows[i].suite);
        pair_done(&p);
    }
    for (size_t i = 0; i < 2; i++)
        pair_identity_done(&ids[i]);
    tlsctx_unref(server);
    tlsctx_unref(client);
}

/* Bytes of the server's first flight. */
static size_t flight(struct tlsctx_identity *id)
{
    struct tlsctx *server, *client = pair_client(&ca);
    struct tlsctx_server opts = {.identities = id, .nidentities = 1};
    struct pair p;
    assert_int_equal(tlsctx_server_new(&opts, &server, NULL), OK);
    pair_init(&p, client, server, "site.test");
    assert_int_equal(session_filter.open(p.server, buf_slice(&p.c2s), &p.at_server, &p.s2c), OK);
    size_t n = p.s2c.n;
    buf_done(&p.c2s);
    pair_handshake(&p, 0);
    pair_done(&p);
    tlsctx_unref(server);
    tlsctx_unref(client);
    return n;
}

static void leaves_the_root_out(void **state)
{
    (void)state;
    struct tlsctx_identity id = pair_identity(&ca, "site.test", KEY_ECDSA_P256, 0);
    struct buf pem;
    struct tlsctx_identity with_root = {.key = id.key};
    buf_init(&pem, 65536);
    assert_int_equal(certinfo_pem(id.chain, &pem), OK);
    assert_int_equal(certinfo_pem(ca.chain, &pem), OK);
    assert_int_equal(certinfo_parse(buf_slice(&pem), &with_root.chain, NULL), OK);
    assert_int_equal(certinfo_count(with_root.chain), 2);
    size_t alone = flight(&id), both = flight(&with_root);
    print_message("%zu and %zu bytes\n", alone, both);
    assert_in_range(both, alone - 4, alone + 4); /* a signature varies by some bytes */
    certinfo_unref(with_root.chain);
    buf_done(&pem);
    pair_identity_done(&id);
}

/* A CA certificate of three levels' upper two; name "root" signs "middle". */
static X509 *authority(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer)
{
    static char basic[] = "critical,CA:TRUE", usage[] = "critical,keyCertSign", skid[] = "hash";
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    X509V3_CTX ctx;
    const struct {
        int nid;
        const char *value;
    } exts[] = {
        {NID_basic_constraints, basic}, {NID_key_usage, usage}, {NID_subject_key_identifier, skid}};
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer ? 2 : 1);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(exts); i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, exts[i].nid, exts[i].value);
        X509_add_ext(cert, ext, -1);
        X509_EXTENSION_free(ext);
    }
    assert_true(X509_sign(cert, signer, EVP_sha256()));
    return cert;
}

static void sends_intermediates(void **state)
{
    (void)state;
    struct key *root_key, *middle_key;
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &root_key, NULL), OK);
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &middle_key, NULL), OK);
    X509 *root = authority("root", keystore_pkey(root_key), NULL, keystore_pkey(root_key));
    X509 *middle = authority("middle", keystore_pkey(middle_key), root, keystore_pkey(root_key));
    struct pair_ca upper = {.now_s = ca.now_s}, lower = {.key = middle_key, .now_s = ca.now_s};
    assert_int_equal(certinfo_wrap(&root, 1, &upper.chain, NULL), OK);
    assert_int_equal(certinfo_wrap(&middle, 1, &lower.chain, NULL), OK);
    buf_init(&upper.pem, 65536);
    assert_int_equal(certinfo_pem(upper.chain, &upper.pem), OK);
    struct tlsctx_identity leaf = pair_identity(&lower, "site.test", KEY_ECDSA_P256, 0), full;
    X509 *certs[] = {certinfo_x509(leaf.chain, 0), middle, root};
    full.key = leaf.key;
    assert_int_equal(certinfo_wrap(certs, 3, &full.chain, NULL), OK);
    struct tlsctx *client = pair_client(&upper), *server;
    for (int complete = 0; complete < 2; complete++) {
        struct tlsctx_server opts = {.identities = complete ? &full : &leaf, .nidentities = 1};
        struct pair p;
        struct fault f;
        assert_int_equal(tlsctx_server_new(&opts, &server, &f), OK);
        pair_init(&p, client, server, "site.test");
        pair_run(&p, 0);
        session_fault(p.client, &f);
        print_message("%s: %s\n", err_name(p.client_r), f.what);
        assert_int_equal(p.client_r, complete ? OK : ERR_VERIFY);
        if (!complete)
            assert_non_null(strstr(f.what, "issued by the unknown CA middle"));
        pair_done(&p);
        tlsctx_unref(server);
    }
    tlsctx_unref(client);
    certinfo_unref(full.chain);
    pair_identity_done(&leaf);
    certinfo_unref(upper.chain);
    certinfo_unref(lower.chain);
    buf_done(&upper.pem);
    X509_free(root);
    X509_free(middle);
    keystore_unref(root_key);
    keystore_unref(middle_key);
}

static void refuses_wrong_identities(void **state)
{
    (void)state;
    struct fault f = {0};
    struct tlsctx *ctx = NULL;
    struct tlsctx_identity a = pair_identity(&ca, "a.test", KEY_ECDSA_P256, 0);
    struct tlsctx_identity b = pair_identity(&ca, "b.test", KEY_ECDSA_P256, 0);
    struct tlsctx_identity crossed = {.key = a.key, .chain = b.chain}, twice[] = {a, b};
    struct tlsctx_server opts = {.identities = &crossed, .nidentities = 1};
    assert_int_equal(tlsctx_server_new(&opts, &ctx, &f), ERR_CONFIG);
    print_message("%s\n", f.what);
    assert_non_null(strstr(f.what, "is not that of certificate b.test"));
    opts = (struct tlsctx_server){.identities = twice, .nidentities = 2};
    assert_int_equal(tlsctx_server_new(&opts, &ctx, &f), ERR_CONFIG);
    print_message("%s\n", f.what);
    opts.nidentities = 0;
    assert_int_equal(tlsctx_server_new(&opts, &ctx, &f), ERR_CONFIG);
    print_message("%s\n", f.what);
    pair_identity_done(&a);
    pair_identity_done(&b);
}

/* Certificates that a client must not believe, and what it says. */
static void explains_what_does_not_verify(void **state)
{
    (void)state;
    struct pair_ca stranger;
    pair_ca_init(&stranger);
    struct key *own_key;
    struct certinfo_chain *own;
    struct slice own_name = SLICE("site.test");
    struct fault f = {0};
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &own_key, &f), OK);
    struct localca_leaf leaf = {&own_name, 1, own_key, ca.now_s, 0};
    assert_int_equal(localca_selfsigned(&leaf, &own, &f), OK);
    struct {
        struct tlsctx_identity id;
        const char *asked;
        const char *words;
    } rows[] = {
        {pair_identity(&ca, "site.test", KEY_ECDSA_P256, 0), "site.test", NULL},
        {pair_identity(&ca, "127.0.0.1", KEY_ECDSA_P256, 0), "127.0.0.1", NULL},
        {pair_identity(&ca, "::1", KEY_ECDSA_P256, 0), "[::1]", NULL},
        {pair_identity(&ca, "*.test", KEY_ECDSA_P256, 0), "site.test", "it has: *.test"},
        {pair_identity(&ca, "*.a.test", KEY_ECDSA_P256, 0), "site.a.test", NULL},
        {pair_identity(&ca, "other.test", KEY_ECDSA_P256, 0), "site.test",
         "does not speak for site.test; it has: other.test"},
        {pair_identity(&ca, "other.test", KEY_ECDSA_P256, 0), "10.1.2.3",
         "does not speak for 10.1.2.3; it has: other.test"},
        {pair_identity(&stranger, "site.test", KEY_ECDSA_P256, 0), "site.test",
         "the certificate of site.test is issued by the unknown CA port443 local CA "},
        {pair_identity(&ca, "site.test", KEY_ECDSA_P256, -100 * 86400), "site.test",
         "the certificate of site.test has expired, on 20"},
        {pair_identity(&ca, "site.test", KEY_ECDSA_P256, 86400), "site.test",
         "not valid before 20"},
        {{.key = own_key, .chain = own},
         "site.test",
         "the certificate of site.test is self-signed"},
    };
    struct tlsctx *client = pair_client(&ca);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlsctx *server;
        struct tlsctx_server opts = {.identities = &rows[i].id, .nidentities = 1};
        struct pair p;
        assert_int_equal(tlsctx_server_new(&opts, &server, &f), OK); /* expired ones too */
        pair_init(&p, client, server, rows[i].asked);
        pair_run(&p, 0);
        session_fault(p.client, &f);
        print_message("%s: %s\n", err_name(p.client_r), f.what);
        if (!rows[i].words) {
            assert_int_equal(p.client_r, OK);
        } else {
            assert_int_equal(p.client_r, ERR_VERIFY);
            assert_non_null(strstr(f.what, rows[i].words));
            session_fault(p.server, &f);
            assert_non_null(strstr(f.what, "the peer sent the alert"));
        }
        pair_done(&p);
        tlsctx_unref(server);
        pair_identity_done(&rows[i].id);
    }
    tlsctx_unref(client);
    pair_ca_done(&stranger);
}

static void trusts_nobody_by_accident(void **state)
{
    (void)state;
    struct fault f = {0};
    struct tlsctx *ctx = NULL, *server = pair_server(&ca, NULL, 1);
    struct tlsctx_client opts = {.ca_pem = SLICE("no certificate here")};
    assert_int_equal(tlsctx_client_new(&opts, &ctx, &f), ERR_CONFIG);
    print_message("%s\n", f.what);
    struct pair p;
    opts = (struct tlsctx_client){.insecure = true};
    assert_int_equal(tlsctx_client_new(&opts, &ctx, &f), OK);
    pair_init(&p, ctx, server, "whoever.example");
    pair_handshake(&p, 0);
    pair_done(&p);
    tlsctx_unref(ctx);
    opts = (struct tlsctx_client){0};
    int r = tlsctx_client_new(&opts, &ctx, &f);
    print_message("system store: %s\n", err_name(r));
    if (r == OK) {
        pair_init(&p, ctx, server, "site.test");
        pair_run(&p, 0);
        assert_int_equal(p.client_r, ERR_VERIFY);
        pair_done(&p);
        tlsctx_unref(ctx);
    } else {
        assert_int_equal(r, ERR_NOT_FOUND);
    }
    tlsctx_unref(server);
}

static int set_up(void **state)
{
    (void)state;
    pair_ca_init(&ca);
    return ticketring_generate(&ring);
}

static int tear_down(void **state)
{
    (void)state;
    pair_ca_done(&ca);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resumes_where_the_ring_and_the_binding_are_the_same),
        cmocka_unit_test(the_previous_key_still_opens_tickets),
        cmocka_unit_test(gives_no_tickets_without_keys),
        cmocka_unit_test(the_ticket_leaves_with_the_first_answer),
        cmocka_unit_test(agrees),
        cmocka_unit_test(refuses),
        cmocka_unit_test(serves_both_kinds_of_key),
        cmocka_unit_test(leaves_the_root_out),
        cmocka_unit_test(sends_intermediates),
        cmocka_unit_test(refuses_wrong_identities),
        cmocka_unit_test(explains_what_does_not_verify),
        cmocka_unit_test(trusts_nobody_by_accident),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
