/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Actions in their short and long forms, and the addresses that they hold. */
#include "conf/action.h"

#include "base/num.h"
#include "conf/scalar.h"

#define SOCKET_PATH_MAX 107 /* sun_path of unix(7) without its NUL */

static int refuse(struct reader *rd, const struct node *n, const char *why, const char *next)
{
    struct fault *f = reader_fault(rd, n, "\"%s\": %s", reader_word(n->text).text, why);
    if (next)
        fault_next(f, "%s", next);
    return ERR_CONFIG;
}

/* ---- upstreams ---- */

static int read_unix(struct reader *rd, const struct node *n, struct conf_upstream *u)
{
    struct slice path = slice_from(n->text, 5);
    if (path.n == 0 || path.p[0] != '/')
        return refuse(rd, n, "the path of a socket is absolute",
                      "write it like unix:/run/app.sock");
    if (path.n > SOCKET_PATH_MAX)
        return refuse(rd, n, "the path of a socket has at most 107 characters", NULL);
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] < 0x20 || path.p[i] == 0x7f)
            return refuse(rd, n, "a path holds no control characters", NULL);
    u->scheme = CONF_UNIX;
    int r = reader_copy(rd, path, &u->path);
    return r ? r : reader_copy(rd, n->text, &u->text);
}

/* Without http:// or https://: the likely slips have answers of their own. */
static int refuse_scheme(struct reader *rd, const struct node *n)
{
    struct slice s = n->text;
    uint64_t port;
    size_t colon = slice_find(s, ':');
    if (num_parse_u64(s, 1, 65535, &port) == OK) {
        fault_next(reader_fault(rd, n, "\"%s\" is not a URL", reader_word(s).text),
                   "write http://127.0.0.1:%u", (unsigned)port);
        return ERR_CONFIG;
    }
    if (slice_starts(s, SLICE("ws://")) || slice_starts(s, SLICE("wss://")))
        return refuse(rd, n, "WebSocket needs no scheme of its own",
                      "write http:// or https://: upgrades are passed on");
    if (slice_starts(s, SLICE("h2c://")) || slice_starts(s, SLICE("grpc://")))
        return refuse(rd, n, "upstreams speak HTTP/1.1", "write http:// or https://");
    if (colon < s.n && num_parse_u64(slice_from(s, colon + 1), 1, 65535, &port) == OK &&
        !scalar_bad_host(slice_first(s, colon))) {
        struct reader_word shown = reader_word(s);
        fault_next(reader_fault(rd, n, "\"%s\" has no scheme", shown.text), "write http://%s",
                   shown.text);
        return ERR_CONFIG;
    }
    return refuse(rd, n, "not a URL", "write http://HOST:PORT, https://HOST or unix:/PATH");
}

/* host[:port] of s; the host without brackets. Returns why not, or NULL. */
static const char *split_authority(struct slice s, struct slice *host, uint64_t *port)
{
    size_t end = slice_find(s, ':');
    if (slice_find(s, '@') < s.n)
        return "user names and passwords do not belong into a URL";
    if (s.n && s.p[0] == '[') {
        size_t close = slice_find(s, ']');
        end = close < s.n ? close + 1 : s.n;
    } else if (end < s.n && slice_find(slice_from(s, end + 1), ':') < s.n - end - 1) {
        return "write an IPv6 address in brackets: http://[::1]:8080";
    }
    *host = slice_first(s, end);
    struct slice rest = slice_from(s, end);
    if (rest.n && (rest.p[0] != ':' || num_parse_u64(slice_from(rest, 1), 1, 65535, port)))
        return "the port must be from 1 to 65535";
    const char *why = scalar_bad_host(*host);
    if (!why && host->p[0] == '[')
        *host = slice_of(host->p + 1, host->n - 2);
    return why;
}

static int read_upstream(struct reader *rd, const struct directive *d, const struct node *n,
                         void *field)
{
    struct conf_upstream *u = field;
    struct slice s, host;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    if (slice_starts(s, SLICE("unix:")))
        return read_unix(rd, n, u);
    bool https = slice_starts(s, SLICE("https://"));
    if (!https && !slice_starts(s, SLICE("http://")))
        return refuse_scheme(rd, n);
    s = slice_from(s, https ? 8 : 7);
    size_t end = 0;
    while (end < s.n && s.p[end] != '/' && s.p[end] != '?' && s.p[end] != '#')
        end++;
    uint64_t port = https ? 443 : 80;
    const char *why = split_authority(slice_first(s, end), &host, &port);
    if (why)
        return refuse(rd, n, why, NULL);
    if (s.n - end > 1 || (end < s.n && s.p[end] != '/'))
        return refuse(rd, n, "an upstream has no path: the request's own path is passed on",
                      "strip_prefix: true on a route takes its prefix off");
    u->scheme = https ? CONF_HTTPS : CONF_HTTP;
    u->port = (uint16_t)port;
    if ((r = reader_copy(rd, host, &u->host)))
        return r;
    bool v6 = slice_find(host, ':') < host.n;
    return arena_printf(rd->arena, &u->text, "%s://%s" SLICE_F "%s:%u", https ? "https" : "http",
                        v6 ? "[" : "", SLICE_A(host), v6 ? "]" : "", (unsigned)port);
}

