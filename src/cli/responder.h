/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Answers to challenges when no server runs: binds the ports that the enabled types need and
 * serves nothing but tokens (http-01) and challenge certificates (tls-alpn-01). Knows no order. */
#pragma once

#include "base/fault.h"
#include "crypt/certhost.h"
#include "os/loop.h"

struct responder;

/* A port of 0 is not opened. Every address of the machine is bound. ERR_EXISTS (taken), ERR_PERM
 * (below 1024 without the right), ERR_SYS, ERR_NOMEM; f says what to do. */
int responder_open(struct loop *l, uint16_t http_port, uint16_t https_port, struct responder **ret,
                   struct fault *f) MUST_USE;
/* Replaces all answers; they are copied. ERR_NOMEM, ERR_TLS: as many as could be are answered. */
int responder_publish(struct responder *p, const struct certhost_answer *answers, size_t n,
                      int64_t now_s) MUST_USE;
/* Requests and handshakes that got an answer so far. */
unsigned responder_answered(const struct responder *p);
/* Accepts NULL. */
void responder_close(struct responder *p);
