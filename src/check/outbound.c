/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A list of hosts, some at once. Verdicts wait for the end: whether this network lets nothing out
 * can be told from all hosts together only. */
#include "check/outbound.h"

#include <stdio.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/num.h"
#include "check/whyask.h"
#include "check/whyservice.h"

#define DEFAULT_AT_ONCE 32
#define TEXT_MAX        (1024 * 1024) /* of a list with OUTBOUND_MAX lines */

struct host {
    struct list node;
    struct outbound *b;
    struct outbound_row row;
    struct resolve_query query;
    struct ip ip;
    struct whyask ask; /* one each, so that the end of a host is seen */
    struct whyjudge_measures m;
    uint64_t began_ms;
    bool known, open;
};

struct outbound {
    struct outbound_options o;
    struct outbound_ops ops;
    struct arena arena;
    struct host *hosts;
    struct outbound_row *rows; /* copies, when all is over */
    size_t n, next, under_way;
    struct loop_task pump;
};

/* ---- the list ---- */

static struct slice word(struct slice *line)
{
    size_t n = 0;
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
        n++;
    struct slice w = slice_first(*line, n);
    *line = slice_trim(slice_from(*line, n));
    return w;
}

/* "host", "host:443", "192.0.2.1:443", "[2001:db8::1]:443". */
static int read_host(struct slice text, struct outbound_row *row)
{
    struct ip ip;
    uint64_t port = 443;
    size_t at = text.n;
    row->host = text;
    while (cidr_parse_ip(text, &ip) && at && text.p[at - 1] != ':')
        at--;
    if (at && at < text.n) {
        row->host = slice_first(text, at - 1);
        if (num_parse_u64(slice_from(text, at), 1, 65535, &port))
            return ERR_CONFIG;
    }
    if (row->host.n > 2 && row->host.p[0] == '[')
        row->host = slice_first(slice_from(row->host, 1), row->host.n - 2);
    row->port = (uint16_t)port;
    return row->host.n && row->host.n <= 253 ? OK : ERR_CONFIG;
}

static int read_line(struct outbound *b, struct slice line, int number, struct fault *fault)
{
    struct outbound_row row = {.ok = false};
    line = slice_trim(slice_first(line, slice_find(line, '#')));
    if (!line.n)
        return OK;
    row.kind = word(&line);
    if (!line.n) { /* a host alone */
        line = row.kind;
        row.kind = SLICE("host");
    }
    if (read_host(word(&line), &row) || line.n) {
        fault_set(fault, ERR_CONFIG, "not a line \"kind host[:port]\"");
        fault_at(fault, "", number, 1);
        return ERR_CONFIG;
    }
    if (b->n == OUTBOUND_MAX)
        return fault_set(fault, ERR_CAP, "more than %d hosts", OUTBOUND_MAX);
    b->hosts[b->n].row = row;
    b->hosts[b->n++].b = b;
    return OK;
}

static int read_list(struct outbound *b, struct slice list, struct fault *fault)
{
    struct slice text, line;
    size_t lines = 1;
    int r = arena_copy(&b->arena, list, &text), number = 0;
    for (size_t i = 0; !r && i < text.n; i++)
        lines += text.p[i] == '\n';
    lines = lines > OUTBOUND_MAX ? OUTBOUND_MAX : lines;
    b->hosts = r ? NULL : mem_array(lines, sizeof(*b->hosts));
    if (!b->hosts)
        return ERR_NOMEM;
    while (!r && slice_next(&text, '\n', &line))
        r = read_line(b, line, ++number, fault);
    if (!r && b->n == 0)
        return fault_set(fault, ERR_CONFIG, "the list of hosts is empty");
    return r;
}

static int built_in(struct outbound *b)
{
    static const struct outbound_row rows[] = {
#define HOST(what, name, number) {.kind = SLICE(what), .host = SLICE(name), .port = number},
#include "check/outbound.def"
#undef HOST
    };
    b->hosts = mem_array(ARRAY_LEN(rows), sizeof(*b->hosts));
    if (!b->hosts)
        return ERR_NOMEM;
    for (b->n = 0; b->n < ARRAY_LEN(rows); b->n++) {
        b->hosts[b->n].row = rows[b->n];
        b->hosts[b->n].b = b;
    }
    return OK;
}

