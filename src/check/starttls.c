/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Line protocols are rows of steps (what must come, what is said then); the binary ones are
 * functions. */
#include "check/starttls.h"

#include <string.h>

#include "base/err.h"

/* One step: wait for a line that begins with `wait` (NULL: nothing), then say `say` (NULL: TLS
 * begins). "%" in `say` is the name. Lines "250-..." and untagged IMAP answers are skipped. */
struct step {
    const char *wait, *say;
};

struct script {
    const char *word;
    struct step steps[4];
};

static const struct script scripts[] = {
    {"smtp", {{"220 ", "EHLO %\r\n"}, {"250 ", "STARTTLS\r\n"}, {"220 ", NULL}}},
    {"lmtp", {{"220 ", "LHLO %\r\n"}, {"250 ", "STARTTLS\r\n"}, {"220 ", NULL}}},
    {"imap", {{"* OK", "a1 STARTTLS\r\n"}, {"a1 OK", NULL}}},
    {"pop3", {{"+OK", "STLS\r\n"}, {"+OK", NULL}}},
    {"ftp", {{"220 ", "AUTH TLS\r\n"}, {"234 ", NULL}}},
    {"nntp", {{"20", "STARTTLS\r\n"}, {"382 ", NULL}}},
    {"sieve", {{"OK", "STARTTLS\r\n"}, {"OK", NULL}}},
    {"connect", {{NULL, "CONNECT % HTTP/1.1\r\nHost: %\r\n\r\n"}, {"HTTP/1.", NULL}}},
};

const char *const starttls_words[] = {"smtp",  "lmtp", "imap",     "pop3",  "ftp",  "nntp",
                                      "sieve", "xmpp", "postgres", "mysql", "ldap", NULL};

static int say(struct buf *out, const char *text, struct slice name)
{
    struct slice rest = slice_cstr(text);
    int r = OK;
    while (!r && rest.n) {
        size_t n = slice_find(rest, '%');
        r = buf_add(out, slice_first(rest, n));
        if (!r && n < rest.n)
            r = buf_add(out, name);
        rest = slice_from(rest, n < rest.n ? n + 1 : n);
    }
    return r;
}

static struct slice without_cr(struct slice line)
{
    return line.n && line.p[line.n - 1] == '\r' ? slice_first(line, line.n - 1) : line;
}

/* A line that another one of the same answer follows: "250-SIZE", capabilities of Sieve ("\"..."),
 * an untagged answer of IMAP before the tagged one. */
static bool goes_on(const struct script *s, const struct step *step, struct slice line)
{
    if (line.n > 3 && line.p[3] == '-' && line.p[0] >= '1' && line.p[0] <= '5')
        return true;
    if (strcmp(s->word, "sieve") == 0)
        return line.n == 0 || line.p[0] == '"';
    return strcmp(s->word, "imap") == 0 && step->wait[0] == 'a' && slice_starts(line, SLICE("* "));
}

/* "HTTP/1.1 200 ..." up to the empty line. */
static int connect_answer(struct slice in, size_t *ret_used)
{
    for (size_t i = 0; i + 4 <= in.n; i++)
        if (memcmp(in.p + i, "\r\n\r\n", 4) == 0) {
            *ret_used = i + 4;
            return in.n > 9 && in.p[9] == '2' ? OK : ERR_SYNTAX;
        }
    return in.n > STARTTLS_ANSWER_MAX ? ERR_CAP : ERR_AGAIN;
}

static int line_go(const struct script *script, struct starttls *s, struct slice in,
                   size_t *ret_used, struct buf *out)
{
    for (;;) {
        const struct step *step = &script->steps[s->step];
        struct slice rest = slice_from(in, *ret_used);
        size_t end = slice_find(rest, '\n');
        struct slice line = without_cr(slice_first(rest, end));
        if (step->wait && strcmp(script->word, "connect") == 0)
            return connect_answer(rest, ret_used);
        if (step->wait && end == rest.n)
            return rest.n > STARTTLS_ANSWER_MAX ? ERR_CAP : ERR_AGAIN;
        if (step->wait)
            *ret_used += end + 1;
        if (step->wait && goes_on(script, step, line))
            continue;
        if (step->wait && !slice_starts(line, slice_cstr(step->wait)))
            return ERR_SYNTAX;
        if (!step->say)
            return OK;
        s->step++;
        int r = say(out, step->say, s->name);
        if (r)
            return r;
    }
}

