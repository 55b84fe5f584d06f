/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* libldns makes the answers; forged ones are made by hand. */
#include "nameserver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static void push_line(ldns_rr_list *list, const char *line)
{
    ldns_rr *rr = NULL;
    if (ldns_rr_new_frm_str(&rr, line, 60, NULL, NULL) != LDNS_STATUS_OK)
        fail_msg("bad zone line: %s", line);
    ldns_rr_list_push_rr(list, rr);
}

static ldns_rr_list *zone(const struct nameserver *ns)
{
    ldns_rr_list *all = ldns_rr_list_new();
    for (size_t i = 0; i < ns->nlines; i++)
        push_line(all, ns->lines[i]);
    for (size_t i = 0; ns->sees_after == 0 && i < ns->nadded; i++)
        push_line(all, ns->added[i]);
    return all;
}

static bool has_name(const ldns_rr_list *all, const ldns_rdf *name)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++) {
        const ldns_rdf *owner = ldns_rr_owner(ldns_rr_list_rr(all, i));
        if (ldns_dname_compare(owner, name) == 0 || ldns_dname_is_subdomain(owner, name))
            return true;
    }
    return false;
}

static void answer_records(const ldns_rr_list *all, const ldns_rdf *name, ldns_rr_type type,
                           ldns_pkt *p)
{
    for (int hops = 0; hops < 12; hops++) {
        const ldns_rdf *next = NULL;
        for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++) {
            const ldns_rr *rr = ldns_rr_list_rr(all, i);
            bool cname = ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME;
            if (ldns_dname_compare(ldns_rr_owner(rr), name) != 0 ||
                (ldns_rr_get_type(rr) != type && !cname))
                continue;
            ldns_pkt_push_rr(p, LDNS_SECTION_ANSWER, ldns_rr_clone(rr));
            next = cname && type != LDNS_RR_TYPE_CNAME ? ldns_rr_rdf(rr, 0) : NULL;
        }
        if (!next)
            return;
        name = next;
    }
}

static void add_soa(const ldns_rr_list *all, const ldns_rdf *name, ldns_pkt *p)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(all, i);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA &&
            (ldns_dname_is_subdomain(name, ldns_rr_owner(rr)) ||
             ldns_dname_compare(name, ldns_rr_owner(rr)) == 0))
            ldns_pkt_push_rr(p, LDNS_SECTION_AUTHORITY, ldns_rr_clone(rr));
    }
}

static void apply(struct nameserver *ns, const ldns_pkt *q)
{
    const ldns_rr_list *updates = ldns_pkt_authority(q);
    for (size_t i = 0; i < ldns_rr_list_rr_count(updates); i++) {
        ldns_rr *rr = ldns_rr_clone(ldns_rr_list_rr(updates, i));
        bool remove = ldns_rr_get_class(rr) == LDNS_RR_CLASS_NONE;
        ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
        ldns_rr_set_ttl(rr, 60);
        char *text = ldns_rr2str(rr);
        size_t k = 0;
        while (k < ns->nadded && strcmp(ns->added[k], text) != 0)
            k++;
        if (remove && k < ns->nadded)
            memcpy(ns->added[k], ns->added[--ns->nadded], sizeof(ns->added[0]));
        else if (!remove && k == ns->nadded)
            snprintf(ns->added[ns->nadded++], sizeof(ns->added[0]), "%s", text);
        free(text);
        ldns_rr_free(rr);
    }
}

static size_t put(ldns_pkt *p, uint8_t *out, size_t cap)
{
    uint8_t *wire = NULL;
    size_t n = 0;
    assert_int_equal(ldns_pkt2wire(&wire, p, &n), LDNS_STATUS_OK);
    assert_true(n <= cap);
    memcpy(out, wire, n);
    free(wire);
    return n;
}

static unsigned rcode_of(const struct nameserver *ns, const ldns_pkt *q, const ldns_rdf *name)
{
    char *text = ldns_rdf2str(name);
    bool servfail = ns->servfail && strcasecmp(text, ns->servfail) == 0;
    free(text);
    if (ns->mode & NAMESERVER_NO_EDNS && ldns_pkt_edns(q))
        return LDNS_RCODE_FORMERR;
    return servfail ? LDNS_RCODE_SERVFAIL : ns->rcode;
}