int action_upstreams(struct reader *rd, const struct directive *d, const struct node *n,
                     void *field)
{
    struct conf_upstreams *to = field;
    int r = reader_list(rd, d, n, read_upstream, sizeof(struct conf_upstream), field);
    if (r)
        return r;
    const struct node *item = n->kind == NODE_LIST ? n->first : n;
    for (size_t i = 0; i < to->count; i++, item = item->next)
        for (size_t k = 0; k < i; k++)
            if (slice_eq(to->items[i].text, to->items[k].text))
                return refuse(rd, item, "this upstream is listed twice", NULL);
    return OK;
}

static bool all_plain(const struct conf_upstreams *to)
{
    for (size_t i = 0; i < to->count; i++)
        if (to->items[i].scheme == CONF_HTTPS)
            return false;
    return to->count > 0;
}

int action_check_proxy(struct reader *rd, const struct node *n, const struct conf_proxy *p)
{
    const struct node *tls = node_key(n, "tls"), *health = node_key(n, "health");
    if (health && health->value->kind == NODE_MAP && p->health.path.n == 0) {
        reader_fault(rd, health, "\"health\" needs a path to ask for");
        return ERR_CONFIG;
    }
    if (!tls || tls->value->kind != NODE_MAP)
        return OK;
    const struct node *verify = node_key(tls->value, "verify");
    if (verify && !p->tls.verify && !p->tls.insecure_skip_verify) {
        fault_next(reader_fault(rd, verify, "upstreams are always verified"),
                   "give its certificate authority with ca, or, to be open to anybody in between, "
                   "insecure_skip_verify: true");
        return ERR_CONFIG;
    }
    if (!p->tls.cert.n != !p->tls.key.n) {
        reader_fault(rd, tls, "a client certificate needs both cert and key");
        return ERR_CONFIG;
    }
    if (all_plain(&p->to)) {
        reader_fault(rd, tls, "\"tls\" applies to https:// upstreams only");
        return ERR_CONFIG;
    }
    return OK;
}

/* What the server says for all proxies, as if nothing were written in this one. */
static struct conf_proxy inherited(const struct conf_proxy *upstream)
{
    struct conf_proxy p = *upstream;
    p.set = p.health.set = p.tls.set = 0;
    p.tls.verify = p.tls.verify && !p.tls.insecure_skip_verify;
    return p;
}

int action_proxy(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct conf_proxy *p = field;
    *p = inherited(&rd->conf->upstream);
    if (n->kind == NODE_SCALAR && n->text.n == 0)
        return reader_mismatch(rd, d, n);
    if (n->kind != NODE_MAP) {
        const struct directive *to = directive_scope_info(SCOPE_PROXY)->rows;
        p->set = directive_bit(to);
        return action_upstreams(rd, to, n, &p->to);
    }
    int r = reader_map(rd, SCOPE_PROXY, n, p);
    if (r)
        return r;
    if (p->to.count == 0) {
        fault_next(reader_fault(rd, n, "this proxy has no upstream"),
                   "add to: \"http://HOST:PORT\"");
        return ERR_CONFIG;
    }
    if (p->tls.insecure_skip_verify)
        p->tls.verify = false;
    return action_check_proxy(rd, n, p);
}

/* ---- redirect ---- */

int action_redirect_url(struct reader *rd, const struct directive *d, const struct node *n,
                        void *field)
{
    struct slice s, host;
    uint64_t port = 443;
    int r = reader_scalar(rd, d, n, &s);
    if (r)
        return r;
    struct slice path = s;
    if (s.p[0] != '/') {
        bool https = slice_starts(s, SLICE("https://"));
        if (!https && !slice_starts(s, SLICE("http://")))
            return refuse(rd, n, "not a target of a redirect",
                          "write https://HOST, https://HOST/PATH or /PATH");
        path = slice_from(s, https ? 8 : 7);
        size_t slash = slice_find(path, '/');
        const char *why = split_authority(slice_first(path, slash), &host, &port);
        if (why)
            return refuse(rd, n, why, NULL);
        path = slice_from(path, slash);
    }
    const char *why = path.n ? scalar_bad_url_path(path, true) : NULL;
    return why ? refuse(rd, n, why, NULL) : reader_copy(rd, s, field);
}