/* ---- judging ---- */

/* Hosts with another address are each other's controls: the ones that came furthest tell most. */
static void lend_controls(const struct outbound *b, struct host *h)
{
    for (int working = 1; working >= 0; working--)
        for (size_t i = 0; i < b->n && h->m.ncontrols < WHYJUDGE_CONTROLS_MAX; i++) {
            const struct host *other = &b->hosts[i];
            bool works = other->m.target.end >= WHYJUDGE_ALERT;
            bool same = slice_eq(other->row.host, h->row.host);
            if (same || !other->m.target.end || works != (working == 1) ||
                other->row.port != h->row.port)
                continue;
            struct whyjudge_control *c = &h->m.controls[h->m.ncontrols++];
            c->own = other->m.target;
            c->own_peer = other->m.peer;
        }
}

static void say(struct host *h, const struct facts_why *why)
{
    const char *words = facts_verdict_words(why->verdict);
    const struct whyjudge_hello *t = &h->m.target;
    if (h->row.ok)
        words = "reached, its certificate is good";
    else if (!h->known)
        words = h->m.peer.words[0] ? h->m.peer.words : "the name does not resolve";
    snprintf(h->row.words, sizeof(h->row.words), "%s", words);
    if (t->by_proxy && t->nseen) {
        char said[96];
        whyservice_show(slice_of(t->seen, t->nseen), said, sizeof(said));
        snprintf(h->row.words, sizeof(h->row.words), "the proxy refuses: %s", said);
        return;
    }
    if (!h->row.ok && h->known && h->m.peer.words[0] && why->verdict >= FACTS_VERDICT_INTERCEPTED)
        snprintf(h->row.words, sizeof(h->row.words), "%.70s: %.150s", words, h->m.peer.words);
    snprintf(h->row.issuer, sizeof(h->row.issuer), "%s", h->m.peer.issuer);
}

static void judge(struct outbound *b, struct host *h)
{
    struct facts_why why;
    struct arena scratch;
    arena_init(&scratch, 64 * 1024);
    lend_controls(b, h);
    whyjudge_run(&h->m, &scratch, &why);
    h->row.ok = h->m.peer.trusted;
    h->row.verdict = why.verdict;
    if (h->row.ok)
        h->row.verdict = FACTS_VERDICT_OK;
    say(h, &why);
    arena_done(&scratch);
}

/* No name at all: that is the name server's fault. */
static void look_at_names(struct outbound *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->hosts[i].known)
            return;
    for (size_t i = 0; i < b->n; i++)
        b->hosts[i].m.system.r = ERR_RESOLVE;
}

static void over(struct outbound *b)
{
    look_at_names(b);
    for (size_t i = 0; i < b->n; i++) {
        judge(b, &b->hosts[i]);
        b->rows[i] = b->hosts[i].row;
    }
    b->ops.on_done(b->ops.ctx);
}

/* ---- asking ---- */

static void finished(struct host *h)
{
    struct outbound *b = h->b;
    h->row.took_us = (loop_now_ms(b->o.loop) - h->began_ms) * 1000;
    h->row.ok = h->m.peer.trusted;
    if (h->open)
        whyask_close(&h->ask);
    h->open = false;
    b->under_way--;
    if (b->ops.on_row)
        b->ops.on_row(b->ops.ctx, &h->row);
    loop_defer(b->o.loop, &b->pump);
}

static void on_idle(struct whyask *a)
{
    finished(a->ctx);
}

