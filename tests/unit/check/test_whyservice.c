/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Greetings of real services, and how bytes are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "check/whyservice.h"

static const struct {
    struct slice bytes;
    const char *name, *shown;
} rows[] = {
    {SLICE("SSH-2.0-OpenSSH_9.2p1\r\n"), "an SSH server", "SSH-2.0-OpenSSH_9.2p1"},
    {SLICE("220 mx.example.com ESMTP Postfix\r\n"), "a mail server (SMTP)",
     "220 mx.example.com ESMTP Postfix"},
    {SLICE("220 (vsFTPd 3.0.3)\r\n"), "an FTP server", "220 (vsFTPd 3.0.3)"},
    {SLICE("220 ready"), "a mail or FTP server", "220 ready"},
    {SLICE("220"), "something unknown", "220"},
    {SLICE("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n"), "a web server without TLS",
     "HTTP/1.1 400 Bad Request"},
    {SLICE("<html>blocked</html>"), "a plain web page", "<html>blocked</html>"},
    {SLICE("\x4a\0\0\0\x0a"
           "8.0.36"),
     "a MySQL server", "J....8.0.36"},
    {SLICE("\x03\0\0\x13\x0e\xd0"), "a remote desktop server (RDP)", "03 00 00 13 0e d0"},
    {SLICE("* OK IMAP4rev1"), "an IMAP server", "* OK IMAP4rev1"},
    {SLICE("+OK POP3"), "a POP3 server", "+OK POP3"},
    {SLICE("500 what?"), "a service with a text greeting", "500 what?"},
    {SLICE("\xff\xfe"), "something unknown", "ff fe"},
    {SLICE(""), "something unknown", ""},
};

static void test_rows(void **state)
{
    char shown[96];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(whyservice_name(rows[i].bytes), rows[i].name);
        whyservice_show(rows[i].bytes, shown, sizeof(shown));
        assert_string_equal(shown, rows[i].shown);
    }
}

static void test_cut(void **state)
{
    char shown[8];
    (void)state;
    whyservice_show(SLICE("abcdefghijkl"), shown, sizeof(shown));
    assert_string_equal(shown, "abcd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
