/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What proxies tell about the client: X-Forwarded-For read from right to left as far as trust goes,
 * and the fields that we write (RFC 7239, RFC 9110 7.6.3). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cidr.h"
#include "base/slice.h"
#include "wire/field.h"

struct forwarded_trust {
    const struct cidr *nets; /* proxies whose word is believed; none: nobody's */
    size_t count;
};

/* True when ip is in one of the trusted networks. */
bool forwarded_trusts(const struct forwarded_trust *trust, const struct ip *ip);
/* The client's address: the peer itself, or, as long as the address at hand is trusted, the next
 * entry of X-Forwarded-For from the right (all lines in order). Stops at a malformed entry. */
void forwarded_client(const struct field *fields, size_t count, const struct ip *peer,
                      const struct forwarded_trust *trust, struct ip *ret);

struct forwarded_hop {
    const struct ip *client;
    struct slice host; /* as the client asked; may be empty */
    bool https;
};

/* One Forwarded element: for=192.0.2.1;host=example.com;proto=https, quoted where needed. Loan from
 * dst; ERR_CAP. */
int forwarded_format(const struct forwarded_hop *hop, uint8_t *dst, size_t cap,
                     struct slice *ret) MUST_USE;
/* One Via element for a message received as HTTP/major.minor: "1.1 name" or "2 name". ERR_CAP. */
int forwarded_via(unsigned major, unsigned minor, struct slice name, uint8_t *dst, size_t cap,
                  struct slice *ret) MUST_USE;
