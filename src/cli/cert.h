/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The words behind `port443 cert`: one function each, argv[0] is the word; exit status of cmd.h. */
#pragma once

#include "base/buf.h"

/* What the store holds: reads the state directory, asks a running server for the rest. */
int cert_list(int argc, char **argv);
/* One page about one name. */
int cert_doctor(int argc, char **argv);
/* The record that dns-persist-01 looks for. */
int cert_dns(int argc, char **argv);
/* Orders: through the running server, or by an engine of our own. */
int cert_issue(int argc, char **argv);
int cert_renew(int argc, char **argv);
int cert_revoke(int argc, char **argv);
int cert_account(int argc, char **argv);
/* Files in, files out. */
int cert_import(int argc, char **argv);
int cert_export(int argc, char **argv);
/* The local CA. */
int cert_root(int argc, char **argv);
int cert_trust(int argc, char **argv);
