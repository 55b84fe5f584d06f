/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What is kept, for how long, and what a hit costs; precompressed siblings; prebuilt heads. */
#include "serve/filecache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "filerig.h"
#include "os/sysfault.h"

static struct filerig g;

static void put(const char *name, const char *text, int age_s)
{
    filerig_put(&g, name, text, strlen(text), age_s);
}

static int setup(void **state)
{
    (void)state;
    filerig_open(&g);
    put("root/a.txt", "0123456789", 100);
    put("root/index.html", "home", 100);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    filerig_close(&g);
    return 0;
}

static struct filerig_answer *ask(const char *target, const char *head, const char *body)
{
    char got[4096];
    struct filerig_answer *a = filerig_ask(&g, "GET", target, head);
    snprintf(got, sizeof(got), SLICE_F, SLICE_A(buf_slice(&a->body)));
    assert_int_equal(a->status, 200);
    assert_string_equal(got, body);
    return a;
}

static void remove_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", g.dir, name);
    assert_int_equal(unlink(path), 0);
}

/* A hit uses no general allocator and, since descriptors are forbidden meanwhile, no file. */
static void cost_of_a_hit(void **state)
{
    static const char *const targets[] = {"/a.txt", "/"};
    struct rlimit old, low = {0};
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low.rlim_max = old.rlim_max;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        filerig_ask(&g, "GET", targets[i], "");
        filerig_ask(&g, "GET", targets[i], "");
        uint64_t before UNUSED = mem_count();
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        struct filerig_answer *a = filerig_ask(&g, "GET", targets[i], "");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
#if !defined(PORT443_SANITIZED) /* there the pool is the general allocator */
        assert_int_equal(mem_count(), before);
#endif
        assert_int_equal(a->status, 200);
        assert_true(a->ready && a->fast);
    }
}

static void revalidation(void **state)
{
    char tag[64];
    (void)state;
    struct filerig_answer *a = ask("/a.txt", "", "0123456789");
    snprintf(tag, sizeof(tag), "%s", filerig_field(a, "ETag"));
    filecache_recheck(g.worker.files);
    a = ask("/a.txt", "", "0123456789");
    assert_string_equal(filerig_field(a, "ETag"), tag);
    put("root/a.txt", "abcdefghij", 0); /* as long, and the fraction of the second is the same */
    ask("/a.txt", "", "0123456789");    /* within the second */
    filecache_recheck(g.worker.files);
    a = ask("/a.txt", "", "abcdefghij");
    assert_string_not_equal(filerig_field(a, "ETag"), tag);
    remove_file("root/a.txt");
    filecache_recheck(g.worker.files);
    assert_int_equal(filerig_ask(&g, "GET", "/a.txt", "")->status, 404);
}

/* The clock alone: a change is seen after FILECACHE_CHECK_MS. */
static void by_the_clock(void **state)
{
    (void)state;
    ask("/a.txt", "", "0123456789");
    put("root/a.txt", "abc", 0);
    uint64_t from_ms = loop_now_ms(g.worker.loop);
    while (loop_now_ms(g.worker.loop) < from_ms + FILECACHE_CHECK_MS)
        loop_turn(g.worker.loop, 100);
    ask("/a.txt", "", "abc");
}

static void other_generations(void **state)
{
    (void)state;
    ask("/a.txt", "", "0123456789");
    put("root/a.txt", "abc", 0);
    g.gen.number = 2; /* the same address, another configuration */
    ask("/a.txt", "", "abc");
    struct route other = g.route;
    assert_null(filecache_find(g.worker.files, &other, SLICE("/a.txt")));
    assert_non_null(filecache_find(g.worker.files, &g.route, SLICE("/a.txt")));
    filecache_clear(g.worker.files);
    assert_null(filecache_find(g.worker.files, &g.route, SLICE("/a.txt")));
}

