#!/bin/sh
# bench/compress.sh FOLDER : what taking out weights and rounding them costs, on the demo's teacher.
#
# The teacher as it is, with weights of zero, with heads and channels taken out, in 8 bits, both, and
# each pruned one fine-tuned against the original on ROWS of its own replies (zeros held): size, memory, speed,
# loss, share of the held-out tasks that are answered exactly.  ROWS=1000 STEPS=200 RATE=5e-4 ITEMS=800 ZEROS=0.6 THREADS=1
set -eu
cd "$(dirname "$0")/.."
root=$PWD
BUILD=${BUILD:-build/release}
retort=${RETORT:-$root/$BUILD/retort}
demo=${DEMO:-$root/demo}
tasks=${TASKS:-$root/$BUILD/demo/tasks/tasks}
rows=${ROWS:-1000} steps=${STEPS:-200} items=${ITEMS:-800} threads=${THREADS:-1} zeros=${ZEROS:-0.6}
. demo/serving.inc
mkdir -p "$1"
cd "$1"

if [ ! -e rows.db ]; then
    "$tasks" prompts train "$rows" 7 >prompts.jsonl
    serving serve.log "$retort" serve "$demo/teacher" --port 0 --name teacher
    trap 'kill $server' EXIT
    cat >gen.jsonc <<END
{ "dataset": "rows.db", "teacher": { "base_url": "$url", "model": "teacher", "name": "teacher" },
  "gen": { "prompts": "prompts.jsonl", "max_tokens": 64, "temperature": 0.7, "send_seed": true } }
END
    "$retort" gen gen.jsonc --no-progress --quiet
    kill $server
    trap - EXIT
fi
head -n "$items" "$demo/heldout.jsonl" >heldout.jsonl
cat >recipe.jsonc <<END
{ "dataset": "rows.db", "seed": 1, "threads": $threads,
  "train": { "student": "zeros", "out": "zeros-tuned", "method": "full", "steps": $steps, "batch_tokens": 1024, "precision": "${PRECISION:-f32}", "max_length": 192,
             "learning_rate": ${RATE:-5e-4}, "save_type": "bf16", "held_out": 0.05, "best": false, "checkpoints": 0, "samples": 0, "tensorboard": false,
             "distill": { "teacher": "$demo/teacher", "top_k": 64, "cache": "top.cache" } },
  "eval": { "suite": ["heldout.jsonl"], "models": ["original", "zeros", "zeros-tuned", "narrow", "narrow-tuned", "int8", "both", "tuned-int8"],
            "replies": 0, "max_tokens": 64, "slots": 32 } }
END
export="$retort export-model --quiet --no-progress"
ln -sfn "$demo/teacher" original
[ -e zeros ] || $export original -o zeros --type bf16 --prune "unstructured:$zeros" --rows rows.db --bound 9
[ -e narrow ] || $export original -o narrow --type bf16 --prune structured:heads=0.33,ffn=0.25,by=gradient --rows rows.db --bound 9
[ -e int8 ] || $export original -o int8 --int8 --rows rows.db
[ -e both ] || $export narrow -o both --int8 --rows rows.db
for kind in zeros narrow; do
    hold=false
    [ $kind = narrow ] || hold=true
    [ -e $kind-tuned/config.json ] || "$retort" train recipe.jsonc --quiet --no-progress --set train.student=$kind --set train.out=$kind-tuned --set train.hold_zeros=$hold
done
[ -e tuned-int8 ] || $export narrow-tuned -o tuned-int8 --int8 --rows rows.db
"$retort" eval recipe.jsonc --no-progress >table
sed -n '/^models/,/^$/p' table
awk '/^tasks/ { on = 1; next } /^$/ { on = 0 } on && $3 + 0 > 0 { if (!($2 in n)) order[++k] = $2; n[$2] += $3; right[$2] += $3 * $4 }
    END { for (i = 1; i <= k; i++) printf "  %-13s %5.1f %% of %d tasks\n", order[i], 100 * right[order[i]] / n[order[i]], n[order[i]] }' table
