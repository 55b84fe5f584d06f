/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* What master, workers and keeper say to each other: message types of os/chan. Payloads are
 * described at each type; numbers are big-endian. */
#pragma once

#include "base/buf.h"
#include "base/cur.h"
#include "serve/parcel.h"

enum message {
    MESSAGE_READY = 1,     /* child -> master: started; no payload */
    MESSAGE_FAILED,        /* child -> master: cannot start or reload; fault text */
    MESSAGE_RELOADED,      /* worker -> master: the new generation is in use; its number, 8 bytes */
    MESSAGE_CERTIFICATE,   /* keeper -> master -> workers: three texts with 4-byte lengths: name,
                            * chain PEM,  key PEM */
    MESSAGE_FILES_CHANGED, /* master -> workers: the certificate files of a site: path and new bytes
                            * of each, likewise */
    MESSAGE_TICKETS,       /* master -> workers: packed ticket ring */
    MESSAGE_NAMES,  /* master -> keeper: the names that need a certificate, packed as keeper.c reads
                       them */
    MESSAGE_DRAIN,  /* master -> child: finish and exit */
    MESSAGE_STATUS, /* master -> child: report */
    MESSAGE_REPORT, /* child -> master: JSON object */
    MESSAGE_LOGS,   /* master -> child: new log files, as serve/logfiles sends them */
    MESSAGE_BUNDLE = 32 /* + enum parcel_message: a new configuration */
};

/* Appends one text with its 4-byte length. ERR_CAP, ERR_NOMEM. */
int message_text(struct buf *b, struct slice text) MUST_USE;
/* Reads one; c becomes bad when it is cut. */
struct slice message_next(struct cur *c);
