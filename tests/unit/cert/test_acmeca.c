/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A scripted CA: nonces that are refused, nonces that are missing, problems, promises of RFC 8555
 * that are broken, and callers that go away. */
#include "cert/acmeca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "toyca.h"

#define TURNS_MAX 4000

static struct loop *l;
static struct toyca server;
static struct acmehttp *http;
static struct acmeca *ca;
static struct key *key;
static struct acmeca_signer by;
static unsigned refuse, heads, posts, directories; /* refuse: so many POSTs with badNonce */
static unsigned forgotten;                         /* nonces up to this one are refused */
static char post_nonce[64];
static const char *directory_body; /* NULL: a good one */
static const char *nonce_fields;   /* NULL: a good one */

struct seen {
    struct acmeca_call call;
    unsigned times;
    int r;
    unsigned status;
    char type[64], body[64], story[1024];
    int64_t retry_after_s;
    bool free_ca;
};

static void copy(char *dst, size_t cap, struct slice s)
{
    snprintf(dst, cap, SLICE_F, SLICE_A(slice_first(s, cap - 1)));
}

static void on_done(struct acmeca_call *c, const struct acmeca_answer *a)
{
    struct seen *s = container_of(c, struct seen, call);
    assert_null(c->ca);
    s->times++;
    s->r = a->r;
    s->status = a->status;
    s->retry_after_s = a->retry_after_s;
    copy(s->type, sizeof(s->type), a->problem.type);
    copy(s->body, sizeof(s->body), a->body);
    fault_text(&a->fault, s->story, sizeof(s->story));
    assert_int_equal(a->fault.code, a->r);
    if (a->r)
        print_message("%s\n", s->story);
    if (s->free_ca) {
        acmeca_free(ca);
        ca = NULL;
    }
}

static void answer_post(struct toyca *t, const struct toyca_request *q, struct buf *out)
{
    unsigned used = 0;
    posts++;
    for (unsigned i = 1; i <= t->nonces; i++) {
        char text[32];
        snprintf(text, sizeof(text), "\"nonce\":\"nonce-%u\"", i);
        if (!toyca_head_has(q, text))
            continue;
        used = i;
        snprintf(post_nonce, sizeof(post_nonce), "nonce-%u", i);
    }
    if (refuse || used <= forgotten) {
        refuse -= refuse > 0;
        toyca_answer(t, out, 400, "", "{\"type\":\"urn:ietf:params:acme:error:badNonce\"}");
    } else if (!strcmp(q->path, "/limited")) {
        toyca_answer(
            t, out, 429, "Retry-After: 99\r\n",
            "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}");
    } else if (!strcmp(q->path, "/moved")) {
        toyca_answer(t, out, 307, "", "");
    } else {
        toyca_answer(t, out, 201, "", "made");
    }
}