static void bounded_bytes(void **state)
{
    static uint8_t bytes[200 * 1024]; /* five fit into the rig's 1 MB */
    char name[32];
    (void)state;
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "root/%d.bin", i);
        filerig_put(&g, name, bytes, sizeof(bytes), 100);
        filerig_ask(&g, "GET", name + 4, "");
        if (i == 4) /* the oldest, but just used */
            filerig_ask(&g, "GET", "/0.bin", "");
    }
    static const bool kept[] = {true, false, false, false, true, true, true, true};
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "/%d.bin", i);
        bool is = filecache_find(g.worker.files, &g.route, slice_cstr(name)) != NULL;
        if (is != kept[i])
            print_error("%s\n", name);
        assert_int_equal(is, kept[i]);
    }
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 2000; fd++) {
        int copy = dup(fd);
        n += copy >= 0;
        if (copy >= 0)
            close(copy);
    }
    return n;
}

static void bounded_descriptors(void **state)
{
    static uint8_t bytes[FILEREP_MEMORY_BYTES + 1];
    char name[32];
    struct rlimit old, low;
    (void)state;
    unsigned before = open_descriptors();
    for (int i = 0; i < FILECACHE_DESCRIPTORS_MAX + 10; i++) {
        snprintf(name, sizeof(name), "root/%d.bin", i);
        filerig_put(&g, name, bytes, i ? sizeof(bytes) : 5, 100);
        assert_int_equal(filerig_ask(&g, "HEAD", name + 4, "")->status, 200);
    }
    assert_in_range(open_descriptors(), before + 200, before + FILECACHE_DESCRIPTORS_MAX);
    /* None left: the cache gives up its own and the request is answered. */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    int lowest = dup(0);
    close(lowest);
    low.rlim_cur = (rlim_t)lowest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(a->status, 200);
    assert_in_range(open_descriptors(), before, before + 1);
}

/* Spellings of one path share one place. */
static void spellings(void **state)
{
    (void)state;
    ask("/a.txt", "", "0123456789");
    const struct filecache_file *file = filecache_find(g.worker.files, &g.route, SLICE("/a.txt"));
    assert_non_null(file);
    put("root/a.txt", "abc", 0); /* a place of its own would show it */
    ask("//a.txt", "", "0123456789");
    ask("/%61.txt", "", "0123456789");
    ask("///a.txt?x", "", "0123456789");
    assert_ptr_equal(filecache_find(g.worker.files, &g.route, SLICE("/a.txt")), file);
    assert_null(filecache_find(g.worker.files, &g.route, SLICE("//a.txt")));
}

/* ---- heads ---- */

static void heads(void **state)
{
    (void)state;
    g.conf.files.cache_control = SLICE("public, max-age=60");
    for (int i = 0; i < 2; i++) {
        g.version = i ? 20 : 11;
        struct filerig_answer *a = ask("/a.txt", "", "0123456789");
        assert_true(a->ready);
        assert_int_equal(strncmp(a->head, "Content-Type: text/plain; charset=utf-8\r\n", 41), 0);
        assert_non_null(strstr(a->head, "\r\nStrict-Transport-Security: max-age=60\r\n"));
        assert_non_null(strstr(a->fields, "\r\nstrict-transport-security: max-age=60\r\n"));
        assert_non_null(strstr(a->fields, "\r\nx-content-type-options: nosniff\r\n"));
        assert_string_equal(filerig_field(a, "Cache-Control"), "public, max-age=60");
        assert_string_equal(filerig_field(a, "Accept-Ranges"), "bytes");
        assert_string_equal(filerig_field(a, "Vary"), "");
        assert_int_equal(strlen(filerig_field(a, "Last-Modified")), 29);
        const char *tag = filerig_field(a, "ETag");
        assert_true(tag[0] == '"' && tag[1] == 'a' && tag[2] == '-');
    }
    g.plain = true;
    struct filerig_answer *a = ask("/a.txt", "", "0123456789");
    assert_false(a->ready);
    assert_string_equal(filerig_field(a, "Strict-Transport-Security"), "");
    assert_string_equal(filerig_field(a, "Cache-Control"), "public, max-age=60");
}

