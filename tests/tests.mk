# Tests: unit tests (tests/<room>/test_*.c, cmocka, one program a file) and end-to-end scripts
# (tests/e2e/*.sh).  tests/run.sh runs them and ends with "N passed, N failed, N skipped".

.PHONY: test unit asan tsan clang fuzz check layers format lint

test: $(BIN) $(TESTS) $(AUX) ## run every test (unit and end to end)
	@BUILD=$(BUILD) sh tests/run.sh $(TESTS) $(sort $(wildcard tests/e2e/*.sh))

unit: $(BIN) $(TESTS) $(AUX) ## run the unit tests only
	@BUILD=$(BUILD) sh tests/run.sh $(TESTS)

asan: ## unit and end-to-end tests under address and undefined-behaviour sanitizers
	$(MAKE) MODE=asan test

tsan: ## unit tests under the thread sanitizer
	$(MAKE) MODE=tsan unit

clang: ## build everything with clang
	$(MAKE) MODE=clang all

fuzz: ## run every fuzz target for FUZZ_SECONDS (default 20) each
	$(MAKE) MODE=fuzz FUZZ_SECONDS=$(or $(FUZZ_SECONDS),20) fuzz-run

.PHONY: fuzz-run
fuzz-run: $(FUZZERS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) sh tests/fuzz/run.sh $(FUZZERS)

check: layers format lint ## layers, format, lint
