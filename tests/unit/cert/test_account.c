/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Accounts at a scripted CA that remembers keys: one registration however many ask, recovery by the
 * key, rollovers that are cut off on either side of the CA's word, damaged files, lost accounts. */
#include "cert/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "cert/accountfile.h"
#include "toyca.h"

#define TURNS_MAX 2000

static struct loop *l;
static struct toyca server;
static struct acmehttp *http;
static struct acmeca *ca;
static struct account *acc;
static char dir[64], path[ACCOUNTFILE_PATH_BYTES];

/* The CA's memory: one account, by the x coordinate of its key as it stands in the JWK. */
static struct {
    char x[64]; /* empty: no account */
    unsigned registered, found, missed, updated, deactivated, rolled;
    bool cut_before;    /* keyChange: the connection dies before it counts */
    unsigned cut_after; /* so often it dies afterwards */
    bool no_location, binding_required, refuse_change;
} book;

static bool jwk_of(const struct toyca_request *q, char *dst)
{
    char json[4096];
    toyca_head(q, json, sizeof(json));
    const char *at = strstr(json, "\"x\":\"");
    if (!at)
        return false;
    snprintf(dst, 64, "%.*s", (int)strcspn(at + 5, "\""), at + 5);
    return true;
}

static void new_account(struct toyca *t, const struct toyca_request *q, struct buf *out)
{
    char fields[200] = "", x[64];
    snprintf(fields, sizeof(fields), "Location: %s/acct/1\r\n", t->base);
    assert_true(jwk_of(q, x));
    if (book.x[0] && !strcmp(book.x, x)) {
        book.found++;
        toyca_answer(t, out, 200, book.no_location ? "" : fields, "{\"status\":\"valid\"}");
    } else if (toyca_payload_has(q, "onlyReturnExisting")) {
        book.missed++;
        toyca_answer(t, out, 400, "",
                     "{\"type\":\"urn:ietf:params:acme:error:accountDoesNotExist\"}");
    } else {
        assert_true(toyca_payload_has(q, "\"termsOfServiceAgreed\":true"));
        book.registered++;
        memcpy(book.x, x, sizeof(x));
        toyca_answer(t, out, 201, book.no_location ? "" : fields, "{\"status\":\"valid\"}");
    }
}

static void key_change(struct toyca *t, const struct toyca_request *q, struct buf *out)
{
    char inner[8192];
    struct toyca_request in = {0};
    assert_true(toyca_head_has(q, "\"kid\":"));
    toyca_payload(q, inner, sizeof(inner));
    in.body = slice_cstr(inner);
    if (book.cut_before || book.refuse_change) {
        if (book.refuse_change)
            toyca_answer(t, out, 403, "", "{\"type\":\"urn:ietf:params:acme:error:unauthorized\"}");
        return;
    }
    if (toyca_payload_has(&in, book.x)) { /* oldKey */
        assert_true(jwk_of(&in, book.x));
        book.rolled++;
        toyca_answer(t, out, 200, "", "{}");
    } else {
        toyca_answer(t, out, 400, "", "{\"type\":\"urn:ietf:params:acme:error:malformed\"}");
    }
    if (book.cut_after) {
        book.cut_after--;
        buf_done(out);
    }
}

static void script(struct toyca *t, const struct toyca_request *q, struct buf *out)
{
    if (!strcmp(q->path, "/dir"))
        toyca_directory(t, out, book.binding_required);
    else if (!strcmp(q->path, "/nonce"))
        toyca_answer(t, out, 204, "", "");
    else if (!strcmp(q->path, "/account"))
        new_account(t, q, out);
    else if (!strcmp(q->path, "/key"))
        key_change(t, q, out);
    else if (toyca_payload_has(q, "deactivated")) {
        book.deactivated++;
        book.x[0] = 0;
        toyca_answer(t, out, 200, "", "{\"status\":\"deactivated\"}");
    } else {
        book.updated += toyca_payload_has(q, "mailto:a@b.test");
        toyca_answer(t, out, 200, "", "{\"status\":\"valid\"}");
    }
}

