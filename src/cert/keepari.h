/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* RFC 9773: asks the CA that issued the certificate in use when it should be renewed. Right after
 * issuance, then at the times that the CA wishes; never after expiry, never about a certificate
 * that was replaced. */
#pragma once

#include "cert/keepstate.h"

/* When to ask; KEEP_NEVER: not at all, or it is being asked. */
int64_t keepari_next_s(const struct keepname *n);
void keepari_poll(struct keepname *n);
/* No answer is waited for any more. */
void keepari_stop(struct keepname *n);
