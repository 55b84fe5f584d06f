/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* A bundle travels from the master to a worker: the messages that carry it, and their assembly. The
 * receiver trusts nothing of their order or lengths. */
#pragma once

#include "os/chan.h"
#include "serve/bundle.h"

/* Messages of parcel_send, in this order; the first and the last appear once. */
enum parcel_message { PARCEL_SOURCE, PARCEL_FILE, PARCEL_ROOT, PARCEL_END, PARCEL_MESSAGES };

/* Sends the whole bundle over a channel; message types are first_type + enum parcel_message. */
int parcel_send(const struct bundle *b, struct chan *to, uint16_t first_type) MUST_USE;
/* Assembles a bundle from received messages (`message` without first_type). A descriptor that is
 * kept is set to -1. OK when complete: *partial is then the whole bundle; ERR_AGAIN for more;
 * ERR_SYNTAX, ERR_NOMEM: *partial was dropped. */
int parcel_receive(struct bundle **partial, unsigned message, struct slice payload, int *fds,
                   size_t nfds) MUST_USE;
