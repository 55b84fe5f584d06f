/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Pages to tags: what a browser takes for a tag and what only looks like one. A row lists the tags
 * as "name attr=value|attr=value;" in order, styles as "{text}". */
#include "wire/htmlscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

static void on_tag(void *ctx, const struct htmlscan_tag *tag)
{
    struct buf *out = ctx;
    int r = buf_printf(out, SLICE_F, SLICE_A(tag->name));
    for (size_t i = 0; !r && i < tag->n; i++)
        r = buf_printf(out, "%c" SLICE_F "=" SLICE_F, i ? '|' : ' ',
                       SLICE_A(tag->attributes[i].name), SLICE_A(tag->attributes[i].value));
    assert_int_equal(r ? r : buf_add(out, SLICE(";")), OK);
}

static void on_style(void *ctx, struct slice text)
{
    assert_int_equal(buf_printf(ctx, "{" SLICE_F "}", SLICE_A(text)), OK);
}

static void pages(void **state)
{
    (void)state;
    static const struct {
        const char *page, *tags;
    } rows[] = {
        {"", ""},
        {"<", ""},
        {"a < b <3 <-", ""},
        {"<p>", "p;"},
        {"<P Class=x>text</P>", "P Class=x;"},
        {"<img src=a.png>", "img src=a.png;"},
        {"<img src='a b' alt=\"c'd\">", "img src=a b|alt=c'd;"},
        {"<img src = a\n\talt =\"\"/>", "img src=a|alt=;"},
        {"<img src=a/b/>", "img src=a/b/;"},
        {"<a b/c=d>", "a b=|c=d;"},
        {"<a/b>", "a b=;"},
        {"<a =b=c>", "a =b=c;"},
        {"<a b=>x", "a b=;"},
        {"<a b='x>y'>", "a b=x>y;"},
        {"<a b=\"x\"c=d>", "a b=x|c=d;"},
        {"<a", ""},
        {"<a b", ""},
        {"<a b='x>", ""},
        {"<a/", ""},
        {"</p><p>", "p;"},
        {"</p src=x><q>", "q;"},
        {"</ p><q>", "q;"},
        {"</><q>", "q;"},
        {"<?php echo '<b>' ?><q>", "q;"},
        {"<!doctype html><q>", "q;"},
        /* comments */
        {"<!-- <a> --><b>", "b;"},
        {"<!--> <a> --><b>", "a;b;"},
        {"<!---> <a> --><b>", "a;b;"},
        {"<!----><a>", "a;"},
        {"<!-----><a>", "a;"},
        {"<!-- <a> --!><b>", "b;"},
        {"<!-- <a> --->x<b>", "b;"},
        {"<!-- <a> -- ><b>--><c>", "c;"},
        {"<!-- <a>", ""},
        {"<!- <a>--><b>", "b;"},
        {"<![CDATA[<a>]]><b>", "b;"},
        {"<![CDATA[x><a>]]><b>", "a;b;"},
        /* raw text */
        {"<script>'<img src=x>'</script><b>", "script;b;"},
        {"<script src=a></script><b>", "script src=a;b;"},
        {"<SCRIPT><a></Script ><b>", "SCRIPT;b;"},
        {"<script></scriptx><a></script><b>", "script;b;"},
        {"<script><!-- <a> </script><b>", "script;b;"},
        {"<script><!-- <script> </script> <a> --></script><b>", "script;b;"},
        {"<script><!-- <script> --> </script><b>", "script;b;"},
        {"<script><!-- <scripts> </script><b>", "script;b;"},
        {"<script><!--><script></script><b>", "script;b;"},
        {"<style>a{b:url(c)}<i></style><b>", "style;{a{b:url(c)}<i>}b;"},
        {"<title><a></title><b>", "title;b;"},
        {"<textarea><a></textarea><b>", "textarea;b;"},
        {"<noscript><img src=x></noscript><b>", "noscript;b;"},
        {"<iframe src=a><i></iframe><b>", "iframe src=a;b;"},
        {"<plaintext><a>", "plaintext;"},
        {"<script/><a></script><b>", "script;b;"},
        {"<script>", "script;"},
        {"<script></script", "script;"},
        /* what is not shown */
        {"<template><img src=x></template><b>", "template;b;"},
        {"<template><template></template><a></template><b>", "template;b;"},
        {"</template><a>", "a;"},
        {"<template><style>x</style></template><b>", "template;b;"},
        /* pictures */
        {"<svg><title><a></title></svg><b>", "svg;title;a;b;"},
        {"<svg><![CDATA[<a>]]><c></svg><b>", "svg;c;b;"},
        {"<svg/><title><a></title><b>", "svg;title;b;"},
        {"<svg><p><title><a></title>", "svg;p;title;"},
        {"<math><style><a></style></math><style><b></style>", "math;style;a;style;{<b>}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 4096);
        const struct htmlscan_ops ops = {&out, on_tag, on_style};
        htmlscan_run(slice_cstr(rows[i].page), &ops);
        struct slice got = buf_slice(&out);
        if (!slice_eq(got, slice_cstr(rows[i].tags)))
            fail_msg("\"%s\": \"" SLICE_F "\", expected \"%s\"", rows[i].page, SLICE_A(got),
                     rows[i].tags);
        buf_done(&out);
    }
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *value, *address, *text;
    } rows[] = {
        {"", "", ""},
        {"http://a/b", "http://a/b", "http://a/b"},
        {"a?b=1&amp;c=2", "a?b=1&c=2", "a?b=1&c=2"},
        {"a?b=1&c=2", "a?b=1&c=2", "a?b=1&c=2"},
        {"http&#58;//a", "http://a", "http://a"},
        {"http&#x3a;&#X2F;&sol;a", "http://a", "http://a"},
        {"http&colon;&#47/a", "http://a", "http://a"},
        {"h\nt\ttp:\r//a", "http://a", "h\nt\ttp:\r//a"},
        {"  http://a \n", "http://a", "  http://a \n"},
        {"&#32;a&Tab;b&NewLine;", "ab", " a\tb\n"},
        {"&apos;self&#39;", "'self'", "'self'"},
        {"&", "&", "&"},
        {"&;", "&;", "&;"},
        {"&#;&#x;", "&#;&#x;", "&#;&#x;"},
        {"&#xg;", "&#xg;", "&#xg;"},
        {"&#228;&#99999999999;", "&#228;&#99999999999;", "&#228;&#99999999999;"},
        {"&unknown;", "&unknown;", "&unknown;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char dst[64];
        struct slice value = slice_cstr(rows[i].value);
        struct slice got = slice_of(dst, htmlscan_address(value, dst, sizeof(dst)));
        if (!slice_eq(got, slice_cstr(rows[i].address)))
            fail_msg("address of \"%s\": \"" SLICE_F "\"", rows[i].value, SLICE_A(got));
        got = slice_of(dst, htmlscan_text(value, dst, sizeof(dst)));
        if (!slice_eq(got, slice_cstr(rows[i].text)))
            fail_msg("text of \"%s\": \"" SLICE_F "\"", rows[i].value, SLICE_A(got));
        assert_true(htmlscan_text(value, dst, 3) <= 3);
    }
}

static void first_attribute(void **state)
{
    (void)state;
    struct htmlscan_tag tag = {.n = 2};
    tag.attributes[0] = (struct htmlscan_attribute){SLICE("SRC"), SLICE("a")};
    tag.attributes[1] = (struct htmlscan_attribute){SLICE("src"), SLICE("b")};
    assert_ptr_equal(htmlscan_attribute(&tag, SLICE("src")), &tag.attributes[0]);
    assert_null(htmlscan_attribute(&tag, SLICE("href")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(addresses),
                                       cmocka_unit_test(first_attribute)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
