/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The toy multiplexer: it checks that both forms of a prebuilt head say the same, that bodies have
 * the declared length, and that the action closes once. */
#include "filerig.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "serve/files.h"
#include "serve/reply.h"
#include "wire/target.h"

static struct filerig_answer answer;

static void put_line(char *dst, size_t cap, struct slice name, struct slice value)
{
    size_t n = strlen(dst);
    snprintf(dst + n, cap - n, SLICE_F ": " SLICE_F "\r\n", SLICE_A(name), SLICE_A(value));
}

static int respond(struct exchange *x, const struct response *a)
{
    assert_false(x->responded);
    x->responded = true;
    x->status = answer.status = a->status;
    answer.length = a->length;
    answer.no_body = a->no_body;
    answer.ready = a->h1_fields.n > 0;
    for (size_t i = 0; i < a->nfields; i++)
        put_line(answer.fields, sizeof(answer.fields), a->fields[i].name, a->fields[i].value);
    if (answer.ready)
        snprintf(answer.head, sizeof(answer.head), SLICE_F, SLICE_A(a->h1_fields));
    else
        memcpy(answer.head, answer.fields, sizeof(answer.head));
    if (!slice_eq_nocase(slice_cstr(answer.head), slice_cstr(answer.fields)))
        assert_string_equal(answer.head, answer.fields);
    for (size_t i = 0; i < a->nfields; i++)
        if (answer.ready || x->req.version == 20)
            assert_true(field_name_ok_h2(a->fields[i].name));
    return OK;
}

static void give_up(struct exchange *x, int r)
{
    (void)x;
    answer.cut = r;
}

static const struct mux_ops toy = {.respond = respond, .abort = give_up};

static void pull_body(struct filerig *g, struct exchange *x)
{
    static uint8_t space[256 * 1024];
    const struct action *action = serving_of(x)->action;
    uint64_t left = (uint64_t)answer.length;
    assert_non_null(action);
    for (bool end = false; !end && left;) {
        struct pull p = {.dst = space, .cap = g->cap < left ? g->cap : (size_t)left};
        size_t cap = p.cap;
        if ((answer.cut = action->pull(x, &p)))
            return;
        struct slice got = p.loan.n ? p.loan : slice_of(space, p.n);
        assert_in_range(got.n, 1, cap);
        assert_int_equal(buf_add(&answer.body, got), OK);
        left -= got.n;
        end = p.end;
        answer.fast = p.fast;
        if (g->on_pulled)
            g->on_pulled(g);
        g->on_pulled = NULL;
        assert_int_equal(end, left == 0);
    }
}

