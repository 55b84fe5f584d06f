/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* libldns writes the message, crypt/tsig signs it: libldns knows no HMAC-SHA384 and keeps copies
 * of secrets that nobody wipes. */
#include "cert/dnsupdate.h"

#include <inttypes.h>
#include <ldns/ldns.h>

#include "base/err.h"
#include "client/dns.h"
#include "os/rng.h"

#define RCODE_NOTZONE 10

static ldns_rdf *name_rdf(struct slice name)
{
    char text[1024];
    if (name.n == 0 || name.n >= sizeof(text) || slice_find(name, 0) < name.n)
        return NULL;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    return ldns_dname_new_frm_str(text);
}

/* RFC 2136 2.5.1 adds to a set; 2.5.4 (class NONE, TTL 0) deletes one record of it. */
static ldns_rr *record(const struct dnsupdate *u)
{
    uint8_t value[256];
    if (u->value.n > 255)
        return NULL;
    value[0] = (uint8_t)u->value.n;
    memcpy(value + 1, u->value.p, u->value.n);
    ldns_rdf *owner = name_rdf(u->name);
    ldns_rr *rr = owner ? ldns_rr_new() : NULL;
    ldns_rdf *text = rr ? ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, u->value.n + 1, value) : NULL;
    if (!text) {
        ldns_rdf_deep_free(owner);
        ldns_rr_free(rr);
        return NULL;
    }
    ldns_rr_set_owner(rr, owner);
    ldns_rr_set_type(rr, LDNS_RR_TYPE_TXT);
    ldns_rr_set_class(rr, u->remove ? LDNS_RR_CLASS_NONE : LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr, u->remove ? 0 : u->ttl_s);
    if (!ldns_rr_push_rdf(rr, text)) {
        ldns_rdf_deep_free(text);
        ldns_rr_free(rr);
        return NULL;
    }
    return rr;
}

static ldns_pkt *packet(const struct dnsupdate *u)
{
    ldns_rr_list *updates = ldns_rr_list_new();
    ldns_rr *rr = updates ? record(u) : NULL;
    ldns_rdf *zone = rr ? name_rdf(u->zone) : NULL;
    ldns_pkt *p = NULL;
    if (zone && ldns_rr_list_push_rr(updates, rr)) {
        rr = NULL;
        p = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, NULL, updates, NULL);
    }
    if (!p)
        ldns_rdf_deep_free(zone);
    ldns_rr_free(rr);
    ldns_rr_list_deep_free(updates); /* the packet has copies */
    return p;
}

int dnsupdate_make(const struct dnsupdate *u, uint64_t now_s, struct buf *out, struct tsig_mac *mac,
                   struct fault *f)
{
    uint16_t id;
    uint8_t *wire = NULL;
    size_t n = 0;
    int r = rng_bytes(&id, sizeof(id));
    if (r)
        return fault_set(f, r, "no random numbers for a DNS update");
    ldns_pkt *p = packet(u);
    if (!p)
        return fault_set(f, ERR_SYNTAX, "\"" SLICE_F "\" cannot stand in a DNS update",
                         SLICE_A(slice_first(u->name, 200)));
    ldns_pkt_set_id(p, id);
    r = ldns_pkt2wire(&wire, p, &n) == LDNS_STATUS_OK ? buf_add(out, slice_of(wire, n)) : ERR_NOMEM;
    LDNS_FREE(wire);
    ldns_pkt_free(p);
    if (!r && u->key)
        r = tsig_sign(out, u->key, now_s, mac);
    if (r == ERR_SYNTAX)
        return fault_set(f, ERR_CONFIG, "\"" SLICE_F "\" is no name of a TSIG key",
                         SLICE_A(slice_first(u->key->name, 200)));
    return r ? fault_set(f, r, "cannot make a DNS update: %s", err_text(r)) : OK;
}

