/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* CAs of the engine. */
#include "cert/keepca.h"

#include "base/mem.h"
#include "cert/certclock.h"
#include "cert/keepdns.h"
#include "crypt/digest.h"

#define SKEW_S        300
#define DAY_S         86400
#define SECRET_BYTES  1024
#define LE_PRODUCTION "https://acme-v02.api.letsencrypt.org/directory"
#define LE_STAGING    "https://acme-staging-v02.api.letsencrypt.org/directory"

/* ---- the solver of dns-01 ---- */

typedef int decoder(struct slice s, struct buf *out);

static int decode(struct slice text, decoder *by, const char *what, struct secret *ret,
                  struct fault *f)
{
    struct buf raw;
    buf_init(&raw, SECRET_BYTES);
    int r = by(slice_trim(text), &raw);
    if (!r)
        r = secret_set(ret, buf_slice(&raw));
    else
        r = fault_set(f, ERR_CONFIG, "%s is no base64 text of at most %d bytes", what,
                      SECRET_BYTES);
    if (raw.p)
        mem_wipe(raw.p, raw.cap);
    buf_done(&raw);
    return r;
}

static int make_dns(struct certkeep *k, struct fault *f)
{
    const struct certkeep_settings *s = &k->settings;
    struct secret tsig = SECRET_EMPTY;
    struct dnssolve_options o = {.resolvers = s->resolvers,
                                 .update = s->dns_server.n > 0,
                                 .zone = s->dns_zone,
                                 .tsig_name = s->tsig_name,
                                 .tsig_algorithm = s->tsig_algorithm,
                                 .propagation_timeout_ms = s->propagation_timeout_ms,
                                 .hook_timeout_ms = s->dns_hook_timeout_ms};
    int r = OK;
    if (!(s->challenges & (CERTKEEP_DNS01 | CERTKEEP_PERSIST01)))
        return OK;
    if (o.update && sock_addr_parse(s->dns_server, &o.server))
        r = fault_set(f, ERR_CONFIG, SLICE_F " is not ADDRESS:PORT", SLICE_A(s->dns_server));
    if (!r && s->tsig_secret.n) {
        r = decode(s->tsig_secret, digest_base64_decode, "the TSIG secret", &tsig, f);
        o.tsig_secret = &tsig;
    }
    if (!r)
        r = dnssolve_new(k->loop, &o, k->host, &k->dns, f);
    secret_done(&tsig);
    return r;
}

/* ---- the list ---- */

void keepca_done(struct certkeep *k)
{
    for (size_t i = 0; i < ARRAY_LEN(k->cas); i++) {
        account_free(k->cas[i].account);
        acmeca_free(k->cas[i].ca);
        k->cas[i] = (struct keepca){.k = k};
    }
    keepdns_retire(k);
}

static struct slice staging_of(const struct certkeep_settings *s)
{
    bool own = false, production = false;
    for (size_t i = 0; i < s->ndirectories; i++) {
        production |= slice_eq(s->directories[i], SLICE(LE_PRODUCTION));
        own |= slice_eq(s->directories[i], SLICE(LE_STAGING));
    }
    if (s->staging.n)
        return s->staging;
    return production && !own ? SLICE(LE_STAGING) : SLICE_EMPTY;
}

int keepca_settings(struct certkeep *k, struct fault *f)
{
    const struct certkeep_settings *s = &k->settings;
    keepca_done(k);
    for (size_t i = 0; i < s->ndirectories; i++)
        k->cas[i].url = s->directories[i];
    k->cas[CERTKEEP_DIRECTORIES_MAX].url = staging_of(s);
    k->cas[CERTKEEP_DIRECTORIES_MAX].staging = true;
    int r = s->ndirectories ? make_dns(k, f) : OK;
    if (!r && s->ndirectories && !k->challenges)
        r = challenge_new(k->loop, k->host, &k->challenges);
    if (!r && k->challenges)
        challenge_set_dns(k->challenges, k->dns);
    return r;
}

int keepca_open(struct keepca *ca, struct fault *f)
{
    struct certkeep *k = ca->k;
    const struct certkeep_settings *s = &k->settings;
    struct secret eab = SECRET_EMPTY;
    int r = OK;
    if (ca->account)
        return OK;
    if (!k->http)
        r = acmehttp_new(k->loop, &k->http, f);
    if (!r && !ca->ca)
        r = acmeca_new(k->loop, k->http, ca->url, s->ca_pem, &ca->ca, f);
    if (!r && s->eab_key.n)
        r = decode(s->eab_key, digest_base64url_decode, "the EAB key", &eab, f);
    const struct account_options o = {.state_dir = k->state_dir,
                                      .email = s->email,
                                      .eab_kid = s->eab_kid,
                                      .eab_key = s->eab_key.n ? &eab : NULL};
    if (!r)
        r = account_new(ca->ca, &o, &ca->account, f);
    secret_done(&eab);
    return r;
}

struct keepca *keepca_by_url(struct certkeep *k, struct slice url)
{
    for (size_t i = 0; i < k->settings.ndirectories; i++)
        if (slice_eq(k->cas[i].url, url))
            return &k->cas[i];
    return NULL;
}

struct keepca *keepca_staging(struct keepca *ca)
{
    struct keepca *staging = &ca->k->cas[CERTKEEP_DIRECTORIES_MAX];
    bool meant =
        ca->k->settings.staging.n ? ca == &ca->k->cas[0] : slice_eq(ca->url, SLICE(LE_PRODUCTION));
    return meant && staging->url.n ? staging : NULL;
}

/* Too much for one that is merely not corrected: it was never set, or by a wrong server. */
static bool is_a_day(int64_t skew_s)
{
    return skew_s > DAY_S || skew_s < -DAY_S;
}

enum keepca_clock keepca_clock(const struct certkeep *k)
{
    enum keepca_clock found = KEEPCA_CLOCK_UNKNOWN;
    int64_t skew_s;
    for (size_t i = 0; i < ARRAY_LEN(k->cas); i++) {
        if (!k->cas[i].ca || !acmeca_skew(k->cas[i].ca, &skew_s))
            continue;
        if (!is_a_day(skew_s))
            return KEEPCA_CLOCK_RIGHT;
        found = KEEPCA_CLOCK_WRONG;
    }
    return found;
}

void keepca_check_clock(struct keepca *ca)
{
    const struct certhost *host = ca->k->host;
    int64_t skew_s, now_s = certclock_now_s(ca->k->loop);
    if (!acmeca_skew(ca->ca, &skew_s) || (skew_s <= SKEW_S && skew_s >= -SKEW_S))
        return;
    if (ca->skew_told_s && now_s >= ca->skew_told_s && now_s - ca->skew_told_s < DAY_S)
        return;
    ca->skew_told_s = now_s;
    const struct event_field fields[] = {EV_TEXT("directory", ca->url),
                                         EV_CSTR("direction", skew_s > 0 ? "ahead" : "behind"),
                                         EV_UINT("seconds", skew_s > 0 ? skew_s : -skew_s)};
    enum event_level level = is_a_day(skew_s) ? EVENT_ERROR : EVENT_WARN;
    host->on_event(host->ctx, level, "clock_skew", fields, ARRAY_LEN(fields));
}
