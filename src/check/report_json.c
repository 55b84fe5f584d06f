/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One JSON object for a target: schema 1, docs/check-schema.md. An unknown answer is left out,
 * never false. */
#include <stdio.h>
#include <string.h>

#include "check/report.h"
#include "wire/serverflight.h"
#include "wire/suite.h"

static const char *const step_names[] = {"dns", "tcp", "tls", "http", "close"};

static void answer(struct json *j, const char *key, enum facts_answer a)
{
    if (a != FACTS_UNKNOWN)
        json_bool(j, key, a == FACTS_YES);
}

static void text_if(struct json *j, const char *key, struct slice s)
{
    if (s.n)
        json_text(j, key, s);
}

static void texts(struct json *j, const char *key, const struct slice *list, size_t n)
{
    json_array(j, key);
    for (size_t i = 0; i < n; i++)
        json_text(j, NULL, list[i]);
    json_end(j, ']');
}

static void target(struct json *j, const struct facts *f)
{
    const struct facts_target *t = &f->target;
    json_object(j, "target");
    json_text(j, "text", t->text);
    json_text(j, "host", t->host);
    json_uint(j, "port", t->port);
    json_text(j, "path", t->path);
    text_if(j, "sni", t->sni);
    if (t->starttls)
        json_cstr(j, "starttls", t->starttls);
    json_end(j, '}');
}

/* ---- steps ---- */

static void dns_step(struct json *j, const struct facts_dns *d)
{
    char ip[CIDR_IP_TEXT];
    json_array(j, "addresses");
    for (size_t i = 0; i < d->naddresses; i++) {
        cidr_format_ip(&d->addresses[i].ip, ip);
        json_cstr(j, NULL, ip);
    }
    json_end(j, ']');
    texts(j, "cnames", d->cnames, d->ncnames);
    texts(j, "caa", d->caa, d->ncaa);
    text_if(j, "https_record", d->https_record);
    json_bool(j, "dnssec", d->authentic);
}

