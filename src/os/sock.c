/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Sockets over the kernel's calls. */
#include "os/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "os/sysfault.h"

_Static_assert(sizeof(struct sockaddr_un) <= SOCK_ADDR_BYTES, "sock_addr holds every family");

static struct sockaddr *kernel(struct sock_addr *a)
{
    return (struct sockaddr *)(void *)a->raw;
}

static const struct sockaddr *kernel_of(const struct sock_addr *a)
{
    return (const struct sockaddr *)(const void *)a->raw;
}

static sa_family_t family(const struct sock_addr *a)
{
    return a->raw_bytes < sizeof(sa_family_t) ? AF_UNSPEC : kernel_of(a)->sa_family;
}

void sock_addr_make(const struct ip *ip, uint16_t port, struct sock_addr *ret)
{
    *ret = (struct sock_addr){.raw_bytes = 0};
    if (cidr_is_v4(ip)) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&v4.sin_addr, ip->bytes + 12, 4);
        memcpy(ret->raw, &v4, sizeof(v4));
        ret->raw_bytes = sizeof(v4);
    } else {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&v6.sin6_addr, ip->bytes, 16);
        memcpy(ret->raw, &v6, sizeof(v6));
        ret->raw_bytes = sizeof(v6);
    }
}

int sock_addr_unix(struct slice path, struct sock_addr *ret)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    bool abstract = path.n && path.p[0] == '@';
    if (path.n < 1u + abstract || path.n >= sizeof(un.sun_path) || slice_find(path, 0) < path.n)
        return ERR_RANGE;
    memcpy(un.sun_path, path.p, path.n);
    if (abstract)
        un.sun_path[0] = 0;
    *ret = (struct sock_addr){.raw_bytes = 0};
    memcpy(ret->raw, &un, sizeof(un));
    /* An abstract name is its bytes without a NUL, a path has one. */
    ret->raw_bytes = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + path.n + !abstract);
    return OK;
}

int sock_addr_parse(struct slice s, struct sock_addr *ret)
{
    if (slice_starts(s, SLICE("unix:")))
        return sock_addr_unix(slice_from(s, 5), ret);
    size_t colon = s.n;
    while (colon && s.p[colon - 1] != ':')
        colon--;
    if (!colon)
        return ERR_SYNTAX;
    struct slice host = slice_first(s, colon - 1);
    bool brackets = host.n && host.p[0] == '[';
    if (!brackets && slice_find(host, ':') < host.n)
        return ERR_SYNTAX; /* "::1:80" says two things */
    struct ip ip;
    uint64_t port;
    int r = cidr_parse_ip(host, &ip);
    if (!r)
        r = num_parse_u64(slice_from(s, colon), 0, 65535, &port);
    if (!r)
        sock_addr_make(&ip, (uint16_t)port, ret);
    return r;
}

bool sock_addr_is_unix(const struct sock_addr *a)
{
    return family(a) == AF_UNIX;
}

bool sock_addr_ip(const struct sock_addr *a, struct ip *ret_ip, uint16_t *ret_port)
{
    if (family(a) == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a->raw, sizeof(v4));
        *ret_ip = (struct ip){.bytes = {[10] = 0xff, [11] = 0xff}};
        memcpy(ret_ip->bytes + 12, &v4.sin_addr, 4);
        *ret_port = ntohs(v4.sin_port);
        return true;
    }
    if (family(a) == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a->raw, sizeof(v6));
        memcpy(ret_ip->bytes, &v6.sin6_addr, 16);
        *ret_port = ntohs(v6.sin6_port);
        return true;
    }
    return false;
}

bool sock_addr_eq(const struct sock_addr *a, const struct sock_addr *b)
{
    struct ip x, y;
    uint16_t p, q;
    if (sock_addr_ip(a, &x, &p) && sock_addr_ip(b, &y, &q))
        return p == q && memcmp(&x, &y, sizeof(x)) == 0;
    return a->raw_bytes == b->raw_bytes && memcmp(a->raw, b->raw, a->raw_bytes) == 0;
}

