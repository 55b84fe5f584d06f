/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Puts every allocation of the TLS library onto base/pool, so that a warm worker makes connections
 * without the general allocator. Owns nothing. */
#pragma once

#include "base/attr.h"

/* Must run before anything else of crypt/ or of the library: first statement of main. ERR_BUG when
 * the library has allocated already (it then keeps its own allocator, nothing is lost but speed).
 */
int cryptmem_install(void) MUST_USE;
