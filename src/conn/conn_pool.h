/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the parts of conn/ ask of the worker's table of connections (conn.c), private to conn/: the
 * shared scratch memory of one wake, and who is idle. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conn/conn.h"

/* Most plaintext handed to link_write at once: four TLS records, one send. */
#define CONN_STAGE_BYTES 65536

/* The worker's staging buffer: heads and body bytes of one burst are gathered here, so that they
 * share records. Empty when a hook begins; must be empty (link_write, buf_reset) when it ends. */
struct buf *conn_pool_stage(struct conn *c);
/* The worker's field array for parsing one head, `*ret_cap` long (limits.header_fields). Valid
 * until the hook returns. */
struct field *conn_pool_fields(struct conn *c, size_t *ret_cap);
/* A new request id. */
uint64_t conn_pool_exchange_id(struct conn *c);
/* Whether any exchange is open: idle connections are shed oldest first. Cheap when nothing changes.
 */
void conn_pool_idle(struct conn *c);
void conn_pool_busy(struct conn *c);
