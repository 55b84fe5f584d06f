/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Finds the blocks of a PEM text (RFC 7468) without decoding them, so that a private key that lies
 * next to a certificate is not decoded into memory that nobody wipes. */
#pragma once

#include "base/attr.h"
#include "base/slice.h"

struct pem {
    struct slice label; /* "CERTIFICATE" */
    struct slice block; /* from "-----BEGIN" to the end of the "-----END" line's dashes */
};

/* Cuts the next block off *rest. OK; ERR_EOF none is left; ERR_SYNTAX a block has no end. */
int pem_next(struct slice *rest, struct pem *ret) MUST_USE;
