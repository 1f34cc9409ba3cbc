#!/bin/sh
# The filter on the planted corpus of ../shared/peers/filter, judged by score.py: duplicates by
# pairs, every defect, no trap and no clean row lost; the same with one thread and with rows in
# another order; a person's decision.
# shellcheck source=tests/e2e/lib.inc
. tests/e2e/lib.inc
peers=../shared/peers/filter
[ -f "$peers/sample_1k.jsonl" ] || skip "$peers is absent"
command -v python3 >/dev/null || skip "python3 is absent"

judge() { # judge DB NAME: decisions of the dataset against the truth
    expect 0 "$retort" export "$1" --format decisions -o "$dir/$2.jsonl"
    python3 "$peers/score.py" "$peers/sample_1k.truth.jsonl" "$dir/$2.jsonl" -T 0.7 --json \
        --require pair_f1=0.97 --require pair_p=0.99 --require clean_kept=1 \
        --require refusal.recall=0.8 --require truncated.recall=0.95 --require broken_fence.recall=0.95 \
        --require empty.recall=1 --require echo.recall=0.95 --require merged_turns.recall=0.95 \
        --require identity.recall=0.95 --require wrong_language.recall=0.95 \
        --require repetition.recall=0.95 --require template_leak.recall=0.95 \
        --require invalid_json.recall=0.95 >"$dir/out" 2>"$dir/err" ||
        wrong "$2: $(cat "$dir/err")"
    grep -q '"trap_rows_removed": 0' "$dir/out" || wrong "$2: trap rows were removed"
    grep -q '"lost_clusters": 0' "$dir/out" || wrong "$2: a cluster lost all its rows"
}

printf '{"dataset":"a.db","filter":{"near":{"threshold":0.7}}}\n' >"$dir/a.jsonc"
printf '{"dataset":"b.db","threads":1,"filter":{"near":{"threshold":0.7}}}\n' >"$dir/b.jsonc"
expect 0 "$retort" import "$dir/a.db" "$peers/sample_1k.jsonl"
expect 0 "$retort" filter "$dir/a.jsonc" --dry-run
expect 0 "$retort" filter "$dir/a.jsonc"
judge "$dir/a.db" a

sort -r "$peers/sample_1k.jsonl" >"$dir/other.jsonl"
expect 0 "$retort" import "$dir/b.db" "$dir/other.jsonl"
expect 0 "$retort" filter "$dir/b.jsonc"
judge "$dir/b.db" b
sort "$dir/a.jsonl" >"$dir/a.sorted"
sort "$dir/b.jsonl" >"$dir/b.sorted"
# Between rows with the very same bytes the number decides, so only what stays is compared.
removed_a=$(grep -c '"kept":false' "$dir/a.sorted")
removed_b=$(grep -c '"kept":false' "$dir/b.sorted")
[ "$removed_a" = "$removed_b" ] || wrong "$removed_a rows go in one order, $removed_b in the other"

expect 0 "$retort" filter -d "$dir/a.db" --keep 1 --drop 2 --why "for the test"
expect 0 "$retort" filter "$dir/a.jsonc"
expect 0 "$retort" export "$dir/a.db" --format decisions
grep -q '"id":2,"kept":false,"reasons":\[.*"human"' "$dir/out" || wrong "the dropped row is not out"
complains 1 "$retort" filter -d "$dir/a.db" --drop nobody
complains 2 "$retort" filter -d "$dir/a.db" --keep 3 --drop 3
says "--keep and --drop of the same row 3"
ln "$dir/a.db" "$dir/again.db"
complains 2 "$retort" filter -d "$dir/a.db" --against "$dir/again.db"
says "that is the dataset itself"
complains 2 "$retort" filter -d "$dir/a.db" --set 'filter.rules=["defaults"]'
says 'did you mean "default"?'
finish
