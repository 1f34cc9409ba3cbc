#!/bin/sh
# Real Alpaca rows: retort train beside TRL's SFTTrainer with its own batching, by tokens a CPU second.
#
#     PYTHON=…/bin/python sh bench/train-trl.sh            the SmolLM2-135M shape, fp32, one thread each
#
# PYTHON has torch, trl and datasets; rows, tokenizer and TRL's script are those of ../shared.  What retort
# takes before its first step is left out by running it twice, with 2 and with 2 + STEPS steps.
set -eu
retort=$(realpath "${BUILD:-build/release}/retort") peers=$(realpath ../shared/peers/train 2>/dev/null || true)
rows=$(realpath ../shared/data/alpaca-1k/alpaca_en_1k.json) vocabulary=$(realpath ../shared/tokenizers/gpt2)
THREADS=${THREADS:-1} STEPS=${STEPS:-4} TOKENS=${TOKENS:-1024}
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
{"dataset": "rows.db", "train": {"student": "student", "out": "out", "template": "alpaca", "max_length": 512, "held_out": 0,
 "batch_tokens": $TOKENS, "micro_tokens": $TOKENS, "checkpoints": 0, "tensorboard": false, "samples": 0}}
END

# STEPS: "tokens CPU-seconds"
ours() {
    times >before # not in a pipe: a shell of its own has no children yet
    "$retort" train recipe.jsonc --restart --quiet --json --threads "$THREADS" --set train.steps="$1" >report
    times >after
    tokens=$(sed -E 's/.*"tokens":([0-9]+).*/\1/' report)
    awk -v tokens="$tokens" 'FNR == 2 { gsub(/[ms]/, " "); used = $1 * 60 + $2 + $3 * 60 + $4 - used }
        END { print tokens, used }' before after >>runs
}
ours 2
ours $((2 + STEPS))
memory=$(sed -E 's/.*"peak_memory_mb":([0-9.]+).*/\1/' report)
mine=$(awk 'NR == 1 { t = $1; c = $2 } NR == 2 { printf "%.1f", ($1 - t) / ($2 - c) }' runs)
echo "retort, packed: $mine tokens a CPU second, $memory MB"
for how in "" --packing; do
    OMP_WAIT_POLICY=passive "$PYTHON" "$peers/train_trl.py" "$rows" "$vocabulary/tokenizer.json" --max-steps 4 \
        --threads "$THREADS" $how >trl 2>trl.err || { tail -1 trl.err >&2; continue; }
    tail -1 trl | sed -E 's/.*"tokens_per_core_s": ([0-9.]+).*"peak_rss_gb": ([0-9.]+).*/\1 \2/' |
        awk -v how="${how:-padded}" -v mine="$mine" '{ printf "TRL, %s: %s tokens a CPU second, %s GB: %.2f times\n", how, $1, $2, mine / $1 }'
done