static void tcp_step(struct json *j, const struct facts_dns *d)
{
    char ip[CIDR_IP_TEXT];
    json_array(j, "addresses");
    for (size_t i = 0; i < d->naddresses; i++) {
        const struct facts_address *a = &d->addresses[i];
        if (!a->tried)
            continue;
        cidr_format_ip(&a->ip, ip);
        json_object(j, NULL);
        json_cstr(j, "address", ip);
        json_bool(j, "ok", a->end == PROBE_DONE);
        json_bool(j, "chosen", a->chosen);
        json_milli(j, "ms", a->connect_us);
        if (a->end != PROBE_DONE)
            json_cstr(j, "error", probe_end_words(a->end));
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void tls_step(struct json *j, const struct facts_tls *t)
{
    if (t->negotiated_version[0]) {
        json_cstr(j, "version", t->negotiated_version);
        json_cstr(j, "suite", t->negotiated_suite);
        json_cstr(j, "group", t->negotiated_group);
        json_cstr(j, "alpn", t->alpn);
    }
    if (t->alert)
        json_cstr(j, "alert", serverflight_alert_text(t->alert));
}

static void steps(struct json *j, const struct facts *f)
{
    json_array(j, "steps");
    for (size_t i = 0; i < FACTS_STEPS; i++) {
        const struct facts_step *s = &f->steps[i];
        if (!s->ran)
            continue;
        json_object(j, NULL);
        json_cstr(j, "name", step_names[i]);
        json_bool(j, "ok", s->ok);
        json_milli(j, "ms", s->took_us);
        json_milli(j, "start_ms", s->start_us);
        if (s->words[0])
            json_cstr(j, "words", s->words);
        if (!s->ok && s->fault.code)
            json_cstr(j, "error", s->fault.what);
        if (i == FACTS_DNS)
            dns_step(j, &f->dns);
        else if (i == FACTS_TCP)
            tcp_step(j, &f->dns);
        else if (i == FACTS_TLS)
            tls_step(j, &f->tls);
        json_end(j, '}');
    }
    json_end(j, ']');
}

/* ---- certificates ---- */

static void certificate(struct json *j, const struct certinfo *ci, int64_t now_s)
{
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", ci->sha256[i]);
    json_text(j, "subject", ci->subject);
    json_array(j, "sans");
    for (size_t i = 0; i < ci->nsans; i++)
        json_text(j, NULL, ci->sans[i].name);
    json_end(j, ']');
    json_text(j, "issuer", ci->issuer);
    json_text(j, "serial", ci->serial);
    json_int(j, "not_before", ci->not_before_s);
    json_int(j, "not_after", ci->not_after_s);
    json_int(j, "days_left", (ci->not_after_s - now_s) / 86400 - (ci->not_after_s < now_s));
    json_cstr(j, "key", keystore_kind_text(ci->key_kind));
    json_uint(j, "key_bits", ci->key_bits);
    json_text(j, "signature", ci->sigalg);
    json_cstr(j, "sha256", hex);
}

static void chain(struct json *j, const char *key, const struct facts *f,
                  const struct facts_chain *c)
{
    json_object(j, key);
    certificate(j, certinfo_at(c->chain, 0), f->now_s);
    json_uint(j, "scts", certinfo_at(c->chain, 0)->scts);
    json_bool(j, "ocsp", certinfo_at(c->chain, 0)->has_ocsp_url);
    json_array(j, "chain");
    for (size_t i = 0; i < certinfo_count(c->chain); i++) {
        json_object(j, NULL);
        certificate(j, certinfo_at(c->chain, i), f->now_s);
        json_end(j, '}');
    }
    json_end(j, ']');
    json_bool(j, "trusted", c->trusted);
    json_bool(j, "name_match", c->name_match);
    if (c->verified_now) {
        json_bool(j, "strict", c->strict);
        json_bool(j, "anchored", c->anchored);
        json_bool(j, "public", c->public_root);
        json_bool(j, "in_order", c->in_order);
        json_bool(j, "complete", c->complete);
    }
    if (c->revoked != FACTS_UNKNOWN)
        json_bool(j, "revoked", c->revoked == FACTS_YES);
    if (c->crl_words[0])
        json_cstr(j, "revocation", c->crl_words);
    if (c->without_sni)
        json_bool(j, "without_sni", true);
    if (c->verify_code)
        json_cstr(j, "verify_error", c->verify_words);
    json_array(j, "errors");
    for (size_t i = 0; i < c->nerrors; i++)
        json_cstr(j, NULL, c->errors[i]);
    json_end(j, ']');
    json_end(j, '}');
}

static void certificates(struct json *j, const struct facts *f)
{
    if (!f->nchains)
        return;
    chain(j, "certificate", f, &f->chains[0]);
    json_array(j, "other_certificates");
    for (size_t i = 1; i < f->nchains; i++)
        chain(j, NULL, f, &f->chains[i]);
    json_end(j, ']');
}

/* ---- TLS ---- */

static void suites(struct json *j, const struct facts_tls *t)
{
    json_object(j, "suites");
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++) {
        if (!t->suites[v].n)
            continue;
        json_array(j, facts_version_text(v));
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            if (s)
                json_cstr(j, NULL, s->name);
        }
        json_end(j, ']');
    }
    json_end(j, '}');
}

static void codes(struct json *j, const struct facts_tls *t)
{
    json_array(j, "groups");
    for (size_t i = 0; i < t->ngroups; i++) {
        const struct suite_group *g = suite_group_find(t->groups[i]);
        if (g)
            json_cstr(j, NULL, g->name);
    }
    json_end(j, ']');
    json_array(j, "signature_algorithms");
    for (size_t i = 0; i < t->nsigalgs; i++) {
        const char *name = suite_sigalg_name(t->sigalgs[i]);
        if (name)
            json_cstr(j, NULL, name);
    }
    json_end(j, ']');
}