static void start_client(void)
{
    struct fault f;
    char url[TOYCA_URL_BYTES];
    struct secret mac = SECRET_EMPTY;
    snprintf(url, sizeof(url), "%s/dir", server.base);
    assert_int_equal(acmeca_new(l, http, slice_cstr(url), buf_slice(&server.trust.pem), &ca, &f),
                     OK);
    assert_int_equal(secret_set(&mac, SLICE("0123456789abcdef")), OK);
    const struct account_options o = {.state_dir = dir,
                                      .email = SLICE("a@b.test"),
                                      .eab_kid = book.binding_required ? SLICE_EMPTY : SLICE("k"),
                                      .eab_key = &mac};
    assert_int_equal(account_new(ca, &o, &acc, &f), OK);
    secret_done(&mac);
    assert_int_equal(accountfile_dir(dir, slice_cstr(url), path, &f), OK);
}

static void stop_client(void)
{
    account_free(acc);
    acmeca_free(ca);
    acc = NULL;
    ca = NULL;
}

/* As after a crash: everything but the files is gone. */
static void restart(void)
{
    stop_client();
    start_client();
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    memset(&book, 0, sizeof(book));
    snprintf(dir, sizeof(dir), "/tmp/port443-account-XXXXXX");
    if (!mkdtemp(dir) || loop_new(&l, &f) || acmehttp_new(l, &http, &f))
        return -1;
    toyca_open(&server, l, script);
    start_client();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    stop_client();
    acmehttp_free(http);
    toyca_done(&server);
    loop_free(l);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

struct seen {
    struct account_call call;
    unsigned times;
    int r, notice;
    char type[64], story[1200];
    bool free_it;
};

static void on_done(struct account_call *c, int r, const struct acmeobj_problem *p,
                    const struct fault *f)
{
    struct seen *s = container_of(c, struct seen, call);
    assert_null(c->account);
    s->times++;
    s->r = r;
    s->notice = f->code;
    snprintf(s->type, sizeof(s->type), SLICE_F, SLICE_A(p ? p->type : SLICE("")));
    fault_text(f, s->story, sizeof(s->story));
    if (f->code)
        print_message("%s\n", s->story);
    if (s->free_it) {
        account_free(acc);
        acc = NULL;
    }
}

static void begin(struct seen *s, void (*what)(struct account *a, struct account_call *c))
{
    *s = (struct seen){.call.on_done = on_done};
    what(acc, &s->call);
    assert_int_equal(s->times, 0);
}

static void wait_for(struct seen *s)
{
    for (int i = 0; !s->times && i < TURNS_MAX; i++)
        loop_turn(l, 20);
    assert_int_equal(s->times, 1);
}

static int run(void (*what)(struct account *a, struct account_call *c))
{
    static struct seen s;
    begin(&s, what);
    wait_for(&s);
    return s.r;
}

static bool has_file(const char *name)
{
    char file[ACCOUNTFILE_PATH_BYTES + 64];
    struct stat st;
    snprintf(file, sizeof(file), "%s/%s", path, name);
    if (stat(file, &st))
        return false;
    assert_int_equal(st.st_mode & 07777, 0600);
    return true;
}

static void put_file(const char *name, const char *text)
{
    char file[ACCOUNTFILE_PATH_BYTES + 64];
    struct fault f;
    snprintf(file, sizeof(file), "%s/%s", path, name);
    assert_int_equal(file_write_atomic(FILE_CWD, file, slice_cstr(text), 0600, &f), OK);
}

static void drop_file(const char *name)
{
    char file[ACCOUNTFILE_PATH_BYTES + 64];
    snprintf(file, sizeof(file), "%s/%s", path, name);
    assert_int_equal(unlink(file), 0);
}

static void registers_once(void **state)
{
    (void)state;
    struct seen s[4];
    struct buf b;
    struct fault f;
    for (int i = 0; i < 4; i++)
        begin(&s[i], account_ready);
    account_cancel(&s[1].call);
    wait_for(&s[3]);
    assert_int_equal(s[0].times + s[2].times, 2);
    assert_int_equal(s[1].times, 0);
    assert_int_equal(book.registered, 1);
    assert_int_equal(book.missed, 0); /* nobody is asked about a key made just now */
    assert_true(has_file("account.key"));
    assert_true(has_file("account.json"));
    assert_true(slice_ends(account_signer(acc)->kid, SLICE("/acct/1")));
    buf_init(&b, 1000);
    assert_int_equal(account_key_authorization(acc, SLICE("token"), &b, &f), OK);
    assert_int_equal(b.n, 6 + 43);
    assert_true(slice_starts(buf_slice(&b), SLICE("token.")));
    buf_done(&b);
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered + book.found, 1); /* the files were enough */
    assert_int_equal(run(account_update), OK);
    assert_int_equal(book.updated, 1);
}

