/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Names that strangers may ask a certificate for. Pure. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define DEMANDNAME_BYTES 256 /* a name of DNS and a NUL */

/* A host name of at least two labels in normal form: no IP address, no wildcard, no label that is
 * repeated next to itself (www.www.www... loops of broken clients, which CAs refuse too). */
bool demandname_ok(struct slice name);
/* An entry of the list is a name, or ".example.com" for what is at most three labels below it. */
bool demandname_allowed(const struct slice *allow, size_t nallow, struct slice name);
/* Is the URL's host this machine (http:// is good enough then)? */
bool demandname_is_loopback(struct slice url);