static void tls(struct json *j, const struct facts_tls *t)
{
    json_object(j, "tls");
    json_object(j, "versions");
    for (enum facts_version v = FACTS_SSL2; v < FACTS_VERSIONS; v++)
        answer(j, facts_version_text(v), t->version[v]);
    json_end(j, '}');
    suites(j, t);
    json_object(j, "server_order");
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        answer(j, facts_version_text(v), t->server_order[v]);
    json_end(j, '}');
    codes(j, t);
    if (t->dh_bits)
        json_uint(j, "dh_bits", t->dh_bits);
    if (t->dh_bits)
        json_bool(j, "dh_common_prime", t->dh_common_prime);
    answer(j, "extended_master_secret", t->ems);
    answer(j, "secure_renegotiation", t->secure_renegotiation);
    answer(j, "compression", t->compression);
    answer(j, "fallback_scsv", t->fallback_scsv);
    answer(j, "session_id", t->session_id);
    answer(j, "ticket", t->ticket);
    answer(j, "resumption", t->resumption);
    answer(j, "early_data", t->early_data);
    answer(j, "ocsp_stapled", t->ocsp_stapled);
    answer(j, "heartbeat", t->heartbeat);
    answer(j, "sni_required", t->sni_required);
    answer(j, "grease_tolerant", t->grease_ok);
    answer(j, "large_hello_tolerant", t->large_hello_ok);
    answer(j, "h2", t->h2);
    answer(j, "client_certificate", t->client_certificate);
    json_object(j, "vulnerable");
    for (enum facts_vuln v = 0; v < FACTS_VULNS; v++)
        answer(j, facts_vuln_text(v), t->vuln[v]);
    json_end(j, '}');
    json_bool(j, "complete", t->complete);
    json_bool(j, "backed_off", t->backed_off);
    json_uint(j, "connections", t->connections);
    json_end(j, '}');
}

/* ---- HTTP ---- */

