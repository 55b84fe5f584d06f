/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The options that say which CA is asked and how names are proved to it, as settings of the engine.
 * Messages go to standard error here. */
#pragma once

#include <stdbool.h>

#include "cert/certkeep.h"
#include "cli/option.h"

#define CERTOPTS_CHALLENGES_MAX 4
#define CERTOPTS_SPECS          26 /* at most; a word adds its own behind them */

struct certopts {
    /* As given; NULL when not. */
    const char *state, *directory[CERTKEEP_DIRECTORIES_MAX], *ca_file, *email;
    const char *challenge[CERTOPTS_CHALLENGES_MAX], *dns_hook, *dns_server, *dns_zone;
    const char *tsig_name, *tsig_algorithm, *tsig_secret_file, *profile, *preferred_chain;
    const char *eab_kid, *eab_key_file, *http_port, *https_port, *resolver;
    bool rsa;
    struct buf ca, tsig, eab; /* content of the files */
};

/* The usage lines of these options. */
#define CERTOPTS_USAGE                                                                            \
    "      --directory URL       the CA: letsencrypt (default), letsencrypt-staging, zerossl,\n"  \
    "                            google, or the URL of its directory; again: tried next\n"        \
    "      --ca-file PEM         trust these roots for the CA's own server\n"                     \
    "      --email ADDRESS       contact that the CA may write to\n"                              \
    "      --challenge TYPE      http-01, tls-alpn-01, dns-01, dns-persist-01; again or with\n"   \
    "                            commas for more (default: http-01,tls-alpn-01, with a --dns-*\n" \
    "                            option dns-01)\n"                                                \
    "      --dns-hook PROGRAM    called as PROGRAM present|cleanup NAME VALUE\n"                  \
    "      --dns-server ADDR:PORT  name server that takes updates (RFC 2136)\n"                   \
    "      --dns-zone ZONE       instead of finding it\n"                                         \
    "      --tsig-name NAME --tsig-secret-file FILE [--tsig-algorithm hmac-sha256]\n"             \
    "      --rsa                 an RSA key instead of ECDSA\n"                                   \
    "      --profile NAME        of the CA's profiles\n"                                          \
    "      --preferred-chain CN  of the root, when the CA offers several chains\n"                \
    "      --eab-kid ID --eab-key-file FILE  external account, as the CA handed it out\n"         \
    "      --http-port N --https-port N  where challenges are answered (80, 443)\n"               \
    "      --resolver ADDR:PORT  asked for DNS instead of the system's\n"                         \
    "      --state DIR           state directory\n"

/* Prepares o and fills specs (CERTOPTS_SPECS places); returns how many. */
size_t certopts_specs(struct certopts *o, struct option_spec *specs);
/* Reads files and words into *ret, whose slices live as long as o. `directory` (may be empty): when
 * the options name none. False: the message was printed, *status is set. */
bool certopts_read(struct certopts *o, const char *verb, struct slice directory,
                   struct certkeep_settings *ret, int *status);
/* Did the caller name a CA or a way to prove names? */
bool certopts_any(const struct certopts *o);
/* Wipes what was read. */
void certopts_done(struct certopts *o);
