/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* libldns makes and reads the bytes; which records count is decided here, because an answer may
 * carry anything beside them. */
#include "client/dnsmsg.h"

#include <ldns/ldns.h>

#include "base/buf.h"
#include "base/err.h"
#include "os/rng.h"

#define HEADER_BYTES 12
#define CHAIN_MAX    8

static bool name_cstr(struct slice name, char *dst)
{
    if (name.n == 0 || name.n >= DNSMSG_NAME_TEXT || slice_find(name, 0) < name.n)
        return false;
    memcpy(dst, name.p, name.n);
    dst[name.n] = 0;
    return true;
}

static ldns_rdf *name_read(struct slice name)
{
    char text[DNSMSG_NAME_TEXT];
    ldns_rdf *rdf = name_cstr(name, text) ? ldns_dname_new_frm_str(text) : NULL;
    if (rdf)
        ldns_dname2canonical(rdf);
    return rdf;
}

static int query_bytes(ldns_pkt *p, struct dnsmsg_query *ret)
{
    uint8_t *wire = NULL;
    size_t n = 0;
    if (ldns_pkt2wire(&wire, p, &n) != LDNS_STATUS_OK || n > sizeof(ret->bytes)) {
        LDNS_FREE(wire);
        return ERR_SYNTAX;
    }
    memcpy(ret->bytes, wire, n);
    ret->n = n;
    LDNS_FREE(wire);
    return OK;
}

int dnsmsg_query(struct slice name, enum dns_type type, bool recurse, bool edns,
                 struct dnsmsg_query *ret)
{
    uint16_t id;
    int r = rng_bytes(&id, sizeof(id));
    if (r)
        return r;
    ldns_rdf *rdf = name_read(name);
    if (!rdf)
        return ERR_SYNTAX;
    size_t name_bytes = ldns_rdf_size(rdf);
    ldns_pkt *p = ldns_pkt_query_new(rdf, (ldns_rr_type)type, LDNS_RR_CLASS_IN,
                                     (uint16_t)(recurse ? LDNS_RD | LDNS_AD : LDNS_AD));
    if (!p) {
        ldns_rdf_deep_free(rdf);
        return ERR_NOMEM;
    }
    ldns_pkt_set_id(p, id);
    if (edns)
        ldns_pkt_set_edns_udp_size(p, DNSMSG_UDP_BYTES);
    r = query_bytes(p, ret);
    ret->question_end = HEADER_BYTES + name_bytes + 4;
    ldns_pkt_free(p);
    return r;
}

static unsigned u16_at(struct slice s, size_t at)
{
    return (unsigned)s.p[at] << 8 | s.p[at + 1];
}

bool dnsmsg_truncated(struct slice message)
{
    return message.n >= HEADER_BYTES && message.p[2] & 0x02;
}

unsigned dnsmsg_rcode(struct slice message)
{
    return message.n >= HEADER_BYTES ? message.p[3] & 0x0fu : 0;
}

bool dnsmsg_belongs(const struct dnsmsg_query *q, struct slice message)
{
    if (message.n < HEADER_BYTES || memcmp(message.p, q->bytes, 2) != 0)
        return false;
    if ((message.p[2] & 0xf8) != 0x80) /* QR set, opcode QUERY */
        return false;
    unsigned questions = u16_at(message, 4);
    if (questions == 0)
        return dnsmsg_rcode(message) != DNS_NOERROR && dnsmsg_rcode(message) != DNS_NXDOMAIN;
    struct slice asked = slice_of(q->bytes + HEADER_BYTES, q->question_end - HEADER_BYTES);
    /* Label lengths are below 'A', so folding the whole section compares names as RFC 4343 says;
     * type and class of ours have no letters. */
    return questions == 1 &&
           slice_eq_nocase(slice_first(slice_from(message, HEADER_BYTES), asked.n), asked);
}

/* Reading: one answer section against one question. */
struct reading {
    struct arena *arena;
    const ldns_rr_list *list;
    struct dns_record *records;
    size_t n;
};

