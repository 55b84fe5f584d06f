/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* The second stop of a connection, private to conn/. All calls may free c. */
#pragma once

struct conn;

/* Starts with what the client has sent already. */
void secure_start(struct conn *c);
/* Events of a connection in CONN_HELLO and CONN_HANDSHAKE. */
void secure_on_ready(struct conn *c);
/* The engine can choose for a hello that waited. May free c. */
void secure_resume(struct conn *c);
