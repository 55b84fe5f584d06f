/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Port 80: it sends browsers to HTTPS and nothing else. Names marked `api` are never redirected,
 * because a client that follows has already sent its credentials in clear: it is told so (403) and
 * the owner too. */
#pragma once

#include "serve/serving.h"

/* The on_head of the port-80 listener (exchange_engine_https_with). */
void plainport_serve(struct exchange *x);