static void is_found_by_its_key(void **state)
{
    (void)state;
    assert_int_equal(run(account_ready), OK);
    drop_file("account.json");
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1);
    assert_int_equal(book.found, 1);
    /* The CA has forgotten it: the same key is registered again. */
    book.x[0] = 0;
    drop_file("account.json");
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 2);
}

static void damaged_files(void **state)
{
    (void)state;
    struct seen s;
    assert_int_equal(run(account_ready), OK);
    put_file("account.json", "{\"format\":1,");
    restart();
    begin(&s, account_ready);
    wait_for(&s);
    assert_int_equal(s.r, OK);
    assert_int_equal(s.notice, ERR_SYNTAX);
    assert_int_equal(book.found, 1);
    assert_true(has_file("account.json.broken-1"));
    put_file("account.json", "{\"format\":1,\"directory\":\"https://other.test/\"}");
    put_file("account.key", "no key");
    restart();
    begin(&s, account_ready);
    wait_for(&s);
    assert_int_equal(s.r, OK);
    assert_int_equal(book.registered, 2);
    assert_true(has_file("account.key.broken-1"));
    assert_true(has_file("account.json.broken-2"));
    put_file("account.json", "{\"format\":2}");
    restart();
    assert_int_equal(run(account_ready), ERR_CONFIG); /* a newer program's: left alone */
    assert_true(has_file("account.json"));
}

static void rolls_over(void **state)
{
    (void)state;
    char before[64];
    assert_int_equal(run(account_ready), OK);
    memcpy(before, book.x, sizeof(before));
    assert_int_equal(run(account_rollover), OK);
    assert_string_not_equal(before, book.x);
    assert_false(has_file("account.key.next"));
    drop_file("account.json"); /* so that the CA is asked by the key on disk */
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1);
    assert_int_equal(book.found, 1);
}

static void rollover_cut_before_it_counted(void **state)
{
    (void)state;
    assert_int_equal(run(account_ready), OK);
    book.cut_before = true;
    assert_int_equal(run(account_rollover), ERR_RESET);
    assert_true(has_file("account.key.next"));
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_false(has_file("account.key.next"));
    drop_file("account.json");
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1); /* the old key is still good */
}

static void rollover_cut_after_it_counted(void **state)
{
    (void)state;
    assert_int_equal(run(account_ready), OK);
    book.cut_after = 2; /* libcurl sends once more when a kept connection dies */
    assert_int_equal(run(account_rollover), ERR_RESET);
    assert_true(has_file("account.key.next"));
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_false(has_file("account.key.next"));
    assert_int_equal(book.rolled, 1);
    drop_file("account.json");
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1); /* by the new key, which is the CA's */
}

/* The second sending is refused, because the first one counted. */
static void rollover_sent_twice(void **state)
{
    (void)state;
    assert_int_equal(run(account_ready), OK);
    book.cut_after = 1;
    assert_int_equal(run(account_rollover), OK);
    assert_int_equal(book.rolled, 1);
    assert_false(has_file("account.key.next"));
    drop_file("account.json");
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1);
}

