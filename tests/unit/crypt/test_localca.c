/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The local authority: what it may sign, and that other verifiers agree (the openssl command with
 * -x509_strict, in a process of its own). */
#include "crypt/localca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "pair.h"

static struct pair_ca ca;
static char dir[] = "/tmp/port443-localca-XXXXXX";

static void write_pem(const struct certinfo_chain *chain, const char *name, char path[64])
{
    struct buf pem;
    buf_init(&pem, 65536);
    snprintf(path, 64, "%s/%s", dir, name);
    assert_int_equal(certinfo_pem(chain, &pem), OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(buf_slice(&pem).p, 1, pem.n, file), pem.n);
    fclose(file);
    buf_done(&pem);
}

static char *words(const char *text)
{
    static char storage[32][64];
    static size_t next;
    char *w = storage[next++ % 32];
    snprintf(w, 64, "%s", text);
    return w;
}

/* Exit status of openssl verify. */
static int verify(const char *root, const char *leaf, const char *host, bool is_ip)
{
    extern char **environ;
    char *argv[] = {words("openssl"),
                    words("verify"),
                    words("-x509_strict"),
                    words("-check_ss_sig"),
                    words("-purpose"),
                    words("sslserver"),
                    words("-CAfile"),
                    words(root),
                    words("-no-CApath"),
                    words(is_ip ? "-verify_ip" : "-verify_hostname"),
                    words(host),
                    words(leaf),
                    NULL};
    pid_t pid;
    int status;
    fflush(stdout);
    assert_int_equal(posix_spawnp(&pid, "openssl", NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void other_verifiers_agree(void **state)
{
    (void)state;
    static const struct {
        const char *name, *host;
        bool is_ip;
        enum key_kind kind;
    } rows[] = {{"localhost", "localhost", false, KEY_ECDSA_P256},
                {"app.localhost", "app.localhost", false, KEY_ECDSA_P256},
                {"shop.test", "shop.test", false, KEY_RSA},
                {"*.shop.test", "www.shop.test", false, KEY_ECDSA_P256},
                {"nas.home.arpa", "nas.home.arpa", false, KEY_ECDSA_P384},
                {"wiki.internal", "wiki.internal", false, KEY_ECDSA_P256},
                {"127.0.0.1", "127.0.0.1", true, KEY_ECDSA_P256},
                {"::1", "::1", true, KEY_ECDSA_P256},
                {"192.168.7.7", "192.168.7.7", true, KEY_ECDSA_P256},
                {"fd00::5", "fd00::5", true, KEY_ECDSA_P256}};
    char root[64], leaf[64];
    write_pem(ca.chain, "root.pem", root);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tlsctx_identity id = pair_identity(&ca, rows[i].name, rows[i].kind, 0);
        write_pem(id.chain, "leaf.pem", leaf);
        int status = verify(root, leaf, rows[i].host, rows[i].is_ip);
        print_message("%s: %d\n", rows[i].name, status);
        assert_int_equal(status, 0);
        assert_int_not_equal(
            verify(root, leaf, rows[i].is_ip ? "10.9.9.9" : "no.test", rows[i].is_ip), 0);
        unlink(leaf);
        pair_identity_done(&id);
    }
    unlink(root);
}

/* What a thief of the root's key can do: sign for a name without asking us. */
static int verify_stolen(const char *name)
{
    struct key *key;
    struct certinfo_chain *temporary;
    struct slice names[] = {slice_cstr(name)};
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, NULL), OK);
    struct localca_leaf leaf = {names, 1, key, ca.now_s, 0};
    assert_int_equal(localca_selfsigned(&leaf, &temporary, NULL), OK);
    X509 *root = certinfo_x509(ca.chain, 0), *cert = X509_dup(certinfo_x509(temporary, 0));
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_true(X509_set_issuer_name(cert, X509_get_subject_name(root)));
    int at = X509_get_ext_by_NID(cert, NID_authority_key_identifier, -1);
    if (at >= 0)
        X509_EXTENSION_free(X509_delete_ext(cert, at));
    assert_true(X509_sign(cert, keystore_pkey(ca.key), EVP_sha256()));
    assert_true(X509_STORE_add_cert(store, root) && X509_STORE_CTX_init(ctx, store, cert, NULL));
    X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(cert);
    certinfo_unref(temporary);
    keystore_unref(key);
    return error;
}

