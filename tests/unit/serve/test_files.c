/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which file answers which path, and which paths never reach one. */
#include "serve/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "filerig.h"

static struct filerig g;

static void put(const char *name, const char *text)
{
    filerig_put(&g, name, text, strlen(text), 100);
}

static void link_to(const char *target, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/root/%s", g.dir, name);
    assert_int_equal(symlink(target, path), 0);
}

static int setup(void **state)
{
    char path[512], out[512];
    (void)state;
    filerig_open(&g);
    put("outside.txt", "secret");
    put("root/index.html", "<h1>home</h1>\n");
    put("root/a.txt", "0123456789");
    put("root/noext", "plain");
    put("root/empty.css", "");
    put("root/sub/index.htm", "sub");
    put("root/sub/page.html", "page");
    put("root/bare/x.bin", "x");
    put("root/.secret", "secret");
    put("root/.git/config", "secret");
    put("root/sub/.env", "secret");
    put("root/sub/.well-known/x", "secret");
    put("root/.well-known/security.txt", "contact");
    put("root/.well-known/.private", "secret");
    put("root/sp ace&<b>.txt", "space");
    put("root/a%20b", "percent");
    put("root/a b", "blank");
    put("root/static/in.txt", "in");
    put("root/404.html", "<h1>lost</h1>\n");
    put("root/closed.txt", "secret");
    link_to("../outside.txt", "up.txt");
    snprintf(out, sizeof(out), "%s/outside.txt", g.dir);
    link_to(out, "absolute.txt");
    link_to("a.txt", "inner.txt");
    link_to("/proc/self/root", "magic");
    link_to("..", "parent");
    snprintf(path, sizeof(path), "%s/root/fifo", g.dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    snprintf(path, sizeof(path), "%s/root/closed.txt", g.dir);
    return chmod(path, 0);
}

static int teardown(void **state)
{
    (void)state;
    filerig_close(&g);
    return 0;
}

static void assert_body(const struct filerig_answer *a, const char *expected)
{
    char got[4096];
    snprintf(got, sizeof(got), SLICE_F, SLICE_A(buf_slice(&a->body)));
    assert_string_equal(got, expected);
}

static bool shows(const struct filerig_answer *a, const char *text)
{
    return a->body.n && memmem(a->body.p + a->body.off, a->body.n, text, strlen(text)) != NULL;
}

struct row {
    const char *method, *target;
    uint16_t status;
    const char *body;         /* NULL: not looked at */
    const char *name, *value; /* a field, or NULL */
};

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct row *t = &rows[i];
        for (int again = 0; again < 2; again++) { /* from disk, then from the cache */
            struct filerig_answer *a = filerig_ask(&g, t->method, t->target, "");
            if (a->status != t->status)
                print_error("%s %s\n", t->method, t->target);
            assert_int_equal(a->status, t->status);
            assert_int_equal(a->cut, OK);
            if (t->body)
                assert_body(a, t->body);
            if (t->name)
                assert_string_equal(filerig_field(a, t->name), t->value);
            if (shows(a, "secret"))
                fail_msg("%s %s shows a secret", t->method, t->target);
        }
    }
}

static void paths(void **state)
{
    static const struct row rows[] = {
        {"GET", "/", 200, "<h1>home</h1>\n", "Content-Type", "text/html; charset=utf-8"},
        {"GET", "/?q=1", 200, "<h1>home</h1>\n", NULL, NULL},
        {"GET", "/index.html", 200, "<h1>home</h1>\n", NULL, NULL},
        {"GET", "/a.txt", 200, "0123456789", "Content-Type", "text/plain; charset=utf-8"},
        {"GET", "/%61.txt", 200, "0123456789", NULL, NULL},
        {"GET", "//a.txt", 200, "0123456789", NULL, NULL},
        {"GET", "/sub/../a.txt", 200, "0123456789", NULL, NULL},
        {"GET", "/inner.txt", 200, "0123456789", NULL, NULL},
        {"GET", "/noext", 200, "plain", "Content-Type", "application/octet-stream"},
        {"GET", "/empty.css", 200, "", "Content-Type", "text/css; charset=utf-8"},
        {"GET", "/sub/", 200, "sub", "Content-Type", "text/html; charset=utf-8"},
        {"GET", "/sub", 308, "", "Location", "/sub/"},
        {"GET", "/sub?a=b&c", 308, "", "Location", "/sub/?a=b&c"},
        {"GET", "/sub?", 308, "", "Location", "/sub/?"},
        {"GET", "//sub", 308, "", "Location", "/sub/"},
        {"GET", "///sub?x", 308, "", "Location", "/sub/?x"},
        {"HEAD", "/sub", 308, "", "Location", "/sub/"},
        {"GET", "/a.txt/", 404, NULL, NULL, NULL},
        {"GET", "/a.txt/b", 404, NULL, NULL, NULL},
        {"GET", "/bare/", 404, NULL, NULL, NULL},
        {"GET", "/none", 404, NULL, NULL, NULL},
        {"GET", "/fifo", 404, NULL, NULL, NULL},
        {"GET", "/a%20b", 200, "blank", NULL, NULL},
        {"GET", "/a%2520b", 200, "percent", NULL, NULL},
        {"GET", "/a%20b", 200, "blank", NULL, NULL},
        {"HEAD", "/a.txt", 200, "", "Accept-Ranges", "bytes"},
        {"OPTIONS", "/a.txt", 204, "", "Allow", "GET, HEAD, OPTIONS"},
        {"POST", "/a.txt", 405, NULL, "Allow", "GET, HEAD"},
        {"DELETE", "/a.txt", 405, NULL, "Allow", "GET, HEAD"},
    };
    (void)state;
    run(rows, ARRAY_LEN(rows));
    assert_int_equal(filerig_ask(&g, "HEAD", "/a.txt", "")->length, 10);
}

