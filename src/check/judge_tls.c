/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Findings about name, TCP and TLS. Each rule looks at answers, never at silence: what
 * was not asked is FACTS_UNKNOWN and finds nothing. */
#include <stdarg.h>
#include <stdio.h>

#include "check/judge.h"
#include "wire/serverflight.h"
#include "wire/suite.h"

#define LIST_BYTES      300
#define SLOW_CONNECT_US 500000
#define SHOWN_MAX       6 /* names in an evidence; the rest is counted */

#define ALERT_CERTIFICATE_REQUIRED 116

/* ---- lists of names in an evidence ---- */

struct names {
    char text[LIST_BYTES];
    size_t bytes, n;
};

static void add_name(struct names *l, const char *name)
{
    if (l->n++ >= SHOWN_MAX)
        return;
    int k = snprintf(l->text + l->bytes, sizeof(l->text) - l->bytes, "%s%s", l->bytes ? ", " : "",
                     name);
    if (k > 0)
        l->bytes += (size_t)k < sizeof(l->text) - l->bytes ? (size_t)k : 0;
}

static void find_names(struct facts *f, const char *id, const struct names *l)
{
    if (l->n > SHOWN_MAX)
        facts_find(f, id, "%s and %zu more", l->text, l->n - SHOWN_MAX);
    else if (l->n)
        facts_find(f, id, "%s", l->text);
}

/* ---- name ---- */

static void judge_name(struct facts *f)
{
    const struct facts_dns *d = &f->dns;
    const struct facts_step *s = &f->steps[FACTS_DNS];
    size_t six = 0;
    if (!s->ran)
        return;
    if (!s->ok) {
        facts_find(f,
                   d->no_such_name ? "dns-no-such-name"
                   : d->no_address ? "dns-no-address"
                                   : "dns-failed",
                   "%s", s->fault.what);
        return;
    }
    for (size_t i = 0; i < d->naddresses; i++)
        six += !cidr_is_v4(&d->addresses[i].ip);
    if (d->every_family && d->naddresses && !six)
        facts_find(f, "dns-no-ipv6", "%zu IPv4 address%s, no IPv6", d->naddresses,
                   d->naddresses == 1 ? "" : "es");
}

/* ---- TCP ---- */

static const char *id_of_end(enum probe_end end)
{
    switch (end) {
    case PROBE_REFUSED:
    case PROBE_RESET:
        return "tcp-refused";
    case PROBE_TIMEOUT:
        return "tcp-filtered";
    case PROBE_UNREACHABLE:
        return "tcp-unreachable";
    case PROBE_PROHIBITED:
        return "tcp-prohibited";
    case PROBE_DONE:
    case PROBE_CLOSED:
    case PROBE_FAILED:
        break;
    }
    return NULL;
}

static void find_address(struct facts *f, const char *id, const struct facts_address *a)
{
    struct sock_addr at;
    char text[SOCK_ADDR_TEXT];
    sock_addr_make(&a->ip, facts_target_port(&f->target), &at);
    sock_addr_format(&at, text);
    facts_find(f, id, "%s: %s", text, probe_end_words(a->end));
}

static void judge_tcp(struct facts *f)
{
    const struct facts_dns *d = &f->dns;
    const struct facts_step *s = &f->steps[FACTS_TCP];
    for (size_t i = 0; s->ran && i < d->naddresses; i++) {
        const struct facts_address *a = &d->addresses[i];
        const char *id = a->tried ? id_of_end(a->end) : NULL;
        if (id)
            find_address(f, s->ok ? "dns-address-dead" : id, a);
        else if (a->same_certificate == FACTS_NO)
            find_address(f, "dns-addresses-differ", a);
        else if (a->chosen && a->connect_us > SLOW_CONNECT_US)
            facts_find(f, "tcp-slow", "%u ms", (unsigned)(a->connect_us / 1000));
    }
}

/* ---- handshake ---- */

/* RFC 8446 6.2: certificate_required; older versions say handshake_failure or bad_certificate, and
 * only the request in the handshake tells why (GnuTLS says decode_error). */
static bool wants_certificate(const struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    return t->alert == ALERT_CERTIFICATE_REQUIRED ||
           (t->client_certificate == FACTS_YES && t->alert && !f->steps[FACTS_TLS].ok);
}

