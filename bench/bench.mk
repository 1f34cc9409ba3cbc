# Benchmarks.  Each is one program bench/bench_NAME.c that takes name=value words and ends with one
# JSON line; bench/README.md says what it measures.
#
#   make -s bench-train SHAPE=smollm2-135m BATCH=1 SEQ=512 MODE=lora SUPERVISED=0.4
#   make -s bench-filter CORPUS=rows.jsonl
#   make -s bench-tokenizer CORPUS=texts.jsonl VOCAB=../shared/tokenizers/qwen2
#   make -s bench-import ROWS=1000000
#   make -s bench-serve URL=http://127.0.0.1:8080/v1
#   make -s bench-generate MODEL=demo/teacher
#   make -s bench-gen URL=http://127.0.0.1:8080/v1 PROMPTS=prompts.jsonl IN_FLIGHT=64

BENCH_SRC := $(sort $(wildcard bench/bench_*.c))
BENCHES   := $(BENCH_SRC:%.c=$(BUILD)/%)

.PHONY: bench bench-train bench-filter bench-gen bench-import bench-tokenizer bench-serve bench-generate
bench: $(BENCHES) ## build the benchmark programs

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(DEP_LIBS)

-include $(BENCH_SRC:%.c=$(BUILD)/%.d)

SHAPE      ?= smollm2-135m
BATCH      ?= 1
SEQ        ?= 512
SUPERVISED ?= 1
IN_FLIGHT  ?= 64
# A build mode in MODE is not meant for bench-train: it trains in full there.
TRAIN_MODE := $(or $(filter-out $(MODES),$(MODE)),full)

bench-train: $(BUILD)/bench/bench_train ## tokens a second of a training step
	@$< shape=$(SHAPE) batch=$(BATCH) seq=$(SEQ) mode=$(TRAIN_MODE) supervised=$(SUPERVISED)

bench-filter: $(BUILD)/bench/bench_filter ## rows a second of the filter over CORPUS
	@$< corpus=$(CORPUS)

bench-gen: $(BUILD)/bench/bench_gen ## rows a second of gen against URL
	@$< url=$(URL) prompts=$(PROMPTS) in_flight=$(IN_FLIGHT)

bench-serve: $(BUILD)/bench/bench_serve ## tokens a second of a server at URL, 1, 8 and 32 requests in flight
	@$< url=$(or $(URL),http://127.0.0.1:8080/v1)

bench-generate: $(BUILD)/bench/bench_generate ## tokens a second of generation alone, 1, 8 and 32 sequences together
	@$< model=$(or $(MODEL),demo/teacher)

bench-tokenizer: $(BUILD)/bench/bench_tokenizer ## MB a second of tokenising CORPUS with VOCAB, one core
	@$< corpus=$(CORPUS) vocab=$(VOCAB)

bench-import: $(BUILD)/bench/bench_import ## rows a second of import and export, peak memory, status
	@$< rows=$(or $(ROWS),1000000)