/* The arena's copy of a name's text, without the final dot. */
static int name_text(struct arena *arena, const ldns_rdf *rdf, struct slice *ret)
{
    if (ldns_rdf_get_type(rdf) != LDNS_RDF_TYPE_DNAME)
        return ERR_SYNTAX;
    char *text = ldns_rdf2str(rdf);
    if (!text)
        return ERR_NOMEM;
    struct slice s = slice_cstr(text);
    if (s.n)
        s.n--;
    int r = arena_copy(arena, s, ret);
    LDNS_FREE(text);
    return r;
}

/* <character-string>s behind one another, as RFC 7208 3.3 and every TXT reader joins them. */
static int strings(struct arena *arena, const ldns_rr *rr, struct slice *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        n += ldns_rdf_size(ldns_rr_rdf(rr, i));
    uint8_t *p = arena_alloc(arena, n + 1);
    if (!p)
        return ERR_NOMEM;
    size_t at = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        const uint8_t *data = ldns_rdf_data(rdf);
        size_t size = ldns_rdf_size(rdf);
        if (size == 0 || (size_t)data[0] + 1 > size)
            return ERR_SYNTAX;
        memcpy(p + at, data + 1, data[0]);
        at += data[0];
    }
    *ret = slice_of(p, at);
    return OK;
}

static int caa(struct arena *arena, const ldns_rr *rr, struct dns_record *rec)
{
    if (ldns_rr_rd_count(rr) != 3)
        return ERR_SYNTAX;
    const ldns_rdf *flags = ldns_rr_rdf(rr, 0), *tag = ldns_rr_rdf(rr, 1),
                   *value = ldns_rr_rdf(rr, 2);
    const uint8_t *t = ldns_rdf_data(tag);
    if (ldns_rdf_size(flags) != 1 || ldns_rdf_size(tag) < 1 || t[0] + 1u != ldns_rdf_size(tag))
        return ERR_SYNTAX;
    rec->flags = ldns_rdf_data(flags)[0];
    int r = arena_copy(arena, slice_of(t + 1, t[0]), &rec->tag);
    if (!r)
        r = arena_copy(arena, slice_of(ldns_rdf_data(value), ldns_rdf_size(value)), &rec->text);
    return r;
}

static int address(const ldns_rr *rr, struct ip *ret)
{
    const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);
    size_t n = rdf ? ldns_rdf_size(rdf) : 0;
    if (n != (ldns_rr_get_type(rr) == LDNS_RR_TYPE_A ? 4u : 16u))
        return ERR_SYNTAX;
    *ret = (struct ip){.bytes = {[10] = 0xff, [11] = 0xff}};
    memcpy(ret->bytes + 16 - n, ldns_rdf_data(rdf), n);
    return OK;
}

static int presentation(struct arena *arena, const ldns_rr *rr, struct slice *ret)
{
    *ret = SLICE_EMPTY;
    int r = OK;
    for (size_t i = 0; !r && i < ldns_rr_rd_count(rr); i++) {
        char *text = ldns_rdf2str(ldns_rr_rdf(rr, i));
        r = text ? arena_printf(arena, ret, SLICE_F "%s%s", SLICE_A(*ret), i ? " " : "", text)
                 : ERR_SYNTAX;
        LDNS_FREE(text);
    }
    return r;
}

static int record(struct arena *arena, const ldns_rr *rr, struct dns_record *rec)
{
    *rec = (struct dns_record){.type = (uint16_t)ldns_rr_get_type(rr), .ttl_s = ldns_rr_ttl(rr)};
    int r = name_text(arena, ldns_rr_owner(rr), &rec->owner);
    if (r)
        return r;
    switch (rec->type) {
    case DNS_A:
    case DNS_AAAA:
        return address(rr, &rec->ip);
    case DNS_NS:
    case DNS_CNAME:
    case DNS_SOA:
        return ldns_rr_rdf(rr, 0) ? name_text(arena, ldns_rr_rdf(rr, 0), &rec->target) : ERR_SYNTAX;
    case DNS_TXT:
        return strings(arena, rr, &rec->text);
    case DNS_CAA:
        return caa(arena, rr, rec);
    default:
        return presentation(arena, rr, &rec->text);
    }
}

