# retort: one non-recursive Makefile. `make help` lists the targets.
#
#   MODE=release (default) | clang | asan | tsan | fuzz   each builds under build/<mode>/
#   DEV=1      warnings are errors (the default here and in .ci/run; packagers pass DEV=0)
#   V=1        show the commands
#   PREFIX, DESTDIR for install

MODES  := release clang asan tsan fuzz
MODE   ?= release
PREFIX ?= /usr/local
DEV    ?= 1
V      ?= 0
Q      := $(if $(filter 1,$(V)),,@)
SILENT := $(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS))))
SAY     = $(if $(or $(filter 1,$(V)),$(SILENT)),,@printf '  %-5s %s\n' $(1) $(2))
PKGS   := libcurl libcjson sqlite3 openblas libpcre2-8 libutf8proc libzstd libmicrohttpd
PKG_CONFIG ?= pkg-config

ifeq ($(origin CC),default)
CC := gcc
endif

# bench-train has a MODE of its own (MODE=lora): there a word that is no build mode means release.
ifeq ($(filter $(MODES),$(MODE)),)
ifeq ($(filter bench-%,$(MAKECMDGOALS)),)
$(error MODE=$(MODE): no such mode; one of $(MODES))
endif
endif
BUILD_MODE := $(or $(filter $(MODES),$(MODE)),release)
BUILD := build/$(BUILD_MODE)
WARN  := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wdouble-promotion -Wshadow \
         -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wwrite-strings -Wcast-qual \
         -Wundef -Wswitch-enum -Wno-missing-field-initializers -Wno-psabi -fno-common
ifeq ($(DEV),1)
WARN += -Werror
endif
CSTD  := -std=c11 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64
OPT   := -O2 -g1
SAN   :=
ifeq ($(BUILD_MODE),clang)
CC := clang
endif
ifeq ($(BUILD_MODE),asan)
OPT := -O1 -g -fno-omit-frame-pointer
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif
ifeq ($(BUILD_MODE),tsan)
OPT := -O1 -g
SAN := -fsanitize=thread
endif
ifeq ($(BUILD_MODE),fuzz)
CC  := clang
OPT := -O1 -g
SAN := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
endif

ifneq ($(shell $(PKG_CONFIG) --exists $(PKGS) && echo yes),yes)
ifeq ($(filter help clean,$(MAKECMDGOALS)),)
$(error libraries are missing; sh bootstrap.sh deps installs them (needed: $(PKGS)))
endif
endif
DEP_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
# OpenBLAS is loaded by model/blas.c when it is wanted: linked, it would start threads in every command.
DEP_LIBS   := $(shell $(PKG_CONFIG) --libs $(filter-out openblas,$(PKGS))) -lpthread -ldl -lm
# MPI=1: training over several processes (mpirun).  By default where mpicc is found; MPI=0: without.
MPI ?= $(if $(shell command -v mpicc 2>/dev/null),1,0)
ifeq ($(MPI),1)
MPI_CFLAGS := -DRETORT_MPI $(patsubst -I%,-isystem %,$(filter -I%,$(shell mpicc --showme:compile)))
DEP_LIBS   += $(shell mpicc --showme:link)
endif
CMOCKA     := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

CPPFLAGS += -I. -I$(BUILD)/gen $(DEP_CFLAGS)
CFLAGS   += $(CSTD) $(OPT) $(WARN) $(SAN)
LDFLAGS  += -Wl,--compress-debug-sections=zlib $(SAN)

