#!/bin/sh
# Real Alpaca rows: retort train beside TRL's SFTTrainer with its own batching, by tokens a CPU second.
#
#     PYTHON=…/bin/python sh bench/train-trl.sh              the SmolLM2-135M shape, fp32, one thread each
#     PYTHON=… PACKING=1 sh bench/train-trl.sh               TRL packing its rows too, twice the time
#
# PYTHON has torch, trl and datasets; rows, tokenizer and TRL's script are those of ../shared.  What retort
# takes before its first step is left out by running it twice, with 1 and with 1 + STEPS steps; TRL times its
# steps itself.  About three minutes of CPU.
set -eu
retort=$(realpath "${BUILD:-build/release}/retort") peers=$(realpath ../shared/peers/train 2>/dev/null || true)
rows=$(realpath ../shared/data/alpaca-1k/alpaca_en_1k.json) vocabulary=$(realpath ../shared/tokenizers/gpt2)
THREADS=${THREADS:-1} STEPS=${STEPS:-2} TOKENS=${TOKENS:-1024}
if [ -z "${PYTHON:-}" ] || [ ! -d "$peers" ]; then
    echo "train-trl: SKIP: set PYTHON to a Python with trl; its script is in ../shared/peers/train" >&2
    exit 77
fi
case $PYTHON in /*) ;; *) PYTHON=$(command -v "$PYTHON") ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
cd "$dir"
cat >shape.json <<'END'
{"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
 "intermediate_size": 1536, "vocab_size": 50257, "rope_theta": 100000.0, "max_position_embeddings": 8192,
 "rms_norm_eps": 1e-5, "tie_word_embeddings": true}
END
"$retort" new-model student --config shape.json --tokenizer "$vocabulary" --quiet
"$retort" import rows.db "$rows" --quiet
cat >recipe.jsonc <<END
{"dataset": "rows.db", "train": {"student": "student", "out": "trained", "template": "alpaca", "max_length": 512, "held_out": 0,
 "batch_tokens": $TOKENS, "micro_tokens": $TOKENS, "checkpoints": 0, "tensorboard": false, "samples": 0}}
END

# COMMAND…: CPU seconds of it and its children to the file `used`, its output to `out`.
measure() {
    times >before # not in a pipe: a shell of its own has no children yet
    "$@" >out 2>err || { tail -1 err >&2; return 1; }
    times >after
    awk 'FNR == 2 { gsub(/[ms]/, " "); used = $1 * 60 + $2 + $3 * 60 + $4 - used } END { print used }' before after >used
}

# STEPS: a line "tokens CPU-seconds" more in `runs`.
ours() {
    measure "$retort" train recipe.jsonc --restart --quiet --json --threads "$THREADS" --set train.steps="$1"
    echo "$(sed -E 's/.*"tokens":([0-9]+).*/\1/' out) $(cat used)" >>runs
}

ours 1
ours $((1 + STEPS))
memory=$(sed -E 's/.*"peak_memory_mb":([0-9.]+).*/\1/' out)
steps=$(awk 'NR == 1 { t = $1; c = $2 } NR == 2 { printf "%.1f", ($1 - t) / ($2 - c) }' runs)
whole=$(awk 'NR == 2 { printf "%.1f", $1 / $2 }' runs)
echo "tokens a CPU second, of the steps alone and of the whole process with $STEPS or $((1 + STEPS)) steps"
echo "retort, packed: $steps, $whole, $memory MB"
for how in "" ${PACKING:+--packing}; do
    # shellcheck disable=SC2086 # no word, or one
    measure env OMP_WAIT_POLICY=passive "$PYTHON" "$peers/train_trl.py" "$rows" "$vocabulary/tokenizer.json" \
        --max-steps "$STEPS" --threads "$THREADS" $how || continue
    tail -1 out | sed -E 's/.*"tokens": ([0-9]+).*"tokens_per_core_s": ([0-9.]+).*"peak_rss_gb": ([0-9.]+).*/\1 \2 \3/' |
        awk -v how="${how:-padded}" -v steps="$steps" -v whole="$whole" -v used="$(cat used)" '{
            printf "TRL, %s: %s, %.1f, %s GB: %.2f and %.2f times\n", how, $2, $1 / used, $3, steps / $2, whole * used / $1 }'
done
