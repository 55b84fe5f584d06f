/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* How the engine answers: every response head of every action goes through here, so that HSTS,
 * nosniff and the configured header steps (set, add, remove, adding up down the tree) are applied
 * in one place. */
#pragma once

#include "serve/serving.h"

/* A response head being made. Fields live in the exchange's arena. */
struct reply {
    uint16_t status;
    int64_t length; /* body bytes; -1 unknown */
    bool no_body;   /* HEAD, 204, 304 */
    bool tunnel, close;
    struct field *fields;
    size_t nfields, cap;
    bool full; /* out of memory while adding: reply_send answers 503 */
};

/* Starts an answer; `length` as in struct response. HEAD, 204 and 304 set no_body. */
void reply_init(struct reply *a, struct exchange *x, uint16_t status, int64_t length);
/* Adds a field; name and value must live as long as the exchange. Failures surface in reply_send.
 */
void reply_field(struct reply *a, struct exchange *x, enum hdr token, struct slice name,
                 struct slice value);
/* The same with the token's own name. */
void reply_token(struct reply *a, struct exchange *x, enum hdr token, struct slice value);
/* Applies header steps and security headers and hands the head to the mux. On failure the exchange
 * is aborted (its on_close will come). */
int reply_send(struct reply *a, struct exchange *x);
/* The same with a whole small body, which is copied; replaces the action. */
void reply_send_body(struct reply *a, struct exchange *x, struct slice body);
/* A whole small answer: fixed body (copied to the arena), Content-Type; HEAD gets no body. Replaces
 * the action. */
void reply_text(struct exchange *x, uint16_t status, struct slice content_type, struct slice body);
/* An error answer: short HTML or, when the client prefers JSON or the site is an api,
 * application/problem+json (RFC 9457). `reason` is for the log only (constant text). After a head
 * has been sent it aborts the exchange instead. */
void reply_error(struct exchange *x, uint16_t status, const char *reason);
/* 3xx with Location (copied). */
void reply_redirect(struct exchange *x, uint16_t status, struct slice location);
/* Serialises security headers and header steps of a route once, as "Name: value\r\n" text for
 * prebuilt heads; *ret in the arena. False when steps depend on the rest of the head (remove, set
 * over an existing field): then use reply_send. */
bool reply_block(const struct route *route, struct arena *a, struct slice *ret);
