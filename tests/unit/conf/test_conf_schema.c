/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The JSON Schema: parses, has every directive, and every reference in it leads somewhere. */
#include <jansson.h>

#include "conf/directive.h"
#include "loading.h"

static json_t *schema(void)
{
    struct buf b;
    json_error_t e;
    buf_init(&b, 1 << 20);
    assert_int_equal(conf_schema(&b), OK);
    struct slice s = buf_slice(&b);
    json_t *root = json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        fail_msg("line %d: %s\n%.*s", e.line, e.text, SLICE_A(s));
    buf_done(&b);
    return root;
}

static const json_t *scope_of(const json_t *root, enum directive_scope scope)
{
    return scope == SCOPE_SERVER
               ? root
               : json_object_get(json_object_get(root, "$defs"), directive_scope_info(scope)->id);
}

static void check_row(const json_t *root, enum directive_scope scope, const struct directive *d)
{
    const json_t *map = json_object_get(scope_of(root, scope), "properties");
    const json_t *row = json_object_get(map, d->name);
    if (!row)
        fail_msg("%s.%s is missing", directive_scope_info(scope)->id, d->name);
    assert_string_equal(json_string_value(json_object_get(row, "description")), d->help);
    bool form = json_object_get(row, "type") || json_object_get(row, "enum") ||
                json_object_get(row, "anyOf") || json_object_get(row, "$ref");
    if (!form)
        fail_msg("%s.%s has no form", directive_scope_info(scope)->id, d->name);
    if (d->type == TYPE_COUNT)
        assert_true(json_is_integer(json_object_get(row, "maximum")));
}

static void has_every_directive(void **state)
{
    json_t *root = schema();
    (void)state;
    assert_string_equal(json_string_value(json_object_get(root, "$schema")),
                        "https://json-schema.org/draft/2020-12/schema");
    for (enum directive_scope scope = 0; scope < SCOPE_COUNT; scope++) {
        if (scope == SCOPE_RULE || scope == SCOPE_FILES)
            continue;
        assert_true(json_is_false(json_object_get(scope_of(root, scope), "additionalProperties")));
        for (enum directive_scope from = scope; from != SCOPE_NONE;
             from = directive_scope_info(from)->also)
            for (size_t i = 0; i < directive_scope_info(from)->count; i++)
                check_row(root, scope, &directive_scope_info(from)->rows[i]);
    }
    json_decref(root);
}

static unsigned check_refs(const json_t *root, json_t *at)
{
    unsigned found = 0;
    const char *key;
    json_t *value;
    size_t i;
    json_object_foreach(at, key, value)
    {
        found += check_refs(root, value);
        if (strcmp(key, "$ref") != 0)
            continue;
        const char *id = json_string_value(value) + strlen("#/$defs/");
        if (!json_object_get(json_object_get(root, "$defs"), id))
            fail_msg("%s leads nowhere", json_string_value(value));
        found++;
    }
    json_array_foreach(at, i, value) found += check_refs(root, value);
    return found;
}

static void references_lead_somewhere(void **state)
{
    json_t *root = schema();
    (void)state;
    assert_in_range(check_refs(root, root), 15, 100);
    json_decref(root);
}

static void has_typed_defaults(void **state)
{
    json_t *root = schema();
    const json_t *all = json_object_get(root, "properties");
    (void)state;
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(all, "https_port"), "default")), 443);
    assert_true(json_is_false(json_object_get(json_object_get(all, "only_443"), "default")));
    assert_int_equal(json_array_size(json_object_get(json_object_get(all, "listen"), "default")),
                     2);
    assert_null(json_object_get(json_object_get(all, "state"), "default"));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_every_directive),
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(has_typed_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
