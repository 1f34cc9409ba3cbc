# Tests: unit tests (tests/<room>/test_*.c, cmocka, one program a file) and end-to-end scripts
# (tests/e2e/*.sh).  tests/run.sh runs them and ends with "N passed, N failed, N skipped".

.PHONY: tests test unit asan tsan clang fuzz fuzz-run check layers format lint shell

tests: $(BIN) $(TESTS) $(AUX) docs ## build every test, run none

test: tests ## run every test (unit and end to end)
	@BUILD=$(BUILD) CC='$(CC)' sh tests/run.sh $(TESTS) $(sort $(wildcard tests/e2e/*.sh))

unit: $(TESTS) ## run the unit tests only
	@BUILD=$(BUILD) sh tests/run.sh $(TESTS)

asan: ## unit and end-to-end tests under address and undefined-behaviour sanitizers
	$(MAKE) MODE=asan test

tsan: ## unit tests under the thread sanitizer
	$(MAKE) MODE=tsan unit

clang: ## build everything, tests too, with clang
	$(MAKE) MODE=clang tests

fuzz: ## run every fuzz target for FUZZ_SECONDS (default 20) each
	$(MAKE) MODE=fuzz FUZZ_SECONDS=$(or $(FUZZ_SECONDS),20) fuzz-run

fuzz-run: $(FUZZERS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) sh tests/fuzz/run.sh $(FUZZERS)

check: layers lint shell format ## layers, lint, shell, format: all that needs no build

layers: ## the law between the rooms, from the #include lines
	@sh tests/layers.sh

lint: ## sizes of files and functions, banned functions, words that may not stay
	@sh tests/lint.sh

shell: ## scripts through sh -n, and shellcheck where there is one
	@sh tests/shell.sh

format: ## clang-format over the tracked C files (where version 14 is installed)
	@sh tests/format.sh
