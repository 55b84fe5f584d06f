/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a kind of client would end up with at a server, from what the server was seen to offer.
 * Pure. */
#pragma once

#include "check/facts.h"
#include "wire/suite.h"

enum tlsclient_kind {
    TLSCLIENT_BROWSER, /* a current one: Chrome, Firefox, Safari */
    TLSCLIENT_OLD      /* of 2015: TLS 1.2 at most, 3DES as its last resort */
};

/* The suite of the newest version that both speak: the server's first where it has an order of its
 * own, else the client's. NULL: they have none in common. */
const struct suite *tlsclient_suite(const struct facts_tls *t, enum tlsclient_kind kind);