static void header_steps(void **state)
{
    static const struct conf_header_step add[] = {
        {CONF_HEADER_ADD, {(const uint8_t *)"X-Team", 6}, {(const uint8_t *)"edge: a, b", 10}}};
    static const struct conf_header_step remove[] = {
        {CONF_HEADER_REMOVE, {(const uint8_t *)"ETag", 4}, {NULL, 0}}};
    (void)state;
    g.conf.header_steps = add;
    g.conf.nheader_steps = 1;
    struct filerig_answer *a = ask("/a.txt", "", "0123456789");
    assert_true(a->ready);
    assert_non_null(strstr(a->fields, "x-team: edge: a, b\r\n"));
    g.conf.header_steps = remove;
    filecache_clear(g.worker.files);
    for (int i = 0; i < 2; i++) {
        a = ask("/a.txt", "", "0123456789");
        assert_false(a->ready);
        assert_string_equal(filerig_field(a, "ETag"), "");
        assert_string_equal(filerig_field(a, "X-Content-Type-Options"), "nosniff");
    }
}

/* ---- precompressed siblings ---- */

static void siblings(void **state)
{
    static const struct {
        const char *accept;
        const char *body, *coding;
    } rows[] = {
        {"", "plain text", ""},
        {"Accept-Encoding: gzip\n", "GZIP", "gzip"},
        {"Accept-Encoding: gzip, deflate, br, zstd\n", "BR", "br"},
        {"Accept-Encoding: gzip, zstd\n", "ZST", "zstd"},
        {"Accept-Encoding: br;q=0.1, gzip;q=0.9\n", "GZIP", "gzip"},
        {"Accept-Encoding: br;q=0, *\n", "ZST", "zstd"},
        {"Accept-Encoding: gzip;q=0\n", "plain text", ""},
        {"Accept-Encoding: identity\n", "plain text", ""},
        {"Accept-Encoding: zstd\nAccept-Encoding: gzip;q=0.5\n", "ZST", "zstd"},
    };
    char tags[4][64] = {""};
    (void)state;
    put("root/app.js", "plain text", 100);
    put("root/app.js.gz", "GZIP", 100);
    put("root/app.js.br", "BR", 50);
    put("root/app.js.zst", "ZST", 50);
    g.conf.files.precompressed = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct filerig_answer *a = ask("/app.js", rows[i].accept, rows[i].body);
        assert_string_equal(filerig_field(a, "Content-Encoding"), rows[i].coding);
        assert_string_equal(filerig_field(a, "Vary"), "Accept-Encoding");
        assert_string_equal(filerig_field(a, "Content-Type"), "text/javascript; charset=utf-8");
        if (i < 4)
            snprintf(tags[i], sizeof(tags[i]), "%s", filerig_field(a, "ETag"));
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(tags[i], tags[k]);
    /* Ranges and conditions are of the representation that was chosen. */
    char head[200];
    struct filerig_answer *a =
        filerig_ask(&g, "GET", "/app.js", "Accept-Encoding: gzip\nRange: bytes=1-2\n");
    assert_int_equal(a->status, 206);
    assert_string_equal(filerig_field(a, "Content-Range"), "bytes 1-2/4");
    assert_string_equal(filerig_field(a, "Content-Encoding"), "gzip");
    assert_memory_equal(a->body.p + a->body.off, "ZI", 2);
    snprintf(head, sizeof(head), "Accept-Encoding: gzip\nIf-None-Match: %s\n", tags[1]);
    assert_int_equal(filerig_ask(&g, "GET", "/app.js", head)->status, 304);
    snprintf(head, sizeof(head), "Accept-Encoding: br\nIf-None-Match: %s\n", tags[1]);
    assert_int_equal(filerig_ask(&g, "GET", "/app.js", head)->status, 200);
    a = ask("/a.txt", "Accept-Encoding: gzip\n", "0123456789"); /* looked for, none there */
    assert_string_equal(filerig_field(a, "Vary"), "Accept-Encoding");
    ask("/app.js.gz", "", "GZIP");
}

