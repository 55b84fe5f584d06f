/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One wanted certificate of the engine: what it has, what it waits for, what is done about it. */
#pragma once

#include "cert/keepstate.h"

/* A wanted certificate with copies of the names, in no list. NULL without memory. */
struct keepname *keepname_new(struct certkeep *k, const struct certkeep_name *w, bool rsa);
void keepname_free(struct keepname *n);
/* The same names, in any order? */
bool keepname_has(const struct keepname *n, const struct slice *names, size_t nnames);
bool keepname_fits_cert(const struct keepname *n, const struct certinfo *ci);
/* From the store, or a first one; on_certificate comes from inside. */
int keepname_begin(struct keepname *n, struct fault *f) MUST_USE;
/* Does what is due. */
void keepname_look(struct keepname *n);
/* When it wants to be looked at next. */
int64_t keepname_next_s(const struct keepname *n);
const char *keepname_source_text(const struct keepname *n);
/* Gives the host what it has. */
void keepname_hand_out(const struct keepname *n);
void keepname_trouble(const struct keepname *n, struct fault *f, const char *doing);
