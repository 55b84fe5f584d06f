/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Where a lineage lies: the strict way from a name to one path component and back. Two names never
 * share a path, and no name leads out of the store. */
#pragma once

#include "base/fault.h"
#include "cert/lineage.h"

#define LINEAGEPATH_ENTRY 256 /* NAME_MAX and a NUL */

/* "*.example.org" with ECDSA: "_.example.org.ecdsa", NUL-ended. ERR_CONFIG when the name is not in
 * normal form, or has no path of its own; ERR_CAP. */
int lineagepath_encode(const struct lineage_id *id, char dst[LINEAGEPATH_ENTRY],
                       struct fault *f) MUST_USE;
/* The way back; id->name is in dst (LINEAGEPATH_ENTRY). False: no such entry is ours. */
bool lineagepath_decode(const char *entry, char *dst, struct lineage_id *id);