static void script(struct toyca *t, const struct toyca_request *q, struct buf *out)
{
    if (!strcmp(q->path, "/dir")) {
        directories++;
        if (directory_body)
            toyca_answer(t, out, 200, "", directory_body);
        else
            toyca_directory(t, out, false);
    } else if (!strcmp(q->path, "/nonce")) {
        assert_string_equal(q->method, "HEAD");
        heads++;
        int r = nonce_fields ? buf_printf(out, "HTTP/1.1 200 OK\r\n%s\r\n", nonce_fields)
                             : buf_printf(out, "HTTP/1.1 204 OK\r\nReplay-Nonce: nonce-%u\r\n\r\n",
                                          ++t->nonces);
        assert_int_equal(r, OK);
    } else {
        answer_post(t, q, out);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    char url[TOYCA_URL_BYTES];
    refuse = heads = posts = directories = forgotten = 0;
    directory_body = nonce_fields = NULL;
    if (loop_new(&l, &f) || acmehttp_new(l, &http, &f))
        return -1;
    toyca_open(&server, l, script);
    snprintf(url, sizeof(url), "%s/dir", server.base);
    by = (struct acmeca_signer){0};
    if (keystore_generate(KEY_ECDSA_P256, &key, &f) ||
        acmeca_new(l, http, slice_cstr(url), buf_slice(&server.trust.pem), &ca, &f))
        return -1;
    by.key = key;
    by.kid = SLICE("https://ca.test/acct/1");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    acmeca_free(ca);
    acmehttp_free(http);
    toyca_done(&server);
    keystore_unref(key);
    loop_free(l);
    return 0;
}

static void wait_for(struct seen *s)
{
    for (int i = 0; !s->times && i < TURNS_MAX; i++)
        loop_turn(l, 20);
    assert_int_equal(s->times, 1);
}

static void ready(struct seen *s)
{
    *s = (struct seen){.call.on_done = on_done};
    acmeca_ready(ca, &s->call);
    assert_int_equal(s->times, 0);
}

static void post(struct seen *s, const char *path)
{
    char url[TOYCA_URL_BYTES];
    *s = (struct seen){.call.on_done = on_done};
    snprintf(url, sizeof(url), "%s%s", server.base, path);
    acmeca_post(ca, &s->call, slice_cstr(url), &by, SLICE("{}"));
    assert_int_equal(s->times, 0);
}

static void one_directory_for_all(void **state)
{
    (void)state;
    struct seen s[3], later;
    assert_null(acmeca_directory(ca));
    for (int i = 0; i < 3; i++)
        ready(&s[i]);
    acmeca_cancel(&s[1].call);
    wait_for(&s[2]);
    assert_int_equal(s[0].times, 1);
    assert_int_equal(s[0].r, OK);
    assert_int_equal(s[1].times, 0);
    ready(&later);
    wait_for(&later);
    assert_int_equal(later.r, OK);
    assert_int_equal(directories, 1);
    assert_true(slice_ends(acmeca_directory(ca)->new_order, SLICE("/order")));
}

static void broken_directories(void **state)
{
    (void)state;
    struct seen s;
    directory_body = "{\"newNonce\":\"https://a/\"}";
    ready(&s);
    wait_for(&s);
    assert_int_equal(s.r, ERR_SYNTAX);
    assert_non_null(strstr(s.story, "newAccount"));
    assert_non_null(strstr(s.story, "/dir"));
    assert_null(acmeca_directory(ca));
    directory_body = NULL;
    ready(&s); /* an error is not remembered for an hour */
    wait_for(&s);
    assert_int_equal(s.r, OK);
}

static void nonces_are_used_once_and_refused_ones_again(void **state)
{
    (void)state;
    struct seen s;
    ready(&s);
    wait_for(&s);
    post(&s, "/order"); /* the directory's answer brought one */
    wait_for(&s);
    assert_int_equal(s.r, OK);
    assert_int_equal(s.status, 201);
    assert_string_equal(s.body, "made");
    assert_int_equal(heads, 0);
    refuse = 7;
    post(&s, "/order");
    wait_for(&s);
    assert_int_equal(s.r, OK);
    assert_int_equal(acmeca_nonce_retries(ca), 7);
    assert_int_equal(posts, 1 + 8);
    assert_string_equal(post_nonce, "nonce-9"); /* that of the last refusal */
    refuse = 1000;
    post(&s, "/order");
    wait_for(&s);
    assert_int_equal(s.r, ERR_ACME);
    assert_string_equal(s.type, "badNonce");
    assert_true(posts >= 9 + 5 && posts < 9 + 30);
}

/* A CA that was started anew knows none of them: one refusal is enough to find out. */
static void a_refused_nonce_takes_the_others_with_it(void **state)
{
    (void)state;
    struct seen s[3];
    ready(&s[0]);
    wait_for(&s[0]);
    for (int i = 0; i < 3; i++) /* three at once leave three behind */
        post(&s[i], "/order");
    for (int i = 0; i < 3; i++)
        wait_for(&s[i]);
    forgotten = server.nonces;
    post(&s[0], "/order");
    wait_for(&s[0]);
    assert_int_equal(s[0].r, OK);
    assert_int_equal(acmeca_nonce_retries(ca), 1);
    for (int i = 0; i < 3; i++)
        post(&s[i], "/order");
    for (int i = 0; i < 3; i++) {
        wait_for(&s[i]);
        assert_int_equal(s[i].r, OK);
    }
    print_message("%llu refused\n", (unsigned long long)acmeca_nonce_retries(ca));
    assert_int_equal(acmeca_nonce_retries(ca), 1);
}

static void nonces_are_fetched(void **state)
{
    (void)state;
    struct seen s[3];
    ready(&s[0]);
    wait_for(&s[0]);
    for (int i = 0; i < 3; i++)
        post(&s[i], "/order");
    for (int i = 0; i < 3; i++)
        wait_for(&s[i]);
    assert_int_equal(heads, 2);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(s[i].r, OK);
    acmeca_free(ca);
    ca = NULL;
}

static void no_nonce_at_all(void **state)
{
    (void)state;
    struct seen s[2];
    ready(&s[0]);
    wait_for(&s[0]);
    nonce_fields = "X: y\r\n";
    post(&s[0], "/order");
    post(&s[1], "/order");
    wait_for(&s[0]);
    wait_for(&s[1]);
    assert_int_equal(s[0].r, OK);
    assert_int_equal(s[1].r, ERR_SYNTAX);
    assert_non_null(strstr(s[1].story, "newNonce"));
}

static void problems_and_broken_promises(void **state)
{
    (void)state;
    struct seen s;
    ready(&s);
    wait_for(&s);
    post(&s, "/limited");
    wait_for(&s);
    assert_int_equal(s.r, ERR_ACME);
    assert_string_equal(s.type, "rateLimited");
    assert_int_equal(s.status, 429);
    assert_int_equal(s.retry_after_s, 99);
    assert_non_null(strstr(s.story, "too many"));
    assert_non_null(strstr(s.story, "/limited"));
    post(&s, "/moved");
    wait_for(&s);
    assert_int_equal(s.r, ERR_SYNTAX);
    assert_non_null(strstr(s.story, "307"));
    by.key = NULL;
    post(&s, "/order");
    wait_for(&s);
    assert_int_equal(s.r, ERR_NOT_FOUND);
}

static void freed_while_telling(void **state)
{
    (void)state;
    struct seen s[3], p;
    for (int i = 0; i < 3; i++)
        ready(&s[i]);
    s[0].free_ca = true;
    post(&p, "/order");
    wait_for(&s[0]);
    for (int i = 0; i < 5; i++)
        loop_turn(l, 1);
    assert_int_equal(s[1].times + s[2].times, 0);
    assert_null(s[1].call.ca);
    assert_null(s[2].call.ca);
    assert_null(p.call.ca);
}

static void cancelled_while_waiting(void **state)
{
    (void)state;
    struct seen s, again;
    ready(&s);
    wait_for(&s);
    refuse = 1000;
    post(&s, "/order");
    while (acmeca_nonce_retries(ca) < 2)
        loop_turn(l, 20);
    acmeca_cancel(&s.call);
    acmeca_cancel(&s.call);
    unsigned sent = posts;
    for (int i = 0; i < 20; i++)
        loop_turn(l, 10);
    assert_int_equal(s.times, 0);
    assert_int_equal(posts, sent);
    ready(&again); /* due in the next turn */
    acmeca_cancel(&again.call);
    loop_turn(l, 0);
    assert_int_equal(again.times, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_directory_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_directories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonces_are_used_once_and_refused_ones_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refused_nonce_takes_the_others_with_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nonces_are_fetched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_nonce_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems_and_broken_promises, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freed_while_telling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_while_waiting, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
