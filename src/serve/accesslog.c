/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Lines are gathered in one buffer and written ten times a second, or when 32 KB are full. Peer
 * bytes are escaped: JSON's rules in the JSON format, \xNN in the combined format, so that no line
 * can be forged. Credentials are never part of a line: of the fields only Host, User-Agent and
 * Referer are written, and query strings as they came. */
#include "serve/accesslog.h"

#include <stdio.h>

#include "base/date.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "crypt/session.h"
#include "os/file.h"
#include "os/file_log.h"
#include "serve/metrics.h"
#include "wire/method.h"

#define KEEP_MAX    (1024 * 1024) /* lines that a slow sink has not taken */
#define WRITE_BYTES (32 * 1024)
#define FLUSH_MS    100
#define TEXT_MAX    2048 /* of one peer-chosen text in the combined format */

struct accesslog {
    struct file_log log;
    struct loop *loop;
    struct metrics_slot *metrics;
    struct loop_timer flush; /* also tries again when the sink was full */
    struct buf lines;
    enum conf_log_format format;
};

static void write_out(struct accesslog *a)
{
    size_t taken = 0;
    int r = file_log_write(&a->log, buf_slice(&a->lines), &taken);
    buf_consume(&a->lines, taken);
    loop_timer_clear(&a->flush);
    if (r == ERR_AGAIN)
        loop_timer_set(a->loop, &a->flush, FLUSH_MS);
    else if (r)
        buf_done(&a->lines); /* disk full, reader gone: these lines are lost, counted below */
    if (r && r != ERR_AGAIN)
        metrics_add(a->metrics, METRIC_LOG_DROPPED, 1);
}

static void on_flush(struct loop_timer *t)
{
    write_out(container_of(t, struct accesslog, flush));
}

int accesslog_open(struct loop *l, const struct conf_log *conf, int fd,
                   struct metrics_slot *metrics, struct accesslog **ret, struct fault *f)
{
    *ret = NULL;
    if (conf->access.kind == CONF_SINK_OFF)
        return OK;
    struct accesslog *a = mem_alloc(sizeof(*a));
    if (!a)
        return fault_set(f, ERR_NOMEM, "out of memory");
    enum conf_sink_kind kind = conf->access.kind;
    int own = file_dup(kind == CONF_SINK_FILE ? fd : kind == CONF_SINK_STDOUT ? 1 : 2);
    if (own < 0 && kind == CONF_SINK_FILE) {
        mem_free(a);
        return fault_set(f, ERR_SYS, "no descriptor for the access log");
    }
    file_log_init(&a->log, own);
    a->loop = l;
    a->metrics = metrics;
    a->format = conf->format;
    buf_init(&a->lines, KEEP_MAX);
    loop_timer_init(&a->flush, on_flush);
    *ret = a;
    return OK;
}

void accesslog_close(struct accesslog *a)
{
    if (!a)
        return;
    write_out(a);
    loop_timer_clear(&a->flush);
    file_log_done(&a->log);
    buf_done(&a->lines);
    mem_free(a);
}

void accesslog_swap_take(struct accesslog *a, int fd)
{
    if (!a || fd < 0) {
        file_close(fd);
        return;
    }
    write_out(a); /* lines of the old time belong to the old file */
    file_log_swap(&a->log, fd);
}

static const char *version_text(const struct request *q)
{
    return q->version == 20 ? "HTTP/2.0" : q->version == 11 ? "HTTP/1.1" : "HTTP/1.0";
}

static struct slice method_text(const struct request *q)
{
    return q->method == METHOD_OTHER ? q->method_text : method_name(q->method);
}

static struct slice target_text(const struct exchange *x)
{
    struct slice t = x->req.target;
    return serving_of(x)->query_hidden ? slice_first(t, slice_find(t, '?')) : t;
}

static struct slice field_text(const struct request *q, enum hdr token)
{
    const struct field *f = field_find(q->fields, q->nfields, token);
    return f ? f->value : SLICE_EMPTY;
}

static void json_session(struct json *j, const struct conn *c)
{
    struct session_info info;
    if (!c->session)
        return;
    session_info(c->session, &info);
    json_cstr(j, "tls", info.version);
    json_cstr(j, "suite", info.suite);
    json_bool(j, "resumed", info.resumed);
}

static void json_upstream(struct json *j, const struct serving *v)
{
    if (!v->upstream[0])
        return;
    json_cstr(j, "upstream", v->upstream);
    json_uint(j, "upstream_status", v->upstream_status);
    json_uint(j, "upstream_connect_ms", v->upstream_connect_ms);
    json_uint(j, "upstream_head_ms", v->upstream_head_ms);
    json_text(j, "request_id", v->request_id);
}

static void json_head(struct json *j, struct accesslog *a, const struct conn *c)
{
    char time[DATE_RFC3339_BYTES], peer[CIDR_IP_TEXT];
    date_format_rfc3339(loop_unix_ms(a->loop), time);
    json_object(j, NULL);
    json_text(j, "time", slice_of(time, sizeof(time)));
    json_text(j, "client", slice_of(peer, cidr_format_ip(&c->peer, peer)));
}

