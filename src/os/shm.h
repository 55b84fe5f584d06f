/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Memory shared by a process and the children that it forks afterwards: counters, one slot a
 * worker. Knows nothing of what lies in it. */
#pragma once

#include <stddef.h>

#include "base/fault.h"

/* Zeroed, page-aligned; lives until every process that has it ends or frees it. ERR_NOMEM. */
int shm_new(size_t bytes, void **ret, struct fault *f) MUST_USE;
/* Unmaps it in this process. Accepts NULL. */
void shm_free(void *p, size_t bytes);
