/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Printing errors for people: what, where, the source line with a caret, what to do next. */
#pragma once

#include "conf/conf.h"

/* Every entry on stderr, then how many more there are. */
void faults_print(const struct conf_faults *faults);
/* One on stderr, with "port443 VERB: " in front. */
void faults_print_one(const char *verb, const struct fault *f);
