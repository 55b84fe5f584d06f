/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Caddy's data directory: certificates/ISSUER/NAME/NAME.{crt,key,json} and
 * acme/ISSUER/users/EMAIL/. Only reads there. */
#pragma once

#include "cli/certtake.h"

/* Is this such a directory? */
bool caddydir_is(const char *dir);
/* Gives everything in it to t. */
void caddydir_read(const char *dir, struct certtake *t);
