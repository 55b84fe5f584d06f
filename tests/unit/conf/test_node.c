/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What YAML may look like at all: places, bounds, and the tricks that are refused. */
#include "conf/node.h"

#include "loading.h"

struct row {
    const char *text;
    size_t n; /* 0: strlen(text) */
    int line, column;
    const char *what;
};

static const struct row rows[] = {
    {"sites:\n\ta: 1\n", 0, 2, 1,
     "not valid YAML: found character that cannot start any token, while scanning for the next "
     "token"},
    {"a: /srv/\xff\n", 0, 1, 9, "not valid YAML: invalid leading UTF-8 octet"},
    {"a: \"\xc0\x80\"\n", 0, 1, 5, "not valid YAML: invalid length of a UTF-8 sequence"},
    {"a: b\0c\n", 7, 1, 5, "not valid YAML: control characters are not allowed"},
    {"a: \x1b[31m\n", 0, 1, 4, "not valid YAML: control characters are not allowed"},
    {"\xff\xfe"
     "a\0:\0",
     6, 1, 1, "not valid YAML: invalid leading UTF-8 octet"},
    {"a: &x [*x]\n", 0, 1, 4, "YAML anchors (&name) are not allowed"},
    {"a: *x\n", 0, 1, 4, "YAML aliases (*name) are not allowed"},
    {"a: !!binary aGk=\n", 0, 1, 4, "YAML tags (!name) are not allowed"},
    {"? [a]\n: b\n", 0, 1, 3, "a key must be one word, not a list or a map"},
    {"a: [[[[[[[[[[[[1]]]]]]]]]]]]\n", 0, 1, 15, "nested too deeply"},
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct conf *conf;
        struct conf_source src = {
            .file = "t.yaml",
            .text = slice_of(rows[i].text, rows[i].n ? rows[i].n : strlen(rows[i].text))};
        int r = conf_load(&src, &conf, &loading_faults);
        const struct fault *f = &loading_faults.list[0];
        if (r != ERR_CONFIG || strcmp(f->what, rows[i].what) || f->line != rows[i].line ||
            f->column != rows[i].column)
            fail_msg("row %zu: want %d:%d %s\nhave %s %s", i, rows[i].line, rows[i].column,
                     rows[i].what, err_name(r), loading_story());
    }
}

static int parse(struct arena *a, struct node_origin *origin, const char *text, size_t n,
                 struct node **ret)
{
    struct fault f;
    *origin = (struct node_origin){SLICE("t.yaml"), slice_of(text, n), true};
    return node_parse(a, origin, ret, &f);
}

static void bounds_the_count_of_nodes(void **state)
{
    struct arena a;
    struct node_origin origin;
    struct node *n;
    size_t size = 2 * (size_t)NODE_COUNT_MAX + 64;
    char *text = malloc(size);
    (void)state;
    text[0] = '[';
    for (size_t i = 1; i < size; i++)
        text[i] = i % 2 ? '1' : ',';
    arena_init(&a, (size_t)1 << 30);
    assert_int_equal(parse(&a, &origin, text, size, &n), ERR_CONFIG);
    arena_done(&a);
    free(text);
}

static void bounds_the_size(void **state)
{
    struct arena a;
    struct node_origin origin;
    struct node *n;
    char *text = malloc((size_t)NODE_TEXT_MAX + 1);
    (void)state;
    memset(text, ' ', (size_t)NODE_TEXT_MAX + 1);
    arena_init(&a, 1 << 20);
    assert_int_equal(parse(&a, &origin, text, (size_t)NODE_TEXT_MAX + 1, &n), ERR_CONFIG);
    arena_done(&a);
    free(text);
}

static void gives_places(void **state)
{
    static const char text[] = "a:\n  - \"\xc3\xa9\"\n  - {b: c}\n";
    struct arena a;
    struct node_origin origin;
    struct node *n = NULL;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(parse(&a, &origin, text, sizeof(text) - 1, &n), OK);
    const struct node *key = node_key(n, "a"), *item = key->value->first, *c = NULL;
    assert_int_equal(key->value->count, 2);
    assert_true(item->quoted);
    assert_int_equal(item->text.n, 2);
    c = node_key(item->next, "b")->value;
    assert_int_equal(c->line, 3);
    assert_int_equal(c->column, 9);
    assert_false(c->quoted);
    assert_null(node_key(n, "b"));
    arena_done(&a);
}

static void empty_is_no_tree(void **state)
{
    static const char *const texts[] = {"", "# only words\n", "---\n", "\n\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena a;
        struct node_origin origin;
        struct node *n = (void *)&a;
        arena_init(&a, 1 << 20);
        assert_int_equal(parse(&a, &origin, texts[i], strlen(texts[i]), &n), OK);
        assert_null(n);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),          cmocka_unit_test(bounds_the_count_of_nodes),
        cmocka_unit_test(bounds_the_size),  cmocka_unit_test(gives_places),
        cmocka_unit_test(empty_is_no_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
