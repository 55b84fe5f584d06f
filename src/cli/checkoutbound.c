/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a run of check/outbound needs, and its rows as text. */
#include "cli/checkoutbound.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "check/outbound.h"
#include "cli/cmd.h"
#include "cli/faults.h"
#include "cli/progress.h"
#include "os/file.h"
#include "os/proc.h"

#define LIST_MAX   (1024 * 1024)
#define OUTPUT_MAX (32 * 1024 * 1024)

struct command {
    struct checkopts *o;
    struct loop *loop;
    struct proberun *probes;
    struct resolver *res;
    struct tlsctx *verifying, *lenient;
    struct buf list;
    struct outbound *out;
    struct resolve_query proxy_query;
    struct sock_addr proxy;
    uint16_t proxy_port;
    size_t done;
    int status;
};

/* ---- output ---- */

static int add_json(const struct outbound_row *row, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_object(&j, NULL);
    json_uint(&j, "schema", 1);
    json_text(&j, "kind", row->kind);
    json_object(&j, "target");
    json_text(&j, "host", row->host);
    json_uint(&j, "port", row->port);
    json_end(&j, '}');
    json_bool(&j, "ok", row->ok);
    json_cstr(&j, "verdict", facts_verdict_text(row->verdict));
    json_cstr(&j, "address", row->address);
    json_cstr(&j, "issuer", row->issuer);
    json_cstr(&j, "words", row->words);
    json_milli(&j, "ms", row->took_us);
    json_end(&j, '}');
    return j.r ? j.r : buf_add(out, SLICE("\n"));
}

static int add_text(const struct outbound_row *row, bool color, struct buf *out)
{
    char host[300], kind[40], place[320], words[240];
    text_escape(row->host, host, sizeof(host));
    text_escape(row->kind, kind, sizeof(kind));
    text_escape(slice_cstr(row->words), words, sizeof(words));
    snprintf(place, sizeof(place), "%s:%u", host, row->port);
    return buf_printf(out, "%s%-4s%s %-10s %-38s %-17s %5u ms  %s\n",
                      !color    ? ""
                      : row->ok ? "\033[32m"
                                : "\033[31m",
                      row->ok ? "ok" : "FAIL", color ? "\033[0m" : "", kind, place,
                      facts_verdict_text(row->verdict), (unsigned)(row->took_us / 1000), words);
}

static bool use_color(void)
{
    const char *no = getenv("NO_COLOR");
    return proc_is_terminal(1) && !(no && no[0]);
}

static void print(struct command *c)
{
    struct buf out;
    size_t n, reached = 0;
    const struct outbound_row *rows = outbound_rows(c->out, &n);
    bool json = c->o->shape == CHECKOPTS_JSON, color = use_color();
    int r = OK;
    buf_init(&out, OUTPUT_MAX);
    for (size_t i = 0; !r && i < n; i++) {
        r = json ? add_json(&rows[i], &out) : add_text(&rows[i], color, &out);
        reached += rows[i].ok;
    }
    if (!r && !json)
        r = buf_printf(&out, "%zu of %zu hosts are reached\n", reached, n);
    struct slice s = buf_slice(&out);
    if (r || fwrite(s.p, 1, s.n, stdout) != s.n || fflush(stdout))
        c->status = CMD_FAILED;
    buf_done(&out);
}

/* ---- the run ---- */

static void on_row(void *ctx, const struct outbound_row *row)
{
    struct command *c = ctx;
    char words[40];
    snprintf(words, sizeof(words), "%zu looked at", ++c->done);
    progress_show(row->host, words, false);
}

static void on_done(void *ctx)
{
    struct command *c = ctx;
    progress_clear();
    c->status = outbound_status(c->out) ? CMD_BAD : CMD_GOOD;
    print(c);
    loop_stop(c->loop);
}

static void fail(struct command *c, const struct fault *f)
{
    progress_clear();
    faults_print_one("check", f);
    c->status = CMD_FAILED;
    loop_stop(c->loop);
}

static void begin(struct command *c)
{
    const struct outbound_ops ops = {c, on_row, on_done};
    const struct outbound_options o = {.loop = c->loop,
                                       .run = c->probes,
                                       .res = c->res,
                                       .verifying = c->verifying,
                                       .lenient = c->lenient,
                                       .proxy = c->proxy,
                                       .family = c->o->run.family,
                                       .timeout_ms = c->o->run.timeout_ms};
    struct fault f = {0};
    if (outbound_start(&o, buf_slice(&c->list), &ops, &c->out, &f))
        fail(c, &f);
}

static void on_proxy(struct resolve_query *q, const struct resolve_answer *a)
{
    struct command *c = container_of(q, struct command, proxy_query);
    struct fault f = {0};
    if (a->r) {
        fault_set(&f, a->r, "the proxy's name does not resolve: %s", a->why ? a->why : "");
        fail(c, &f);
        return;
    }
    sock_addr_make(&a->ips[0], c->proxy_port, &c->proxy);
    begin(c);
}

/* An address at once, a name by asking. */
static int find_proxy(struct command *c, struct fault *f)
{
    struct slice text = c->o->run.proxy;
    size_t colon = text.n;
    uint64_t port;
    if (!text.n || !sock_addr_parse(text, &c->proxy)) {
        begin(c);
        return OK;
    }
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || num_parse_u64(slice_from(text, colon), 1, 65535, &port))
        return fault_set(f, ERR_CONFIG, "the proxy is not understood; write NAME:PORT");
    c->proxy_port = (uint16_t)port;
    c->proxy_query.on_done = on_proxy;
    resolve_start(c->res, slice_first(text, colon - 1), &c->proxy_query);
    return OK;
}

static int prepare(struct command *c, struct fault *f)
{
    struct tlsctx_client t = {
        .ca_pem = c->o->run.ca_pem, .identity = c->o->run.identity, .now_s = c->o->run.now_s};
    struct resolve_options names = {.servers = c->o->run.resolver};
    int r = loop_new(&c->loop, f);
    if (!r && c->o->outbound_list)
        r = file_read(c->o->outbound_list, LIST_MAX, &c->list, f);
    if (!r && (r = probe_run_new(c->loop, NULL, &c->probes)))
        fault_set(f, r, "%s", err_text(r));
    if (!r)
        r = tlsctx_client_new(&t, &c->verifying, f);
    t.insecure = true;
    if (!r)
        r = tlsctx_client_new(&t, &c->lenient, f);
    if (!r)
        r = resolve_new(c->loop, &names, &c->res, f);
    return r ? r : find_proxy(c, f);
}

int checkoutbound_run(struct checkopts *o)
{
    struct command c = {.o = o, .status = CMD_FAILED};
    struct fault f = {0};
    buf_init(&c.list, LIST_MAX);
    if (prepare(&c, &f))
        faults_print_one("check", &f);
    else if (c.out || c.proxy_query.res)
        loop_run(c.loop);
    outbound_free(c.out);
    resolve_cancel(&c.proxy_query);
    probe_run_free(c.probes);
    resolve_free(c.res);
    tlsctx_unref(c.verifying);
    tlsctx_unref(c.lenient);
    loop_free(c.loop);
    buf_done(&c.list);
    return c.status;
}
