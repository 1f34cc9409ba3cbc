#!/bin/sh
# Weights in 8 bits when a folder is opened: eval, serve and chat say the same words with them, nearly those of the
# float weights, and just those of a folder that export-model --int8 wrote.
. tests/e2e/lib.inc

[ -x "$BUILD/demo/tasks/tasks" ] || skip "demo/tasks is not built"
root=$PWD
tasks=$root/$BUILD/demo/tasks/tasks
case $BUILD in
*san) items=24 ;;
*) items=160 ;;
esac
cd "$dir" || exit 1
"$tasks" rows heldout 100 7 >rows.jsonl
expect 0 "$retort" import data.db rows.jsonl
head -n $items "$root/demo/heldout.jsonl" >suite.jsonl
expect 0 "$retort" export-model "$root/demo/teacher" -o exported --int8

served "$root/demo/teacher" --int8 --name served
cat >recipe.jsonc <<END
{ "dataset": "data.db", "teacher": { "base_url": "$url", "model": "served", "in_flight": 8 },
  "train": { "student": "$root/demo/teacher", "held_out": 0.9 },
  "eval": { "suite": "suite.jsonl", "max_tokens": 64, "slots": 16, "replies": 0,
            "models": [ "base", { "name": "rounded", "folder": "$root/demo/teacher", "int8": true }, "exported", "teacher" ] } }
END
expect 0 "$retort" eval recipe.jsonc --json --no-progress
# of A B : the agreement of two models.
of() { sed 's/.*"a":"'"$1"'","b":"'"$2"'"[^}]*"agreement":\([0-9.e-]*\).*/\1/' out; }
[ "$(of rounded exported)" = 1 ] || wrong "the exported folder says other words: $(of rounded exported)"
[ "$(of rounded teacher)" = 1 ] || wrong "the server says other words: $(of rounded teacher)"
awk -v a="$(of base rounded)" 'BEGIN { exit !(a >= 0.95) }' || wrong "8 bits change the words: $(of base rounded)"
# the loss, nats a token: 0.01 at most
loss() { sed 's/.*"model":"'"$1"'","kind"[^}]*"nll":\([0-9.e-]*\).*/\1/' out; }
awk -v a="$(loss base)" -v b="$(loss rounded)" 'BEGIN { exit !(a > 0 && a < 1 && b - a < 0.01 && a - b < 0.01) }' ||
    wrong "loss $(loss base), in 8 bits $(loss rounded)"

# ---- the switch of all folders; the answers of the two kinds are kept apart
expect 0 "$retort" eval recipe.jsonc --json --no-progress --set eval.int8=true --set 'eval.models=["base","exported"]'
[ "$(of base exported)" = 1 ] || wrong "eval.int8 does not reach base"

# ---- chat
question='Sort the list and drop repeats.\\\n\\\nlemon, apple, kite\n'
# shellcheck disable=SC2059 # a format
for how in "$root/demo/teacher --int8" exported "$url"; do
    # shellcheck disable=SC2086 # words
    printf "$question" | "$retort" chat $how --temperature 0 >>said 2>err || { wrong "chat $how fails"; cat err; }
done
[ "$(sort -u said)" = "apple, kite, lemon" ] || { wrong "chat says something else"; cat said; }
finish
