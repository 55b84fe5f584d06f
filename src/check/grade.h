/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 the port443 authors */

/* Grades from facts. Pure (gradeobservatory.h: the one about HTTP); each refuses (given = false)
 * when a check that it needs did not run. */
#pragma once

#include "check/facts.h"

/* SSL Labs rating guide 2009r: score, then caps, each with its reason. */
void grade_ssllabs(struct facts *f);
/* Mozilla guideline 6.0 (modern, intermediate) and 5.8 (old), with the differences. */
void grade_mozilla(struct facts *f);
/* PCI DSS 4.0.1, what a remote test can see of 4.2.1. */
void grade_pci(struct facts *f);
