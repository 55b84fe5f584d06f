/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Which name servers are asked: those of the settings or the system's. Asks none itself. */
#pragma once

#include "base/fault.h"
#include "base/slice.h"
#include "os/sock.h"

#define NAMESERVERS_MAX 8

struct nameservers {
    struct sock_addr addrs[NAMESERVERS_MAX];
    size_t n; /* at least one */
};

/* "127.0.0.1:5353, ::1"; port 53 when left out. Empty: the system's, else the local host.
 * ERR_CONFIG. */
int nameservers_read(struct slice list, struct nameservers *ret, struct fault *f) MUST_USE;
