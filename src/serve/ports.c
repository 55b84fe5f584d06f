/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Opening, handing on and taking over of listening sockets. */
#include "serve/ports.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/file.h"
#include "os/sock.h"

#define BACKLOG      4096
#define NAME_BYTES   (SOCK_ADDR_TEXT + 32)
#define DEFER_ACCEPT 1 /* seconds: wake a worker when the ClientHello is there */

enum port_kind { PORT_HTTPS, PORT_HTTP, PORT_METRICS };

static const char *const kind_names[] = {"https", "http", "metrics"};

void ports_done(struct ports *p)
{
    for (size_t i = 0; i < p->n; i++) {
        sock_close(p->list[i].fd);
        mem_free(p->names[i]);
    }
    mem_free(p->list);
    mem_free(p->names);
    mem_free(p->first);
    *p = (struct ports){0};
}

/* Next "name=fd" of the predecessor's list; -1 when it is over. Only sockets with an address and a
 * port are meant: a list that is not ours must not make us close our own descriptors. */
static int next_inherited(struct slice *rest, struct slice *ret_name)
{
    struct slice part;
    uint64_t fd;
    uint16_t port;
    while (slice_next(rest, ';', &part)) {
        size_t eq = slice_find(part, '=');
        *ret_name = slice_first(part, eq);
        if (!num_parse_u64(slice_from(part, eq + 1), 3, 1 << 20, &fd) &&
            !sock_local_port((int)fd, &port))
            return (int)fd;
    }
    return -1;
}

/* A descriptor of our own (close-on-exec again) for what the predecessor left under this name; -1:
 * nothing, or it is bound elsewhere. */
static int take_inherited(const char *inherited, const char *name, const struct sock_addr *addr,
                          bool any_port)
{
    struct slice rest = slice_cstr(inherited), found;
    struct sock_addr bound;
    int fd;
    while ((fd = next_inherited(&rest, &found)) >= 0)
        if (slice_eq(found, slice_cstr(name)) && !sock_local_addr(fd, &bound) &&
            (any_port || sock_addr_eq(&bound, addr)))
            return file_dup(fd);
    return -1;
}

/* A listening socket that nobody accepts from would still be given its share of the port's
 * connections by the kernel. */
static void close_inherited(const char *inherited)
{
    struct slice rest = slice_cstr(inherited), name;
    int fd;
    while ((fd = next_inherited(&rest, &name)) >= 0)
        sock_close(fd);
}

static void explain(struct fault *f, int r, const struct sock_addr *addr, enum port_kind kind)
{
    char text[SOCK_ADDR_TEXT];
    sock_addr_format(addr, text);
    if (r == ERR_PERM) {
        fault_set(f, r, "no permission to listen on %s", text);
        fault_next(f,
                   "use --%s-port with a number above 1023, or allow it once: sudo setcap "
                   "cap_net_bind_service=+ep /path/to/port443, or start it by its systemd unit "
                   "(packaging/port443.service)",
                   kind == PORT_HTTP ? "http" : "https");
    } else if (r == ERR_EXISTS) {
        fault_set(f, r, "another program listens on %s already", text);
        fault_next(f, "\"ss -ltnp\" shows which; stop it, or choose another port with --%s-port",
                   kind == PORT_HTTP ? "http" : "https");
    }
}

/* Our own sockets share a port among the workers (SO_REUSEPORT), and the kernel would let a second
 * server of the same account in: it is looked for first, with a socket that shares with nobody. */
static int look_for_others(const struct sock_addr *addr, struct fault *f)
{
    int fd;
    int r = sock_listen(addr, false, 1, &fd, f);
    if (!r)
        sock_close(fd);
    return r;
}

struct opening {
    struct ports *p;
    const char *inherited;
    struct fault *f;
};