static void the_constraints_bind_everybody(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int error;
    } rows[] = {{"a.test", X509_V_OK},
                {"10.0.0.1", X509_V_OK},
                {"example.com", X509_V_ERR_PERMITTED_VIOLATION},
                {"*.com", X509_V_ERR_PERMITTED_VIOLATION},
                {"testing", X509_V_ERR_PERMITTED_VIOLATION},
                {"8.8.8.8", X509_V_ERR_PERMITTED_VIOLATION},
                {"2001:db8::1", X509_V_ERR_PERMITTED_VIOLATION}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int error = verify_stolen(rows[i].name);
        print_message("%s: %s\n", rows[i].name, X509_verify_cert_error_string(error));
        assert_int_equal(error, rows[i].error);
    }
}

static void signs_for_private_names_only(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool permitted;
    } rows[] = {{"localhost", true},    {"a.localhost", true},    {"A.B.LOCALHOST", true},
                {"x.test", true},       {"*.x.test", true},       {"*.test", true},
                {"x.internal", true},   {"x.home.arpa", true},    {"127.0.0.1", true},
                {"10.2.3.4", true},     {"[::1]", true},          {"fe80::1", true},
                {"example.com", false}, {"localhost.com", false}, {"xtest", false},
                {"test", false},        {"home.arpa", false},     {"8.8.8.8", false},
                {"2001:db8::1", false}, {"test.example", false},  {"172.32.0.1", false}};
    struct key *key;
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, NULL), OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice name = slice_cstr(rows[i].name);
        struct localca_leaf leaf = {&name, 1, key, ca.now_s, 0};
        struct certinfo_chain *chain = NULL;
        struct fault f = {0};
        assert_int_equal(localca_permits(name), rows[i].permitted);
        int r = localca_issue(ca.chain, ca.key, &leaf, &chain, &f);
        print_message("%s: %s %s\n", rows[i].name, err_name(r), f.what);
        assert_int_equal(r, rows[i].permitted ? OK : ERR_CONFIG);
        certinfo_unref(chain);
    }
    keystore_unref(key);
}

static void refuses_what_is_no_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",        "a..test", ".test",    "a.test.",  "a,DNS:b.test", "a b.test",
        "a*.test", "*",       "x.*.test", "a/b.test", "\xc3\xa4.test"};
    struct key *key;
    struct certinfo_chain *chain = NULL;
    struct fault f;
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, NULL), OK);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct slice name = slice_cstr(names[i]);
        struct localca_leaf leaf = {&name, 1, key, ca.now_s, 0};
        int r = localca_selfsigned(&leaf, &chain, &f);
        print_message("%s: %s\n", err_name(r), f.what);
        assert_int_equal(r, ERR_CONFIG);
    }
    struct localca_leaf leaf = {NULL, 0, key, ca.now_s, 0};
    assert_int_equal(localca_issue(ca.chain, ca.key, &leaf, &chain, &f), ERR_CONFIG);
    struct slice name = SLICE("a.test");
    leaf = (struct localca_leaf){&name, 1, key, ca.now_s, 0};
    assert_int_equal(localca_issue(ca.chain, key, &leaf, &chain, &f), ERR_CONFIG);
    print_message("%s\n", f.what);
    assert_null(chain);
    keystore_unref(key);
}

static void temporary_ones_say_so(void **state)
{
    (void)state;
    struct key *key;
    struct certinfo_chain *chain;
    struct slice name = SLICE("www.example.com");
    char path[64];
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, NULL), OK);
    struct localca_leaf leaf = {&name, 1, key, ca.now_s, 0};
    assert_int_equal(localca_selfsigned(&leaf, &chain, NULL), OK);
    const struct certinfo *ci = certinfo_at(chain, 0);
    assert_true(ci->self_signed && !ci->is_ca);
    assert_int_equal(ci->not_after_s - ca.now_s, LOCALCA_TEMP_S);
    assert_true(certinfo_covers(ci, name));
    write_pem(chain, "temp.pem", path);
    assert_int_equal(verify(path, path, "www.example.com", false), 0);
    unlink(path);
    certinfo_unref(chain);
    keystore_unref(key);
}

static int set_up(void **state)
{
    (void)state;
    pair_ca_init(&ca);
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pair_ca_done(&ca);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_verifiers_agree), cmocka_unit_test(the_constraints_bind_everybody),
        cmocka_unit_test(signs_for_private_names_only), cmocka_unit_test(refuses_what_is_no_name),
        cmocka_unit_test(temporary_ones_say_so)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
