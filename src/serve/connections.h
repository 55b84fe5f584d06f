/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What the engine does at the turning points of a connection: which site a server name means, which
 * configuration generation the connection belongs to, and what is counted. */
#pragma once

#include "serve/site.h"

/* Ops of the HTTPS listener, the port-80 listener and the metrics listener. listener.app is the
 * struct worker. */
extern const struct conn_ops connections_https, connections_plain, connections_metrics;

/* Bounds of connections as configured; fewer connections where descriptors are short. */
void connections_limits(const struct conf_limits *c, struct conn_limits *ret);
