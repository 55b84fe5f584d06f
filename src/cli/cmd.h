/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The verbs of the command line: one function each, arguments in (argv[0] is the verb), exit status
 * out. Only cli/ prints. */
#pragma once

/* Exit status of DESIGN 5. */
enum cmd_exit { CMD_GOOD = 0, CMD_BAD = 1, CMD_FAILED = 2, CMD_USAGE = 64 };

/* Runs the server until it is stopped. */
int cmd_serve(int argc, char **argv);
/* check, show, schema: offline. */
int cmd_config(int argc, char **argv);
/* Which site, rule, upstream and limits apply to a URL: offline. */
int cmd_explain(int argc, char **argv);
/* Visits sites and judges them. */
int cmd_check(int argc, char **argv);
/* list, root, trust: reads the state directory. */
int cmd_cert(int argc, char **argv);
/* status, reload, stop, upgrade, reopen: talk to the running server. */
int cmd_control(int argc, char **argv);
