/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Hand-made facts for tests of what is made from facts. */
#pragma once

#include "check/facts.h"

/* A visited and audited site.test with nothing wrong: TLS 1.2 and 1.3, good suites, HSTS of two
 * years. cert: "p256", "p384", "p256long" (400 days), "rsa1024", "rsa2048", "rsa4096", "rsasha1";
 * 90 days but for the one. NULL without memory. */
struct facts *toyfacts_new(const char *cert);
