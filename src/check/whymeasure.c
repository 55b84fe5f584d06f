/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names first, then every hello and handshake at once, then what only a first result makes
 * worthwhile: repeats, speeds and hops, one after the other. */
#include "check/whymeasure.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "check/hops.h"
#include "check/whyask.h"
#include "crypt/digest.h"

#define HOPS_MAX       16
#define HOP_TIMEOUT_MS 1000
#define SPEED_US       1500000 /* faster downloads are not throttled */
#define SPEED_MS       4000    /* at least so long is a slow one looked at */

enum phase { NAMING, MEASURING, REPEATING, SPEEDS, HOPS, OVER };
enum question { SYSTEM, SECOND, CONTROL_NAME, RANDOM_NAME, QUESTIONS };

struct name_ask {
    struct dns_query query;
    struct whymeasure *w;
    struct whyjudge_names *to;
};

struct host_ask {
    struct resolve_query query;
    struct whymeasure *w;
    struct slice host;
    uint16_t port;
    struct ip ip;
    bool known;
};

struct whymeasure {
    struct why_options o;
    const struct facts *f;
    void (*on_done)(void *ctx);
    void *ctx;
    enum phase phase;
    struct loop_task begin;
    struct whyask ask;
    struct dns *second;
    struct name_ask names[QUESTIONS];
    struct host_ask hosts[WHY_CONTROLS_MAX + 1]; /* the last one is the portal's */
    unsigned naming;
    char random_name[32];
    struct whyask_to target; /* address, port and name */
    bool has_target;
    struct httpget portal;
    struct hops_url portal_url;
    unsigned step; /* of SPEEDS and HOPS */
    struct whyjudge_hello hop;
    struct whyjudge_peer unused;
    struct whyjudge_measures m;
};

static void advance(struct whymeasure *w);

/* ---- names ---- */

static void measure(struct whymeasure *w);

static void named(struct whymeasure *w)
{
    if (--w->naming == 0)
        measure(w);
}

static void on_name(struct dns_query *q, const struct dns_answer *a)
{
    struct name_ask *n = container_of(q, struct name_ask, query);
    *n->to = (struct whyjudge_names){.asked = true, .r = a->r, .rcode = a->rcode};
    for (size_t i = 0; !a->r && i < a->nrecords && n->to->nips < WHYJUDGE_IPS_MAX; i++)
        if (a->records[i].type == DNS_A && !a->records[i].authority)
            n->to->ips[n->to->nips++] = a->records[i].ip;
    named(n->w);
}

static void on_host(struct resolve_query *q, const struct resolve_answer *a)
{
    struct host_ask *h = container_of(q, struct host_ask, query);
    h->known = a->r == OK;
    if (h->known)
        h->ip = a->ips[0];
    named(h->w);
}

static void ask_name(struct whymeasure *w, enum question which, struct dns *d, struct slice name,
                     struct whyjudge_names *to)
{
    struct name_ask *n = &w->names[which];
    if (!d || !name.n)
        return;
    *n = (struct name_ask){.query.on_done = on_name, .w = w, .to = to};
    w->naming++;
    dns_ask(d, name, DNS_A, &n->query);
}

static void ask_names(struct whymeasure *w)
{
    w->naming = 1;
    if (!w->m.name_fixed) {
        ask_name(w, SYSTEM, w->o.dns, w->f->target.host, &w->m.system);
        ask_name(w, SECOND, w->second, w->f->target.host, &w->m.second);
        ask_name(w, RANDOM_NAME, w->o.dns, slice_cstr(w->random_name), &w->m.random_name);
        ask_name(w, CONTROL_NAME, w->o.dns, w->o.control_name, &w->m.control_name);
    }
    for (size_t i = 0; i < ARRAY_LEN(w->hosts); i++)
        if (w->hosts[i].host.n) {
            w->hosts[i].query.on_done = on_host;
            w->hosts[i].w = w;
            w->naming++;
            resolve_start(w->o.res, w->hosts[i].host, &w->hosts[i].query);
        }
    named(w);
}