size_t sock_addr_format(const struct sock_addr *a, char *dst)
{
    struct ip ip;
    uint16_t port;
    char text[CIDR_IP_TEXT];
    int n;
    if (sock_addr_ip(a, &ip, &port)) {
        cidr_format_ip(&ip, text);
        n = snprintf(dst, SOCK_ADDR_TEXT, cidr_is_v4(&ip) ? "%s:%u" : "[%s]:%u", text, port);
    } else if (sock_addr_is_unix(a) && a->raw_bytes > offsetof(struct sockaddr_un, sun_path)) {
        const char *path = (const char *)a->raw + offsetof(struct sockaddr_un, sun_path);
        size_t room = a->raw_bytes - offsetof(struct sockaddr_un, sun_path);
        bool abstract = path[0] == 0;
        n = snprintf(dst, SOCK_ADDR_TEXT, "unix:%s%.*s", abstract ? "@" : "",
                     (int)(room - abstract), path + abstract);
    } else {
        n = snprintf(dst, SOCK_ADDR_TEXT, "%s", sock_addr_is_unix(a) ? "unix:" : "none");
    }
    return n < 0 ? 0 : (size_t)n;
}

static int error_of(int e)
{
    switch (e) {
    case 0:
        return OK;
    case ECONNREFUSED:
    case ENOENT: /* no unix socket at that path: nobody listens */
        return ERR_REFUSED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return ERR_UNREACHABLE;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return ERR_RESET;
    case EACCES:
    case EPERM:
        return ERR_PERM;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN: /* local ports or a unix backlog are used up */
        return ERR_CAP;
    case EADDRINUSE:
        return ERR_EXISTS;
    default:
        return ERR_SYS;
    }
}

void sock_close(int fd)
{
    int e = errno;
    if (fd >= 0)
        close(fd);
    errno = e;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) ? ERR_SYS : OK;
}

static int new_socket(const struct sock_addr *a, int *ret_fd)
{
    int fd =
        sysfault_hit(NULL) ? -1 : socket(family(a), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_of(errno);
    if (family(a) != AF_UNIX && set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)) {
        sock_close(fd);
        return ERR_SYS;
    }
    *ret_fd = fd;
    return OK;
}

/* Bound under another name and renamed, with the mode right from the first moment: no window in
 * which the path is missing, refuses, or is open to others. */
static int listen_unix(int fd, const struct sock_addr *a, int backlog)
{
    struct sockaddr_un un, next = {.sun_family = AF_UNIX};
    memcpy(&un, a->raw, sizeof(un));
    if (un.sun_path[0] == 0)
        return bind(fd, kernel_of(a), a->raw_bytes) || listen(fd, backlog) ? error_of(errno) : OK;
    int n = snprintf(next.sun_path, sizeof(next.sun_path), "%s.%d", un.sun_path, (int)getpid());
    if (n < 0 || (size_t)n >= sizeof(next.sun_path)) {
        errno = ENAMETOOLONG;
        return ERR_RANGE;
    }
    unlink(next.sun_path);
    mode_t before = umask(0177);
    int failed = bind(fd, (const struct sockaddr *)(const void *)&next, sizeof(next));
    int e = errno;
    umask(before);
    if (failed) {
        errno = e;
        return e == ENOENT ? ERR_NOT_FOUND : error_of(e);
    }
    if (listen(fd, backlog) == 0 && rename(next.sun_path, un.sun_path) == 0)
        return OK;
    e = errno;
    unlink(next.sun_path);
    errno = e;
    return error_of(e);
}

static int listen_ip(int fd, const struct sock_addr *a, bool reuseport, int backlog)
{
    int r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!r && reuseport)
        r = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!r && family(a) == AF_INET6)
        r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (!r && (bind(fd, kernel_of(a), a->raw_bytes) || listen(fd, backlog)))
        r = error_of(errno);
    return r;
}

int sock_listen(const struct sock_addr *a, bool reuseport, int backlog, int *ret_fd,
                struct fault *f)
{
    int fd = -1, r = new_socket(a, &fd);
    if (!r)
        r = sock_addr_is_unix(a) ? listen_unix(fd, a, backlog)
                                 : listen_ip(fd, a, reuseport, backlog);
    if (r) {
        int e = errno;
        char text[SOCK_ADDR_TEXT];
        sock_close(fd);
        sock_addr_format(a, text);
        fault_errno(f, r, e, "cannot listen on %s", text);
        errno = e;
        return r;
    }
    *ret_fd = fd;
    return OK;
}

