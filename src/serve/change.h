/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Changes of a running server: a new configuration (reload), a renewed certificate, a certificate
 * file that was replaced. The new is checked whole before any worker hears of it; what is refused
 * leaves the old in use. */
#pragma once

#include "base/slice.h"
#include "serve/child.h"

struct admin_call;
struct bundle;
struct change;
struct conf;
struct master;

/* Prepares an embedded change; none is under way. */
void change_init(struct change *ch);
/* Reads the configuration again and starts putting it into use. `call` (may be NULL) is answered
 * when all workers have it or when it is refused. */
void change_begin(struct master *m, struct admin_call *call);
/* A worker has put a configuration into use, or could not; the keeper could not take the names. */
void change_done(struct master *m, struct child *k);
void change_failed(struct master *m, struct child *k, struct slice text);
/* A worker is ready: what was put into use since its start is sent after it. */
void change_catch_up(struct master *m, struct child *k);
/* A child has gone and will not answer. */
void change_lost(struct master *m, struct child *k);
/* The server ends: what is under way is refused. */
void change_cancel(struct master *m);
/* The keeper has a certificate (MESSAGE_CERTIFICATE): kept for new workers, handed to all. */
void change_certificate(struct master *m, struct slice payload);
/* A watched file was replaced. */
void change_file(struct master *m, const char *path);
/* Watches every certificate file of the bundle in use, and no other. */
void change_watch(struct master *m);
/* A pair was given up (MESSAGE_CERTIFICATE_GONE). */
void change_certificate_gone(struct master *m, struct slice payload);
/* Hands the keeper what it needs of a configuration: which names need a certificate, and how. */
void change_ask_certificates(struct master *m, const struct bundle *b, const struct conf *conf);
/* Does the bundle hold a certificate for every site of conf? */
bool change_certified(const struct bundle *b, const struct conf *conf);