static size_t read_fields(const char *head, struct field *fields, size_t max)
{
    struct slice rest = slice_cstr(head), line;
    size_t n = 0;
    while (slice_next(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (!line.n)
            continue;
        assert_true(n < max);
        struct slice name = slice_first(line, colon);
        fields[n++] = (struct field){name, slice_trim(slice_from(line, colon + 1)), token_of(name)};
    }
    return n;
}

static bool read_target(struct filerig *g, struct exchange *x, const char *target)
{
    struct slice raw = slice_cstr(target);
    size_t mark = slice_find(raw, '?'), cap = 3 * raw.n + 2;
    uint8_t *space = arena_alloc(&x->arena, cap);
    x->req.path = slice_first(raw, mark);
    if (mark < raw.n)
        x->req.query = slice_of(raw.p + mark + 1, raw.n - mark - 1);
    return g->escape || target_canonical_path(x->req.path, space, cap, &x->req.path) == OK;
}

struct filerig_answer *filerig_ask(struct filerig *g, const char *method, const char *target,
                                   const char *head)
{
    static struct field fields[64];
    struct exchange x = {.mux = &toy};
    struct serving v = {.worker = &g->worker,
                        .site = &g->site,
                        .route = &g->route,
                        .upstream = "",
                        .secure = !g->plain};
    buf_done(&answer.body);
    memset(&answer, 0, sizeof(answer));
    buf_init(&answer.body, 64u * 1024 * 1024);
    arena_init(&x.arena, EXCHANGE_ARENA_MAX);
    x.app = &v;
    x.req.version = g->version;
    x.req.method = method_of(slice_cstr(method));
    x.req.fields = fields;
    x.req.nfields = read_fields(head, fields, ARRAY_LEN(fields));
    if (!read_target(g, &x, target)) {
        answer.status = 400; /* the multiplexer refuses it */
        arena_done(&x.arena);
        return &answer;
    }
    v.path = x.req.path;
    if (g->conf.strip_prefix) {
        struct slice rest = slice_from(v.path, g->conf.path.n);
        v.path = rest.n ? rest : SLICE("/");
    }
    mem_fail_at(g->fail_at);
    files_serve(&x);
    g->failed = mem_fault_fired();
    mem_fail_at(0);
    if (x.responded && !answer.no_body && answer.length > 0)
        pull_body(g, &x);
    if (v.action && v.action->on_close)
        v.action->on_close(&x, answer.cut);
    answer.reason = v.reason ? v.reason : "";
    arena_done(&x.arena);
    return &answer;
}

const char *filerig_field(const struct filerig_answer *a, const char *name)
{
    static char value[4096];
    struct slice rest = slice_cstr(a->head), line;
    value[0] = 0;
    while (slice_next(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (!slice_eq_nocase(slice_first(line, colon), slice_cstr(name)))
            continue;
        struct slice s = slice_trim(slice_from(line, colon + 1));
        s.n -= s.n && s.p[s.n - 1] == '\r';
        snprintf(value, sizeof(value), SLICE_F, SLICE_A(s));
    }
    return value;
}

/* ---- the directory ---- */

void filerig_put(struct filerig *g, const char *name, const void *bytes, size_t n, int age_s)
{
    char path[512], temp[520];
    snprintf(path, sizeof(path), "%s/%s", g->dir, name);
    for (char *at = path + strlen(g->dir) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = 0;
        mkdir(path, 0755);
    }
    snprintf(temp, sizeof(temp), "%s.new", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    struct timespec now, times[2];
    clock_gettime(CLOCK_REALTIME, &now);
    times[0] = times[1] = (struct timespec){now.tv_sec - age_s, 123456789};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
    assert_int_equal(rename(temp, path), 0);
}

static void remove_tree(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    DIR *d = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        char child[512];
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            remove_tree(child);
    }
    if (d)
        closedir(d);
    assert_int_equal(remove(path), 0);
}

void filerig_open(struct filerig *g)
{
    static const struct slice index[] = {{(const uint8_t *)"index.html", 10},
                                         {(const uint8_t *)"index.htm", 9}};
    char root[80];
    memset(g, 0, sizeof(*g));
    snprintf(g->dir, sizeof(g->dir), "/tmp/port443-files-XXXXXX");
    assert_non_null(mkdtemp(g->dir));
    assert_int_equal(chmod(g->dir, 0755), 0);
    snprintf(root, sizeof(root), "%s/root", g->dir);
    assert_int_equal(mkdir(root, 0755), 0);
    assert_int_equal(loop_new(&g->worker.loop, NULL), OK);
    assert_int_equal(filecache_new(g->worker.loop, 1024 * 1024, &g->worker.files), OK);
    g->version = 11;
    g->cap = 65536;
    g->gen = (struct generation){.refs = 1, .number = 1, .worker = &g->worker};
    g->site_conf.hsts.mode = CONF_HSTS_FIXED;
    g->site_conf.hsts.max_age_ms = 60000;
    g->site = (struct site){.conf = &g->site_conf, .gen = &g->gen};
    g->conf.path = SLICE("/");
    g->conf.action = CONF_FILES;
    g->conf.files.index = (struct conf_texts){index, 2};
    g->route = (struct route){.conf = &g->conf, .site = &g->site};
    assert_int_equal(file_open_root(root, &g->route.root_fd, NULL), OK);
}

void filerig_close(struct filerig *g)
{
    buf_done(&answer.body);
    filecache_free(g->worker.files);
    loop_free(g->worker.loop);
    file_close(g->route.root_fd);
    remove_tree(g->dir);
}
