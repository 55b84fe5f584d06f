/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The admin socket: one request per connection, answered with Connection: close. */
#include "serve/admin.h"

#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/link.h"
#include "os/proc.h"
#include "os/sock.h"
#include "wire/http1.h"
#include "wire/phrase.h"

#define CALLS_MAX       32 /* open connections: a script in a loop must not eat the master */
#define HEAD_MAX        8192
#define FIELDS_MAX      32
#define CALL_BOUND_MS   60000             /* from accept to the last byte of the answer */
#define STREAM_BOUND_MS (15u * 60 * 1000) /* without any line: DNS may take its time */
#define ANSWER_MAX      (64u * 1024 * 1024)
#define SAY_MAX         16384 /* bytes of a message as JSON */
#define BACKLOG         16
#define PATH_BYTES      512
#define PAUSE_MS        100 /* without accepting, when descriptors have run out */

struct admin {
    struct loop_io io;
    struct loop *loop;
    const struct admin_ops *ops;
    void *ctx;
    char path[PATH_BYTES];
    struct list calls; /* with a client */
    unsigned ncalls;
    struct loop_timer pause; /* armed: the listener is not watched */
};

struct admin_call {
    struct list node;
    struct admin *admin; /* NULL: the socket was closed */
    struct link link;
    struct loop_timer bound;
    struct field fields[FIELDS_MAX];
    struct buf answer; /* what the link has not taken */
    bool asked;        /* the engine has it and will answer */
    bool gone;         /* the client went away before the answer */
    bool streaming;    /* the answer comes in parts */
    bool answered;     /* the answer is on its way out, whole */
};

static const struct {
    const char *method, *target;
    enum admin_verb verb;
} routes[] = {
    {"GET", "/status", ADMIN_STATUS},    {"GET", "/metrics", ADMIN_METRICS},
    {"POST", "/reload", ADMIN_RELOAD},   {"POST", "/stop", ADMIN_STOP},
    {"POST", "/upgrade", ADMIN_UPGRADE}, {"POST", "/reopen", ADMIN_REOPEN},
    {"POST", "/cert", ADMIN_CERT},
};

/* The master forks while calls are open: a child holds a copy of the descriptor for a moment, and
 * with it the kernel would go on telling the loop about a call that is freed. */
static void hang_up(struct admin_call *call)
{
    if (call->link.io.fd >= 0)
        loop_remove(call->link.loop, &call->link.io);
    link_close(&call->link, false);
}

static void drop(struct admin_call *call)
{
    loop_timer_clear(&call->bound);
    hang_up(call);
    buf_done(&call->answer);
    list_remove(&call->node);
    if (call->admin)
        call->admin->ncalls--;
    mem_free(call);
}

/* The client is gone, or too slow. While the engine still owes the answer only the shell stays. */
static void lose(struct admin_call *call)
{
    if (!call->asked || call->answered) {
        drop(call);
        return;
    }
    call->gone = true;
    loop_timer_clear(&call->bound);
    hang_up(call);
    if (call->streaming && call->admin)
        call->admin->ops->on_gone(call->admin->ctx, call);
}

/* As much as the client takes; the rest when it has read. */
static int push(struct admin_call *call)
{
    int r = link_flush(&call->link);
    while (!r && call->answer.n) {
        struct slice part = slice_first(buf_slice(&call->answer), LINK_OUT_HIGH);
        r = link_write(&call->link, part);
        buf_consume(&call->answer, part.n);
        if (!r)
            r = link_flush(&call->link);
    }
    return r;
}

static void send_out(struct admin_call *call)
{
    int r = push(call);
    if (!r)
        r = link_shut(&call->link, true);
    if (!r)
        r = link_flush(&call->link);
    if (r != ERR_AGAIN)
        drop(call);
}

void admin_answer(struct admin_call *call, uint16_t status, const char *content_type,
                  struct slice body)
{
    char head[256];
    if (call->gone) {
        drop(call);
        return;
    }
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n",
                     status, phrase_of(status), content_type, body.n);
    call->answered = true;
    buf_init(&call->answer, sizeof(head) + ANSWER_MAX);
    if (buf_add(&call->answer, slice_of(head, (size_t)n)) || buf_add(&call->answer, body))
        drop(call);
    else
        send_out(call);
}

void admin_stream_begin(struct admin_call *call, const char *content_type)
{
    char head[256];
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
                     "Connection: close\r\n\r\n",
                     content_type);
    call->streaming = true;
    buf_init(&call->answer, ANSWER_MAX);
    admin_stream(call, slice_of(head, (size_t)n));
}