static void hostile_paths(void **state)
{
    static const struct row rows[] = {
        {"GET", "/../outside.txt", 404, NULL, NULL, NULL},
        {"GET", "/%2e%2e/outside.txt", 404, NULL, NULL, NULL},
        {"GET", "/sub/../../outside.txt", 404, NULL, NULL, NULL},
        {"GET", "/..%2foutside.txt", 400, NULL, NULL, NULL},
        {"GET", "/sub%2f..%2f..%2foutside.txt", 400, NULL, NULL, NULL},
        {"GET", "/..\\outside.txt", 400, NULL, NULL, NULL},
        {"GET", "/%00", 400, NULL, NULL, NULL},
        {"GET", "/static../outside.txt", 404, NULL, NULL, NULL},
        {"GET", "/sub%2fpage.html", 404, NULL, NULL, NULL},
        {"GET", "/up.txt", 404, NULL, NULL, NULL},
        {"GET", "/absolute.txt", 404, NULL, NULL, NULL},
        {"GET", "/magic", 404, NULL, NULL, NULL},
        {"GET", "/magic/etc/passwd", 404, NULL, NULL, NULL},
        {"GET", "/parent", 404, NULL, NULL, NULL},
        {"GET", "/parent/outside.txt", 404, NULL, NULL, NULL},
        {"GET", "/.secret", 404, NULL, NULL, NULL},
        {"GET", "/%2esecret", 404, NULL, NULL, NULL},
        {"GET", "//.secret", 404, NULL, NULL, NULL},
        {"GET", "/.git/config", 404, NULL, NULL, NULL},
        {"GET", "/.git/", 404, NULL, NULL, NULL},
        {"GET", "/.git", 404, NULL, NULL, NULL},
        {"GET", "/sub/.env", 404, NULL, NULL, NULL},
        {"GET", "/sub/.well-known/x", 404, NULL, NULL, NULL},
        {"GET", "/.well-known/.private", 404, NULL, NULL, NULL},
        {"GET", "/.well-known/security.txt", 200, "contact", NULL, NULL},
        {"GET", "/.well-known", 308, "", "Location", "/.well-known/"},
        {"GET", "//evil.example/..", 200, "<h1>home</h1>\n", NULL, NULL},
    };
    (void)state;
    g.conf.files.listing = false;
    run(rows, ARRAY_LEN(rows));
    /* Below a canonical path's rules too: what the canonicaliser would never let through. */
    g.escape = true;
    assert_int_equal(filerig_ask(&g, "GET", "/../outside.txt", "")->status, 404);
    assert_int_equal(filerig_ask(&g, "GET", "/sub/../../outside.txt", "")->status, 404);
    g.escape = false;
}

static void long_paths(void **state)
{
    char target[6000] = "/";
    (void)state;
    memset(target + 1, 'a', 300);
    assert_int_equal(filerig_ask(&g, "GET", target, "")->status, 404);
    memset(target + 1, 'a', sizeof(target) - 2);
    assert_int_equal(filerig_ask(&g, "GET", target, "")->status, 414);
}

static void stripped_prefix(void **state)
{
    (void)state;
    g.conf.path = SLICE("/api");
    g.conf.strip_prefix = true;
    assert_body(filerig_ask(&g, "GET", "/api/a.txt", ""), "0123456789");
    assert_body(filerig_ask(&g, "GET", "/api/", ""), "<h1>home</h1>\n");
    struct filerig_answer *a = filerig_ask(&g, "GET", "/api?x", "");
    assert_int_equal(a->status, 308);
    assert_string_equal(filerig_field(a, "Location"), "/api/?x");
    a = filerig_ask(&g, "GET", "/api/sub", "");
    assert_string_equal(filerig_field(a, "Location"), "/api/sub/");
}