static size_t reply(struct nameserver *ns, struct slice message, uint8_t *out, size_t cap)
{
    ldns_pkt *q = NULL;
    if (ldns_wire2pkt(&q, message.p, message.n) != LDNS_STATUS_OK)
        return 0;
    ldns_pkt *p = ldns_pkt_new();
    ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(q), 0);
    ldns_pkt_set_id(p, ldns_pkt_id(q));
    ldns_pkt_set_qr(p, true);
    ldns_pkt_set_opcode(p, ldns_pkt_get_opcode(q));
    ldns_pkt_set_ad(p, ns->authentic);
    size_t n;
    if (ldns_pkt_get_opcode(q) == LDNS_PACKET_UPDATE) {
        ns->updates++;
        if (!ns->update_rcode)
            apply(ns, q);
        ldns_pkt_set_rcode(p, (uint8_t)ns->update_rcode);
        n = ns->on_update ? ns->on_update(ns, message, out, cap) : put(p, out, cap);
    } else {
        if (ns->sees_after && ldns_rr_get_type(question) == LDNS_RR_TYPE_TXT)
            ns->sees_after--;
        ldns_rr_list *all = zone(ns);
        const ldns_rdf *name = ldns_rr_owner(question);
        ldns_pkt_push_rr(p, LDNS_SECTION_QUESTION, ldns_rr_clone(question));
        unsigned rcode = rcode_of(ns, q, name);
        if (!rcode) {
            answer_records(all, name, ldns_rr_get_type(question), p);
            if (!ldns_pkt_ancount(p) && !has_name(all, name))
                rcode = LDNS_RCODE_NXDOMAIN;
            if (!ldns_pkt_ancount(p) && !ns->no_soa)
                add_soa(all, name, p);
        }
        ldns_pkt_set_rcode(p, (uint8_t)rcode);
        n = put(p, out, cap);
        ldns_rr_list_deep_free(all);
    }
    ldns_pkt_free(p);
    ldns_pkt_free(q);
    return n;
}

static void forge(struct nameserver *ns, const struct sockaddr_storage *to, socklen_t to_bytes,
                  const uint8_t *right, size_t n)
{
    uint8_t forged[2048];
    if (n > sizeof(forged))
        return;
    memcpy(forged, right, n);
    if (ns->mode & NAMESERVER_WRONG_ID)
        forged[1] ^= 0x55;
    if (ns->mode & NAMESERVER_WRONG_NAME)
        forged[13] ^= 0x01; /* first letter of the question */
    (void)sendto(ns->udp.fd, forged, n, 0, (const struct sockaddr *)(const void *)to, to_bytes);
}

static void on_udp(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct nameserver *ns = container_of(io, struct nameserver, udp);
    static uint8_t in[4096], out[70000];
    struct sockaddr_storage from;
    socklen_t from_bytes = sizeof(from);
    ssize_t got = recvfrom(io->fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_bytes);
    if (got <= 0)
        return;
    ns->udp_asked++;
    if (ns->mode & NAMESERVER_DEAF)
        return;
    size_t n = reply(ns, slice_of(in, (size_t)got), out, sizeof(out));
    if (ns->mode & NAMESERVER_TRUNCATE || n > 1232) {
        out[2] |= 0x02;
        memset(out + 6, 0, 6);
        size_t end = 12;
        while (out[end])
            end += out[end] + 1u;
        n = end + 5;
    }
    if (ns->mode & NAMESERVER_GARBAGE)
        n -= 3;
    if (ns->mode & (NAMESERVER_WRONG_ID | NAMESERVER_WRONG_NAME))
        forge(ns, &from, from_bytes, out, n);
    if (!(ns->mode & NAMESERVER_WRONG_ONLY))
        (void)sendto(io->fd, out, n, 0, (const struct sockaddr *)&from, from_bytes);
}

static void conn_end(struct nameserver_conn *c)
{
    for (size_t i = 0; i < NAMESERVER_CONNS; i++)
        if (c->ns->conns[i] == c)
            c->ns->conns[i] = NULL;
    loop_remove(c->ns->l, &c->io);
    close(c->io.fd);
    free(c);
}