/* "https://h" and "https://h/" say nothing about the path: the requested one goes on. */
static bool has_path(struct slice url)
{
    if (url.p[0] == '/')
        return true;
    struct slice rest = slice_from(url, slice_find(url, '/') + 2);
    return slice_find(rest, '/') + 1 < rest.n;
}

int action_redirect(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct conf_redirect *redirect = field;
    const struct directive_scope_info *info = directive_scope_info(SCOPE_REDIRECT);
    int r = reader_fresh(rd, SCOPE_REDIRECT, redirect);
    if (r)
        return r;
    if (n->kind == NODE_LIST || (n->kind == NODE_SCALAR && n->text.n == 0))
        return reader_mismatch(rd, d, n);
    if (n->kind == NODE_SCALAR) {
        redirect->set = directive_bit(info->rows);
        r = action_redirect_url(rd, info->rows, n, &redirect->to);
    } else {
        r = reader_map(rd, SCOPE_REDIRECT, n, redirect);
    }
    if (r)
        return r;
    if (redirect->to.n == 0) {
        reader_fault(rd, n, "this redirect has no target: add to: \"https://HOST\"");
        return ERR_CONFIG;
    }
    if (n->kind == NODE_SCALAR || !node_key(n, "keep_path"))
        redirect->keep_path = !has_path(redirect->to);
    return OK;
}

/* ---- fixed answers ---- */

static uint64_t row_bit(enum directive_scope scope, const char *name)
{
    size_t offset;
    return directive_bit(directive_find(scope, slice_cstr(name), &offset));
}

int action_respond(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct conf_respond *respond = field;
    int r = reader_fresh(rd, SCOPE_RESPOND, respond);
    if (r)
        return r;
    if (n->kind == NODE_LIST || (n->kind == NODE_SCALAR && n->text.n == 0 && !n->quoted))
        return reader_mismatch(rd, d, n);
    if (n->kind == NODE_MAP) {
        r = reader_map(rd, SCOPE_RESPOND, n, respond);
        bool bodiless = respond->status == 204 || respond->status == 304; /* RFC 9110 6.4.1 */
        if (r || !bodiless || respond->body.n == 0)
            return r;
        reader_fault(rd, node_key(n, "body"), "a %u answer has no body", (unsigned)respond->status);
        return ERR_CONFIG;
    }
    respond->connection = slice_eq(n->text, SLICE("connection"));
    if (respond->connection)
        return OK;
    respond->set = row_bit(SCOPE_RESPOND, "body");
    return reader_copy(rd, n->text, &respond->body);
}

int action_return(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct conf_respond *respond = field;
    int r = reader_fresh(rd, SCOPE_RESPOND, respond);
    respond->set = row_bit(SCOPE_RESPOND, "status");
    return r ? r : scalar_count(rd, d, n, &respond->status);
}

int action_hsts(struct reader *rd, const struct directive *d, const struct node *n, void *field)
{
    struct conf_hsts *hsts = field;
    const struct directive *age = directive_scope_info(SCOPE_HSTS)->rows;
    int r = reader_fresh(rd, SCOPE_HSTS, hsts);
    if (r)
        return r;
    if (n->kind == NODE_MAP) {
        hsts->mode = CONF_HSTS_FIXED;
        if ((r = reader_map(rd, SCOPE_HSTS, n, hsts)) || !hsts->preload)
            return r;
        if (hsts->include_subdomains && hsts->max_age_ms >= 365ull * 86400000)
            return OK;
        fault_next(reader_fault(rd, node_key(n, "preload"),
                                "\"preload\" needs include_subdomains and a max_age of a year"),
                   "browsers refuse a preload entry without them (hstspreload.org)");
        return ERR_CONFIG;
    }
    struct slice s;
    if ((r = reader_scalar(rd, d, n, &s)))
        return r;
    if (s.p[0] >= '0' && s.p[0] <= '9') {
        hsts->mode = CONF_HSTS_FIXED;
        hsts->set = directive_bit(age);
        struct directive row = *age; /* complaints name what was written */
        row.name = d->name;
        return scalar_ms(rd, &row, n, &hsts->max_age_ms);
    }
    bool on = true;
    r = scalar_bool(rd, d, n, &on);
    hsts->mode = on ? CONF_HSTS_AUTO : CONF_HSTS_OFF;
    return r;
}
