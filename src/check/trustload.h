/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What a check trusts, and which of it is public: roots that this machine's administrator has added
 * to the system's are trusted, but the rules for public authorities are not theirs. */
#pragma once

#include "crypt/chainverify.h"

/* As chainverify_new, with the administrator's roots marked. Blocks on files. */
int trustload_new(struct slice ca_pem, struct chainverify **ret, struct fault *f) MUST_USE;
/* Marks the certificates in the files of a directory and of those in it as the administrator's; no
 * such directory, no marks. Blocks on files. */
void trustload_mark(struct chainverify *trust, const char *dir);