static void rollover_refused(void **state)
{
    (void)state;
    struct seen s;
    assert_int_equal(run(account_ready), OK);
    book.refuse_change = true;
    begin(&s, account_rollover);
    wait_for(&s);
    assert_int_equal(s.r, ERR_ACME);
    assert_string_equal(s.type, "unauthorized");
    assert_false(has_file("account.key.next"));
    drop_file("account.json");
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1);
}

static void is_deactivated(void **state)
{
    (void)state;
    char aside[ACCOUNTFILE_PATH_BYTES + 64];
    struct stat st;
    assert_int_equal(run(account_deactivate), ERR_NOT_FOUND);
    assert_int_equal(book.registered, 0);
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(run(account_deactivate), OK);
    assert_int_equal(book.deactivated, 1);
    assert_null(account_signer(acc)->key);
    snprintf(aside, sizeof(aside), "%s.deactivated-1", path);
    assert_int_equal(stat(aside, &st), 0);
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 2);
}

static void lost_accounts_are_counted(void **state)
{
    (void)state;
    struct fault f = {0};
    assert_int_equal(run(account_ready), OK);
    for (unsigned i = 2; i <= 3; i++) {
        assert_int_equal(account_lost(acc, &f), OK);
        assert_int_equal(account_lost(acc, &f), OK); /* another order brings the same news */
        book.x[0] = 0;
        restart();
        assert_int_equal(run(account_ready), OK);
        assert_int_equal(book.registered, i);
    }
    assert_int_equal(account_lost(acc, &f), ERR_CAP);
    print_message("%s\n", f.what);
}

static void wants_a_binding(void **state)
{
    (void)state;
    struct seen s;
    book.binding_required = true;
    restart();
    begin(&s, account_ready);
    wait_for(&s);
    assert_int_equal(s.r, ERR_ACME);
    assert_string_equal(s.type, "externalAccountRequired");
    assert_non_null(strstr(s.story, "acme.eab"));
    assert_int_equal(book.registered, 0);
}

static void breaks_its_promise(void **state)
{
    (void)state;
    book.no_location = true;
    assert_int_equal(run(account_ready), ERR_SYNTAX);
    book.no_location = false;
    restart();
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(book.registered, 1); /* the key was kept */
}

static void freed_while_telling(void **state)
{
    (void)state;
    struct seen s[3];
    for (int i = 0; i < 3; i++)
        begin(&s[i], i == 2 ? account_rollover : account_ready);
    s[0].free_it = true;
    wait_for(&s[0]);
    for (int i = 0; i < 10; i++)
        loop_turn(l, 5);
    assert_int_equal(s[1].times + s[2].times, 0);
    assert_null(s[1].call.account);
    assert_null(s[2].call.account);
}

static unsigned listed, listed_broken;

static void on_each(void *ctx, const struct account_info *info, const struct fault *f)
{
    (void)ctx;
    listed++;
    listed_broken += f->code != 0;
    assert_true(info->path.n > 0);
    assert_int_equal(info->thumbprint.n, f->code ? 0 : 43);
}

static void are_listed(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 65536);
    listed = listed_broken = 0;
    assert_int_equal(account_each(dir, &a, on_each, NULL), OK); /* no store: none */
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(run(account_deactivate), OK);
    assert_int_equal(run(account_ready), OK);
    assert_int_equal(account_each(dir, &a, on_each, NULL), OK);
    assert_int_equal(listed, 1);
    put_file("account.key", "no key");
    assert_int_equal(account_each(dir, &a, on_each, NULL), OK);
    assert_int_equal(listed, 2);
    assert_int_equal(listed_broken, 1);
    assert_false(has_file("account.key.broken-1")); /* looking changes nothing */
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(registers_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_found_by_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rolls_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rollover_cut_before_it_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rollover_cut_after_it_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rollover_sent_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rollover_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_deactivated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_accounts_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wants_a_binding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(breaks_its_promise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_while_telling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(are_listed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
