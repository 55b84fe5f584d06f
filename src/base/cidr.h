/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* IP addresses and networks as values: IPv4 is kept in its IPv6-mapped form so that one comparison
 * serves both. No sockets here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/slice.h"

struct ip {
    uint8_t bytes[16]; /* network order; IPv4 as ::ffff:a.b.c.d */
};

struct cidr {
    struct ip net;
    unsigned bits; /* 0 to 128, counted in the 128-bit form */
};

#define CIDR_IP_TEXT 46

/* "192.0.2.1", "2001:db8::1", with or without brackets round IPv6. ERR_SYNTAX. */
int cidr_parse_ip(struct slice s, struct ip *ret) MUST_USE;
/* "10.0.0.0/8", "fd00::/8" or a single address. ERR_SYNTAX, ERR_RANGE when host bits are set. */
int cidr_parse(struct slice s, struct cidr *ret) MUST_USE;
bool cidr_contains(const struct cidr *c, const struct ip *ip);
bool cidr_is_v4(const struct ip *ip);
/* Loopback, private, link-local and unique-local addresses: never reachable for a public CA. */
bool cidr_is_private(const struct ip *ip);
/* Text form (RFC 5952) into dst (CIDR_IP_TEXT bytes, NUL-ended); returns its length. */
size_t cidr_format_ip(const struct ip *ip, char *dst);