static void on_conn(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct nameserver_conn *c = container_of(io, struct nameserver_conn, io);
    static uint8_t out[70002];
    ssize_t got = recv(io->fd, c->in + c->got, sizeof(c->in) - c->got, 0);
    if (got <= 0) {
        conn_end(c);
        return;
    }
    c->got += (size_t)got;
    if (c->got < 2 || c->got < 2u + ((size_t)c->in[0] << 8 | c->in[1]))
        return;
    c->ns->tcp_asked++;
    if (c->ns->mode & NAMESERVER_HANG_TCP)
        return;
    size_t n = reply(c->ns, slice_of(c->in + 2, c->got - 2), out + 2, sizeof(out) - 2);
    out[0] = (uint8_t)(n >> 8);
    out[1] = (uint8_t)n;
    n += 2;
    if (c->ns->mode & NAMESERVER_CUT_TCP)
        n /= 2;
    /* In two pieces: readers must not count on one. */
    (void)send(io->fd, out, 1, MSG_NOSIGNAL);
    (void)send(io->fd, out + 1, n - 1, MSG_NOSIGNAL);
    conn_end(c);
}

static void on_tcp(struct loop_io *io, uint32_t events)
{
    (void)events;
    struct nameserver *ns = container_of(io, struct nameserver, tcp);
    int fd = accept(io->fd, NULL, NULL);
    for (size_t i = 0; fd >= 0 && i < NAMESERVER_CONNS; i++) {
        if (ns->conns[i])
            continue;
        struct nameserver_conn *c = calloc(1, sizeof(*c));
        assert_non_null(c);
        c->ns = ns;
        c->io = (struct loop_io){fd, on_conn};
        ns->conns[i] = c;
        assert_int_equal(loop_add_level(ns->l, &c->io), OK);
        return;
    }
    if (fd >= 0)
        close(fd);
}

void nameserver_open_at(struct nameserver *ns, struct loop *l, const char *ip, uint16_t port)
{
    *ns = (struct nameserver){.l = l};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    /* One port for both: the kernel gives one for TCP, UDP takes the same or another is tried. */
    for (int i = 0; i < 50; i++) {
        int one = 1;
        int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        socklen_t n = sizeof(a);
        if (bind(tcp, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(tcp, 16) == 0 &&
            getsockname(tcp, (struct sockaddr *)&a, &n) == 0 &&
            bind(udp, (struct sockaddr *)&a, sizeof(a)) == 0) {
            ns->tcp = (struct loop_io){tcp, on_tcp};
            ns->udp = (struct loop_io){udp, on_udp};
            break;
        }
        close(tcp);
        close(udp);
        a.sin_port = htons(port);
    }
    assert_true(ns->tcp.fd > 0);
    ns->port = ntohs(a.sin_port);
    assert_int_equal(loop_add_level(l, &ns->tcp), OK);
    assert_int_equal(loop_add_level(l, &ns->udp), OK);
    char text[40];
    snprintf(text, sizeof(text), "%s:%u", ip, ns->port);
    assert_int_equal(sock_addr_parse(slice_cstr(text), &ns->addr), OK);
}

void nameserver_open(struct nameserver *ns, struct loop *l)
{
    nameserver_open_at(ns, l, "127.0.0.1", 0);
}

void nameserver_add(struct nameserver *ns, const char *line)
{
    assert_true(ns->nlines < NAMESERVER_LINES);
    ns->lines[ns->nlines++] = line;
}

void nameserver_done(struct nameserver *ns)
{
    for (size_t i = 0; i < NAMESERVER_CONNS; i++)
        if (ns->conns[i])
            conn_end(ns->conns[i]);
    loop_remove(ns->l, &ns->tcp);
    loop_remove(ns->l, &ns->udp);
    close(ns->tcp.fd);
    close(ns->udp.fd);
}

const char *nameserver_text(const struct nameserver *ns)
{
    static char text[SOCK_ADDR_TEXT];
    sock_addr_format(&ns->addr, text);
    return text;
}