static int json_line(struct accesslog *a, const struct exchange *x, int r)
{
    const struct serving *v = serving_of(x);
    const struct request *q = &x->req;
    struct json j;
    json_init(&j, &a->lines);
    json_head(&j, a, x->c);
    json_text(&j, "host", q->host);
    json_text(&j, "method", method_text(q));
    json_text(&j, "target", target_text(x));
    json_cstr(&j, "protocol", version_text(q));
    json_uint(&j, "status", x->status);
    json_uint(&j, "bytes_in", x->body_in_bytes);
    json_uint(&j, "bytes_out", x->body_out_bytes);
    json_uint(&j, "ms", loop_now_ms(a->loop) - x->start_ms);
    json_session(&j, x->c);
    json_upstream(&j, v);
    json_text(&j, "user_agent", field_text(q, HDR_USER_AGENT));
    if (field_text(q, HDR_REFERER).n)
        json_text(&j, "referer", field_text(q, HDR_REFERER));
    json_uint(&j, "connection", x->c->id);
    json_uint(&j, "request", x->id);
    if (v->reason)
        json_cstr(&j, "reason", v->reason);
    if (r)
        json_cstr(&j, "end", err_name(r));
    json_end(&j, '}');
    return j.r;
}

static int combined_line(struct accesslog *a, const struct exchange *x)
{
    const struct request *q = &x->req;
    char time[DATE_CLF_BYTES], peer[CIDR_IP_TEXT];
    static char target[TEXT_MAX], method[64], referer[TEXT_MAX], agent[TEXT_MAX];
    date_format_clf(loop_unix_ms(a->loop) / 1000, time);
    cidr_format_ip(&x->c->peer, peer);
    text_escape_quotes(method_text(q), method, sizeof(method));
    text_escape_quotes(target_text(x), target, sizeof(target));
    text_escape_quotes(field_text(q, HDR_REFERER), referer, sizeof(referer));
    text_escape_quotes(field_text(q, HDR_USER_AGENT), agent, sizeof(agent));
    return buf_printf(&a->lines, "%s - - [%.*s] \"%s %s %s\" %u %llu \"%s\" \"%s\"", peer,
                      DATE_CLF_BYTES, time, method, target, version_text(q), x->status,
                      (unsigned long long)x->body_out_bytes, referer[0] ? referer : "-",
                      agent[0] ? agent : "-");
}

/* Ends the line that was added at `start`, or takes a half line back. */
static void end_line(struct accesslog *a, size_t start, int r)
{
    if (!r)
        r = buf_add(&a->lines, SLICE("\n"));
    if (r) {
        a->lines.n = start;
        metrics_add(a->metrics, METRIC_LOG_DROPPED, 1);
    } else if (a->lines.n >= WRITE_BYTES) {
        write_out(a);
    } else if (a->flush.deadline_ms == 0) {
        loop_timer_set(a->loop, &a->flush, FLUSH_MS);
    }
}

void accesslog_write(struct accesslog *a, const struct exchange *x, int r)
{
    if (!a)
        return;
    size_t start = a->lines.n;
    end_line(a, start, a->format == CONF_LOG_JSON ? json_line(a, x, r) : combined_line(a, x));
}

static int rejected_json(struct accesslog *a, const struct conn *c, int r, uint16_t status,
                         struct slice line)
{
    struct json j;
    json_init(&j, &a->lines);
    json_head(&j, a, c);
    json_text(&j, "host", c->server_name);
    json_text(&j, "line", slice_first(line, TEXT_MAX));
    json_uint(&j, "status", status);
    json_session(&j, c);
    json_uint(&j, "connection", c->id);
    json_cstr(&j, "end", err_name(r));
    json_end(&j, '}');
    return j.r;
}

static int rejected_combined(struct accesslog *a, const struct conn *c, uint16_t status,
                             struct slice line)
{
    char time[DATE_CLF_BYTES], peer[CIDR_IP_TEXT];
    static char text[TEXT_MAX];
    date_format_clf(loop_unix_ms(a->loop) / 1000, time);
    cidr_format_ip(&c->peer, peer);
    text_escape_quotes(line, text, sizeof(text));
    return buf_printf(&a->lines, "%s - - [%.*s] \"%s\" %u 0 \"-\" \"-\"", peer, DATE_CLF_BYTES,
                      time, text, status);
}

void accesslog_rejected(struct accesslog *a, const struct conn *c, int r, uint16_t status,
                        struct slice line)
{
    if (!a)
        return;
    size_t start = a->lines.n;
    if (!c->session) /* in clear: a query may hold the key of an API that was meant for 443 */
        line = slice_first(line, slice_find(line, '?'));
    end_line(a, start,
             a->format == CONF_LOG_JSON ? rejected_json(a, c, r, status, line)
                                        : rejected_combined(a, c, status, line));
}