/* nginx asks in the handshake, takes none, and refuses the request: 400; others say 401 or 403. */
static bool refused_behind(const struct facts *f)
{
    const struct facts_http *h = &f->http;
    unsigned s = h->nhttps ? h->https[0].status : 0;
    return f->tls.client_certificate == FACTS_YES && (s == 400 || s == 401 || s == 403 || s == 496);
}

/* The rules about certificates say why, as a rule; what they have no rule for is still refused. */
static void judge_refused_certificate(struct facts *f)
{
    for (size_t i = 0; i < f->nfindings; i++)
        if (f->findings[i].severity >= FACTS_HIGH &&
            slice_starts(slice_cstr(f->findings[i].id), SLICE("cert-")))
            return;
    facts_find(f, "cert-untrusted", "%s", f->steps[FACTS_TLS].fault.what);
}

static void judge_handshake(struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    const struct facts_step *s = &f->steps[FACTS_TLS];
    bool refused = t->alert != 0;
    if (!s->ran)
        return;
    /* TLS 1.3 refuses after the handshake; the alert is often lost to the reset behind it. */
    if (t->client_certificate == FACTS_YES && s->ok && f->steps[FACTS_HTTP].ran && f->http.r &&
        !t->alert) {
        facts_find(f, "tls-client-cert-required",
                   "it was asked for in the handshake, then the connection ended");
        return;
    }
    if (wants_certificate(f)) {
        facts_find(f, "tls-client-cert-required", "alert \"%s\"",
                   serverflight_alert_text(t->alert));
        return;
    }
    if (s->ok && refused_behind(f))
        facts_find(f, "tls-client-cert-required", "asked for in the handshake; then status %u",
                   f->http.https[0].status);
    if (s->ok)
        return;
    if (s->fault.code == ERR_NOT_TLS)
        facts_find(f, "tls-not-tls", "%s", s->fault.what);
    else if (s->fault.code == ERR_VERIFY || s->fault.code == ERR_EXPIRED)
        judge_refused_certificate(f);
    else if (refused && t->version[FACTS_TLS12] != FACTS_YES &&
             t->version[FACTS_TLS13] != FACTS_YES)
        facts_find(f, "tls-alert", "alert \"%s\"", serverflight_alert_text(t->alert));
    else
        facts_find(f, "tls-failed", "%s", s->fault.what);
}

static void judge_versions(struct facts *f)
{
    static const char *const ids[] = {[FACTS_SSL2] = "tls-ssl2",
                                      [FACTS_SSL3] = "tls-ssl3",
                                      [FACTS_TLS10] = "tls-tls10",
                                      [FACTS_TLS11] = "tls-tls11"};
    const enum facts_answer *v = f->tls.version;
    struct names old = {.n = 0};
    for (enum facts_version i = FACTS_SSL2; i < FACTS_TLS12; i++) {
        if (v[i] != FACTS_YES)
            continue;
        facts_find(f, ids[i], "%zu suites",
                   i == FACTS_SSL2 ? f->tls.nssl2_kinds : f->tls.suites[i].n);
        add_name(&old, facts_version_text(i));
    }
    if (v[FACTS_TLS12] == FACTS_NO && v[FACTS_TLS13] == FACTS_YES)
        facts_find(f, "tls-no-tls12", "only TLS 1.3");
    if (v[FACTS_TLS13] == FACTS_NO && v[FACTS_TLS12] == FACTS_YES)
        facts_find(f, "tls-no-tls13", "TLS 1.2 is the newest");
    if (v[FACTS_TLS13] == FACTS_NO && v[FACTS_TLS12] == FACTS_NO)
        find_names(f, "tls-only-old", &old);
}

/* ---- suites ---- */

static bool is_null(const struct suite *s)
{
    return s->cipher == SUITE_NULL;
}

static bool is_anonymous(const struct suite *s)
{
    return s->auth == SUITE_AUTH_ANON;
}

static bool is_export(const struct suite *s)
{
    return s->export;
}

static bool is_weak(const struct suite *s)
{
    return s->bits < 112 && !s->export && s->cipher != SUITE_NULL && s->cipher != SUITE_RC4;
}

