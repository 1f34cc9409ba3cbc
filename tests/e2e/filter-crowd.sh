#!/bin/sh
# One template over and over, three words of its own each: whatever the threads and the order of the
# rows, one row stays and each of the others names it or a row that was kept.
# shellcheck source=tests/e2e/lib.inc
. tests/e2e/lib.inc

awk 'function word(x) { x = (x * 7919 + 12345) % 99991; return substr("bdfgklmnpr", x % 10 + 1, 1) substr("aeiou", int(x / 10) % 5 + 1, 1) substr("stvzbdfgkl", int(x / 50) % 10 + 1, 1) substr("aeiou", int(x / 500) % 5 + 1, 1) substr("nrstlm", int(x / 2500) % 6 + 1, 1) }
    BEGIN {
        for (r = 1; r <= 4000; r++) {
            t = "So"
            for (i = 0; i < 100; i++)
                t = t " " word(i == 25 || i == 50 || i == 75 ? r * 131 + i : i) (i % 10 == 9 ? "." : "")
            printf "{\"id\":\"r%d\",\"instruction\":\"Tell me of the house.\",\"output\":\"%s\"}\n", r, t
        }
    }' >"$dir/up.jsonl"
sort -r "$dir/up.jsonl" >"$dir/down.jsonl"
for name in up down; do
    printf '{"dataset":"%s.db","threads":%d,"filter":{"rules":["exact_duplicate","near_duplicate"]}}\n' \
        "$name" "$([ $name = up ] && echo 1 || echo 3)" >"$dir/$name.jsonc"
    expect 0 "$retort" import "$dir/$name.db" "$dir/$name.jsonl"
    expect 0 "$retort" filter "$dir/$name.jsonc"
    expect 0 "$retort" export "$dir/$name.db" --format decisions -o "$dir/$name.decisions"
    sort "$dir/$name.decisions" >"$dir/$name.sorted"
    [ "$(grep -c '"kept":true' "$dir/$name.sorted")" = 1 ] || wrong "$name: not one row is kept"
done
cmp -s "$dir/up.sorted" "$dir/down.sorted" || wrong "another order of rows, another outcome"
keeper=$(sed -n 's/.*"id":"\([^"]*\)","kept":true.*/\1/p' "$dir/up.sorted")
[ "$(grep -c "\"duplicate_of\":\"$keeper\"" "$dir/up.sorted")" = 3999 ] || wrong "a row names one that goes"
finish
