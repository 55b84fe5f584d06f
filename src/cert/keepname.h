/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* One wanted certificate of the engine: what it has, when something is due. */
#pragma once

#include "cert/keepstate.h"

/* A wanted certificate with copies of the names, in no list. NULL without memory. */
struct keepname *keepname_new(struct certkeep *k, const struct certkeep_name *w, bool rsa);
/* An attempt under way is given up; its order stays on disk. */
void keepname_free(struct keepname *n);
/* The wanted certificate of this first name, or NULL. */
struct keepname *keepname_find(const struct certkeep *k, struct slice name, bool rsa);
/* The same names, in any order? */
bool keepname_has(const struct keepname *n, const struct slice *names, size_t nnames);
/* Does the certificate speak for exactly these names? */
bool keepname_fits_cert(const struct keepname *n, const struct certinfo *ci);
/* What the store has, or a first one; on_certificate comes from inside. */
int keepname_begin(struct keepname *n, struct fault *f) MUST_USE;
/* What another engine has left in the store meanwhile; no attempt is under way. */
void keepname_reread(struct keepname *n);
/* A committed generation becomes the one in use; takes the references of `fresh`. */
void keepname_take(struct keepname *n, struct lineage_loaded *fresh);
/* The planned renewal, after a change of the metadata. */
void keepname_replan(struct keepname *n);
/* Does what is due. */
void keepname_look(struct keepname *n);
/* When it wants to be looked at next; KEEP_NEVER: when its attempt has ended. */
int64_t keepname_next_s(const struct keepname *n);
/* When the next attempt begins, by certificate and schedule. */
int64_t keepname_attempt_s(const struct keepname *n);
/* "acme", constant. */
const char *keepname_source_text(const struct keepname *n);
/* Gives the host what it has. */
void keepname_hand_out(const struct keepname *n);
/* Tells the host. f gets a frame more. */
void keepname_trouble(const struct keepname *n, struct fault *f, const char *doing);
/* An event of this name: `fields` behind "name" and "key". At most 10. */
void keepname_event(const struct keepname *n, enum event_level level, const char *event,
                    const struct event_field *fields, size_t nfields);
/* 0..999999 */
uint32_t keepname_draw(void);
/* Seconds since 1970 as RFC 3339 without fractions, into dst (32 bytes), NUL-ended; "" for 0. */
const char *keepname_time(int64_t at_s, char *dst);
