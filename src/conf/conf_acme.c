/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What fits together in acme. A mistake here would show days later, as a certificate that does not
 * come, so it is refused while somebody is looking. */
#include "conf/conf_acme.h"

#include "conf/reader_site.h"
#include "conf/series.h"

#define DNS_CHALLENGES (CONF_DNS01 | CONF_PERSIST01)

/* The key `name` of the map below `key`, else `key` itself: where a complaint points to. */
static const struct node *below(const struct node *key, const char *name)
{
    bool map = key && key->value && key->value->kind == NODE_MAP;
    const struct node *inner = map ? node_key(key->value, name) : NULL;
    return inner ? inner : key;
}

static int need_beside(struct reader *rd, const struct node *at, const char *have, const char *lack)
{
    reader_fault(rd, at, "\"%s\" needs \"%s\" beside it", have, lack);
    return ERR_CONFIG;
}

static int check_dns(struct reader *rd, const struct node *acme)
{
    const struct conf_acme_dns *dns = &rd->conf->acme.dns;
    const struct node *key = below(acme, "dns");
    if (dns->server.port && dns->hook.n) {
        fault_next(
            reader_fault(rd, below(key, "hook"), "\"server\" and \"hook\" exclude each other"),
            "records are made by updates or by a program");
        return ERR_CONFIG;
    }
    if (dns->tsig_name.n && !dns->tsig_secret_file.n)
        return need_beside(rd, below(key, "tsig_name"), "tsig_name", "tsig_secret_file");
    if (dns->tsig_secret_file.n && !dns->tsig_name.n)
        return need_beside(rd, below(key, "tsig_secret_file"), "tsig_secret_file", "tsig_name");
    if (dns->tsig_name.n && !dns->server.port)
        return need_beside(rd, below(key, "tsig_name"), "tsig_name", "server");
    if (dns->zone.n && !dns->server.port)
        return need_beside(rd, below(key, "zone"), "zone", "server");
    return OK;
}

static int check_challenges(struct reader *rd, const struct node *acme)
{
    const struct conf_acme *a = &rd->conf->acme;
    const struct node *key = below(acme, "challenges");
    bool dns = a->dns.server.port || a->dns.hook.n;
    if ((a->challenges & CONF_HTTP01) && rd->conf->only_443) {
        fault_next(reader_fault(rd, key, "http-01 needs port 80, and only_443 keeps it closed"),
                   "use tls-alpn-01, which needs port 443 alone");
        return ERR_CONFIG;
    }
    if ((a->challenges & CONF_DNS01) && !dns) {
        fault_next(reader_fault(rd, key, "dns-01 needs a way to make records"),
                   "name a server or a hook in acme.dns");
        return ERR_CONFIG;
    }
    return OK;
}

static int check_eab(struct reader *rd, const struct node *acme)
{
    const struct conf_acme_eab *eab = &rd->conf->acme.eab;
    const struct node *key = below(acme, "eab");
    if (!eab->kid.n == !eab->key_file.n)
        return OK;
    return eab->kid.n ? need_beside(rd, below(key, "kid"), "kid", "key_file")
                      : need_beside(rd, below(key, "key_file"), "key_file", "kid");
}

/* What a staging CA issues is thrown away: one that is asked for certificates too would be of use
 * for neither. */
static int check_staging(struct reader *rd, const struct node *acme)
{
    const struct conf_acme *a = &rd->conf->acme;
    bool both = false;
    for (size_t i = 0; i < a->urls.count; i++)
        both |= a->staging_url.n && slice_eq(a->urls.items[i], a->staging_url);
    if (!both)
        return OK;
    fault_next(
        reader_fault(rd, below(acme, "staging"), "\"staging\" and \"directory\" name the same CA"),
        "certificates of a staging CA are never used: name another one, or none");
    return ERR_CONFIG;
}

static unsigned offered(const struct conf *conf)
{
    const struct conf_acme *a = &conf->acme;
    if (a->challenges)
        return a->challenges;
    unsigned mask = CONF_ALPN01;
    if (!conf->only_443)
        mask |= CONF_HTTP01;
    if (a->dns.server.port || a->dns.hook.n)
        mask |= CONF_DNS01;
    return mask;
}