ROOMS    := core corpus model net gen filter train eval serve report
LIB_SRC  := $(sort $(foreach r,$(ROOMS),$(wildcard $(r)/*.c $(r)/*/*.c)))
CLI_SRC  := $(sort $(wildcard cli/*.c))
TEST_SRC := $(sort $(wildcard tests/*/test_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
AUX_SRC  := $(sort $(wildcard tests/server/*.c))
TASK_SRC := $(sort $(wildcard demo/tasks/*.c))
FAULT_SRC := $(wildcard demo/faulty/*.c)
EMBED    := $(sort $(wildcard schemas/*.json schemas/*.sql schemas/embed/*.* schemas/embed/*/*))

LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/gen/embedded.o
CLI_OBJ  := $(CLI_SRC:%.c=$(BUILD)/%.o)
LIB      := $(BUILD)/libretort.a
CLI_LIB  := $(BUILD)/libcli.a
BIN      := $(BUILD)/retort
TESTS    := $(TEST_SRC:%.c=$(BUILD)/%)
FUZZERS  := $(FUZZ_SRC:%.c=$(BUILD)/%)
AUX      := $(AUX_SRC:%.c=$(BUILD)/%) $(BUILD)/demo/tasks/tasks $(BUILD)/demo/faulty/faulty

# Kernels live in files whose arithmetic dominates; they are worth -O3 but never -Ofast.
KERNEL_OBJ := $(filter $(BUILD)/model/kernels/% $(BUILD)/filter/kernels/%,$(LIB_OBJ))
FILTER_OBJ := $(filter-out $(KERNEL_OBJ),$(filter $(BUILD)/filter/%,$(LIB_OBJ)))
ifeq ($(SAN),)
$(FILTER_OBJ) $(filter $(BUILD)/model/soft/%,$(LIB_OBJ)): OPT := -O3 -g1
$(KERNEL_OBJ): OPT := -O3 -g1 -fno-math-errno -fno-trapping-math -ffp-contract=fast
# gcc 11 (Ubuntu 22.04) puts vzeroupper before a use of the upper halves when it schedules after
# register allocation; tests/model/test_gemm sees it.
OLD_GCC := $(filter 9 10 11,$(shell $(CC) -dM -E -x c /dev/null 2>/dev/null | sed -n 's/^.define __GNUC__ //p'))
ifneq ($(OLD_GCC),)
$(KERNEL_OBJ): OPT += -fno-schedule-insns2
endif
endif

$(BUILD)/train/ranks.o: CPPFLAGS += $(MPI_CFLAGS)

.DEFAULT_GOAL := all
.SECONDARY:
.PHONY: all help clean install uninstall docs
all: $(BIN) ## build the binary (build/<mode>/retort)

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n",$$1,$$2}' $(MAKEFILE_LIST) | sort

clean: ## remove build/
	rm -rf build

$(BUILD)/tools/embed: tools/embed.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) -O1 $(WARN) -o $@ $<

# What is made of a list of files is made again when the list changes, not only a file of it.
.PHONY: always
$(BUILD)/gen/%.list: always
	@mkdir -p $(@D)
	@echo '$(LIST)' | cmp -s - $@ || echo '$(LIST)' > $@
$(BUILD)/gen/embed.list: LIST = $(EMBED)
$(BUILD)/gen/lib.list: LIST = $(LIB_SRC)
$(BUILD)/gen/cli.list: LIST = $(CLI_SRC)

$(BUILD)/gen/embedded.c: $(BUILD)/tools/embed $(EMBED) $(BUILD)/gen/embed.list
	@mkdir -p $(@D)
	$(Q)$(BUILD)/tools/embed $(EMBED) > $@.tmp && mv $@.tmp $@

$(BUILD)/gen/embedded.o: $(BUILD)/gen/embedded.c
	$(Q)$(CC) $(CPPFLAGS) $(CSTD) $(OPT) $(SAN) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call SAY,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ) $(BUILD)/gen/lib.list
	@rm -f $@
	$(Q)ar rcs $@ $(LIB_OBJ)

# The command room is linked into tests as well, all but its main.
$(CLI_LIB): $(filter-out $(BUILD)/cli/main.o,$(CLI_OBJ)) $(BUILD)/gen/cli.list
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

$(BIN): $(BUILD)/cli/main.o $(CLI_LIB) $(LIB)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(BUILD)/cli/main.o $(CLI_LIB) $(LIB) $(DEP_LIBS)