static bool is_rc4(const struct suite *s)
{
    return s->cipher == SUITE_RC4;
}

static bool is_3des(const struct suite *s)
{
    return s->cipher == SUITE_3DES;
}

static bool lacks_secrecy(const struct suite *s)
{
    return !s->tls13 && !suite_forward_secret(s);
}

static bool is_cbc(const struct suite *s)
{
    return s->mode == SUITE_CBC;
}

static bool is_obsolete(const struct suite *s)
{
    return s->cipher == SUITE_SEED || s->cipher == SUITE_IDEA || s->cipher == SUITE_CAMELLIA ||
           s->cipher == SUITE_ARIA || s->cipher == SUITE_RC2 || s->cipher == SUITE_GOST28147;
}

static const struct {
    const char *id;
    bool (*is)(const struct suite *s);
} suite_rules[] = {{"suite-null", is_null},
                   {"suite-anonymous", is_anonymous},
                   {"suite-export", is_export},
                   {"suite-weak", is_weak},
                   {"suite-rc4", is_rc4},
                   {"suite-3des", is_3des},
                   {"suite-static-rsa", lacks_secrecy},
                   {"suite-cbc", is_cbc},
                   {"suite-obsolete", is_obsolete}};

/* Was this suite offered by an older version, too? Then it has been named. */
static bool seen_before(const struct facts_tls *t, enum facts_version v, uint16_t code)
{
    for (enum facts_version i = FACTS_SSL3; i < v; i++)
        for (size_t k = 0; k < t->suites[i].n; k++)
            if (t->suites[i].codes[k] == code)
                return true;
    return false;
}

static void find_suites(struct facts *f, const char *id, bool (*is)(const struct suite *s))
{
    const struct facts_tls *t = &f->tls;
    struct names l = {.n = 0};
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            if (s && is(s) && !seen_before(t, v, s->code))
                add_name(&l, s->name);
        }
    find_names(f, id, &l);
}

static void judge_suites(struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    size_t all = 0, aead = 0, secret = 0;
    for (enum facts_version v = FACTS_SSL3; v < FACTS_VERSIONS; v++)
        for (size_t i = 0; i < t->suites[v].n; i++) {
            const struct suite *s = suite_find(t->suites[v].codes[i]);
            all++;
            aead += s && suite_aead(s);
            secret += s && (s->tls13 || suite_forward_secret(s));
        }
    for (size_t i = 0; i < ARRAY_LEN(suite_rules); i++)
        find_suites(f, suite_rules[i].id, suite_rules[i].is);
    if (all && !aead)
        facts_find(f, "suite-no-aead", "none of %zu", all);
    if (all && !secret)
        facts_find(f, "suite-no-forward-secrecy", "none of %zu", all);
    if (t->server_order[FACTS_TLS12] == FACTS_NO && t->suites[FACTS_TLS12].n > 1)
        facts_find(f, "suite-no-server-order", "TLS 1.2: the client's first suite is taken");
}

/* ---- groups and signatures ---- */

static void judge_groups(struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    struct names weak = {.n = 0};
    size_t pq = 0;
    for (size_t i = 0; i < t->ngroups; i++) {
        const struct suite_group *g = suite_group_find(t->groups[i]);
        pq += g && g->pq;
        if (g && g->bits < 224 && !g->pq)
            add_name(&weak, g->name);
    }
    find_names(f, "group-weak-curve", &weak);
    if (t->version[FACTS_TLS13] == FACTS_YES && t->ngroups && !pq)
        facts_find(f, "group-no-pq", "%zu groups, none of them hybrid", t->ngroups);
    if (t->dh_bits && t->dh_bits < 2048)
        facts_find(f, t->dh_bits < 1024 ? "group-dh-weak" : "group-dh-1024", "%u bits", t->dh_bits);
    /* Sharing a prime matters where it is short enough for somebody to have prepared an attack. */
    if (t->dh_common_prime && t->dh_bits && t->dh_bits < 2048)
        facts_find(f, "group-dh-common", "%u bits", t->dh_bits);
}

