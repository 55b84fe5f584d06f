/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The list of the settings, or the first lines of resolv.conf. */
#include "client/nameservers.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "os/file.h"

#define RESOLV_CONF       "/etc/resolv.conf"
#define RESOLV_CONF_BYTES 65536

static int add_server(struct nameservers *s, struct slice text)
{
    struct ip ip;
    struct sock_addr a;
    if (s->n == NAMESERVERS_MAX)
        return ERR_CAP;
    if (cidr_parse_ip(text, &ip) == OK)
        sock_addr_make(&ip, 53, &a);
    else if (sock_addr_parse(text, &a) || sock_addr_is_unix(&a))
        return ERR_SYNTAX;
    s->addrs[s->n++] = a;
    return OK;
}

static int add_listed(struct nameservers *s, struct slice list, struct fault *f)
{
    struct slice one;
    while (slice_next(&list, ',', &one)) {
        char word[100];
        text_escape_quotes(one, word, sizeof(word));
        int r = add_server(s, one);
        if (r == ERR_CAP)
            return fault_set(f, ERR_CONFIG, "more than %d DNS servers", NAMESERVERS_MAX);
        if (r)
            return fault_set(f, ERR_CONFIG, "\"%s\" is no DNS server's ADDRESS:PORT", word);
    }
    return OK;
}

/* resolv.conf(5): its first servers count; without any the local host is asked. Lines that cannot
 * be used (zones of link-local addresses) are passed over. */
static void add_system(struct nameservers *s)
{
    struct buf text;
    buf_init(&text, RESOLV_CONF_BYTES);
    struct fault ignored;
    struct slice rest = SLICE_EMPTY, line;
    if (file_read(RESOLV_CONF, RESOLV_CONF_BYTES, &text, &ignored) == OK)
        rest = buf_slice(&text);
    while (slice_next(&rest, '\n', &line)) {
        if (!slice_starts(line, SLICE("nameserver")) || line.n < 11 ||
            (line.p[10] != ' ' && line.p[10] != '\t'))
            continue;
        struct ip ip;
        if (cidr_parse_ip(slice_trim(slice_from(line, 10)), &ip) == OK && s->n < NAMESERVERS_MAX)
            sock_addr_make(&ip, 53, &s->addrs[s->n++]);
    }
    buf_done(&text);
    if (!s->n)
        (void)add_server(s, SLICE("127.0.0.1"));
}

int nameservers_read(struct slice list, struct nameservers *ret, struct fault *f)
{
    *ret = (struct nameservers){.n = 0};
    if (list.n)
        return add_listed(ret, list, f);
    add_system(ret);
    return OK;
}