static void stale_siblings(void **state)
{
    static const char gzip[] = "Accept-Encoding: gzip\n";
    (void)state;
    put("root/app.js", "new text", 10);
    put("root/app.js.gz", "OLD", 100);
    ask("/app.js", gzip, "new text"); /* not asked for in the configuration */
    g.conf.files.precompressed = true;
    filecache_clear(g.worker.files);
    ask("/app.js", gzip, "new text");
    put("root/app.js.gz", "GZIP", 5);
    filecache_recheck(g.worker.files);
    ask("/app.js", gzip, "GZIP");
    put("root/app.js.gz", "GZIP2", 4);
    filecache_recheck(g.worker.files);
    ask("/app.js", gzip, "GZIP2");
    put("root/app.js", "newer", 0);
    filecache_recheck(g.worker.files);
    ask("/app.js", gzip, "newer");
    put("root/app.js.gz", "NEWER", 0);
    filecache_recheck(g.worker.files);
    ask("/app.js", gzip, "NEWER");
    remove_file("root/app.js.gz");
    filecache_recheck(g.worker.files);
    ask("/app.js", gzip, "newer");
    remove_file("root/app.js");
    put("root/app.js.gz", "GZIP", 0);
    filecache_recheck(g.worker.files);
    assert_int_equal(filerig_ask(&g, "GET", "/app.js", gzip)->status, 404);
}

/* Every allocation of a first request fails once: an error or the answer, never a crash. */
static void failing_allocations(void **state)
{
    (void)state;
    bool fired = true;
    for (uint64_t k = 1; fired && k < 100; k++) {
        filecache_clear(g.worker.files);
        g.fail_at = k;
        struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", "");
        fired = g.failed;
        g.fail_at = 0;
        assert_true(a->status == 200 || a->status == 503 || a->cut == ERR_NOMEM);
        ask("/a.txt", "", "0123456789");
    }
    assert_false(fired);
}

#if defined(PORT443_ASSERT)
/* Every system call of a first request fails once: no other bytes, no wrong "not found". */
static void failing_calls(void **state)
{
    static uint8_t bytes[FILEREP_MEMORY_BYTES + 1];
    static const enum sysfault_kind kinds[] = {SYSFAULT_EINTR, SYSFAULT_EAGAIN, SYSFAULT_EMFILE,
                                               SYSFAULT_SHORT};
    (void)state;
    filerig_put(&g, "root/big.bin", bytes, sizeof(bytes), 100);
    for (size_t i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
        bool fired = true;
        for (uint64_t k = 1; fired && k < 100; k++) {
            filecache_clear(g.worker.files);
            sysfault_at(k, kinds[i / 2]);
            struct filerig_answer *a = filerig_ask(&g, "GET", i % 2 ? "/a.txt" : "/big.bin", "");
            fired = sysfault_fired();
            sysfault_at(0, SYSFAULT_EINTR);
            assert_true(a->status == 200 || a->status == 500 || a->status == 503);
            if (a->status == 200 && !a->cut)
                assert_int_equal(a->body.n, i % 2 ? 10 : sizeof(bytes));
            if (kinds[i / 2] == SYSFAULT_EINTR)
                assert_int_equal(a->status, 200);
        }
        assert_false(fired);
    }
}
#endif

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(cost_of_a_hit),
        CASE(revalidation),
        CASE(by_the_clock),
        CASE(other_generations),
        CASE(bounded_bytes),
        CASE(bounded_descriptors),
        CASE(spellings),
        CASE(heads),
        CASE(header_steps),
        CASE(siblings),
        CASE(stale_siblings),
        CASE(failing_allocations),
#if defined(PORT443_ASSERT)
        CASE(failing_calls),
#endif

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