/* Never drops the call: what went wrong with the client is seen when the loop wakes for it. */
void admin_stream(struct admin_call *call, struct slice text)
{
    if (call->gone || buf_add(&call->answer, text) || push(call))
        return;
    loop_timer_set(call->link.loop, &call->bound, STREAM_BOUND_MS);
}

void admin_stream_end(struct admin_call *call)
{
    if (call->gone) {
        drop(call);
        return;
    }
    call->answered = true;
    send_out(call);
}

void admin_say(struct admin_call *call, uint16_t status, const char *text)
{
    struct buf b;
    struct json j;
    if (!call)
        return;
    buf_init(&b, SAY_MAX);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_bool(&j, "ok", status == 200);
    json_cstr(&j, "message", text);
    json_end(&j, '}');
    admin_answer(call, status, "application/json", j.r ? SLICE("{\"ok\":false}") : buf_slice(&b));
    buf_done(&b);
}

/* The body behind a head of `used` bytes: OK with all of it, ERR_AGAIN, ERR_CAP, ERR_SYNTAX. */
static int read_body(const struct admin_call *call, const struct http1_request *q, size_t used,
                     struct slice *ret)
{
    struct http1_framing framing;
    int r = http1_request_framing(q, &framing);
    if (r || framing.body == HTTP1_BODY_CHUNKED)
        return ERR_SYNTAX;
    if (framing.length_bytes > ADMIN_BODY_MAX)
        return ERR_CAP;
    struct slice rest = slice_from(link_input(&call->link), used);
    if (rest.n < framing.length_bytes)
        return ERR_AGAIN;
    *ret = slice_first(rest, framing.length_bytes);
    return OK;
}

static void dispatch(struct admin_call *call, const struct http1_request *q, size_t used)
{
    bool known = false;
    struct slice body = SLICE_EMPTY;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!slice_eq(q->target, slice_cstr(routes[i].target)))
            continue;
        known = true;
        if (!slice_eq(q->method_text, slice_cstr(routes[i].method)))
            continue;
        int r = routes[i].verb == ADMIN_CERT ? read_body(call, q, used, &body) : OK;
        if (r == ERR_AGAIN)
            return;
        if (r) {
            admin_answer(call, r == ERR_CAP ? 413 : 400, "text/plain",
                         SLICE("the order has no body that can be read\n"));
            return;
        }
        call->asked = true;
        call->admin->ops->on_call(call->admin->ctx, call, routes[i].verb, body);
        return;
    }
    admin_answer(
        call, known ? 405 : 404, "text/plain",
        SLICE("GET /status, GET /metrics, POST /reload, /stop, /upgrade, /reopen, /cert\n"));
}

static void read_head(struct admin_call *call)
{
    const struct http1_limits limits = {HEAD_MAX, HEAD_MAX};
    struct http1_request q;
    size_t used;
    http1_request_init(&q, call->fields, FIELDS_MAX);
    int r = http1_parse_request(link_input(&call->link), &limits, &q, &used);
    if (r == ERR_AGAIN)
        return;
    if (r)
        admin_answer(call, 400, "text/plain", SLICE("malformed request\n"));
    else
        dispatch(call, &q, used);
}

static void on_ready(struct link *k)
{
    struct admin_call *call = container_of(k, struct admin_call, link);
    if (call->answered) {
        send_out(call);
        return;
    }
    int r = call->streaming ? push(call) : OK;
    if (r == OK || r == ERR_AGAIN)
        while ((r = link_fill(k)) == OK)
            ;
    if (r != ERR_AGAIN && (r != ERR_EOF || call->streaming))
        lose(call);
    else if (!call->asked && link_input(k).n)
        read_head(call);
    else if (r == ERR_EOF && !call->asked)
        drop(call);
}

static void on_bound(struct loop_timer *t)
{
    lose(container_of(t, struct admin_call, bound));
}

/* Only the server's own user and root: the mode of the socket says so too, but not on every file
 * system. */
static bool allowed(int fd)
{
    uint32_t uid;
    int32_t pid;
    return !sock_peercred(fd, &uid, &pid) && (uid == 0 || uid == proc_uid());
}

static void on_pause_over(struct loop_timer *t)
{
    struct admin *a = container_of(t, struct admin, pause);
    if (loop_add_level(a->loop, &a->io))
        loop_timer_set(a->loop, t, PAUSE_MS);
}

