#!/bin/sh
# The script that makes the demonstration's suites and models, run from end to end with a hundredth of the work.
. tests/e2e/lib.inc

[ -x "$BUILD/demo/tasks/tasks" ] || skip "demo/ is not built"
BUILD=$BUILD OUT=$dir/made ROWS=400 TEXTS=120 ITEMS=40 STEPS=2 sh demo/make-models.sh "$dir/scratch" >"$dir/log" 2>&1 ||
    { wrong "make-models.sh fails"; tail -n 20 "$dir/log"; finish; }
[ "$(wc -l <"$dir/made/heldout.jsonl")" = 40 ] && [ "$(wc -l <"$dir/made/unseen.jsonl")" = 20 ] || wrong "the suites have another size"
for model in teacher student; do
    for made in "$dir/made/$model" "demo/$model"; do
        expect 0 "$retort" show-model "$made" --json
        sed 's/.*"model":{[^}]*"parameters":\([0-9]*\).*/\1/' "$dir/out"
    done >"$dir/parameters"
    [ "$(sort -u "$dir/parameters" | wc -l)" = 1 ] || { wrong "$model: another number of parameters than in demo/"; cat "$dir/parameters"; }
done
# no input of a suite stands in what the teacher learnt
sed 's/.*"input":\("[^"\\]*\(\\.[^"\\]*\)*"\).*/\1/' "$dir/made/heldout.jsonl" "$dir/made/unseen.jsonl" | sort -u >"$dir/suite"
sed 's/.*"input":\("[^"\\]*\(\\.[^"\\]*\)*"\).*/\1/' "$dir/scratch/rows.jsonl" "$dir/scratch/rows2.jsonl" | sort -u >"$dir/taught"
[ -z "$(comm -12 "$dir/suite" "$dir/taught")" ] || wrong "an input of a suite was taught"
finish
