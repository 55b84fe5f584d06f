/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* An engine without master and sandbox. */
#include "engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "client/resolve.h"
#include "crypt/localca.h"
#include "crypt/ticketring.h"
#include "os/file.h"
#include "os/sock.h"
#include "serve/bundle.h"
#include "serve/connections.h"
#include "serve/filecache.h"
#include "serve/generation.h"
#include "serve/kept.h"
#include "serve/metrics.h"

#define CACHE_BYTES (1 << 20)

static struct ticketring ring;
static struct metrics *metrics;

/* Answers every request that ends in an empty line with a fixed page; one connection at a time
 * each. */
static void serve_forever(int listener)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for (;;) {
        char in[4096];
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            _exit(1);
        if (fork() == 0) {
            close(listener);
            while (read(fd, in, sizeof(in)) > 0)
                if (write(fd, answer, sizeof(answer) - 1) < 0)
                    break;
            _exit(0);
        }
        close(fd);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}

static void start_upstream(struct engine *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    e->upstream_port = ntohs(at.sin_port);
    e->upstream_pid = fork();
    if (e->upstream_pid == 0) {
        setpgid(0, 0);
        serve_forever(fd);
    }
    setpgid(e->upstream_pid, e->upstream_pid);
    close(fd);
}

static void write_text(const struct engine *e, const char *name, struct slice text)
{
    char path[128];
    struct fault f;
    snprintf(path, sizeof(path), "%s/%s", e->dir, name);
    assert_int_equal(file_write_atomic(FILE_CWD, path, text, 0644, &f), OK);
}

static void put_certificate(struct engine *e)
{
    struct slice name = SLICE("localhost");
    struct key *key;
    struct certinfo_chain *chain;
    struct secret pem = SECRET_EMPTY;
    struct buf b;
    struct fault f;
    assert_int_equal(keystore_generate(KEY_ECDSA_P256, &key, &f), OK);
    const struct localca_leaf leaf = {
        .names = &name, .nnames = 1, .key = key, .now_s = loop_unix_ms(e->w.loop) / 1000};
    assert_int_equal(localca_selfsigned(&leaf, &chain, &f), OK);
    buf_init(&b, 1 << 16);
    assert_int_equal(certinfo_pem(chain, &b), OK);
    assert_int_equal(keystore_export_pem(key, &pem), OK);
    const struct kept_pair pair = {
        .source = SLICE("local"), .chain = buf_slice(&b), .key = secret_expose(&pem)};
    assert_int_equal(kept_put(e->bundle, name, &pair), OK);
    write_text(e, "root.pem", buf_slice(&b));
    secret_done(&pem);
    buf_done(&b);
    certinfo_unref(chain);
    keystore_unref(key);
}

static struct conf *configure(struct engine *e)
{
    static struct conf_faults faults;
    char path[128], text[512];
    struct conf *conf;
    int n = snprintf(text, sizeof(text),
                     "sites:\n  localhost:\n    routes:\n"
                     "      - {path: /app, proxy: \"http://127.0.0.1:%u\"}\n"
                     "      - {path: /, root: %s}\n",
                     e->upstream_port, e->dir);
    write_text(e, "port443.yaml", slice_of(text, (size_t)n));
    snprintf(path, sizeof(path), "%s/port443.yaml", e->dir);
    const struct bundle_source source = {.path = path};
    assert_int_equal(bundle_collect(&source, &e->bundle, &conf, &faults), OK);
    return conf;
}

static void start_listening(struct engine *e)
{
    struct sock_addr at;
    struct fault f;
    int fd;
    assert_int_equal(sock_addr_parse(SLICE("127.0.0.1:0"), &at), OK);
    assert_int_equal(sock_listen(&at, true, 64, &fd, &f), OK);
    assert_int_equal(sock_local_port(fd, &e->port), OK);
    e->listener = (struct listener){.io = {.fd = fd},
                                    .kind = CONN_TLS,
                                    .public_port = e->port,
                                    .ops = &connections_https,
                                    .app = &e->w};
    assert_int_equal(conn_listen(e->w.pool, &e->listener), OK);
}

void engine_open(struct engine *e)
{
    struct conn_limits limits;
    struct fault f;
    *e = (struct engine){.dir = "/tmp/port443-fault-XXXXXX"};
    signal(SIGPIPE, SIG_IGN);
    assert_non_null(mkdtemp(e->dir));
    start_upstream(e);
    assert_int_equal(metrics_new(1, &metrics), OK);
    assert_int_equal(ticketring_generate(&ring), OK);
    assert_int_equal(loop_new(&e->w.loop, &f), OK);
    e->w.shared = metrics;
    e->w.metrics = metrics_slot(metrics, 0);
    e->w.ring = &ring;
    write_text(e, "hello.txt", SLICE("hello\n"));
    struct conf *conf = configure(e);
    put_certificate(e);
    connections_limits(&conf->limits, &limits);
    assert_int_equal(resolve_new(e->w.loop, NULL, &e->w.resolver, &f), OK);
    assert_int_equal(filecache_new(e->w.loop, CACHE_BYTES, &e->w.files), OK);
    assert_int_equal(conn_pool_new(e->w.loop, &limits, &e->w.pool), OK);
    assert_int_equal(generation_new(&e->w, conf, e->bundle, NULL, &e->w.now, &f), OK);
    start_listening(e);
}

static void remove_file(const struct engine *e, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", e->dir, name);
    unlink(path);
}

void engine_close(struct engine *e)
{
    conn_unlisten(e->w.pool, &e->listener);
    sock_close(e->listener.io.fd);
    conn_pool_kill(e->w.pool);
    assert_int_equal(conn_pool_count(e->w.pool), 0);
    conn_pool_free(e->w.pool);
    generation_unref(e->w.now);
    bundle_unref(e->bundle);
    filecache_free(e->w.files);
    resolve_free(e->w.resolver);
    loop_free(e->w.loop);
    kill(-e->upstream_pid, SIGKILL);
    waitpid(e->upstream_pid, NULL, 0);
    remove_file(e, "hello.txt");
    remove_file(e, "root.pem");
    remove_file(e, "port443.yaml");
    rmdir(e->dir);
}

static void run_curl(const struct engine *e, const char *path, int out)
{
    char url[128], ca[128];
    snprintf(url, sizeof(url), "https://localhost:%u%s", e->port, path);
    snprintf(ca, sizeof(ca), "%s/root.pem", e->dir);
    dup2(out, STDOUT_FILENO);
    execlp("curl", "curl", "-s", "--http1.1", "-4", "--max-time", "8", "--cacert", ca, "-o",
           "/dev/null", "-w", "%{http_code}", url, (char *)NULL);
    _exit(127);
}

unsigned engine_ask(struct engine *e, const char *path)
{
    int fds[2], status;
    char text[8];
    uint64_t value = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        run_curl(e, path, fds[1]);
    close(fds[1]);
    for (unsigned turns = 0; waitpid(pid, &status, WNOHANG) == 0; turns++) {
        if (turns > 1000) {
            kill(pid, SIGKILL);
            fail_msg("%s hangs", path);
        }
        loop_turn(e->w.loop, 10);
    }
    loop_turn(e->w.loop, 0);
    ssize_t n = read(fds[0], text, sizeof(text));
    close(fds[0]);
    if (n > 0 && num_parse_u64(slice_of(text, (size_t)n), 0, 999, &value))
        value = 0;
    return (unsigned)value;
}