static void missing_page(void **state)
{
    (void)state;
    g.conf.files.not_found = SLICE("/404.html");
    for (int i = 0; i < 2; i++) {
        struct filerig_answer *a = filerig_ask(&g, "GET", "/none", "If-None-Match: *\n");
        assert_int_equal(a->status, 404);
        assert_body(a, "<h1>lost</h1>\n");
        assert_string_equal(filerig_field(a, "Content-Type"), "text/html; charset=utf-8");
        assert_string_equal(filerig_field(a, "ETag"), "");
        assert_string_equal(filerig_field(a, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(a->reason, "no such file");
    }
    struct filerig_answer *a = filerig_ask(&g, "HEAD", "/.secret", "");
    assert_int_equal(a->status, 404);
    assert_int_equal(a->length, 14);
    assert_true(a->no_body);
    assert_int_equal(filerig_ask(&g, "GET", "/404.html", "")->status, 200);
    g.conf.files.not_found = SLICE("/gone.html");
    assert_int_equal(filerig_ask(&g, "GET", "/none", "")->status, 404);
}

static void single_page(void **state)
{
    static const struct {
        const char *target, *head;
        uint16_t status;
    } rows[] = {
        {"/", "", 200},
        {"/users/7", "", 200},
        {"/users/7", "Accept: application/json\n", 200},
        {"/users/7/", "", 200},
        {"/bare/", "", 200},
        {"/users/a.b", "Accept: application/xhtml+xml, TEXT/html;q=0.9, */*\n", 200},
        {"/lost.png", "Accept: image/png, */*\n", 404},
        {"/lost.js", "", 404},
        {"/.secret", "Accept: text/html\n", 404},
        {"/.git/config", "Accept: text/html\n", 404},
    };
    (void)state;
    g.conf.files.spa = SLICE("/index.html");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct filerig_answer *a = filerig_ask(&g, "GET", rows[i].target, rows[i].head);
        if (a->status != rows[i].status)
            print_error("%s\n", rows[i].target);
        assert_int_equal(a->status, rows[i].status);
        if (a->status == 200)
            assert_body(a, "<h1>home</h1>\n");
    }
    assert_int_equal(filerig_ask(&g, "HEAD", "/users/7", "")->length, 14);
    assert_int_equal(filerig_ask(&g, "POST", "/users/7", "")->status, 405);
}

static void refused_files(void **state)
{
    (void)state;
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(65534), 0);
    int status = filerig_ask(&g, "GET", "/closed.txt", "")->status;
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(status, 403);
}

static void no_descriptors(void **state)
{
    struct rlimit old, low = {0};
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(a->status, 503);
    assert_string_equal(a->reason, "no descriptor left for the file");
    assert_string_equal(filerig_field(a, "Retry-After"), "5");
    assert_int_equal(filerig_ask(&g, "GET", "/a.txt", "")->status, 200);
}

static void no_root(void **state)
{
    (void)state;
    int fd = g.route.root_fd;
    g.route.root_fd = -1;
    assert_int_equal(filerig_ask(&g, "GET", "/a.txt", "")->status, 503);
    g.route.root_fd = fd;
}

static void listing(void **state)
{
    static const char *const in[] = {
        "<a href=\"./a.txt\">a.txt</a><td>10 B<td>20", "href=\"./sub/\">sub/</a>",
        "href=\"./sp%20ace%26%3Cb%3E.txt\">sp ace&#38;&#60;b&#62;.txt</a>",
        "href=\"./a%2520b\">a%20b</a>", ">inner.txt</a><td>10 B"};
    static const char *const out[] = {".secret", ".git",  ".well-known", "up.txt", "absolute",
                                      "fifo",    "magic", "parent",      "<b>",    "\"../\""};
    (void)state;
    g.conf.files.listing = true;
    assert_body(filerig_ask(&g, "GET", "/", ""), "<h1>home</h1>\n");
    g.conf.files.index.count = 0;
    filecache_clear(g.worker.files);
    g.cap = 100;
    struct filerig_answer *a = filerig_ask(&g, "GET", "/", "");
    assert_int_equal(a->status, 200);
    assert_string_equal(filerig_field(a, "Content-Type"), "text/html; charset=utf-8");
    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        if (!shows(a, in[i]))
            fail_msg("not in the listing: %s\n" SLICE_F, in[i], SLICE_A(buf_slice(&a->body)));
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        if (shows(a, out[i]))
            fail_msg("in the listing: %s", out[i]);
    a = filerig_ask(&g, "GET", "/sub/", "");
    assert_true(shows(a, "\"../\"") && shows(a, "<title>/sub/</title>"));
    assert_int_equal(filerig_ask(&g, "HEAD", "/sub/", "")->status, 200);
    assert_int_equal(filerig_ask(&g, "GET", "/.git/", "")->status, 404);
    assert_int_equal(filerig_ask(&g, "GET", "/none/", "")->status, 404);
    assert_int_equal(filerig_ask(&g, "GET", "/a.txt/", "")->status, 404);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(paths),        CASE(hostile_paths), CASE(long_paths),    CASE(stripped_prefix),
        CASE(missing_page), CASE(single_page),   CASE(refused_files), CASE(no_descriptors),
        CASE(no_root),      CASE(listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
