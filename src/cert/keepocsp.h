/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers of OCSP responders for certificates that name one (public CAs do not any more): fetched
 * beside everything else, handed out with the certificate, never waited for. For the engine's
 * files. */
#pragma once

#include "cert/keepstate.h"

/* Prepares a zeroed name. */
void keepocsp_init(struct keepname *n);
/* When a responder is to be asked next; KEEP_NEVER: the certificate names none. */
int64_t keepocsp_next_s(const struct keepname *n);
/* Asks; a good answer is handed out with the certificate. */
void keepocsp_ask(struct keepname *n);
/* Gives up a question under way and forgets the answer. */
void keepocsp_stop(struct keepname *n);
/* Appends the answer for the present certificate as a PEM block, if there is one. ERR_CAP,
 * ERR_NOMEM. */
int keepocsp_append(const struct keepname *n, struct buf *pem) MUST_USE;