static int add_one(struct opening *o, const struct ip *ip, uint16_t *port, enum port_kind kind,
                   uint32_t worker)
{
    struct ports *p = o->p;
    struct sock_addr addr;
    char name[NAME_BYTES], text[SOCK_ADDR_TEXT];
    int fd;
    if (p->n == PORTS_MAX)
        return fault_set(o->f, ERR_CAP, "more than %d listening sockets", PORTS_MAX);
    sock_addr_make(ip, *port, &addr);
    sock_addr_format(&addr, text);
    snprintf(name, sizeof(name), "%s/%s/%u", text, kind_names[kind], worker);
    fd = o->inherited ? take_inherited(o->inherited, name, &addr, *port == 0) : -1;
    int r = fd < 0 && worker == 0 ? look_for_others(&addr, o->f) : OK;
    if (!r && fd < 0)
        r = sock_listen(&addr, true, BACKLOG, &fd, o->f);
    if (r) {
        explain(o->f, r, &addr, kind);
        return r;
    }
    if (*port == 0 && (r = sock_local_port(fd, port))) {
        sock_close(fd);
        return fault_set(o->f, r, "the port of %s is not known", text);
    }
    if (kind == PORT_HTTPS && sock_defer_accept(fd, DEFER_ACCEPT))
        errno = 0; /* an optimisation only */
    p->names[p->n] = mem_strdup(name);
    p->list[p->n] = (struct worker_listener){
        .fd = fd, .tls = kind == PORT_HTTPS, .metrics = kind == PORT_METRICS, .public_port = *port};
    return p->names[p->n++] ? OK : fault_set(o->f, ERR_NOMEM, "out of memory");
}

/* One port on every configured address; an address family that this machine lacks is skipped when
 * another address worked. */
static int add_port(struct opening *o, const struct conf *conf, uint16_t *port, enum port_kind kind,
                    uint32_t worker)
{
    size_t opened = 0;
    int r = OK;
    for (size_t i = 0; i < conf->listen.count; i++) {
        int e = add_one(o, &conf->listen.items[i], port, kind, worker);
        opened += e == OK;
        if (e && e != ERR_UNREACHABLE)
            return e;
        r = e ? e : r;
    }
    return opened ? OK : r;
}

static int open_worker(struct opening *o, const struct conf *conf, uint32_t worker)
{
    struct ports *p = o->p;
    int r = add_port(o, conf, &p->https_port, PORT_HTTPS, worker);
    if (!r && !conf->only_443)
        r = add_port(o, conf, &p->http_port, PORT_HTTP, worker);
    uint16_t port = conf->metrics.listen.port;
    if (!r && port && worker == 0)
        r = add_one(o, &conf->metrics.listen.ip, &port, PORT_METRICS, worker);
    return r;
}

int ports_open(const struct conf *conf, uint32_t workers, const char *inherited, struct ports *ret,
               struct fault *f)
{
    struct ports p = {.workers = workers,
                      .https_port = (uint16_t)conf->https_port,
                      .http_port = conf->only_443 ? 0 : (uint16_t)conf->http_port};
    struct opening o = {.p = &p, .inherited = inherited, .f = f};
    p.list = mem_array(PORTS_MAX, sizeof(*p.list));
    p.names = mem_array(PORTS_MAX, sizeof(*p.names));
    p.first = mem_array(workers + 1, sizeof(*p.first));
    int r = p.list && p.names && p.first ? OK : fault_set(f, ERR_NOMEM, "out of memory");
    for (uint32_t i = 0; !r && i < workers; i++) {
        p.first[i] = p.n;
        r = open_worker(&o, conf, i);
        p.first[i + 1] = p.n;
    }
    if (inherited)
        close_inherited(inherited);
    if (r) {
        ports_done(&p);
        return r;
    }
    *ret = p;
    return OK;
}

char *ports_export(const struct ports *p)
{
    struct buf b;
    char *text = NULL;
    buf_init(&b, PORTS_MAX * (NAME_BYTES + 16));
    int r = OK;
    for (size_t i = 0; !r && i < p->n; i++)
        r = buf_printf(&b, "%s=%d;", p->names[i], p->list[i].fd);
    if (!r)
        text = mem_dup(buf_slice(&b).p, b.n);
    buf_done(&b);
    return text;
}