static bool same_ip(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* ---- the target ---- */

static void add_other(struct whymeasure *w, const struct ip *ip)
{
    struct whyjudge_measures *m = &w->m;
    if (m->nothers == WHYJUDGE_OTHERS_MAX || same_ip(ip, &w->target.ip))
        return;
    for (size_t i = 0; i < m->nothers; i++)
        if (same_ip(&m->other_ips[i], ip))
            return;
    m->other_ips[m->nothers++] = *ip;
}

static void choose_target(struct whymeasure *w)
{
    const struct facts_dns *d = &w->f->dns;
    struct whyjudge_measures *m = &w->m;
    struct sock_addr address;
    w->has_target = d->naddresses || m->system.nips || w->o.proxy.raw_bytes;
    if (d->naddresses)
        w->target.ip = d->addresses[0].ip;
    else if (m->system.nips)
        w->target.ip = m->system.ips[0];
    for (size_t i = 0; i < d->naddresses; i++)
        if (d->addresses[i].chosen)
            w->target.ip = d->addresses[i].ip;
    m->has_address = w->has_target;
    for (size_t i = 0; i < d->naddresses; i++)
        add_other(w, &d->addresses[i].ip);
    m->second_differs = m->second.nips > 0;
    for (size_t i = 0; i < m->second.nips; i++) {
        for (size_t k = 0; k < d->naddresses; k++)
            if (same_ip(&d->addresses[k].ip, &m->second.ips[i]))
                m->second_differs = false;
    }
    if (w->o.proxy.raw_bytes) {
        snprintf(m->address, sizeof(m->address), "%.100s (by the proxy)",
                 w->f->target.host.n < 100 ? (const char *)w->f->target.host.p : "the target");
    } else if (w->has_target) {
        sock_addr_make(&w->target.ip, w->target.port, &address);
        sock_addr_format(&address, m->address);
    }
}

static void measure_target(struct whymeasure *w)
{
    struct whyjudge_measures *m = &w->m;
    struct whyask_to innocent = w->target, plain = w->target, other = w->target;
    struct whyask_more verified = {.verify = true}, lenient = {.verify = false};
    innocent.name = w->o.control_name;
    plain.port = w->o.plain_port ? w->o.plain_port : 80;
    plain.starttls = NULL;
    if (innocent.name.n) {
        whyask_hello(&w->ask, &innocent, WHYASK_SMALL, &m->innocent);
        whyask_peer(&w->ask, &innocent, &lenient, &m->innocent_peer);
    }
    whyask_hello(&w->ask, &w->target, WHYASK_SMALL, &m->target);
    whyask_hello(&w->ask, &w->target, WHYASK_LARGE, &m->large);
    whyask_hello(&w->ask, &w->target, WHYASK_SHORT, &m->small_answer);
    whyask_hello(&w->ask, &plain, WHYASK_CONNECT, &m->plain);
    if (!w->target.starttls)
        whyask_peer(&w->ask, &w->target, &verified, &m->peer);
    for (size_t i = 0; i < m->nothers && !w->o.proxy.raw_bytes; i++) {
        other.ip = m->other_ips[i];
        whyask_hello(&w->ask, &other, WHYASK_SMALL, &m->others[i]);
    }
}

/* The address that only the other resolver knows: is the name at home there? */
static void measure_second(struct whymeasure *w)
{
    struct whyask_to to = w->target;
    struct whyask_more verified = {.verify = true};
    if (!w->m.second.nips || !w->m.second_differs || w->o.proxy.raw_bytes)
        return;
    to.ip = w->m.second.ips[0];
    whyask_peer(&w->ask, &to, &verified, &w->m.second_peer);
    if (w->has_target && w->m.nothers < WHYJUDGE_OTHERS_MAX)
        add_other(w, &to.ip);
}

static void measure_controls(struct whymeasure *w)
{
    for (size_t i = 0; i < w->m.ncontrols; i++) {
        const struct host_ask *h = &w->hosts[i];
        struct whyjudge_control *c = &w->m.controls[i];
        struct whyask_to own = {.ip = h->ip, .port = h->port, .name = h->host};
        struct ip literal;
        if (!cidr_parse_ip(h->host, &literal))
            own.name = w->o.control_name;
        struct whyask_to named = own;
        struct whyask_more verified = {
            .verify = true, .get = true, .ret_has_date = &c->has_date, .ret_skew_s = &c->skew_s};
        struct whyask_more lenient = {.verify = false};
        if (!h->known)
            continue;
        named.name = w->target.name;
        whyask_hello(&w->ask, &own, WHYASK_SMALL, &c->own);
        whyask_hello(&w->ask, &named, WHYASK_SMALL, &c->target);
        whyask_peer(&w->ask, &own, &verified, &c->own_peer);
        whyask_peer(&w->ask, &named, &lenient, &c->target_peer);
    }
}

/* ---- captive portal ---- */

static void on_portal(struct httpget *g, const struct httpget_result *r)
{
    struct whymeasure *w = g->ctx;
    struct whyjudge_measures *m = &w->m;
    bool good = w->o.portal_answer.n ? r->status == 200 && slice_starts(r->body, w->o.portal_answer)
                                     : r->status == 204;
    bool redirect = r->status >= 300 && r->status < 400;
    m->portal_status = r->status;
    m->portal_replaced = !good && (redirect || r->status == 200 || r->status == 511);
    m->portal_has_date =
        good && whyask_skew(&w->ask, httpget_field(r, SLICE("date"), NULL), &m->portal_skew_s);
    snprintf(m->portal_location, sizeof(m->portal_location), SLICE_F,
             SLICE_A(httpget_field(r, SLICE("location"), NULL)));
    whyask_settle(&w->ask);
}

static void measure_portal(struct whymeasure *w)
{
    const struct host_ask *h = &w->hosts[WHY_CONTROLS_MAX];
    struct httpget_options o = {
        .loop = w->o.loop, .run = w->o.run, .host = w->portal_url.host, .path = w->portal_url.path};
    if (!h->host.n || !h->known)
        return;
    o.to.timeout_ms = w->ask.timeout_ms;
    sock_addr_make(&h->ip, h->port, &o.to.address);
    w->portal = (struct httpget){.ctx = w, .on_done = on_portal};
    w->m.portal_tried = !httpget_start(&o, &w->portal);
}

static void measure(struct whymeasure *w)
{
    w->phase = MEASURING;
    choose_target(w);
    measure_second(w);
    if (w->has_target)
        measure_target(w);
    measure_controls(w);
    measure_portal(w);
    whyask_settle(&w->ask);
}

/* ---- what a first result makes worthwhile ---- */

static bool stopped(const struct whyjudge_hello *h)
{
    return h->end == WHYJUDGE_CUT || h->end == WHYJUDGE_UNACKED || h->end == WHYJUDGE_SILENT;
}

static bool said_no(enum whyjudge_end end)
{
    return end == WHYJUDGE_REFUSED || end == WHYJUDGE_PROHIBITED || end == WHYJUDGE_UNREACHABLE;
}

/* Routers limit how often they send ICMP errors: of several connections to one address only the
 * first may be told. What one was told holds for all. */
static void share_refusal(struct whymeasure *w)
{
    struct whyjudge_measures *m = &w->m;
    const struct whyjudge_hello *same[] = {&m->innocent, &m->large, &m->small_answer};
    const struct facts_dns *d = &w->f->dns;
    if (m->target.end != WHYJUDGE_NO_ANSWER)
        return;
    for (size_t i = 0; i < d->naddresses; i++) {
        struct probe_result r = {.stage = PROBE_CONNECT, .end = d->addresses[i].end};
        if (d->addresses[i].tried && same_ip(&d->addresses[i].ip, &w->target.ip) &&
            said_no(whyask_end(&r)))
            m->target.end = whyask_end(&r);
    }
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        if (said_no(same[i]->end))
            m->target = *same[i];
}

/* A cut may be a rate limit or chance: what is going to be concluded from happens twice. */
static void repeat(struct whymeasure *w)
{
    struct whyjudge_measures *m = &w->m;
    struct whyask_to innocent = w->target;
    bool answered = m->innocent.end == WHYJUDGE_HELLO || m->innocent.end == WHYJUDGE_ALERT;
    innocent.name = w->o.control_name;
    if (stopped(&m->large) && m->target.end == WHYJUDGE_HELLO)
        whyask_hello(&w->ask, &w->target, WHYASK_LARGE, &m->large);
    if (m->target.end == WHYJUDGE_CUT)
        whyask_hello(&w->ask, &w->target, WHYASK_SMALL, &m->target);
    if (m->innocent.end == WHYJUDGE_CUT && w->o.control_name.n)
        whyask_hello(&w->ask, &innocent, WHYASK_SMALL, &m->innocent);
    if (stopped(&m->target) && !answered && !w->target.starttls)
        whyask_hello(&w->ask, &w->target, WHYASK_SPOKEN, &m->spoken);
}

/* Target, other name, target, other name; a quick download ends it. */
static bool next_speed(struct whymeasure *w)
{
    struct whyjudge_measures *m = &w->m;
    unsigned i = w->step / 2;
    struct whyask_to to = w->target;
    struct whyask_more more = {.get = true,
                               .host = w->f->target.host,
                               .path = w->f->target.path,
                               .ret_speed = w->step % 2 ? &m->innocent_speed[i] : &m->speed[i]};
    bool wanted = w->o.downloads && m->peer.secured && w->o.control_name.n && w->step < 4;
    if (!wanted || (w->step && m->speed[0].took_us < SPEED_US))
        return false;
    to.timeout_ms = w->ask.timeout_ms > SPEED_MS ? w->ask.timeout_ms : SPEED_MS;
    if (w->step++ % 2)
        to.name = w->o.control_name;
    whyask_peer(&w->ask, &to, &more, &w->unused);
    return true;
}

/* A reset at TTL k comes from a device that sees what lives k hops. */
static bool next_hop(struct whymeasure *w)
{
    struct whyask_to to = w->target;
    bool wanted = w->o.hops && w->m.target.end == WHYJUDGE_CUT && !w->o.proxy.raw_bytes;
    if (wanted && w->step && w->hop.end == WHYJUDGE_CUT) {
        w->m.hop = w->step;
        return false;
    }
    if (!wanted || w->step == HOPS_MAX || w->hop.end == WHYJUDGE_HELLO)
        return false;
    to.ttl = (uint8_t)++w->step;
    to.timeout_ms = HOP_TIMEOUT_MS;
    whyask_hello(&w->ask, &to, WHYASK_SMALL, &w->hop);
    return true;
}

static void advance(struct whymeasure *w)
{
    switch (w->phase) {
    case NAMING:
        return;
    case MEASURING:
        w->phase = REPEATING;
        share_refusal(w);
        if (w->has_target)
            repeat(w);
        whyask_settle(&w->ask);
        return;
    case REPEATING:
        w->phase = SPEEDS;
        w->step = 0;
        /* fall through */
    case SPEEDS:
        if (next_speed(w))
            return;
        w->phase = HOPS;
        w->step = 0;
        /* fall through */
    case HOPS:
        if (next_hop(w))
            return;
        w->phase = OVER;
        w->on_done(w->ctx);
        return;
    case OVER:
        return;
    }
}

static void on_idle(struct whyask *a)
{
    struct whymeasure *w = a->ctx;
    if (!w->portal.state)
        advance(w);
}

/* ---- life ---- */

static int read_control(struct whymeasure *w, struct slice text, struct fault *fault)
{
    struct host_ask *h = &w->hosts[w->m.ncontrols];
    struct ip ip;
    uint64_t port = 443;
    size_t colon = text.n;
    text = slice_trim(text);
    if (!text.n || w->m.ncontrols == WHY_CONTROLS_MAX)
        return OK;
    h->host = text;
    if (cidr_parse_ip(text, &ip)) {
        while (colon && text.p[colon - 1] != ':')
            colon--;
        if (colon) {
            h->host = slice_first(text, colon - 1);
            if (num_parse_u64(slice_from(text, colon), 1, 65535, &port) || !h->host.n)
                return fault_set(fault, ERR_CONFIG, "control \"" SLICE_F "\": not HOST:PORT",
                                 SLICE_A(text));
        }
    }
    h->port = (uint16_t)port;
    snprintf(w->m.controls[w->m.ncontrols++].name, sizeof(w->m.controls[0].name), SLICE_F,
             SLICE_A(h->host));
    return OK;
}

static int read_options(struct whymeasure *w, struct fault *fault)
{
    struct slice rest = w->o.controls, part;
    struct host_ask *portal = &w->hosts[WHY_CONTROLS_MAX];
    char servers[128];
    int r;
    while (slice_next(&rest, ',', &part))
        if ((r = read_control(w, part, fault)))
            return r;
    if (w->o.portal_url.n && !w->o.proxy.raw_bytes) {
        if (hops_split(w->o.portal_url, &w->portal_url) || w->portal_url.https)
            return fault_set(fault, ERR_CONFIG, "\"" SLICE_F "\" is not a plain http address",
                             SLICE_A(w->o.portal_url));
        portal->host = w->portal_url.host;
        portal->port = w->portal_url.port;
    }
    if (!w->o.second_resolver.n || w->m.name_fixed)
        return OK;
    snprintf(servers, sizeof(servers), SLICE_F, SLICE_A(w->o.second_resolver));
    return dns_new(w->o.loop, servers, 0, &w->second, fault);
}

static void take_visit(struct whymeasure *w)
{
    const struct facts_target *t = &w->f->target;
    struct whyjudge_measures *m = &w->m;
    m->host = t->host;
    m->tls_ok = w->f->steps[FACTS_TLS].ran && w->f->steps[FACTS_TLS].ok;
    m->visit_alert = w->f->tls.alert;
    m->client_certificate = w->f->tls.client_certificate == FACTS_YES;
    m->now_s = w->f->now_s;
#define CONTROL(member, text)
#define BUILT_S(s) m->built_s = s;
#include "check/control.def"
#undef CONTROL
#undef BUILT_S
    m->name_fixed = t->is_ip || t->connect.raw_bytes || w->o.proxy.raw_bytes;
    w->target = (struct whyask_to){.port = facts_target_port(t),
                                   .name = t->sni.n ? t->sni : t->host,
                                   .starttls = t->starttls,
                                   .starttls_name = t->host,
                                   .proxy_host = t->host};
}

static void on_begin(struct loop_task *t)
{
    ask_names(container_of(t, struct whymeasure, begin));
}

static int make_random_name(struct whymeasure *w)
{
    uint8_t bytes[10];
    size_t n = 0;
    int r = digest_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        n += (size_t)snprintf(w->random_name + n, sizeof(w->random_name) - n, "%02x", bytes[i]);
    snprintf(w->random_name + n, sizeof(w->random_name) - n, ".com");
    return r;
}

int whymeasure_start(const struct why_options *o, const struct facts *f, void (*on_done)(void *ctx),
                     void *ctx, struct whymeasure **ret, struct fault *fault)
{
    struct whymeasure *w = mem_alloc(sizeof(*w));
    if (!w)
        return ERR_NOMEM;
    w->o = *o;
    w->f = f;
    w->on_done = on_done;
    w->ctx = ctx;
    w->ask = (struct whyask){.loop = o->loop,
                             .run = o->run,
                             .verifying = o->verifying,
                             .lenient = o->lenient,
                             .proxy = o->proxy,
                             .timeout_ms = o->timeout_ms,
                             .now_s = f->now_s,
                             .ctx = w,
                             .on_idle = on_idle};
    loop_task_init(&w->begin, on_begin);
    take_visit(w);
    int r = whyask_open(&w->ask);
    if (!r)
        r = make_random_name(w);
    if (!r)
        r = read_options(w, fault);
    if (r) {
        whymeasure_free(w);
        return r;
    }
    loop_defer(o->loop, &w->begin);
    *ret = w;
    return OK;
}

const struct whyjudge_measures *whymeasure_result(const struct whymeasure *w)
{
    return &w->m;
}

void whymeasure_free(struct whymeasure *w)
{
    if (!w)
        return;
    loop_task_cancel(&w->begin);
    for (size_t i = 0; i < QUESTIONS; i++)
        dns_cancel(&w->names[i].query);
    for (size_t i = 0; i < ARRAY_LEN(w->hosts); i++)
        resolve_cancel(&w->hosts[i].query);
    httpget_cancel(&w->portal);
    whyask_close(&w->ask);
    dns_free(w->second);
    mem_free(w);
}
