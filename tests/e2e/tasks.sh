#!/bin/sh
# The maker of the demonstration's data: the same seed gives the same bytes, no input stands in two
# splits, the split "unseen" has wordings of its own, and what it writes goes through the product.
. tests/e2e/lib.inc

tasks=$PWD/$BUILD/demo/tasks/tasks
[ -x "$tasks" ] || skip "demo/tasks is not built"

for split in train heldout unseen; do
    "$tasks" rows $split 3000 1 >"$dir/$split.jsonl" || wrong "no rows of $split"
    sed 's/.*"input":\("[^"\\]*\(\\.[^"\\]*\)*"\).*/\1/' "$dir/$split.jsonl" | sort -u >"$dir/$split.inputs"
    sed 's/.*"instruction":\("[^"]*"\).*/\1/' "$dir/$split.jsonl" | sort -u >"$dir/$split.wordings"
done
"$tasks" rows train 3000 1 | cmp -s - "$dir/train.jsonl" || wrong "the same seed gives other rows"
"$tasks" rows train 3000 2 | cmp -s - "$dir/train.jsonl" && wrong "another seed gives the same rows"
for pair in 'train heldout' 'train unseen' 'heldout unseen'; do
    # shellcheck disable=SC2086 # two names
    set -- $pair
    [ -z "$(comm -12 "$dir/$1.inputs" "$dir/$2.inputs")" ] || wrong "an input stands in $1 and in $2"
done
[ -z "$(comm -12 "$dir/train.wordings" "$dir/unseen.wordings")" ] || wrong "a wording stands in train and in unseen"
[ "$(wc -l <"$dir/train.wordings")" -ge 60 ] || wrong "fewer than 60 wordings"
expect 2 "$tasks" rows nowhere 1 1

expect 0 "$retort" import "$dir/t.db" "$dir/train.jsonl" --strict
expect 0 "$retort" status "$dir/t.db" --json
[ "$(number total <"$dir/out")" != "" ] || wrong "no status"
"$tasks" text train 50 1 >"$dir/text.jsonl" && expect 0 "$retort" import "$dir/t.db" "$dir/text.jsonl" --strict
finish
