/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Each call of the mux leaves a trace that the test can compare. */
#include "enginerig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "serve/accesslog.h"
#include "serve/eventlog.h"

static struct metrics_slot slot;

static void add_names(struct enginerig *g, struct site *s)
{
    assert_int_equal(map_put(&g->gen.names, s->conf->name, s), OK);
    for (size_t i = 0; i < s->conf->aliases.count; i++)
        assert_int_equal(map_put(&g->gen.names, s->conf->aliases.items[i], s), OK);
}

static void make_sites(struct enginerig *g)
{
    struct route *next = g->routes;
    const struct conf *conf = g->gen.conf;
    assert_true(conf->nsites <= ARRAY_LEN(g->sites));
    for (size_t i = 0; i < conf->nsites; i++) {
        struct site *s = &g->sites[i];
        *s = (struct site){.conf = &conf->sites[i], .gen = &g->gen, .routes = next};
        s->nroutes = s->conf->nroutes;
        s->metrics_index = (uint32_t)i;
        assert_true(next + s->nroutes <= g->routes + ARRAY_LEN(g->routes));
        for (size_t k = 0; k < s->nroutes; k++)
            *next++ = (struct route){.conf = &s->conf->routes[k], .site = s, .root_fd = -1};
        add_names(g, s);
    }
}

static void open_logs(struct enginerig *g)
{
    static const struct conf_sink sink = {.kind = CONF_SINK_FILE};
    const struct conf_log conf = {.access = sink};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(accesslog_open(g->w.loop, &conf, fds[1], &slot, &g->w.access, NULL), OK);
    close(fds[1]);
    g->access = fds[0];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(eventlog_open(&sink, fds[1], "worker 0", &g->w.events, NULL), OK);
    close(fds[1]);
    g->events = fds[0];
    assert_int_equal(fcntl(g->events, F_SETFL, O_NONBLOCK), 0);
}

void enginerig_open(struct enginerig *g, const char *yaml)
{
    struct conf_faults faults;
    const struct conf_source src = {.file = "t.yaml", .text = slice_cstr(yaml)};
    *g = (struct enginerig){.w.https_port = 443, .w.metrics = &slot};
    memset(&slot, 0, sizeof(slot));
    if (conf_load(&src, &g->gen.conf, &faults))
        fail_msg("%d: %s", faults.list[0].line, faults.list[0].what);
    assert_int_equal(loop_new(&g->w.loop, NULL), OK);
    open_logs(g);
    g->gen.worker = &g->w;
    g->gen.sites = g->sites;
    g->gen.nsites = g->gen.conf->nsites;
    list_init(&g->gen.exchanges);
    map_init(&g->gen.names);
    make_sites(g);
}

void enginerig_close(struct enginerig *g)
{
    enginerig_end(g, OK);
    accesslog_close(g->w.access);
    eventlog_close(g->w.events);
    close(g->access);
    close(g->events);
    map_done(&g->gen.names);
    conf_free(g->gen.conf);
    loop_free(g->w.loop);
}

/* ---- the mux ---- */

static int respond(struct exchange *x, const struct response *a)
{
    struct enginerig *g = container_of(x, struct enginerig, x);
    g->answers++;
    g->answer = *a;
    x->responded = true;
    x->status = a->status;
    for (size_t i = 0; i < a->nfields; i++) {
        size_t at = strlen(g->head);
        snprintf(g->head + at, sizeof(g->head) - at, SLICE_F ": " SLICE_F "\n",
                 SLICE_A(a->fields[i].name), SLICE_A(a->fields[i].value));
        assert_int_equal(a->fields[i].token, token_of(a->fields[i].name));
    }
    return OK;
}

static void consumed(struct exchange *x, size_t n)
{
    container_of(x, struct enginerig, x)->consumed += n;
}

static void give_up(struct exchange *x, int r)
{
    struct enginerig *g = container_of(x, struct enginerig, x);
    g->aborts++;
    g->abort_r = r;
}

static const struct mux_ops mux = {.respond = respond, .consumed = consumed, .abort = give_up};

