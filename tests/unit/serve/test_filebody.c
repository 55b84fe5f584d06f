/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Bodies: whole files, ranges, multiparts, and files that change under a download. */
#include "serve/filebody.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "filerig.h"

#define BIG (700u * 1024 + 7)

static struct filerig g;
static uint8_t big[BIG];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 2654435761u >> 13);
    filerig_open(&g);
    filerig_put(&g, "root/a.txt", "0123456789", 10, 100);
    filerig_put(&g, "root/empty.txt", "", 0, 100);
    filerig_put(&g, "root/big.bin", big, BIG, 100);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    filerig_close(&g);
    return 0;
}

static void assert_bytes(const struct filerig_answer *a, const void *expected, size_t n)
{
    assert_int_equal(a->body.n, n);
    assert_int_equal(a->length, n);
    if (n)
        assert_memory_equal(a->body.p + a->body.off, expected, n);
}

static void whole(void **state)
{
    static const size_t caps[] = {65536, 1, 4097, 256 * 1024};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        g.cap = i == 1 ? 977 : caps[i];
        struct filerig_answer *a = filerig_ask(&g, "GET", "/big.bin", "");
        assert_int_equal(a->cut, OK);
        assert_false(a->fast);
        assert_bytes(a, big, BIG);
        g.cap = caps[i];
        a = filerig_ask(&g, "GET", "/a.txt", "");
        assert_true(a->fast);
        assert_bytes(a, "0123456789", 10);
    }
}

/* Exactly at the border between memory and descriptor. */
static void border(void **state)
{
    (void)state;
    filerig_put(&g, "root/small", big, FILEREP_MEMORY_BYTES, 100);
    filerig_put(&g, "root/large", big, FILEREP_MEMORY_BYTES + 1, 100);
    struct filerig_answer *a = filerig_ask(&g, "GET", "/small", "");
    assert_true(a->fast);
    assert_bytes(a, big, FILEREP_MEMORY_BYTES);
    a = filerig_ask(&g, "GET", "/large", "");
    assert_false(a->fast);
    assert_bytes(a, big, FILEREP_MEMORY_BYTES + 1);
}

