/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Socket options and the error queue of TCP sockets. */
#include "os/sockinfo.h"

#include <errno.h>
#include <time.h> /* errqueue.h needs it */

#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "os/sock.h"

int sockinfo_read(int fd, struct sockinfo *ret)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n))
        return ERR_SYS;
    *ret = (struct sockinfo){
        .sent_bytes = info.tcpi_bytes_sent,
        .acked_bytes = info.tcpi_bytes_acked,
        .received_bytes = info.tcpi_bytes_received,
        .unacked_segments = info.tcpi_unacked,
        .retransmits = info.tcpi_total_retrans,
        .rtt_us = info.tcpi_rtt,
        .mss = info.tcpi_snd_mss,
    };
    return OK;
}

static bool is_v6(int fd)
{
    int domain = 0;
    socklen_t n = sizeof(domain);
    return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) && domain == AF_INET6;
}

int sockinfo_ttl(int fd, uint8_t ttl)
{
    int value = ttl ? ttl : -1; /* -1: the system's default (ip(7), ipv6(7)) */
    int failed = is_v6(fd) ? setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value, sizeof(value))
                           : setsockopt(fd, IPPROTO_IP, IP_TTL, &value, sizeof(value));
    return failed ? ERR_SYS : OK;
}

int sockinfo_watch_icmp(int fd)
{
    int on = 1;
    int failed = is_v6(fd) ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on))
                           : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    return failed ? ERR_SYS : OK;
}

/* RFC 792, RFC 1812 5.2.7.1: 3/9, 3/10, 3/13; RFC 4443 3.1: 1/1, 1/5. */
static bool prohibited(const struct sock_extended_err *e)
{
    if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
        return e->ee_type == 1 && (e->ee_code == 1 || e->ee_code == 5);
    return e->ee_type == 3 && (e->ee_code == 9 || e->ee_code == 10 || e->ee_code == 13);
}

static void fill(const struct sock_extended_err *e, struct sockinfo_icmp *ret)
{
    struct sock_addr from = {.raw_bytes = 0};
    uint16_t port;
    *ret = (struct sockinfo_icmp){.type = e->ee_type, .code = e->ee_code};
    ret->v6 = e->ee_origin == SO_EE_ORIGIN_ICMP6;
    ret->prohibited = prohibited(e);
    ret->time_exceeded = e->ee_type == (ret->v6 ? 3 : 11);
    from.raw_bytes = ret->v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    memcpy(from.raw, SO_EE_OFFENDER(e), from.raw_bytes);
    if (!sock_addr_ip(&from, &ret->from, &port))
        ret->from = (struct ip){0};
}

int sockinfo_icmp(int fd, struct sockinfo_icmp *ret)
{
    _Alignas(struct cmsghdr) uint8_t control[512];
    uint8_t quoted[128];
    struct iovec v = {quoted, sizeof(quoted)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control};
    for (unsigned i = 0; i < 16; i++) {
        m.msg_controllen = sizeof(control);
        if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return ERR_NOT_FOUND;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            struct sock_extended_err e;
            bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
            if (!ours || c->cmsg_len < CMSG_LEN(sizeof(e) + sizeof(struct sockaddr_in)))
                continue;
            memcpy(&e, CMSG_DATA(c), sizeof(e));
            if (e.ee_origin != SO_EE_ORIGIN_ICMP && e.ee_origin != SO_EE_ORIGIN_ICMP6)
                continue;
            fill((const struct sock_extended_err *)(const void *)CMSG_DATA(c), ret);
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}