static void hops(struct json *j, const char *key, const struct facts_hop *list, size_t n)
{
    json_array(j, key);
    for (size_t i = 0; i < n; i++) {
        json_object(j, NULL);
        json_text(j, "url", list[i].url);
        json_uint(j, "status", list[i].status);
        text_if(j, "location", list[i].location);
        text_if(j, "hsts", list[i].hsts);
        json_milli(j, "ms", list[i].took_us);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void cookies(struct json *j, const struct facts_http *h)
{
    json_array(j, "cookies");
    for (size_t i = 0; i < h->ncookies; i++) {
        json_object(j, NULL);
        json_text(j, "name", h->cookies[i].name);
        json_bool(j, "secure", h->cookies[i].secure);
        json_bool(j, "http_only", h->cookies[i].http_only);
        json_text(j, "same_site", h->cookies[i].same_site);
        json_bool(j, "session", h->cookies[i].session);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void security_fields(struct json *j, const struct facts_http *h)
{
    const struct {
        const char *name;
        struct slice value;
    } list[] = {{"content-security-policy", h->csp},
                {"x-frame-options", h->x_frame_options},
                {"x-content-type-options", h->x_content_type_options},
                {"referrer-policy", h->referrer_policy},
                {"permissions-policy", h->permissions_policy},
                {"cross-origin-opener-policy", h->coop},
                {"cross-origin-embedder-policy", h->coep},
                {"cross-origin-resource-policy", h->corp},
                {"alt-svc", h->alt_svc},
                {"server", h->server}};
    json_object(j, "fields");
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        text_if(j, list[i].name, list[i].value);
    json_end(j, '}');
}

static void http(struct json *j, const struct facts *f)
{
    static const char *const closes[] = {"unknown", "close_notify", "fin", "reset", "silent"};
    const struct facts_http *h = &f->http;
    json_object(j, "http");
    if (h->nhttps)
        json_uint(j, "status", h->https[h->nhttps - 1].status);
    hops(j, "https", h->https, h->nhttps);
    hops(j, "port80", h->plain, h->nplain);
    if (h->plain_tried)
        json_bool(j, "port80_open", h->plain_end == PROBE_DONE);
    if (h->ran) {
        json_object(j, "hsts");
        json_bool(j, "present", h->hsts.present);
        if (h->hsts.present) {
            json_bool(j, "valid", h->hsts.valid);
            json_int(j, "max_age", h->hsts.max_age_s);
            json_bool(j, "include_subdomains", h->hsts.include_subdomains);
            json_bool(j, "preload", h->hsts.preload);
        }
        json_end(j, '}');
        cookies(j, h);
        security_fields(j, h);
        json_uint(j, "mixed_active", h->mixed_active);
        json_uint(j, "mixed_passive", h->mixed_passive);
        json_uint(j, "body_bytes", h->body_bytes);
    }
    json_cstr(j, "close", closes[f->close]);
    json_end(j, '}');
}

/* ---- judgement ---- */

static void findings(struct json *j, const struct facts *f)
{
    json_array(j, "findings");
    for (size_t i = 0; i < f->nfindings; i++) {
        const struct facts_finding *x = &f->findings[i];
        json_object(j, NULL);
        json_cstr(j, "id", x->id);
        json_cstr(j, "severity", facts_severity_text(x->severity));
        json_cstr(j, "title", x->title);
        json_text(j, "evidence", x->evidence);
        json_cstr(j, "fix", x->fix);
        json_end(j, '}');
    }
    json_end(j, ']');
}

static void ssllabs(struct json *j, const struct facts_grade *g)
{
    json_object(j, "ssllabs");
    json_cstr(j, "grade", g->given ? g->grade : NULL);
    if (g->given) {
        json_uint(j, "score", g->score);
        json_uint(j, "protocol", g->protocol);
        json_uint(j, "key_exchange", g->key_exchange);
        json_uint(j, "cipher", g->cipher);
    }
    text_if(j, "missing", g->missing);
    texts(j, "caps", g->caps, g->ncaps);
    json_end(j, '}');
}

static void mozilla(struct json *j, const struct facts_profile *p)
{
    static const char *const names[] = {"modern", "intermediate", "old"};
    const bool pass[] = {p->modern, p->intermediate, p->old};
    json_object(j, "mozilla");
    json_bool(j, "given", p->given);
    for (size_t i = 0; p->given && i < 3; i++) {
        json_object(j, names[i]);
        json_bool(j, "pass", pass[i]);
        texts(j, "differences", p->differences[i], p->ndifferences[i]);
        json_end(j, '}');
    }
    json_end(j, '}');
}

static void grades(struct json *j, const struct facts *f)
{
    json_object(j, "grades");
    ssllabs(j, &f->ssllabs);
    mozilla(j, &f->mozilla);
    json_object(j, "pci");
    json_bool(j, "given", f->pci.given);
    if (f->pci.given)
        json_bool(j, "pass", f->pci.pass);
    texts(j, "failures", f->pci.failures, f->pci.nfailures);
    json_end(j, '}');
    json_object(j, "observatory");
    json_cstr(j, "grade", f->observatory.given ? f->observatory.grade : NULL);
    if (f->observatory.given)
        json_int(j, "score", f->observatory.score);
    texts(j, "modifiers", f->observatory.modifiers, f->observatory.nmodifiers);
    json_end(j, '}');
    json_end(j, '}');
}

int report_json(const struct facts *f, bool pretty, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    j.pretty = pretty;
    json_object(&j, NULL);
    json_uint(&j, "schema", 1);
    json_int(&j, "time", f->now_s);
    target(&j, f);
    steps(&j, f);
    certificates(&j, f);
    tls(&j, &f->tls);
    http(&j, f);
    findings(&j, f);
    grades(&j, f);
    if (f->why.ran) {
        json_object(&j, "why");
        json_cstr(&j, "verdict", facts_verdict_text(f->why.verdict));
        json_cstr(&j, "words", facts_verdict_words(f->why.verdict));
        texts(&j, "evidence", f->why.evidence, f->why.nevidence);
        text_if(&j, "next", f->why.next);
        json_end(&j, '}');
    }
    json_milli(&j, "ms", f->took_us);
    json_end(&j, '}');
    return j.r ? j.r : buf_add(out, SLICE("\n"));
}