static void judge_signatures(struct facts *f)
{
    for (size_t i = 0; i < f->tls.nsigalgs; i++) {
        uint16_t code = f->tls.sigalgs[i];
        const char *name = suite_sigalg_name(code);
        if (code >> 8 == 0x01)
            facts_find(f, "sigalg-md5", "%s", name ? name : "MD5");
        else if (code >> 8 == 0x02)
            facts_find(f, "sigalg-sha1", "%s", name ? name : "SHA-1");
    }
}

/* ---- extensions and attacks ---- */

static void judge_extensions(struct facts *f)
{
    const struct facts_tls *t = &f->tls;
    bool insecure = t->vuln[FACTS_RENEGOTIATION_INSECURE] == FACTS_YES;
    const struct {
        enum facts_answer is, bad;
        const char *id, *evidence;
    } rules[] = {
        {t->compression, FACTS_YES, "tls-compression", "DEFLATE was chosen"},
        {t->vuln[FACTS_RENEGOTIATION_INSECURE], FACTS_YES, "tls-renegotiation-insecure",
         "no renegotiation_info in the answer"},
        {insecure ? FACTS_UNKNOWN : t->secure_renegotiation, FACTS_NO, "tls-renegotiation-missing",
         "no renegotiation_info in the answer"},
        {t->vuln[FACTS_RENEGOTIATION_CLIENT], FACTS_YES, "tls-renegotiation-client",
         "a second handshake was accepted"},
        {t->ems, FACTS_NO, "tls-no-ems", "not in the answer"},
        {t->fallback_scsv, FACTS_NO, "tls-no-fallback-scsv", "a marked fallback was accepted"},
        {t->early_data, FACTS_YES, "tls-early-data", "the ticket allows it"},
        {t->resumption, FACTS_NO, "tls-no-resumption", "a second visit made a full handshake"},
        {t->h2, FACTS_NO, "tls-no-alpn-h2", "offered by us and not chosen"},
        {t->grease_ok, FACTS_NO, "tls-version-intolerant",
         "unknown values (RFC 8701) in a hello break it"},
        {t->large_hello_ok, FACTS_NO, "tls-large-hello", "a hello of 3000 bytes got no answer"},
        {t->vuln[FACTS_HEARTBLEED], FACTS_YES, "vuln-heartbleed", "memory came back"},
        {t->vuln[FACTS_CCS_INJECTION], FACTS_YES, "vuln-ccs",
         "an early ChangeCipherSpec was taken"},
        {t->vuln[FACTS_ROBOT], FACTS_YES, "vuln-robot", "answers differ by the padding"},
        {t->vuln[FACTS_TICKETBLEED], FACTS_YES, "vuln-ticketbleed",
         "more session id than was sent"},
        {t->vuln[FACTS_POODLE_SSL3], FACTS_YES, "vuln-poodle-ssl3", "CBC suites in SSL 3.0"},
        {t->vuln[FACTS_POODLE_TLS], FACTS_YES, "vuln-poodle-tls", "broken padding was accepted"},
        {t->vuln[FACTS_SWEET32], FACTS_YES, "vuln-sweet32", "3DES, DES, IDEA or RC2 is offered"},
        {t->vuln[FACTS_FREAK], FACTS_YES, "vuln-freak", "RSA_EXPORT suites are offered"},
        {t->vuln[FACTS_LOGJAM], FACTS_YES, "vuln-logjam", "export or short Diffie-Hellman"},
        {t->vuln[FACTS_DROWN], FACTS_YES, "vuln-drown", "SSL 2.0 answers with this key"},
        {t->vuln[FACTS_BEAST], FACTS_YES, "vuln-beast", "CBC suites below TLS 1.1"},
        {t->vuln[FACTS_LUCKY13], FACTS_YES, "vuln-lucky13", "CBC suites are offered"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (rules[i].is == rules[i].bad)
            facts_find(f, rules[i].id, "%s", rules[i].evidence);
    if (t->backed_off)
        facts_find(f, "tls-rate-limited", "probes were slowed down after resets or silence");
}

void judge_tls(struct facts *f)
{
    judge_name(f);
    judge_tcp(f);
    judge_versions(f);
    judge_handshake(f);
    judge_suites(f);
    judge_groups(f);
    judge_signatures(f);
    judge_extensions(f);
}