static void pull_all(struct enginerig *g)
{
    static uint8_t room[512];
    for (bool end = g->answer.no_body || g->answer.length == 0; !end && !g->pull_r;) {
        struct pull p = {.dst = room, .cap = sizeof(room)};
        g->pull_r = g->x.ops->pull(&g->x, &p);
        struct slice got = p.loan.n ? p.loan : slice_of(room, p.n);
        assert_true(got.n <= sizeof(room));
        assert_int_equal(buf_add(&g->body, got), OK);
        end = p.end;
    }
    if (!g->answer.no_body && g->answer.length >= 0 && !g->pull_r)
        assert_int_equal(g->body.n, g->answer.length);
}

void enginerig_ask(struct enginerig *g, const char *method, const char *host, const char *path)
{
    enginerig_end(g, OK);
    memset(&g->x, 0, sizeof(g->x));
    memset(&g->c, 0, sizeof(g->c));
    memset(&g->answer, 0, sizeof(g->answer));
    g->answers = g->aborts = 0;
    g->abort_r = g->pull_r = OK;
    g->head[0] = 0;
    g->consumed = 0;
    buf_init(&g->body, 65536);
    g->c.generation = &g->gen;
    g->c.site = &g->sites[0];
    assert_int_equal(cidr_parse_ip(SLICE("192.0.2.7"), &g->c.peer), OK);
    g->x.c = &g->c;
    g->x.mux = &mux;
    arena_init(&g->x.arena, EXCHANGE_ARENA_MAX);
    g->x.start_ms = loop_now_ms(g->w.loop);
    struct slice text = slice_cstr(path);
    size_t mark = slice_find(text, '?');
    g->x.req = (struct request){.method = method_of(slice_cstr(method)),
                                .version = 11,
                                .method_text = slice_cstr(method),
                                .target = text,
                                .host = slice_cstr(host),
                                .authority = slice_cstr(host),
                                .path = slice_first(text, mark),
                                .fields = g->fields};
    if (mark < text.n)
        g->x.req.query = slice_of(text.p + mark + 1, text.n - mark - 1);
}

void enginerig_field(struct enginerig *g, const char *name, const char *value)
{
    struct slice s = slice_cstr(name);
    assert_true(g->x.req.nfields < ARRAY_LEN(g->fields));
    g->fields[g->x.req.nfields++] = (struct field){s, slice_cstr(value), token_of(s)};
}

void enginerig_go(struct enginerig *g, const struct exchange_ops *ops)
{
    g->x.ops = ops;
    ops->on_head(&g->x);
    if (g->answers && !g->aborts)
        pull_all(g);
}

void enginerig_end(struct enginerig *g, int r)
{
    if (g->x.ops)
        g->x.ops->on_close(&g->x, r);
    g->x.ops = NULL;
    arena_done(&g->x.arena);
    buf_done(&g->body);
}

/* ---- what it left ---- */

static const char *read_log(struct enginerig *g, int fd)
{
    ssize_t n = read(fd, g->log, sizeof(g->log) - 1);
    g->log[n > 0 ? n : 0] = 0;
    return g->log;
}

const char *enginerig_access(struct enginerig *g)
{
    accesslog_close(g->w.access);
    g->w.access = NULL;
    return read_log(g, g->access);
}

const char *enginerig_events(struct enginerig *g)
{
    return read_log(g, g->events);
}

static const char *find(const struct enginerig *g, const char *name, unsigned *count)
{
    static char value[4096];
    struct slice rest = slice_cstr(g->head), line;
    value[0] = 0;
    *count = 0;
    while (slice_next(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (!line.n || !slice_eq_nocase(slice_first(line, colon), slice_cstr(name)))
            continue;
        struct slice s = slice_trim(slice_from(line, colon + 1));
        snprintf(value, sizeof(value), SLICE_F, SLICE_A(s));
        ++*count;
    }
    return value;
}

unsigned enginerig_count(const struct enginerig *g, const char *name)
{
    unsigned n;
    find(g, name, &n);
    return n;
}

const char *enginerig_value(const struct enginerig *g, const char *name)
{
    unsigned n;
    return find(g, name, &n);
}
