/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A configuration from the arguments of an offline verb: -c FILE and NAME=TARGET words. */
#pragma once

#include "conf/conf.h"

#define SOURCE_DEFAULT_FILE "/etc/port443/port443.yaml"

/* Reads and loads; errors are printed. `file` NULL: the default file, unless there are words. OK:
 * *ret is the caller's (conf_free). */
int source_load(const char *verb, const char *file, const char *const *words, size_t nwords,
                struct conf **ret);
/* Words whose target is a relative path (".", "./site") become absolute ones in place, so that they
 * mean the same in every process; the copies live as long as the program. Errors are printed. */
int source_words(const char *verb, char **words, size_t nwords);
