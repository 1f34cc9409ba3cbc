#!/bin/sh
# A filter that is killed at any moment and started again ends with the very verdicts of one that
# was let be: all rules, the wide ones, selection, masking, and a second batch of rows.
# shellcheck source=tests/e2e/lib.inc
. tests/e2e/lib.inc

# Rows of made-up words; of each ten one copies, one nearly copies, one differs in a number, and some
# have defects.
rows() { # rows FIRST LAST
    awk -v from="$1" -v to="$2" '
        function word(x) { x = (x * 7919 + 12345) % 99991; return substr("bdfgklmnpr", x % 10 + 1, 1) substr("aeiou", int(x / 10) % 5 + 1, 1) substr("stvzbdfgkl", int(x / 50) % 10 + 1, 1) substr("aeiou", int(x / 500) % 5 + 1, 1) substr("nrstlm", int(x / 2500) % 6 + 1, 1) }
        function text(r, n,  i, s) { s = "So"; for (i = 0; i < n; i++) s = s " " word(r * 131 + i) (i % 9 == 8 ? ". So" : ""); return s "." }
        BEGIN {
            for (i = from; i <= to; i++) {
                k = i % 10; r = k < 3 ? i - k : i; t = text(r, 60)
                if (k == 1) t = t " Well."
                if (k == 2) sub(/So /, "So 2 ", t)
                if (k == 4) t = "I am sorry, but I cannot help you with that request."
                if (k == 5) t = t " Mail ann.lee" i "@mail.org."
                if (k == 6) t = t " ```c int x;"
                if (k == 7) t = t " As 12 + 5 = 18, so be it."
                printf "{\"id\":\"r%d\",\"instruction\":\"Tell me of %s and %s.\",\"output\":\"%s\"}\n", i, word(r), word(r + 77), t
            }
        }'
}
rows 1 3000 >"$dir/first.jsonl"
rows 3001 4000 >"$dir/second.jsonl"

recipe() { # recipe NAME
    printf '{"dataset":"%s.db","seed":7,"filter":{"rules":["default","novelty","pii","arithmetic","constraints"],"rule":{"pii":{"mask":true}},"select":{"method":"k_center","count":700}}}\n' "$1" >"$dir/$1.jsonc"
}

# All that is said of every row.
verdicts() { # verdicts NAME
    expect 0 "$retort" export "$dir/$1.db" --format decisions -o "$dir/$1.decisions"
    expect 0 "$retort" export "$dir/$1.db" --format jsonl -o "$dir/$1.kept"
    expect 0 "$retort" status "$dir/$1.db" --check
    : >"$dir/shown"
    for id in 1 11 12 14 15 17 1503 2999; do
        expect 0 "$retort" show "$dir/$1.db" "r$id"
        cat "$dir/out" >>"$dir/shown"
    done
    grep -v -e "$1.db" -e added "$dir/shown" >"$dir/$1.shown"
}

for name in calm killed; do
    recipe "$name"
    expect 0 "$retort" import "$dir/$name.db" "$dir/first.jsonl"
done
kills=0
disturb() { # disturb: kill the filter at ever later moments
    for wait in 0.01 0.03 0.05 0.08 0.12 0.2 0.3; do
        "$retort" filter "$dir/killed.jsonc" >"$dir/out" 2>"$dir/err" &
        run=$!
        sleep "$wait"
        kill -9 "$run" 2>/dev/null
        wait "$run" 2>/dev/null
        [ $? = 137 ] && kills=$((kills + 1))
    done
}
expect 0 "$retort" filter "$dir/calm.jsonc"
disturb
expect 0 "$retort" filter "$dir/killed.jsonc"
for name in calm killed; do
    verdicts "$name"
    expect 0 "$retort" import "$dir/$name.db" "$dir/second.jsonl"
done
[ "$kills" -gt 0 ] || wrong "no run was killed"
for what in decisions kept shown; do
    cmp -s "$dir/calm.$what" "$dir/killed.$what" || wrong "$what: another outcome after kills"
done
expect 0 "$retort" filter "$dir/calm.jsonc"
disturb
expect 0 "$retort" filter "$dir/killed.jsonc"
verdicts calm
verdicts killed
for what in decisions kept shown; do
    cmp -s "$dir/calm.$what" "$dir/killed.$what" || wrong "second batch, $what: another outcome"
done

# Several at once: one holds the dataset, the others say so or come after it.
for i in 1 2 3; do
    "$retort" filter "$dir/killed.jsonc" --again >/dev/null 2>"$dir/at.$i" &
done
wait
for i in 1 2 3; do
    [ ! -s "$dir/at.$i" ] || grep -q "held by another process" "$dir/at.$i" || wrong "at once: $(cat "$dir/at.$i")"
done
expect 0 "$retort" filter "$dir/killed.jsonc"
expect 0 "$retort" filter "$dir/calm.jsonc" --again
verdicts calm
verdicts killed
for what in decisions kept shown; do
    cmp -s "$dir/calm.$what" "$dir/killed.$what" || wrong "at once, $what: another outcome"
done
[ "$(grep -c '"kept":true' "$dir/calm.decisions")" = 700 ] || wrong "not 700 rows are kept"
finish