static void single_ranges(void **state)
{
    static const struct {
        const char *range;
        uint16_t status;
        const char *place; /* Content-Range */
        const char *body;
    } rows[] = {
        {"bytes=0-0", 206, "bytes 0-0/10", "0"},
        {"bytes=2-4", 206, "bytes 2-4/10", "234"},
        {"BYTES=2-4", 206, "bytes 2-4/10", "234"},
        {"bytes=7-", 206, "bytes 7-9/10", "789"},
        {"bytes=-3", 206, "bytes 7-9/10", "789"},
        {"bytes=-30", 206, "bytes 0-9/10", "0123456789"},
        {"bytes=0-99", 206, "bytes 0-9/10", "0123456789"},
        {"bytes=9-18446744073709551616", 206, "bytes 9-9/10", "9"},
        {"bytes=1-2, 3-4", 206, "bytes 1-4/10", "1234"},
        {"bytes=3-5,1-4", 206, "bytes 1-5/10", "12345"},
        {"bytes=20-,1-2", 206, "bytes 1-2/10", "12"},
        {"bytes=10-", 416, "bytes */10", ""},
        {"bytes=-0", 416, "bytes */10", ""},
        {"bytes=20-30,40-", 416, "bytes */10", ""},
        {"bytes=4-2", 200, "", "0123456789"},
        {"bytes=", 200, "", "0123456789"},
        {"bytes=-", 200, "", "0123456789"},
        {"bytes=a-b", 200, "", "0123456789"},
        {"lines=0-1", 200, "", "0123456789"},
        {"bytes 0-1", 200, "", "0123456789"},
        {"bytes=0-0,2-2,4-4,6-6,8-8,0-0,2-2,4-4,6-6,8-8,0-0,2-2,4-4,6-6,8-8,0-0,2-2", 200, "",
         "0123456789"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char head[200];
        snprintf(head, sizeof(head), "Range: %s\n", rows[i].range);
        struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", head);
        if (a->status != rows[i].status)
            print_error("%s\n", rows[i].range);
        assert_int_equal(a->status, rows[i].status);
        assert_string_equal(filerig_field(a, "Content-Range"), rows[i].place);
        assert_bytes(a, rows[i].body, strlen(rows[i].body));
        assert_true(*filerig_field(a, "ETag"));
        assert_string_equal(filerig_field(a, "Accept-Ranges"), "bytes");
        assert_string_equal(filerig_field(a, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(filerig_field(a, "Content-Type"),
                            a->status == 416 ? "" : "text/plain; charset=utf-8");
    }
    assert_int_equal(filerig_ask(&g, "HEAD", "/a.txt", "Range: bytes=1-2\n")->status, 200);
    assert_int_equal(filerig_ask(&g, "GET", "/empty.txt", "Range: bytes=0-\n")->status, 416);
    assert_int_equal(filerig_ask(&g, "GET", "/empty.txt", "")->status, 200);
    struct filerig_answer *a = filerig_ask(&g, "GET", "/big.bin", "Range: bytes=300000-600000\n");
    assert_int_equal(a->status, 206);
    assert_bytes(a, big + 300000, 300001);
}

static void huge_lists(void **state)
{
    static char head[200000];
    (void)state;
    size_t n = (size_t)snprintf(head, sizeof(head), "Range: bytes=0-");
    while (n < sizeof(head) - 20)
        n += (size_t)snprintf(head + n, sizeof(head) - n, ",5-%zu", n);
    struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", head);
    assert_int_equal(a->status, 200);
    assert_bytes(a, "0123456789", 10);
}

/* Parts of a multipart body, checked one by one (RFC 2046 5.1.1). */
static void assert_parts(const struct filerig_answer *a, const struct range *ranges, size_t n,
                         const uint8_t *bytes, uint64_t total)
{
    char boundary[128], text[512];
    struct slice rest = buf_slice(&a->body);
    const char *type = filerig_field(a, "Content-Type");
    assert_int_equal(strncmp(type, "multipart/byteranges; boundary=", 31), 0);
    snprintf(boundary, sizeof(boundary), "%s", type + 31);
    for (size_t i = 0; i < n; i++) {
        size_t want = (size_t)(ranges[i].last - ranges[i].first + 1);
        int len = snprintf(text, sizeof(text),
                           "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %llu-%llu/%llu"
                           "\r\n\r\n",
                           i ? "\r\n" : "", boundary,
                           bytes == big ? "application/octet-stream" : "text/plain; charset=utf-8",
                           (unsigned long long)ranges[i].first, (unsigned long long)ranges[i].last,
                           (unsigned long long)total);
        assert_true(rest.n > (size_t)len + want);
        assert_memory_equal(rest.p, text, (size_t)len);
        assert_memory_equal(rest.p + len, bytes + ranges[i].first, want);
        rest = slice_from(rest, (size_t)len + want);
    }
    int len = snprintf(text, sizeof(text), "\r\n--%s--\r\n", boundary);
    assert_int_equal(rest.n, len);
    assert_memory_equal(rest.p, text, (size_t)len);
    assert_int_equal(a->length, a->body.n);
    assert_string_equal(filerig_field(a, "Content-Range"), "");
}

static void many_ranges(void **state)
{
    static const uint8_t digits[] = "0123456789";
    static const struct range small[] = {{7, 9}, {0, 1}}, large[] = {{0, 99999}, {400000, BIG - 1}};
    (void)state;
    for (size_t cap = 1; cap < 70000; cap = cap * 3 + 1) {
        g.cap = cap;
        struct filerig_answer *a = filerig_ask(&g, "GET", "/a.txt", "Range: bytes=-3,0-1,50-\n");
        assert_int_equal(a->status, 206);
        assert_int_equal(a->cut, OK);
        assert_parts(a, small, 2, digits, 10);
    }
    struct filerig_answer *a = filerig_ask(&g, "GET", "/big.bin", "Range: bytes=0-99999,400000-\n");
    assert_int_equal(a->status, 206);
    assert_parts(a, large, 2, big, BIG);
    char first[128];
    snprintf(first, sizeof(first), "%s", filerig_field(a, "Content-Type"));
    a = filerig_ask(&g, "GET", "/big.bin", "Range: bytes=0-99999,400000-\n");
    assert_string_not_equal(first, filerig_field(a, "Content-Type"));
}

/* ---- files that change under a download ---- */

static void shrink(struct filerig *rig)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/root/big.bin", rig->dir);
    assert_int_equal(truncate(path, 100000), 0);
}

static void shrunk(void **state)
{
    (void)state;
    g.on_pulled = shrink;
    struct filerig_answer *a = filerig_ask(&g, "GET", "/big.bin", "");
    assert_int_equal(a->status, 200);
    assert_int_equal(a->length, BIG);
    assert_int_equal(a->cut, ERR_EOF);
    assert_in_range(a->body.n, 65536, 100000);
}

static void replace(struct filerig *rig)
{
    filerig_put(rig, "root/big.bin", "new", 3, 0);
    filecache_clear(rig->worker.files);
}

static void replaced(void **state)
{
    (void)state;
    g.on_pulled = replace;
    assert_bytes(filerig_ask(&g, "GET", "/big.bin", ""), big, BIG);
    assert_bytes(filerig_ask(&g, "GET", "/big.bin", ""), "new", 3);
}

static void forget(struct filerig *rig)
{
    filerig_put(rig, "root/a.txt", "abcdefghij", 10, 0);
    filecache_clear(rig->worker.files);
}

/* The bytes of a running exchange outlive the cache's interest in them. */
static void forgotten(void **state)
{
    (void)state;
    g.cap = 3;
    g.on_pulled = forget;
    assert_bytes(filerig_ask(&g, "GET", "/a.txt", ""), "0123456789", 10);
    assert_bytes(filerig_ask(&g, "GET", "/a.txt", ""), "abcdefghij", 10);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(whole),       CASE(border), CASE(single_ranges), CASE(huge_lists),
        CASE(many_ranges), CASE(shrunk), CASE(replaced),      CASE(forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