static void ask(struct host *h)
{
    struct outbound *b = h->b;
    struct whyask_to to = {
        .ip = h->ip, .port = h->row.port, .name = h->row.host, .proxy_host = h->row.host};
    struct whyask_more more = {.verify = true};
    struct ip literal;
    h->m.host = h->row.host;
    h->m.has_address = h->known = true;
    h->ask = (struct whyask){.loop = b->o.loop,
                             .run = b->o.run,
                             .verifying = b->o.verifying,
                             .lenient = b->o.lenient,
                             .proxy = b->o.proxy,
                             .timeout_ms = b->o.timeout_ms,
                             .ctx = h,
                             .on_idle = on_idle};
    h->open = true;
    if (whyask_open(&h->ask)) {
        finished(h);
        return;
    }
    whyask_peer(&h->ask, &to, &more, &h->m.peer);
    if (!cidr_parse_ip(h->row.host, &literal))
        to.name = SLICE_EMPTY;
    whyask_hello(&h->ask, &to, WHYASK_SMALL, &h->m.target);
    whyask_settle(&h->ask);
}

static void on_resolved(struct resolve_query *q, const struct resolve_answer *a)
{
    struct host *h = container_of(q, struct host, query);
    struct whyjudge_names *n = &h->m.system;
    size_t i = 0;
    *n = (struct whyjudge_names){.asked = true, .r = a->r == ERR_RESOLVE ? OK : a->r};
    while (!a->r && i < a->n && h->b->o.family && (h->b->o.family == 4) != cidr_is_v4(&a->ips[i]))
        i++;
    if (a->r || i == a->n) {
        snprintf(h->m.peer.words, sizeof(h->m.peer.words), "%s", a->why ? a->why : "");
        finished(h);
        return;
    }
    h->ip = n->ips[0] = a->ips[i];
    n->nips = 1;
    cidr_format_ip(&h->ip, h->row.address);
    ask(h);
}

static void start(struct outbound *b, struct host *h)
{
    b->under_way++;
    h->began_ms = loop_now_ms(b->o.loop);
    h->m.now_s = loop_unix_ms(b->o.loop) / 1000;
    if (b->o.proxy.raw_bytes) {
        ask(h);
        return;
    }
    h->query.on_done = on_resolved;
    resolve_start(b->o.res, h->row.host, &h->query);
}

static void on_pump(struct loop_task *t)
{
    struct outbound *b = container_of(t, struct outbound, pump);
    unsigned most = b->o.at_once ? b->o.at_once : DEFAULT_AT_ONCE;
    while (b->next < b->n && b->under_way < most)
        start(b, &b->hosts[b->next++]);
    if (b->under_way == 0 && b->next == b->n)
        over(b);
}

/* ---- life ---- */

int outbound_start(const struct outbound_options *o, struct slice list,
                   const struct outbound_ops *ops, struct outbound **ret, struct fault *fault)
{
    struct outbound *b = mem_alloc(sizeof(*b));
    if (!b)
        return ERR_NOMEM;
    b->o = *o;
    b->ops = *ops;
    arena_init(&b->arena, 2 * TEXT_MAX);
    loop_task_init(&b->pump, on_pump);
    int r = list.n > TEXT_MAX ? fault_set(fault, ERR_CAP, "the list of hosts is too long")
            : list.n          ? read_list(b, list, fault)
                              : built_in(b);
    if (!r)
        b->rows = mem_array(b->n, sizeof(*b->rows));
    if (!r && !b->rows)
        r = ERR_NOMEM;
    if (r) {
        outbound_free(b);
        return r;
    }
    for (size_t i = 0; i < b->n; i++)
        b->rows[i] = b->hosts[i].row;
    loop_defer(o->loop, &b->pump);
    *ret = b;
    return OK;
}

const struct outbound_row *outbound_rows(const struct outbound *b, size_t *ret_n)
{
    *ret_n = b->n;
    return b->rows;
}

int outbound_status(const struct outbound *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->rows[i].ok)
            return 1;
    return 0;
}

void outbound_free(struct outbound *b)
{
    if (!b)
        return;
    loop_task_cancel(&b->pump);
    for (size_t i = 0; i < b->n; i++) {
        resolve_cancel(&b->hosts[i].query);
        if (b->hosts[i].open)
            whyask_close(&b->hosts[i].ask);
    }
    mem_free(b->hosts);
    mem_free(b->rows);
    arena_done(&b->arena);
    mem_free(b);
}
