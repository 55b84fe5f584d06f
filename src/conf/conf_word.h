/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* NAME=TARGET words of the command line as the same nodes that the file gives. */
#pragma once

#include "conf/reader.h"

/* Adds the site that `word` describes. OK, ERR_CONFIG (reported), ERR_NOMEM. */
int conf_word_site(struct reader *rd, struct slice word) MUST_USE;
