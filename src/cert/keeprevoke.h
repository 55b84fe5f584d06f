/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Revocation of the certificate in use (RFC 8555 7.6). */
#pragma once

#include "cert/keepstate.h"

/* As certkeep_revoke. */
void keeprevoke_begin(struct certkeep *k, struct certkeep_call *c, struct slice name,
                      unsigned reason, bool by_key);
