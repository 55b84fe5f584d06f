/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The listening sockets of the whole server: one per address, port and worker (SO_REUSEPORT),
 * opened by the master and kept open by it, so that neither a dying worker nor an upgrade loses a
 * waiting connection. */
#pragma once

#include "base/fault.h"
#include "conf/conf.h"
#include "serve/worker.h"

#define PORTS_MAX 1024

struct ports {
    struct worker_listener *list; /* sorted by worker: worker i has [first[i], first[i + 1]) */
    size_t n;
    size_t *first;
    uint32_t workers;
    uint16_t https_port, http_port; /* as bound; http 0: none */
    char **names;                   /* per entry: "ADDR:PORT/kind/worker", for inheriting */
};

/* Opens everything that conf asks for. Sockets named in `inherited` ("name=fd;name=fd", from
 * ports_export; NULL none) are taken over where the name fits and closed where not. ERR_PERM,
 * ERR_EXISTS, ERR_SYS with the next thing to do. */
int ports_open(const struct conf *conf, uint32_t workers, const char *inherited, struct ports *ret,
               struct fault *f) MUST_USE;
/* "name=fd;..." for a successor; owned by the caller (mem_free). NULL: out of memory. */
char *ports_export(const struct ports *p);
/* Closes all. */
void ports_done(struct ports *p);