/* The caller stays in the queue of a listener that is watched by level: without a pause the loop
 * would spin until somebody closes a descriptor. */
static void pause_accepting(struct admin *a)
{
    loop_remove(a->loop, &a->io);
    loop_timer_set(a->loop, &a->pause, PAUSE_MS);
}

static void on_accept(struct loop_io *io, uint32_t events)
{
    struct admin *a = container_of(io, struct admin, io);
    int fd;
    (void)events;
    int r = sock_accept(io->fd, &fd, NULL, NULL);
    if (r == ERR_CAP || r == ERR_SYS)
        pause_accepting(a);
    if (r)
        return;
    struct admin_call *call =
        a->ncalls < CALLS_MAX && allowed(fd) ? mem_alloc(sizeof(*call)) : NULL;
    if (!call) {
        sock_close(fd);
        return;
    }
    if (link_open(&call->link, a->loop, fd, on_ready)) {
        mem_free(call);
        return;
    }
    call->admin = a;
    a->ncalls++;
    list_push(&a->calls, &call->node);
    loop_timer_init(&call->bound, on_bound);
    loop_timer_set(a->loop, &call->bound, CALL_BOUND_MS);
}

int admin_open(struct loop *l, const char *path, const struct admin_ops *ops, void *ctx,
               struct admin **ret, struct fault *f)
{
    struct sock_addr addr;
    struct admin *a = mem_alloc(sizeof(*a));
    if (!a)
        return fault_set(f, ERR_NOMEM, "out of memory");
    a->loop = l;
    a->ops = ops;
    a->ctx = ctx;
    list_init(&a->calls);
    snprintf(a->path, sizeof(a->path), "%s", path);
    int r = sock_addr_unix(slice_cstr(path), &addr);
    if (r) {
        fault_set(f, r, "the path of the admin socket is too long: %s", path);
        fault_next(f, "name a shorter one with --socket PATH");
    } else {
        r = sock_listen(&addr, false, BACKLOG, &a->io.fd, f);
    }
    a->io.on_ready = on_accept;
    loop_timer_init(&a->pause, on_pause_over);
    if (!r && (r = loop_add_level(l, &a->io)))
        fault_set(f, r, "the admin socket cannot be watched");
    if (r) {
        mem_free(a);
        return r;
    }
    *ret = a;
    return OK;
}

void admin_close(struct admin *a, bool unlink_path)
{
    if (!a)
        return;
    LIST_FOREACH_SAFE (it, &a->calls) {
        struct admin_call *call = container_of(it, struct admin_call, node);
        list_remove(it);
        call->admin = NULL;
        lose(call);
    }
    loop_timer_clear(&a->pause);
    loop_remove(a->loop, &a->io);
    sock_close(a->io.fd);
    if (unlink_path)
        BEST_EFFORT(file_unlink(FILE_CWD, a->path));
    mem_free(a);
}

/* ---- the asking side ---- */

struct asking {
    struct link link;
    struct loop *loop;
    uint64_t heard_ms; /* when something last came */
    int r;
    bool head_read; /* of an answer in lines */
    uint16_t status;
    void (*on_line)(void *ctx, struct slice line); /* NULL: the answer is read whole */
    void *ctx;
};

/* Hands on every whole line that has come. */
static int take_lines(struct asking *q)
{
    const struct http1_limits limits = {HEAD_MAX, HEAD_MAX};
    struct field fields[FIELDS_MAX];
    struct http1_response p;
    size_t used;
    if (!q->head_read) {
        http1_response_init(&p, fields, FIELDS_MAX);
        int r = http1_parse_response(link_input(&q->link), &limits, &p, &used);
        if (r)
            return r == ERR_AGAIN ? OK : ERR_SYNTAX;
        q->status = p.status;
        q->head_read = true;
        link_consume(&q->link, used);
    }
    for (;;) {
        struct slice in = link_input(&q->link);
        size_t n = slice_find(in, '\n');
        if (n == in.n || q->status != 200)
            return OK;
        q->on_line(q->ctx, slice_first(in, n));
        link_consume(&q->link, n + 1);
    }
}

static void on_answer(struct link *k)
{
    struct asking *q = container_of(k, struct asking, link);
    int r = link_flush(k);
    if (r == OK || r == ERR_AGAIN)
        while ((r = link_fill(k)) == OK)
            ;
    q->heard_ms = clock_now_ms();
    int lines = q->on_line ? take_lines(q) : OK;
    r = lines ? lines : r;
    if (r != ERR_AGAIN) {
        q->r = r;
        loop_stop(q->loop);
    }
}

