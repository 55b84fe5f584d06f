/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Certificates of an audit, and what only whole handshakes show. Private to the audit. */
#pragma once

#include "check/auditstate.h"

/* Keeps the chain of a flight, unless it is known by its leaf. */
void auditcerts_add(struct audit *a, const struct serverflight *flight, bool without_sni);
/* Certificates by kind of key, in clear. */
void auditcerts_begin(struct audit *a);
/* Whole handshakes: resumption, early data; with TLS 1.3 alone also certificates and whether one
 * is asked for. */
void auditcerts_after(struct audit *a);
/* Frees what auditcerts_after made. */
void auditcerts_drop(struct audit *a);
