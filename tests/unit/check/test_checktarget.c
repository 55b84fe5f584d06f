/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Targets as people write them: what is understood, and what is refused with a word about why. */
#include "check/checktarget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *starttls, *host; /* host NULL: refused */
        uint16_t port;
        const char *path;
        bool is_ip;
    } rows[] = {
        {"example.com", NULL, "example.com", 443, "/", false},
        {"EXAMPLE.com.", NULL, "example.com", 443, "/", false},
        {"example.com:8443", NULL, "example.com", 8443, "/", false},
        {"example.com/a?b=c#d", NULL, "example.com", 443, "/a?b=c", false},
        {"https://example.com", NULL, "example.com", 443, "/", false},
        {"HTTPS://example.com:444/x/y", NULL, "example.com", 444, "/x/y", false},
        {"192.0.2.1", NULL, "192.0.2.1", 443, "/", true},
        {"192.0.2.1:8443", NULL, "192.0.2.1", 8443, "/", true},
        {"2001:db8::1", NULL, "2001:db8::1", 443, "/", true},
        {"[2001:DB8::1]", NULL, "2001:db8::1", 443, "/", true},
        {"[2001:db8::1]:8443", NULL, "2001:db8::1", 8443, "/", true},
        {"https://[2001:db8::1]/x", NULL, "2001:db8::1", 443, "/x", true},
        {"mail.example.com", "smtp", "mail.example.com", 25, "/", false},
        {"mail.example.com:587", "smtp", "mail.example.com", 587, "/", false},
        {"db.example.com", "postgres", "db.example.com", 5432, "/", false},
        {"http://example.com", NULL, NULL, 0, NULL, false},
        {"https://user@example.com/", NULL, NULL, 0, NULL, false},
        {"https://", NULL, NULL, 0, NULL, false},
        {"", NULL, NULL, 0, NULL, false},
        {"/etc/passwd", NULL, NULL, 0, NULL, false},
        {"example.com:0", NULL, NULL, 0, NULL, false},
        {"example.com:65536", NULL, NULL, 0, NULL, false},
        {"example.com:https", NULL, NULL, 0, NULL, false},
        {"exa mple.com", NULL, NULL, 0, NULL, false},
        {"example.com/a b", NULL, NULL, 0, NULL, false},
        {"example.com/\r\nX: y", NULL, NULL, 0, NULL, false},
        {"ftp://example.com", NULL, NULL, 0, NULL, false},
        {"[2001:db8::1", NULL, NULL, 0, NULL, false},
        {"-", NULL, "-", 443, "/", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct facts_target t = {0};
        struct fault f = {0};
        arena_init(&a, 1u << 20);
        int r = checktarget_parse(&a, slice_cstr(rows[i].text), rows[i].starttls, &t, &f);
        if (!rows[i].host) {
            if (r != ERR_SYNTAX || !f.what[0] || !f.next[0])
                fail_msg("<%s>: %s, <%s>", rows[i].text, err_text(r), f.what);
        } else if (r || !slice_eq(t.host, slice_cstr(rows[i].host)) || t.port != rows[i].port ||
                   !slice_eq(t.path, slice_cstr(rows[i].path)) || t.is_ip != rows[i].is_ip) {
            fail_msg("<%s>: %s host <" SLICE_F "> port %u path <" SLICE_F "> ip %d", rows[i].text,
                     err_text(r), SLICE_A(t.host), t.port, SLICE_A(t.path), t.is_ip);
        }
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
