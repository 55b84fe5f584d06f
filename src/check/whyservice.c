/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rows of first bytes. More special ones come first. */
#include "check/whyservice.h"

#include <stdio.h>

#include "base/attr.h"

static const struct {
    struct slice begins;
    const char *name;
} rows[] = {
    {SLICE("SSH-"), "an SSH server"},
    {SLICE("HTTP/"), "a web server without TLS"},
    {SLICE("<!DOCTYPE"), "a plain web page"},
    {SLICE("<!doctype"), "a plain web page"},
    {SLICE("<html"), "a plain web page"},
    {SLICE("<HTML"), "a plain web page"},
    {SLICE("<?xml"), "an XML service (XMPP?)"},
    {SLICE("<stream:stream"), "an XMPP server"},
    {SLICE("+OK"), "a POP3 server"},
    {SLICE("* OK"), "an IMAP server"},
    {SLICE("* BYE"), "an IMAP server"},
    {SLICE("AMQP"), "a message broker (AMQP)"},
    {SLICE("-ERR"), "a Redis server"},
    {SLICE("-DENIED"), "a Redis server"},
    {SLICE("RFB "), "a VNC server"},
    {SLICE("@RSYNCD:"), "an rsync server"},
    {SLICE("\x03\x00\x00"), "a remote desktop server (RDP)"},
    {SLICE("\x05"), "a SOCKS proxy"},
};

static bool digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "220 mail.example.com ESMTP", "220 ftp ready": the words decide. */
static const char *greeting(struct slice in)
{
    for (size_t i = 0; i + 4 <= in.n; i++) {
        struct slice at = slice_first(slice_from(in, i), 4);
        if (slice_eq_nocase(at, SLICE("smtp")))
            return "a mail server (SMTP)";
        if (slice_eq_nocase(slice_first(at, 3), SLICE("ftp")))
            return "an FTP server";
    }
    return "a mail or FTP server";
}

/* Packet of length n (3 bytes, little-endian), number 0, protocol 10: MySQL's greeting. */
static bool mysql(struct slice in)
{
    return in.n > 5 && in.p[2] == 0 && in.p[3] == 0 && (in.p[4] == 10 || in.p[4] == 0xff);
}

const char *whyservice_name(struct slice in)
{
    if (in.n >= 4 && in.p[0] == '2' && in.p[1] == '2' && in.p[2] == '0' &&
        (in.p[3] == ' ' || in.p[3] == '-'))
        return greeting(in);
    if (mysql(in))
        return "a MySQL server";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (slice_starts(in, rows[i].begins))
            return rows[i].name;
    if (in.n >= 4 && digit(in.p[0]) && digit(in.p[1]) && digit(in.p[2]) && in.p[3] == ' ')
        return "a service with a text greeting";
    return "something unknown";
}

static bool printable(uint8_t c)
{
    return c >= 0x20 && c < 0x7f;
}

/* A text protocol's; bytes of a binary one stay whole. */
static struct slice first_line(struct slice in)
{
    size_t n = slice_find(in, '\n');
    for (size_t i = 0; i < n; i++)
        if (!printable(in.p[i]) && in.p[i] != '\r' && in.p[i] != '\t')
            return in;
    return slice_first(in, n);
}

void whyservice_show(struct slice in, char *dst, size_t cap)
{
    size_t n = 0, odd = 0;
    in = first_line(in);
    for (size_t i = 0; i < in.n; i++)
        odd += !printable(in.p[i]) && in.p[i] != '\r' && in.p[i] != '\t';
    dst[0] = 0;
    for (size_t i = 0; i < in.n && n + 4 < cap; i++) {
        int w = odd * 2 > in.n
                    ? snprintf(dst + n, cap - n, "%s%02x", i ? " " : "", in.p[i])
                    : snprintf(dst + n, cap - n, "%c", printable(in.p[i]) ? in.p[i] : '.');
        n += (size_t)w;
    }
    if (n && dst[n - 1] == '.' && odd * 2 <= in.n && in.p[in.n - 1] == '\r')
        dst[n - 1] = 0;
}
