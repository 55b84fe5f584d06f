/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Media types: every row is found, unknown ones have a default. */
#include "wire/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"

static void finds_every_row(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
#define MIME(ext, type, compressible) {ext, type},
#include "wire/mime.def"
#undef MIME
    };
    assert_in_range(ARRAY_LEN(rows), 110, 400);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char path[64] = "/a.b/c.";
        memcpy(path + 7, rows[i][0], strlen(rows[i][0]));
        const struct mime *m = mime_of(slice_cstr(path));
        if (!slice_eq(m->type, slice_cstr(rows[i][1])))
            fail_msg("%s: %.*s, expected %s", path, SLICE_A(m->type), rows[i][1]);
    }
}

static void defaults(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "", "/", "a", "/a.html/b", "a.", "html", "/x.unknown", "/x.html ", "a.htmlhtmlhtmlhtml",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct mime *m = mime_of(slice_cstr(paths[i]));
        if (!slice_eq(m->type, SLICE("application/octet-stream")))
            fail_msg("%s: %.*s", paths[i], SLICE_A(m->type));
    }
    assert_true(slice_eq(mime_of(SLICE("INDEX.HTML"))->type, SLICE("text/html; charset=utf-8")));
    assert_true(slice_eq(mime_of(SLICE(".css"))->type, SLICE("text/css; charset=utf-8")));
    assert_true(mime_of(SLICE("a.js"))->compressible);
    assert_false(mime_of(SLICE("a.png"))->compressible);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_every_row),
                                       cmocka_unit_test(defaults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
