/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The words before TLS: upgrades of other protocols (RFC 3207 SMTP, RFC 9051 IMAP, RFC 2595 POP3,
 * RFC 4217 FTP, RFC 6120 XMPP, RFC 4511 LDAP, PostgreSQL, MySQL, RFC 5804 Sieve, RFC 4642 NNTP) and
 * HTTP CONNECT. Pure: what the server said in, what to say out. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/slice.h"

#define STARTTLS_ANSWER_MAX 16384 /* a server that talks longer is refused */

struct starttls {
    const char *protocol; /* a word of starttls_words */
    struct slice name;    /* EHLO and XMPP domain; CONNECT: "example.com:443" */
    unsigned step;        /* private; 0 at first */
};

/* "smtp", ... ; NULL-ended. "connect" is not among them. */
extern const char *const starttls_words[];
/* Looks at the bytes received and not used yet, appends what is to be said now (first call: nothing
 * was received). OK: TLS may begin (*ret_used bytes belong to the upgrade); ERR_AGAIN: send `out`,
 * read more; ERR_SYNTAX: the server speaks another protocol or refuses; ERR_NOT_FOUND: no such
 * word; ERR_CAP. */
int starttls_go(struct starttls *s, struct slice in, size_t *ret_used, struct buf *out) MUST_USE;