static int take(struct reading *rd, const ldns_rr *rr, bool authority)
{
    if (rd->n == DNS_RECORDS_MAX)
        return ERR_CAP;
    int r = record(rd->arena, rr, &rd->records[rd->n]);
    if (!r)
        rd->records[rd->n++].authority = authority;
    return r;
}

static const ldns_rr *find_cname(const struct reading *rd, const ldns_rdf *owner)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(rd->list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(rd->list, i);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME && ldns_rr_rdf(rr, 0) &&
            ldns_dname_compare(ldns_rr_owner(rr), owner) == 0)
            return rr;
    }
    return NULL;
}

/* Follows the chain from *name, which becomes its end. */
static int take_chain(struct reading *rd, const ldns_rdf **name)
{
    const ldns_rr *rr;
    while ((rr = find_cname(rd, *name))) {
        if (rd->n == CHAIN_MAX)
            return ERR_SYNTAX; /* a loop, or as good as one */
        int r = take(rd, rr, false);
        if (r)
            return r;
        *name = ldns_rr_rdf(rr, 0);
    }
    return OK;
}

static int take_section(struct reading *rd, const ldns_rdf *name, enum dns_type type,
                        bool authority)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(rd->list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(rd->list, i);
        const ldns_rdf *owner = ldns_rr_owner(rr);
        if ((unsigned)ldns_rr_get_type(rr) != (unsigned)type)
            continue;
        bool ours = ldns_dname_compare(owner, name) == 0 ||
                    (authority && ldns_dname_is_subdomain(name, owner));
        int r = ours ? take(rd, rr, authority) : OK;
        if (r)
            return r;
    }
    return OK;
}

static void lower_names(const ldns_rr_list *list)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        ldns_dname2canonical(ldns_rr_owner(rr));
        for (size_t k = 0; k < ldns_rr_rd_count(rr); k++)
            if (ldns_rdf_get_type(ldns_rr_rdf(rr, k)) == LDNS_RDF_TYPE_DNAME)
                ldns_dname2canonical(ldns_rr_rdf(rr, k));
    }
}

static int read_sections(struct reading *rd, const ldns_pkt *p, const ldns_rdf *name,
                         enum dns_type type)
{
    lower_names(ldns_pkt_answer(p));
    lower_names(ldns_pkt_authority(p));
    rd->list = ldns_pkt_answer(p);
    int r = type == DNS_CNAME ? OK : take_chain(rd, &name);
    if (!r)
        r = take_section(rd, name, type, false);
    rd->list = ldns_pkt_authority(p);
    if (!r && type == DNS_SOA)
        r = take_section(rd, name, type, true);
    return r;
}

int dnsmsg_read(struct arena *arena, struct slice message, struct slice name, enum dns_type type,
                struct dns_answer *a)
{
    *a = (struct dns_answer){.r = ERR_SYNTAX, .why = ""};
    ldns_pkt *p = NULL;
    ldns_rdf *rdf = name_read(name);
    if (!rdf || ldns_wire2pkt(&p, message.p, message.n) != LDNS_STATUS_OK) {
        ldns_rdf_deep_free(rdf);
        return ERR_SYNTAX;
    }
    struct reading rd = {.arena = arena};
    rd.records = arena_alloc(arena, DNS_RECORDS_MAX * sizeof(*rd.records));
    a->r = rd.records ? read_sections(&rd, p, rdf, type) : ERR_NOMEM;
    a->rcode = dnsmsg_rcode(message);
    a->authentic = ldns_pkt_ad(p);
    a->records = rd.records;
    a->nrecords = a->r ? 0 : rd.n;
    ldns_pkt_free(p);
    ldns_rdf_deep_free(rdf);
    return a->r;
}