static int parse_answer(struct slice in, uint16_t *ret_status, struct buf *ret, struct fault *f)
{
    const struct http1_limits limits = {HEAD_MAX, HEAD_MAX};
    struct field fields[FIELDS_MAX];
    struct http1_response p;
    size_t used;
    http1_response_init(&p, fields, FIELDS_MAX);
    int r = http1_parse_response(in, &limits, &p, &used);
    if (r)
        return fault_set(f, ERR_SYNTAX, "what answers at the admin socket is not port443");
    *ret_status = p.status;
    return buf_add(ret, slice_from(in, used));
}

static int converse(struct asking *q, const struct sock_addr *addr, struct slice request,
                    uint64_t timeout_ms)
{
    int fd;
    int r = sock_connect(addr, &fd);
    if (!r)
        r = link_open(&q->link, q->loop, fd, on_answer);
    if (r)
        return r;
    q->link.in.max_bytes = ANSWER_MAX;
    r = link_write(&q->link, request);
    uint64_t start_ms = clock_now_ms(), spent_ms = 0;
    q->r = ERR_AGAIN;
    q->heard_ms = start_ms;
    while (!r && q->r == ERR_AGAIN && spent_ms < timeout_ms) {
        loop_turn(q->loop, (int)(timeout_ms - spent_ms));
        spent_ms = clock_now_ms() - (q->on_line ? q->heard_ms : start_ms);
    }
    return r ? r : q->r == ERR_AGAIN ? ERR_TIMEOUT : q->r;
}

/* The story of r: why nobody answered. */
static int no_answer(int r, const char *path, struct fault *f)
{
    if (r == ERR_TIMEOUT)
        return fault_set(f, r, "the server at %s does not answer", path);
    if (r == ERR_PERM)
        return fault_set(f, r, "only the owner of %s and root may ask the server", path);
    if (r == ERR_SYNTAX)
        return fault_set(f, r, "what answers at the admin socket is not port443");
    r = fault_set(f, ERR_NOT_FOUND, "no server is running at %s", path);
    fault_next(f, "start one with \"port443 serve\", or name its socket with --socket PATH");
    return r;
}

/* ERR_EOF: the whole answer is there. */
static int ask(struct asking *q, const char *path, struct slice request, uint64_t timeout_ms,
               struct fault *f)
{
    struct sock_addr addr;
    int r = sock_addr_unix(slice_cstr(path), &addr);
    if (!r)
        r = loop_new(&q->loop, f);
    if (r)
        return fault_set(f, r, "the admin socket %s cannot be used", path);
    r = converse(q, &addr, request, timeout_ms);
    return r == ERR_EOF ? r : no_answer(r, path, f);
}

static void hang_up_asking(struct asking *q)
{
    if (q->link.loop)
        link_close(&q->link, false);
    loop_free(q->loop);
}

int admin_request(const char *path, enum admin_verb verb, uint64_t timeout_ms, uint16_t *ret_status,
                  struct buf *ret, struct fault *f)
{
    struct asking q = {.r = OK};
    char request[256];
    const char *method = NULL, *target = NULL;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (routes[i].verb == verb) {
            method = routes[i].method;
            target = routes[i].target;
        }
    }
    int n = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method,
                     target);
    int r = ask(&q, path, slice_of(request, (size_t)n), timeout_ms, f);
    if (r == ERR_EOF)
        r = parse_answer(link_input(&q.link), ret_status, ret, f);
    hang_up_asking(&q);
    return r;
}

int admin_order(const char *path, struct slice json, uint64_t timeout_ms,
                void (*on_line)(void *ctx, struct slice line), void *ctx, struct fault *f)
{
    struct asking q = {.on_line = on_line, .ctx = ctx};
    struct buf request;
    buf_init(&request, ADMIN_BODY_MAX + 256);
    int r = buf_printf(&request,
                       "POST /cert HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                       "application/json\r\nContent-Length: %zu\r\n\r\n",
                       json.n);
    if (!r)
        r = buf_add(&request, json);
    r = r ? fault_set(f, r, "the order is too long")
          : ask(&q, path, buf_slice(&request), timeout_ms, f);
    if (r == ERR_EOF)
        r = q.status == 200 ? OK : fault_set(f, ERR_SYNTAX, "the server answers %u", q.status);
    hang_up_asking(&q);
    buf_done(&request);
    return r;
}