int conf_acme_resolve(struct reader *rd, const struct node *root)
{
    struct conf_acme *acme = &rd->conf->acme;
    const struct node *key = root && root->kind == NODE_MAP ? node_key(root, "acme") : NULL;
    struct slice *urls = arena_alloc(rd->arena, acme->directory.count * sizeof(*urls) + 1);
    if (!urls)
        return ERR_NOMEM;
    for (size_t i = 0; i < acme->directory.count; i++)
        urls[i] = series_acme_url(acme->directory.items[i]);
    acme->urls = (struct conf_texts){urls, acme->directory.count};
    acme->staging_url = series_acme_url(acme->staging);
    acme->offered = offered(rd->conf);
    if (!key)
        return OK;
    int dns = check_dns(rd, key), challenges = check_challenges(rd, key), eab = check_eab(rd, key);
    int staging = check_staging(rd, key);
    return dns ? dns : challenges ? challenges : eab ? eab : staging;
}

/* ---- sites ---- */

static bool is_wildcard(struct slice name)
{
    return slice_starts(name, SLICE("*."));
}

static int check_on_demand(struct reader *rd, const struct reader_site *link)
{
    const struct conf_acme_on_demand *gate = &rd->conf->acme.on_demand;
    const struct conf_site *s = &link->site;
    const struct node *at = below(link->key, "on_demand");
    bool wild = s->kind == CONF_WILDCARD;
    for (size_t i = 0; i < s->aliases.count; i++)
        wild &= is_wildcard(s->aliases.items[i]);
    if (!wild)
        fault_next(reader_fault(rd, at, "\"on_demand\" is for wildcard names only"),
                   "a name that is written out gets its certificate without it");
    else if (s->tls.certs.count)
        reader_fault(rd, at, "\"on_demand\" and \"tls\" exclude each other");
    else if (!gate->ask.n && !gate->allow.count)
        fault_next(reader_fault(rd, at, "\"on_demand\" needs to know who may get a certificate"),
                   "set acme.on_demand.allow (names, .SUFFIX) or acme.on_demand.ask (a URL)");
    else
        return OK;
    return ERR_CONFIG;
}

/* Wildcards can be proven by DNS only (RFC 8555 7.1.3), addresses never by it (RFC 8738). */
static int check_name(struct reader *rd, const struct reader_site *link, struct slice name)
{
    unsigned mask = rd->conf->acme.offered;
    struct ip ip;
    if (conf_site_is_local(name))
        return OK;
    if (is_wildcard(name) && !(mask & DNS_CHALLENGES)) {
        fault_next(reader_fault(rd, link->key, "a CA certifies the wildcard \"%s\" by DNS only",
                                reader_word(name).text),
                   "set acme.dns (server or hook), give the site tls: {cert, key}, or on_demand: "
                   "true for a certificate per name");
        return ERR_CONFIG;
    }
    if (cidr_parse_ip(name, &ip) == OK && !(mask & ~DNS_CHALLENGES)) {
        fault_next(reader_fault(rd, link->key, "no DNS challenge can prove the address \"%s\"",
                                reader_word(name).text),
                   "add http-01 or tls-alpn-01 to acme.challenges");
        return ERR_CONFIG;
    }
    return OK;
}

int conf_acme_check_sites(struct reader *rd)
{
    int worst = OK;
    for (const struct reader_site *link = rd->sites; link; link = link->next) {
        const struct conf_site *s = &link->site;
        int r = OK;
        if (s->on_demand)
            r = check_on_demand(rd, link);
        else if (!s->tls.certs.count)
            r = check_name(rd, link, s->name);
        for (size_t i = 0; !r && !s->on_demand && !s->tls.certs.count && i < s->aliases.count; i++)
            r = check_name(rd, link, s->aliases.items[i]);
        worst = r ? r : worst;
    }
    return worst;
}
