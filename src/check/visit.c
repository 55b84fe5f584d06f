/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The visit, step by step: addresses and records side by side, every address tried, the best one
 * chosen as browsers do (RFC 8305), one verified request on it, then the walks along redirects. */
#include "check/visit.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "check/hops.h"
#include "os/clock.h"

#define IPV6_HEAD_START_US 250000 /* RFC 8305 5: so much slower may IPv6 be and still win */
#define RECORDS            2      /* asked for beside addresses */

enum phase { NAMING, CONNECTING, VISITING, LOOKING_BEHIND, WALKING, WALKING_PLAIN };

struct record {
    struct dns_query query;
    struct visit *v;
};

struct visit {
    struct visit_options o;
    struct visit_ops ops;
    struct facts *f;
    enum phase phase;
    uint64_t began_us, step_us;
    struct loop_task begin;
    struct resolve_query addresses;
    struct record records[RECORDS];
    unsigned naming; /* answers still to come */
    struct probe probes[FACTS_ADDRESSES_MAX];
    unsigned connecting;
    struct sock_addr address;
    struct ip ip;
    struct httpget get;
    struct hops *hops;
    struct loop_timer patience; /* for records beyond addresses */
};

static void words(struct facts_step *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void words(struct facts_step *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(s->words, sizeof(s->words), fmt, args);
    va_end(args);
}

static struct facts_step *begin_step(struct visit *v, enum facts_step_id id)
{
    struct facts_step *s = &v->f->steps[id];
    v->step_us = clock_now_us();
    s->ran = true;
    s->start_us = v->step_us - v->began_us;
    return s;
}

static void end_step(struct visit *v, enum facts_step_id id, bool ok)
{
    v->f->steps[id].ok = ok;
    v->f->steps[id].took_us = clock_now_us() - v->step_us;
}

static void done(struct visit *v)
{
    v->f->took_us = clock_now_us() - v->began_us;
    v->ops.on_done(v->ops.ctx);
}

/* ---- 5, 4: the walks ---- */

static void walk_plain(struct visit *v);

static void on_walk_answer(void *ctx, const struct httpget_result *r, bool last)
{
    struct visit *v = ctx;
    bool plain = v->phase == WALKING_PLAIN;
    if (plain && v->f->http.nplain == 1) {
        v->f->http.plain_end = r->tcp.end;
        v->f->http.plain_errno = r->tcp.errno_value;
    }
    if (v->ops.on_answer)
        v->ops.on_answer(v->ops.ctx, r, plain, last && !plain);
}

static void on_walked(void *ctx, bool loops)
{
    struct visit *v = ctx;
    hops_free(v->hops);
    v->hops = NULL;
    if (loops)
        facts_find(v->f, "http-redirect-loop", "%d redirects and no end", FACTS_HOPS_MAX);
    if (v->phase == WALKING)
        walk_plain(v);
    else
        done(v);
}

static const struct hops_ops walk_ops = {on_walk_answer, on_walked};

static struct hops_options walk_options(struct visit *v, struct facts_hop *list, size_t *n)
{
    struct hops_options o = {.loop = v->o.loop,
                             .run = v->o.run,
                             .res = v->o.res,
                             .tls = v->o.lenient,
                             .own = &v->f->target,
                             .address = v->ip,
                             .facts = v->f,
                             .list = list,
                             .n = n,
                             .ctx = v};
    o.to.timeout_ms = v->o.timeout_ms;
    if (v->o.proxy.raw_bytes) {
        o.to.address = v->o.proxy;
        o.to.connect_to = SLICE("proxy"); /* replaced for each hop */
    }
    return o;
}

static int host_text(struct visit *v, uint16_t usual_port, uint16_t port, struct slice *ret)
{
    const struct facts_target *t = &v->f->target;
    bool v6 = slice_find(t->host, ':') < t->host.n;
    if (port == usual_port)
        return arena_printf(&v->f->arena, ret, "%s" SLICE_F "%s", v6 ? "[" : "", SLICE_A(t->host),
                            v6 ? "]" : "");
    return arena_printf(&v->f->arena, ret, "%s" SLICE_F "%s:%u", v6 ? "[" : "", SLICE_A(t->host),
                        v6 ? "]" : "", port);
}

/* Port 80 belongs to a site on 443 only. */
static void walk_plain(struct visit *v)
{
    struct facts_http *h = &v->f->http;
    struct hops_options o = walk_options(v, h->plain, &h->nplain);
    struct slice host, url;
    v->phase = WALKING_PLAIN;
    if (v->f->target.port != 443 && !v->o.plain_port) {
        done(v);
        return;
    }
    h->plain_tried = true;
    int r = host_text(v, 80, v->o.plain_port ? v->o.plain_port : 80, &host);
    if (!r)
        r = arena_printf(&v->f->arena, &url, "http://" SLICE_F SLICE_F, SLICE_A(host),
                         SLICE_A(v->f->target.path));
    if (r || hops_start(&o, url, &walk_ops, &v->hops))
        done(v);
}

static void walk_on(struct visit *v, struct slice url)
{
    struct facts_http *h = &v->f->http;
    struct hops_options o = walk_options(v, h->https, &h->nhttps);
    v->phase = WALKING;
    if (hops_start(&o, url, &walk_ops, &v->hops))
        walk_plain(v);
}

/* ---- 3, 4, 5: the connection ---- */

static bool note_hop(struct visit *v, const struct httpget_result *r, struct slice *ret_next)
{
    struct facts_http *h = &v->f->http;
    struct facts_hop *hop = &h->https[h->nhttps++];
    struct arena *a = &v->f->arena;
    struct slice host;
    size_t count;
    *hop = (struct facts_hop){.status = (uint16_t)r->status,
                              .took_us = r->tcp_us + r->tls_us + r->http_us};
    if (host_text(v, 443, v->f->target.port, &host) ||
        arena_printf(a, &hop->url, "https://" SLICE_F SLICE_F, SLICE_A(host),
                     SLICE_A(v->f->target.path)) ||
        arena_copy(a, httpget_field(r, SLICE("strict-transport-security"), &count), &hop->hsts) ||
        arena_copy(a, httpget_field(r, SLICE("location"), NULL), &hop->location))
        return false;
    hop->hsts_twice = count > 1;
    bool redirect = r->status == 301 || r->status == 302 || r->status == 303 || r->status == 307 ||
                    r->status == 308;
    return redirect && !hops_join(a, hop->url, hop->location, ret_next);
}

static void note_tls(struct visit *v, const struct httpget_result *r, bool trusted)
{
    struct facts_tls *t = &v->f->tls;
    struct facts_step *s = &v->f->steps[FACTS_TLS];
    snprintf(t->negotiated_version, sizeof(t->negotiated_version), "%s", r->version);
    snprintf(t->negotiated_suite, sizeof(t->negotiated_suite), "%s", r->suite);
    snprintf(t->negotiated_group, sizeof(t->negotiated_group), "%s", r->group);
    snprintf(t->alpn, sizeof(t->alpn), "%s", r->alpn);
    t->alert = r->alert ? r->alert : t->alert;
    if (r->secured || r->certificate_asked)
        t->client_certificate = r->certificate_asked ? FACTS_YES : FACTS_NO;
    if (r->stage == HTTPGET_CLOSE && slice_eq(slice_cstr(r->version), SLICE("TLSv1.3")))
        t->early_data = r->early_data_bytes ? FACTS_YES : FACTS_NO;
    if (r->peer && !v->f->nchains)
        v->f->chains[v->f->nchains++] =
            (struct facts_chain){.chain = certinfo_ref(r->peer), .trusted = trusted};
    if (trusted) {
        s->ran = s->ok = true;
        s->start_us = v->f->steps[FACTS_TCP].start_us + v->f->steps[FACTS_TCP].took_us;
        s->took_us = r->tls_us;
        words(s, "%s, %s%s%s", r->version, r->suite, r->group[0] ? ", " : "", r->group);
    }
}

static void note_http(struct visit *v, const struct httpget_result *r)
{
    static const char *const ends[] = {
        [FACTS_CLOSE_UNKNOWN] = "not seen",
        [FACTS_CLOSE_NOTIFY] = "close_notify: the answer is known to be whole",
        [FACTS_CLOSE_FIN] = "the connection ended without close_notify",
        [FACTS_CLOSE_RESET] = "the connection was reset",
        [FACTS_CLOSE_SILENT] = "the server keeps the connection open",
    };
    struct facts_step *http = &v->f->steps[FACTS_HTTP], *end = &v->f->steps[FACTS_CLOSE];
    const struct facts_step *tls = &v->f->steps[FACTS_TLS];
    v->f->http.ran = http->ran = r->stage >= HTTPGET_HTTP;
    v->f->http.r = r->r;
    v->f->http.fault = r->fault;
    http->start_us = tls->start_us + tls->took_us;
    http->took_us = r->http_us;
    http->ok = r->status > 0 && r->status < 500 && !r->r;
    if (r->status)
        words(http, "status %u, %zu bytes%s", r->status, r->body.n, r->body_cut ? " and more" : "");
    else
        http->fault = r->fault;
    end->ran = r->stage == HTTPGET_CLOSE;
    end->start_us = http->start_us + http->took_us;
    end->took_us = r->close_us;
    end->ok = r->close == FACTS_CLOSE_NOTIFY || r->close == FACTS_CLOSE_SILENT;
    v->f->close = r->close;
    words(end, "%s", ends[r->close]);
}

static int visit_get(struct visit *v, struct tlsctx *tls);

/* A bad certificate is looked behind, once. */
static bool worth_looking_behind(const struct httpget_result *r)
{
    return r->stage == HTTPGET_TLS && (r->r == ERR_VERIFY || r->r == ERR_EXPIRED);
}

static void on_got(struct httpget *g, const struct httpget_result *r)
{
    struct visit *v = container_of(g, struct visit, get);
    struct facts_step *tls = &v->f->steps[FACTS_TLS];
    struct slice next = SLICE_EMPTY;
    bool first = v->phase == VISITING;
    note_tls(v, r, first && r->secured);
    if (first && !r->secured) {
        tls->ran = r->stage >= HTTPGET_TLS;
        tls->start_us = v->f->steps[FACTS_TCP].start_us + v->f->steps[FACTS_TCP].took_us;
        tls->took_us = r->tls_us;
        tls->fault = r->fault;
    }
    if (first && worth_looking_behind(r)) {
        v->phase = LOOKING_BEHIND;
        if (!visit_get(v, v->o.lenient))
            return;
    }
    if (!r->secured || !v->o.http) {
        if (v->o.http)
            walk_plain(v);
        else
            done(v);
        return;
    }
    note_http(v, r);
    bool goes_on = note_hop(v, r, &next);
    if (v->ops.on_answer)
        v->ops.on_answer(v->ops.ctx, r, false, !goes_on);
    if (goes_on)
        walk_on(v, next);
    else
        walk_plain(v);
}

static int visit_get(struct visit *v, struct tlsctx *tls)
{
    const struct facts_target *t = &v->f->target;
    struct httpget_options o = {.loop = v->o.loop, .run = v->o.run, .tls = tls};
    int r = host_text(v, 443, t->port, &o.host);
    o.to = (struct probe_options){.address = v->address,
                                  .starttls = t->starttls,
                                  .starttls_name = t->host,
                                  .timeout_ms = v->o.timeout_ms};
    if (!r && v->o.proxy.raw_bytes) {
        o.to.address = v->o.proxy;
        r = host_text(v, 0, t->port, &o.to.connect_to);
    }
    o.tls_name = t->sni.n ? t->sni : t->host;
    o.path = t->path;
    o.handshake_only = !v->o.http;
    return r ? r : httpget_start(&o, &v->get);
}

static void visit_now(struct visit *v)
{
    v->phase = VISITING;
    if (visit_get(v, v->o.verifying))
        done(v);
}

/* ---- 2: TCP ---- */

static void choose_address(struct visit *v)
{
    struct facts_dns *d = &v->f->dns;
    struct facts_address *best[2] = {NULL, NULL};
    for (size_t i = 0; i < d->naddresses; i++) {
        struct facts_address *a = &d->addresses[i];
        struct facts_address **b = &best[cidr_is_v4(&a->ip)];
        if (a->tried && a->end == PROBE_DONE && (!*b || a->connect_us < (*b)->connect_us))
            *b = a;
    }
    struct facts_address *six = best[0], *four = best[1];
    struct facts_address *a =
        six && (!four || six->connect_us <= four->connect_us + IPV6_HEAD_START_US) ? six : four;
    if (!a)
        return;
    a->chosen = true;
    v->ip = a->ip;
    sock_addr_make(&a->ip, facts_target_port(&v->f->target), &v->address);
}

static void connected_all(struct visit *v)
{
    struct facts_step *s = &v->f->steps[FACTS_TCP];
    struct facts_dns *d = &v->f->dns;
    size_t good = 0;
    char address[SOCK_ADDR_TEXT];
    for (size_t i = 0; i < d->naddresses; i++)
        good += d->addresses[i].tried && d->addresses[i].end == PROBE_DONE;
    choose_address(v);
    end_step(v, FACTS_TCP, v->address.raw_bytes != 0);
    if (!v->address.raw_bytes) {
        const struct facts_address *a = &d->addresses[0];
        fault_set(&s->fault, probe_err(a->end), "%s", probe_end_words(a->end));
        done(v);
        return;
    }
    for (size_t i = 0; i < d->naddresses; i++)
        if (d->addresses[i].chosen)
            s->took_us = d->addresses[i].connect_us;
    sock_addr_format(&v->address, address);
    words(s, "%s%s", address, good < d->naddresses ? "; not every address answers" : "");
    visit_now(v);
}

static void on_probed(struct probe *p, const struct probe_result *r)
{
    struct visit *v = p->owner;
    struct facts_address *a = &v->f->dns.addresses[p - v->probes];
    a->tried = true;
    a->end = r->end;
    a->errno_value = r->errno_value;
    a->connect_us = r->connect_us;
    if (--v->connecting == 0)
        connected_all(v);
}

static void connect_all(struct visit *v)
{
    struct facts_dns *d = &v->f->dns;
    v->phase = CONNECTING;
    begin_step(v, FACTS_TCP);
    v->connecting = (unsigned)d->naddresses;
    for (size_t i = 0; i < d->naddresses; i++) {
        struct probe_options o = {.timeout_ms = v->o.timeout_ms};
        sock_addr_make(&d->addresses[i].ip, facts_target_port(&v->f->target), &o.address);
        v->probes[i] = (struct probe){.owner = v, .on_done = on_probed};
        probe_start(v->o.run, &o, &v->probes[i]);
    }
}

static void connect_proxy(struct visit *v)
{
    char address[SOCK_ADDR_TEXT];
    v->address = v->o.proxy;
    sock_addr_format(&v->o.proxy, address);
    words(begin_step(v, FACTS_TCP), "through the proxy %s", address);
    end_step(v, FACTS_TCP, true);
    visit_now(v);
}

/* ---- 1: the name ---- */

static void named(struct visit *v)
{
    struct facts_step *s = &v->f->steps[FACTS_DNS];
    const struct facts_dns *d = &v->f->dns;
    size_t six = 0;
    if (v->phase != NAMING)
        return;
    loop_timer_clear(&v->patience);
    for (size_t i = 0; i < RECORDS; i++)
        dns_cancel(&v->records[i].query);
    end_step(v, FACTS_DNS, d->naddresses > 0);
    if (d->naddresses == 0) {
        done(v);
        return;
    }
    for (size_t i = 0; i < d->naddresses; i++)
        six += !cidr_is_v4(&d->addresses[i].ip);
    words(s, "%zu IPv4 and %zu IPv6 address%s", d->naddresses - six, six,
          d->naddresses == 1 ? "" : "es");
    connect_all(v);
}

static void answered(struct visit *v)
{
    if (--v->naming == 0)
        named(v);
}

static bool wanted(const struct visit *v, const struct ip *ip)
{
    return v->o.family == 0 || (v->o.family == 4) == cidr_is_v4(ip);
}

static void on_addresses(struct resolve_query *q, const struct resolve_answer *a)
{
    struct visit *v = container_of(q, struct visit, addresses);
    struct facts_dns *d = &v->f->dns;
    d->r = a->r;
    d->no_such_name = a->absent;
    d->no_address = a->addressless;
    d->every_family = v->o.family == 0;
    if (a->r)
        fault_set(&v->f->steps[FACTS_DNS].fault, a->r, "%s", a->why ? a->why : err_text(a->r));
    for (size_t i = 0; !a->r && i < a->n && d->naddresses < FACTS_ADDRESSES_MAX; i++)
        if (wanted(v, &a->ips[i]))
            d->addresses[d->naddresses++].ip = a->ips[i];
    if (!a->r && d->naddresses == 0) {
        d->r = ERR_NOT_FOUND;
        d->no_address = true;
        fault_set(&v->f->steps[FACTS_DNS].fault, ERR_NOT_FOUND, "the name has no IPv%d address",
                  v->o.family);
    }
    /* Nothing is reached without an address: the rest is not waited for. */
    if (d->naddresses == 0)
        named(v);
    else
        answered(v);
}

static void take_record(struct visit *v, const struct dns_record *rec)
{
    struct facts_dns *d = &v->f->dns;
    struct arena *a = &v->f->arena;
    if (rec->type == DNS_CNAME && d->ncnames < ARRAY_LEN(d->cnames))
        d->ncnames += !arena_copy(a, rec->target, &d->cnames[d->ncnames]);
    else if (rec->type == DNS_CAA && d->ncaa < ARRAY_LEN(d->caa))
        d->ncaa += !arena_printf(a, &d->caa[d->ncaa], SLICE_F " " SLICE_F, SLICE_A(rec->tag),
                                 SLICE_A(rec->text));
    else if (rec->type == DNS_HTTPS && d->https_record.n == 0 &&
             arena_copy(a, rec->text, &d->https_record))
        d->https_record = SLICE_EMPTY;
}

static void on_record(struct dns_query *q, const struct dns_answer *a)
{
    struct visit *v = container_of(q, struct record, query)->v;
    bool cnames = q == &v->records[0].query; /* each answer repeats the chain */
    for (size_t i = 0; !a->r && i < a->nrecords; i++)
        if ((a->records[i].type != DNS_CNAME || cnames) && !a->records[i].authority)
            take_record(v, &a->records[i]);
    v->f->dns.authentic |= a->authentic;
    v->f->dns.has_caa = v->f->dns.ncaa > 0;
    answered(v);
}

static void on_patience(struct loop_timer *t)
{
    struct visit *v = container_of(t, struct visit, patience);
    if (v->f->dns.naddresses)
        named(v);
}

static void ask_name(struct visit *v)
{
    static const enum dns_type types[RECORDS] = {DNS_HTTPS, DNS_CAA};
    struct slice host = v->f->target.host;
    v->naming = 1;
    v->addresses.on_done = on_addresses;
    for (size_t i = 0; v->o.dns && i < RECORDS; i++) {
        v->records[i] = (struct record){.query.on_done = on_record, .v = v};
        v->naming++;
        dns_ask(v->o.dns, host, types[i], &v->records[i].query);
    }
    loop_timer_set(v->o.loop, &v->patience, 1500);
    resolve_start(v->o.res, host, &v->addresses);
}

static void use_address(struct visit *v, const struct ip *ip, const char *why)
{
    struct facts_dns *d = &v->f->dns;
    d->addresses[d->naddresses++].ip = *ip;
    words(&v->f->steps[FACTS_DNS], "%s", why);
    end_step(v, FACTS_DNS, true);
    connect_all(v);
}

static void on_begin(struct loop_task *t)
{
    struct visit *v = container_of(t, struct visit, begin);
    const struct facts_target *target = &v->f->target;
    struct ip ip;
    uint16_t port;
    v->began_us = clock_now_us();
    struct facts_step *s = begin_step(v, FACTS_DNS);
    if (v->o.proxy.raw_bytes) {
        words(s, "left to the proxy");
        end_step(v, FACTS_DNS, true);
        connect_proxy(v);
    } else if (target->connect.raw_bytes && sock_addr_ip(&target->connect, &ip, &port)) {
        use_address(v, &ip, "not asked: --connect names the address");
    } else if (v->o.resolve_to) {
        use_address(v, v->o.resolve_to, "not asked: --resolve names the address");
    } else if (target->is_ip && !cidr_parse_ip(target->host, &ip)) {
        use_address(v, &ip, "the target is an address");
    } else {
        ask_name(v);
    }
}

int visit_start(const struct visit_options *o, struct facts *f, const struct visit_ops *ops,
                struct visit **ret)
{
    struct visit *v = mem_alloc(sizeof(*v));
    if (!v)
        return ERR_NOMEM;
    v->o = *o;
    v->ops = *ops;
    v->f = f;
    v->get.on_done = on_got;
    loop_timer_init(&v->patience, on_patience);
    loop_task_init(&v->begin, on_begin);
    loop_defer(o->loop, &v->begin);
    *ret = v;
    return OK;
}

void visit_free(struct visit *v)
{
    if (!v)
        return;
    loop_task_cancel(&v->begin);
    loop_timer_clear(&v->patience);
    resolve_cancel(&v->addresses);
    for (size_t i = 0; i < RECORDS; i++)
        dns_cancel(&v->records[i].query);
    for (size_t i = 0; i < FACTS_ADDRESSES_MAX; i++)
        probe_cancel(&v->probes[i]);
    httpget_cancel(&v->get);
    hops_free(v->hops);
    mem_free(v);
}

const struct sock_addr *visit_address(const struct visit *v)
{
    return &v->address;
}
