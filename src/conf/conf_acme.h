/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Rules between the directives of acme, and between acme and the sites that need a CA. Contracts in
 * reader.h. */
#pragma once

#include "conf/reader.h"

/* Resolves words to URLs and what orders may use; root: the map of the file, may be NULL.
 * ERR_CONFIG after reporting, ERR_NOMEM. */
int conf_acme_resolve(struct reader *rd, const struct node *root) MUST_USE;
/* Every site that has been read: could a CA ever certify it by what is configured? Errors as
 * above. */
int conf_acme_check_sites(struct reader *rd) MUST_USE;
