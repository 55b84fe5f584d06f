# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
#
# A thin front door: Meson builds, packaging/install-packages brings what Debian has, tools/check refuses.
# `make help` says what there is.

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
E2E_JOBS ?= 4
PYTHON := /usr/bin/python3
PACKAGES := packaging/install-packages
CLANG_SETUP := CC=clang meson setup -Db_lundef=false -Dassertions=true
SANITIZERS := -Db_sanitize=address,undefined

export ASAN_OPTIONS ?= detect_leaks=1:abort_on_error=1
export UBSAN_OPTIONS ?= print_stacktrace=1

# Sanitizers and invariant checks on; clang, because libFuzzer and its UBSan see more.
.PHONY: build build-asan run test e2e check lint bench fuzz install deb clean help
.DEFAULT_GOAL := build

build: ## compile build/port443 (the default)
	@$(PACKAGES) build
	@test -f build/build.ninja || meson setup build
	@ninja -C build

# Only the program: the tests and tools that `build` adds would be minutes before the first page.
run: ## a site and a proxied application on https://localhost:8443
	@$(PACKAGES) build run
	@test -f build/build.ninja || meson setup build
	@ninja -C build port443
	@demo/run

test: build ## unit tests, corpus replay, both again under ASan and UBSan, then end to end
	@$(PACKAGES) test
	meson test -C build --print-errorlogs
	@$(MAKE) --no-print-directory build-asan
	meson test -C build-asan --print-errorlogs --timeout-multiplier 4
	@$(MAKE) --no-print-directory e2e

# Scenarios mostly wait, so more of them than there are processors go at once. Those that measure processor time, system
# calls or thousands of connections come after the others, by themselves.
e2e: ## the scenarios end to end, E2E_JOBS (4) at a time
	@if $(PYTHON) -c 'import xdist' 2>/dev/null; then \
	    $(PYTHON) -m pytest tests/e2e -q -m 'not alone' -n $(E2E_JOBS) --dist loadfile && \
	    $(PYTHON) -m pytest tests/e2e -q -m alone; \
	else \
	    $(PYTHON) -m pytest tests/e2e; \
	fi

build-asan:
	@test -f build-asan/build.ninja || $(CLANG_SETUP) $(SANITIZERS) build-asan
	@ninja -C build-asan

check: build ## format, layers, names, banned functions, sizes, manual pages
	@$(PACKAGES) check
	@tools/check --selftest
	@tools/check

lint: ## clang-tidy on everything (minutes)
	@$(PACKAGES) build test lint
	@$(MAKE) --no-print-directory build-asan
	@tools/lint

bench: build ## compare with nginx, HAProxy, h2o and Caddy; `check` with testssl.sh and sslscan
	@$(PACKAGES) bench
	@bench/run
	@$(PYTHON) bench/check

fuzz: ## each fuzz target for FUZZ_SECONDS (60)
	@$(PACKAGES) build test
	@test -f build-fuzz/build.ninja || $(CLANG_SETUP) $(SANITIZERS) -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link build-fuzz
	@ninja -C build-fuzz
	@tools/fuzz build-fuzz $(FUZZ_SECONDS)

install: build ## into PREFIX (/usr/local), below DESTDIR if set
	@packaging/install-tree build "$(DESTDIR)" "$(PREFIX)"

deb: build ## build/port443_VERSION_ARCH.deb
	@$(PACKAGES) deb
	@packaging/make-deb build

clean: ## remove everything that was built
	rm -rf build build-asan build-fuzz

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'
