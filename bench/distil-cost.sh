#!/bin/sh
# bench/distil-cost.sh FOLDER : what a step of distillation costs beside a step on text alone.
#
# Student and teacher have the shape of SmolLM2-135M (SHAPE=small: a tenth) with GPT-2's vocabulary. Each way trains 1 and
# 1 + STEPS steps of 512 tokens; the difference in processor seconds (user and system, all threads) over STEPS is a step.
# ROUNDS of all ways in turn, so that what else the machine does falls on all of them; the table has medians of the ratios.
#
#   text      cross-entropy alone
#   cached    a teacher's 64 most likely tokens from the cache
#   live      the teacher beside the student, top_k 64
#   whole     the same, its whole vocabulary
set -eu
cd "$(dirname "$0")/.."
root=$PWD
retort=${RETORT:-$root/${BUILD:-build/release}/retort}
steps=${STEPS:-3} rounds=${ROUNDS:-3} threads=${THREADS:-1} ways=${WAYS:-text cached live whole}
mkdir -p "$1"
cd "$1"
case ${SHAPE:-smollm2-135m} in
small) shape='"hidden_size":384,"num_hidden_layers":6,"num_attention_heads":6,"num_key_value_heads":3,"intermediate_size":1024' ;;
*) shape='"hidden_size":576,"num_hidden_layers":30,"num_attention_heads":9,"num_key_value_heads":3,"intermediate_size":1536' ;;
esac
echo "{\"model_type\":\"llama\",$shape,\"max_position_embeddings\":1024,\"tie_word_embeddings\":true}" >shape.json
for m in student teacher; do
    [ -e $m ] || "$retort" new-model $m --config shape.json --tokenizer "$root/../shared/tokenizers/gpt2" --seed ${#m} --quiet
done
if [ ! -e rows.db ]; then
    awk '/^ *"output": ".*",? *$/ && length($0) > 400 && length($0) < 1400 && n++ < 24 {
             sub(/^ *"output": /, ""); sub(/,? *$/, ""); printf "{\"instruction\":\"Say it.\",\"output\":%s}\n", $0 }' \
        "$root/../shared/data/alpaca-1k/alpaca_en_1k.json" >rows.jsonl
    "$retort" import rows.db rows.jsonl --quiet
fi
cat >recipe.jsonc <<END
{ "dataset": "rows.db", "threads": $threads,
  "train": { "student": "student", "out": "out", "method": "full", "batch_tokens": 512, "micro_tokens": 512, "max_length": 512, "held_out": 0,
             "best": false, "checkpoints": 0, "samples": 0, "tensorboard": false, "template": "chatml" } }
END
# seconds STEPS FIELD... : processor seconds of a run, its report in train.json.
seconds() {
    n=$1
    shift
    rm -rf out
    bash -c "TIMEFORMAT='%U %S'; time \"\$0\" \"\$@\" >train.json 2>train.err </dev/null" "$retort" train recipe.jsonc --json --quiet --no-progress --restart \
        --set train.steps="$n" "$@" 2>&1 | awk '{ print $1 + $2 }'
}
# run STEPS WAY : processor seconds.
run() {
    n=$1 way=$2
    set --
    case $way in
    cached) set -- --set train.distill.teacher=teacher --set train.distill.top_k=64 --set train.distill.cache=top.cache ;;
    live) set -- --set train.distill.teacher=teacher --set train.distill.top_k=64 ;;
    whole) set -- --set train.distill.teacher=teacher ;;
    esac
    seconds "$n" "$@"
}
number() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" train.json; }
: >costs
# the cache: making it is a forward pass of the teacher over all rows more than using it
making=0 using=0
case " $ways " in *" cached "*)
    rm -f top.cache
    making=$(run 1 cached)
    using=$(run 1 cached)
    ;;
esac
for round in $(seq "$rounds"); do
    for way in $ways; do
        one=$(run 1 "$way")
        tokens1=$(number tokens)
        more=$(run $((1 + steps)) "$way")
        echo "$round $way $one $more $(number peak_memory_mb) $tokens1 $(number tokens)" >>costs
        tail -n 1 costs
    done
done
# round way one more memory tokens1 tokens
awk -v steps="$steps" -v making="$making" -v using="$using" '
    { s = ($4 - $3) / steps; cost[$1, $2] = s; if (!($2 in seen)) { seen[$2]; way[++n] = $2 } if ($1 > rounds) rounds = $1; if ($5 > mem[$2]) mem[$2] = $5 }
    function median(a, k,   i, j, t) { for (i = 2; i <= k; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t } return k % 2 ? a[(k+1)/2] : (a[k/2] + a[k/2+1]) / 2 }
    END {
        printf "%-8s %14s %14s %12s\n", "way", "CPU s a step", "times text", "peak MB"
        for (i = 1; i <= n; i++) {
            for (r = 1; r <= rounds; r++) { c[r] = cost[r, way[i]]; q[r] = c[r] / cost[r, "text"] }
            printf "%-8s %14.3f %14.3f %12.0f (%+.1f %%)\n", way[i], median(c, rounds), median(q, rounds), mem[way[i]], 100 * (mem[way[i]] / mem["text"] - 1)
        }
        if (making > 0) printf "making the cache of all rows takes %.2f CPU s more than using it\n", making - using
    }' costs