/* RFC 6120 5.4: open a stream, find <starttls, ask, find <proceed. */
static int xmpp_go(struct starttls *s, struct slice in, size_t *ret_used, struct buf *out)
{
    static const char *const waits[] = {NULL, "<starttls", "<proceed"};
    static const char *const says[] = {
        "<?xml version='1.0'?><stream:stream to='%' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", NULL};
    for (;;) {
        if (waits[s->step]) {
            struct slice rest = slice_from(in, *ret_used);
            const uint8_t *at =
                rest.n ? memmem(rest.p, rest.n, waits[s->step], strlen(waits[s->step])) : NULL;
            if (!at)
                return rest.n > STARTTLS_ANSWER_MAX ? ERR_CAP : ERR_AGAIN;
            size_t close = slice_find(slice_from(rest, (size_t)(at - rest.p)), '>');
            if (close == rest.n - (size_t)(at - rest.p))
                return ERR_AGAIN;
            *ret_used += s->step == 1 ? rest.n : (size_t)(at - rest.p) + close + 1;
        }
        if (!says[s->step])
            return OK;
        int r = say(out, says[s->step++], s->name);
        if (r)
            return r;
    }
}

/* SSLRequest (PostgreSQL protocol 3, 55.2.11): 'S' means yes. */
static int postgres_go(struct starttls *s, struct slice in, size_t *ret_used, struct buf *out)
{
    static const uint8_t ask[] = {0, 0, 0, 8, 4, 210, 22, 47};
    if (s->step++ == 0)
        return buf_add(out, slice_of(ask, sizeof(ask))) ? ERR_NOMEM : ERR_AGAIN;
    if (in.n == 0)
        return ERR_AGAIN;
    *ret_used = 1;
    return in.p[0] == 'S' ? OK : ERR_SYNTAX;
}

/* The server greets first; CLIENT_SSL (0x800) must be among its capabilities. */
static int mysql_go(struct starttls *s, struct slice in, size_t *ret_used, struct buf *out)
{
    static const uint8_t ask[36] = {32, 0, 0, 1, 0x05, 0xae, 0x03, 0x00, 0, 0, 0, 1, 33};
    (void)s;
    if (in.n < 5)
        return ERR_AGAIN;
    size_t n = (size_t)in.p[0] | (size_t)in.p[1] << 8 | (size_t)in.p[2] << 16;
    if (n > STARTTLS_ANSWER_MAX || in.p[4] != 10)
        return ERR_SYNTAX;
    if (in.n < n + 4)
        return ERR_AGAIN;
    struct slice greeting = slice_first(slice_from(in, 4), n);
    size_t version_end = slice_find(slice_from(greeting, 1), 0) + 1;
    size_t flags = version_end + 1 + 4 + 8 + 1;
    if (flags + 2 > greeting.n || !(greeting.p[flags + 1] & 0x08))
        return ERR_SYNTAX;
    *ret_used = n + 4;
    return buf_add(out, slice_of(ask, sizeof(ask)));
}

/* ExtendedRequest 1.3.6.1.4.1.1466.20037 (RFC 4511 4.14); the answer's resultCode must be 0. */
static int ldap_go(struct starttls *s, struct slice in, size_t *ret_used, struct buf *out)
{
    static const uint8_t ask[] = {0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16, '1', '.',
                                  '3',  '.',  '6',  '.',  '1',  '.',  '4',  '.',  '1',  '.', '1',
                                  '4',  '6',  '6',  '.',  '2',  '0',  '0',  '3',  '7'};
    if (s->step++ == 0)
        return buf_add(out, slice_of(ask, sizeof(ask))) ? ERR_NOMEM : ERR_AGAIN;
    if (in.n < 10)
        return ERR_AGAIN;
    if (in.p[0] != 0x30)
        return ERR_SYNTAX;
    size_t head = in.p[1] & 0x80 ? 2u + (in.p[1] & 0x7f) : 2, n = in.p[1] & 0x7f;
    if (in.p[1] & 0x80)
        n = head == 3 ? in.p[2] : head == 4 ? (size_t)in.p[2] << 8 | in.p[3] : SIZE_MAX / 2;
    if (n > STARTTLS_ANSWER_MAX)
        return ERR_SYNTAX;
    if (in.n < head + n)
        return ERR_AGAIN;
    *ret_used = head + n;
    static const uint8_t success[] = {0x0a, 0x01, 0x00};
    return memmem(in.p, *ret_used, success, sizeof(success)) ? OK : ERR_SYNTAX;
}

int starttls_go(struct starttls *s, struct slice in, size_t *ret_used, struct buf *out)
{
    *ret_used = 0;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
        if (strcmp(scripts[i].word, s->protocol) == 0)
            return line_go(&scripts[i], s, in, ret_used, out);
    if (strcmp(s->protocol, "xmpp") == 0)
        return xmpp_go(s, in, ret_used, out);
    if (strcmp(s->protocol, "postgres") == 0)
        return postgres_go(s, in, ret_used, out);
    if (strcmp(s->protocol, "mysql") == 0)
        return mysql_go(s, in, ret_used, out);
    if (strcmp(s->protocol, "ldap") == 0)
        return ldap_go(s, in, ret_used, out);
    return ERR_NOT_FOUND;
}