int sock_defer_accept(int listener_fd, int seconds)
{
    return set_option(listener_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
}

static int accept_error(int e)
{
    switch (e) {
    case EAGAIN:
        return ERR_AGAIN;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return ERR_CAP;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EFAULT:
    case EOPNOTSUPP:
        return ERR_SYS;
    default: /* accept(2): errors of the network are handed to accept; so are a firewall's */
        return ERR_RESET;
    }
}

int sock_accept(int listener_fd, int *ret_fd, struct ip *ret_peer, uint16_t *ret_port)
{
    struct sock_addr a = {.raw_bytes = 0};
    socklen_t n = sizeof(a.raw);
    int fd;
    do {
        fd = sysfault_hit(NULL)
                 ? -1
                 : accept4(listener_fd, kernel(&a), &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return accept_error(errno);
    a.raw_bytes = n;
    struct ip ip = {.bytes = {0}};
    uint16_t port = 0;
    sock_addr_ip(&a, &ip, &port);
    if (ret_peer)
        *ret_peer = ip;
    if (ret_port)
        *ret_port = port;
    *ret_fd = fd;
    return OK;
}

int sock_connect(const struct sock_addr *a, int *ret_fd)
{
    int fd = -1, r = new_socket(a, &fd);
    if (r)
        return r;
    int failed = sysfault_hit(NULL) ? -1 : connect(fd, kernel_of(a), a->raw_bytes);
    /* EINTR on a non-blocking socket: it goes on in the background, as EINPROGRESS says. */
    if (failed && errno != EINPROGRESS && errno != EINTR) {
        r = error_of(errno);
        sock_close(fd);
        return r;
    }
    *ret_fd = fd;
    return OK;
}

int sock_connect_udp(const struct sock_addr *a, int *ret_fd)
{
    int fd =
        sysfault_hit(NULL) ? -1 : socket(family(a), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_of(errno);
    if (connect(fd, kernel_of(a), a->raw_bytes)) {
        int r = error_of(errno);
        sock_close(fd);
        return r;
    }
    *ret_fd = fd;
    return OK;
}

/* EAGAIN means used-up ports to connect, but "later" to these. */
static int transfer_error(int e)
{
    return e == EAGAIN ? ERR_AGAIN : error_of(e);
}

int sock_send(int fd, struct slice bytes, size_t *ret_n)
{
    ssize_t n;
    do {
        n = sysfault_hit(&bytes.n) ? -1 : send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return transfer_error(errno);
    *ret_n = (size_t)n;
    return OK;
}

int sock_recv(int fd, void *dst, size_t cap, size_t *ret_n)
{
    ssize_t n;
    do {
        n = sysfault_hit(&cap) ? -1 : recv(fd, dst, cap, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return transfer_error(errno);
    *ret_n = (size_t)n;
    return OK;
}

int sock_error(int fd)
{
    int e = 0;
    socklen_t n = sizeof(e);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n))
        return ERR_SYS;
    errno = e;
    return error_of(e);
}

int sock_local_addr(int fd, struct sock_addr *ret)
{
    struct sock_addr a = {.raw_bytes = 0};
    socklen_t n = sizeof(a.raw);
    if (getsockname(fd, kernel(&a), &n))
        return ERR_SYS;
    a.raw_bytes = n;
    *ret = a;
    return OK;
}

int sock_peer_addr(int fd, struct sock_addr *ret)
{
    struct sock_addr a = {.raw_bytes = 0};
    socklen_t n = sizeof(a.raw);
    if (getpeername(fd, kernel(&a), &n))
        return ERR_SYS;
    a.raw_bytes = n;
    *ret = a;
    return OK;
}

int sock_local_port(int fd, uint16_t *ret)
{
    struct sock_addr a;
    struct ip ip;
    int r = sock_local_addr(fd, &a);
    if (!r && !sock_addr_ip(&a, &ip, ret))
        r = ERR_SYS;
    return r;
}

int sock_peercred(int fd, uint32_t *ret_uid, int32_t *ret_pid)
{
    struct ucred who;
    socklen_t n = sizeof(who);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n))
        return ERR_SYS;
    *ret_uid = who.uid;
    *ret_pid = who.pid;
    return OK;
}

int sock_keepalive(int fd, int idle_s, int interval_s)
{
    int r = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (!r)
        r = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    if (!r)
        r = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    if (!r)
        r = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    return r;
}

int sock_linger_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) ? ERR_SYS : OK;
}
