/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the kernel knows of a TCP connection beyond its bytes: how much the peer has acknowledged,
 * which ICMP error ended it, and the TTL of what is sent next. For diagnosis (check --why); needs
 * no rights. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"

/* tcp(7), TCP_INFO. The SYN counts as one byte in `acked`. */
struct sockinfo {
    uint64_t sent_bytes, acked_bytes, received_bytes;
    uint32_t unacked_segments, retransmits, rtt_us, mss;
};

/* ERR_SYS: no TCP socket, or an old kernel. */
int sockinfo_read(int fd, struct sockinfo *ret) MUST_USE;
/* IP TTL (hop limit) of everything sent from now on; 0: the system's default again. ERR_SYS. */
int sockinfo_ttl(int fd, uint8_t ttl) MUST_USE;

/* ICMP errors are queued from now on (IP_RECVERR); before connecting. ERR_SYS. */
int sockinfo_watch_icmp(int fd) MUST_USE;

struct sockinfo_icmp {
    uint8_t type, code;
    bool v6,
        prohibited; /* "administratively prohibited" in one of its forms (RFC 1812, RFC 4443) */
    bool time_exceeded;
    struct ip from; /* the router that said so */
};

/* The first queued error. ERR_NOT_FOUND: none came. */
int sockinfo_icmp(int fd, struct sockinfo_icmp *ret) MUST_USE;