static int explain_signature(const struct dnsupdate *u, const struct tsig_reply *t, uint64_t now_s,
                             const char *server, struct fault *f)
{
    struct slice key = slice_first(u->key->name, 120);
    int r = ERR_PERM;
    switch (t->error) {
    case TSIG_BADKEY:
        fault_set(f, r, "name server %s does not know the key \"" SLICE_F "\" with %s (BADKEY)",
                  server, SLICE_A(key), tsig_algorithm_text(u->key->algorithm));
        fault_next(f, "use the name and algorithm of a key in the server's configuration");
        return r;
    case TSIG_BADSIG:
        fault_set(f, r,
                  "name server %s says that our signature with the key \"" SLICE_F
                  "\" is wrong (BADSIG)",
                  server, SLICE_A(key));
        fault_next(f, "the secret differs from the server's: copy it again");
        return r;
    case TSIG_BADTIME: {
        bool ahead = now_s > t->server_s;
        uint64_t apart_s = ahead ? now_s - t->server_s : t->server_s - now_s;
        fault_set(f, r,
                  "this machine's clock is %" PRIu64 " seconds %s that of name server %s (BADTIME)",
                  apart_s, ahead ? "ahead of" : "behind", server);
        fault_next(f, "set the clocks of both machines (NTP); five minutes are allowed");
        return r;
    }
    default:
        fault_set(f, r, "name server %s refused our signature with error %u", server, t->error);
        return r;
    }
}

static int explain_rcode(const struct dnsupdate *u, unsigned rcode, const char *server,
                         struct fault *f)
{
    struct slice zone = slice_first(u->zone, 120);
    switch (rcode) {
    case DNS_REFUSED:
        fault_set(f, ERR_PERM, "name server %s does not let us change " SLICE_F " (REFUSED)",
                  server, SLICE_A(slice_first(u->name, 120)));
        if (u->key)
            fault_next(f, "allow it: update-policy { grant " SLICE_F " name " SLICE_F " TXT; };",
                       SLICE_A(slice_first(u->key->name, 60)), SLICE_A(slice_first(u->name, 100)));
        else
            fault_next(f, "updates are not signed: set the TSIG key that the server knows");
        return ERR_PERM;
    case DNS_NOTAUTH:
    case RCODE_NOTZONE:
        fault_set(f, ERR_CONFIG, "name server %s is not responsible for the zone " SLICE_F " (%s)",
                  server, SLICE_A(zone), rcode == DNS_NOTAUTH ? "NOTAUTH" : "NOTZONE");
        fault_next(f,
                   "name the zone's primary server, or the zone itself, in the settings of dns-01");
        return ERR_CONFIG;
    case DNS_NOTIMP:
        fault_set(f, ERR_CONFIG, "name server %s takes no dynamic updates (NOTIMP)", server);
        fault_next(f, "use a hook program for dns-01, or the server's API through one");
        return ERR_CONFIG;
    case DNS_SERVFAIL:
        fault_set(f, ERR_RESOLVE, "name server %s could not store the record (SERVFAIL)", server);
        fault_next(f, "see its log: often it may not write the zone's journal");
        return ERR_RESOLVE;
    default:
        return fault_set(f, ERR_RESOLVE, "name server %s answered the update with error %u", server,
                         rcode);
    }
}

int dnsupdate_result(const struct dnsupdate *u, struct slice reply, const struct tsig_mac *mac,
                     uint64_t now_s, const char *server, struct fault *f)
{
    if (reply.n < 12 || (reply.p[2] & 0xf8) != 0xa8) /* a response, opcode UPDATE */
        return fault_set(f, ERR_SYNTAX, "name server %s sent a malformed reply to an update",
                         server);
    unsigned rcode = reply.p[3] & 0x0fu;
    if (u->key) {
        struct tsig_reply t;
        int r = tsig_verify(reply, u->key, mac, now_s, &t);
        if (t.error)
            return explain_signature(u, &t, now_s, server, f);
        if (r == ERR_EXPIRED) {
            t.error = TSIG_BADTIME;
            (void)explain_signature(u, &t, now_s, server, f);
            return f->code = r;
        }
        /* Servers refuse unsigned too (RFC 8945 5.3): believed, because it only stops us. */
        if (r && rcode == DNS_NOERROR) {
            fault_set(f, ERR_VERIFY,
                      "the reply of name server %s to an update is not signed by our key", server);
            fault_next(f, "something between us and the name server answers in its place");
            return ERR_VERIFY;
        }
    }
    return rcode == DNS_NOERROR ? OK : explain_rcode(u, rcode, server, f);
}
