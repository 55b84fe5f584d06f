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
    MESSAGE_CERTIFICATE,   /* keeper -> master -> workers: as serve/kept packs it */
    MESSAGE_FILES_CHANGED, /* master -> workers: the certificate files of a site: path and new bytes
                            * of each, likewise */
    MESSAGE_TICKETS,       /* master -> workers: packed ticket ring */
    MESSAGE_DRAIN,         /* master -> child: finish and exit */
    MESSAGE_STATUS,        /* master -> child: report */
    MESSAGE_REPORT,        /* child -> master: JSON object */
    MESSAGE_LOGS,          /* master -> child: new log files, as serve/logfiles sends them */
    MESSAGE_CERTIFICATE_GONE, /* keeper -> master: text name, one byte enum kept_slot */
    MESSAGE_CHALLENGES,   /* keeper -> master -> workers: 8 bytes version, then the whole table as
                           * serve/challenges reads it; the master numbers versions anew */
    MESSAGE_PUBLISHED,    /* worker -> master -> keeper: 8 bytes version: answers are given by it */
    MESSAGE_COMMAND,      /* master -> keeper: 8 bytes id, JSON */
    MESSAGE_COMMAND_LINE, /* keeper -> master: 8 bytes id, one line of JSON */
    MESSAGE_COMMAND_DONE, /* keeper -> master: likewise, the last one */
    MESSAGE_COMMAND_CANCEL, /* master -> keeper: 8 bytes id */
    MESSAGE_DEMAND,      /* worker -> master -> keeper: text name, text client address: a handshake
                          * waits for the name's certificate */
    MESSAGE_DEMAND_DONE, /* keeper -> master -> workers: text name: there is none to wait for */
    MESSAGE_HOOK,        /* keeper -> master: 8 bytes id, 8 bytes timeout (ms), one byte enum
                          * certhost_hook, four texts arguments, text standard input */
    MESSAGE_HOOK_DONE,   /* master -> keeper: 8 bytes id, 4 bytes status (two's complement), text
                          * output */
    MESSAGE_BUNDLE = 48  /* master -> child, + enum parcel_message: a configuration */
};

/* Appends one text with its 4-byte length. ERR_CAP, ERR_NOMEM. */
int message_text(struct buf *b, struct slice text) MUST_USE;
/* Reads one; c becomes bad when it is cut. */
struct slice message_next(struct cur *c);
/* Appends 8 bytes. ERR_CAP, ERR_NOMEM. */
int message_u64(struct buf *b, uint64_t value) MUST_USE;
/* Reads them; c becomes bad when they are cut. */
uint64_t message_next_u64(struct cur *c);