$(BUILD)/tests/server/%: $(BUILD)/tests/server/%.o $(LIB)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(DEP_LIBS)

# The maker of the demonstration's data.
$(BUILD)/demo/tasks/tasks: $(TASK_SRC:%.c=$(BUILD)/%.o) $(LIB)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(DEP_LIBS)

.PHONY: demo demo-models
demo: $(BIN) $(AUX) ## the demonstration: a whole small distillation
	@sh demo/run.sh

demo-models: $(BIN) $(AUX) ## make the demonstration's teacher and student again (about an hour)
	@sh demo/make-models.sh

# A proxy that spoils replies.
$(BUILD)/demo/faulty/faulty: $(FAULT_SRC:%.c=$(BUILD)/%.o) $(LIB)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(DEP_LIBS)

$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIB) $(DEP_LIBS)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(CLI_LIB) $(LIB) | $(AUX)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(CLI_LIB) $(LIB) $(CMOCKA) $(DEP_LIBS)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_SRC:%.c=$(BUILD)/%.d) $(FUZZ_SRC:%.c=$(BUILD)/%.d) $(AUX_SRC:%.c=$(BUILD)/%.d) $(TASK_SRC:%.c=$(BUILD)/%.d) $(FAULT_SRC:%.c=$(BUILD)/%.d)

# ---- manual pages, completions, installation ------------------------------------------------

docs: $(BUILD)/man/retort.1 ## manual pages and shell completions, under build/<mode>/

$(BUILD)/man/retort.1: $(BIN)
	@rm -rf $(BUILD)/man $(BUILD)/completion && mkdir -p $(BUILD)/man $(BUILD)/completion
	$(Q)for c in $$($(BIN) help --commands); do \
	    $(BIN) help --man $$c > $(BUILD)/man/retort-$$c.1 || exit 1; done
	$(Q)for s in bash zsh fish; do \
	    $(BIN) help --completion $$s > $(BUILD)/completion/retort.$$s || exit 1; done
	$(Q)$(BIN) help --man recipe > $(BUILD)/man/retort-recipe.5
	$(Q)$(BIN) help --man > $@

INSTALL := install
D       := $(DESTDIR)$(PREFIX)
FILES   := bin/retort share/bash-completion/completions/retort share/zsh/site-functions/_retort \
           share/fish/vendor_completions.d/retort.fish

install: $(BIN) docs ## binary, manual pages, completions, schemas under PREFIX (DESTDIR is heeded)
	$(Q)$(INSTALL) -d $(D)/bin $(D)/share/man/man1 $(D)/share/man/man5 $(D)/share/retort/schemas \
	    $(dir $(addprefix $(D)/,$(FILES)))
	$(Q)$(INSTALL) -m 755 $(BIN) $(D)/bin/retort
	$(Q)$(INSTALL) -m 644 $(BUILD)/man/*.1 $(D)/share/man/man1
	$(Q)$(INSTALL) -m 644 $(BUILD)/man/*.5 $(D)/share/man/man5
	$(Q)$(INSTALL) -m 644 schemas/*.json schemas/*.sql $(D)/share/retort/schemas
	$(Q)$(INSTALL) -m 644 $(BUILD)/completion/retort.bash $(D)/share/bash-completion/completions/retort
	$(Q)$(INSTALL) -m 644 $(BUILD)/completion/retort.zsh $(D)/share/zsh/site-functions/_retort
	$(Q)$(INSTALL) -m 644 $(BUILD)/completion/retort.fish $(D)/share/fish/vendor_completions.d/retort.fish

uninstall: ## remove what install put there
	$(Q)rm -f $(addprefix $(D)/,$(FILES)) $(D)/share/man/man1/retort.1 $(D)/share/man/man1/retort-*.1 \
	    $(D)/share/man/man5/retort-recipe.5
	$(Q)rm -rf $(D)/share/retort

include tests/tests.mk
include bench/bench.mk
