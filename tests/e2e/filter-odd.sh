#!/bin/sh
# Rows that no teacher should have sent: ten megabytes, NUL, halves of surrogates, empty fields, scripts without blanks, one row 20,000 times.  None is lost, every rule
# runs over them, one thread says what three say, and a second run says it again.
# shellcheck source=tests/e2e/lib.inc
. tests/e2e/lib.inc

row() { printf '{"id":"%s","instruction":"%s","output":"%s"}\n' "$1" "$2" "$3"; }
many() { awk -v n="$1" -v t="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s%s", t, i % 97 ? " " : i ". " }'; }
{
    row words "Write very much." "$(many 170000 lorem)"
    row letters "Write one letter." "$(head -c 10485760 /dev/zero | tr '\0' a)"
    row fences "Write fences." "$(many 20000 '```')"
    row brackets "Write JSON." "$(head -c 100000 /dev/zero | tr "\0" "[")"
    row spaces "Write nothing." "$(head -c 300000 /dev/zero | tr '\0' ' ')"
    row line "$(head -c 300000 /dev/zero | tr '\0' b)" "short"
} >"$dir/rows.jsonl"
{
    row nul 'Say \u0000 nul.' 'Be\u0000fore and after the nul it goes on.'
    row surrogate 'Say half.' 'A half \ud83d and the other \ude00 half.'
    row empty '' ''
    row asked 'Say nothing at all.' ''
    row unasked '' 'An answer to nobody.'
    row marks '\u200b\ufeff' '\u200b \u00a0 \u3000'
    row emoji '😀' '👍🏽'
    row han '用一句话介绍长城。' '长城是中国古代的伟大建筑，绵延万里，举世闻名。'
    row thai 'กรุงเทพอยู่ที่ไหน' 'กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย'
    row arabic 'ما هي عاصمة مصر؟' 'القاهرة هي عاصمة جمهورية مصر العربية.'
    row mixed 'Translate 长城.' 'The Great Wall (长城), กำแพงเมืองจีน, سور الصين العظيم.'
    printf '{"id":"talk","messages":[{"role":"user","content":""},{"role":"assistant","content":"\\u0000"}]}\n'
    awk 'BEGIN { for (i = 0; i < 20000; i++) print "{\"id\":\"same" i "\",\"instruction\":\"Say hello.\",\"output\":\"Hello to all of you, dear friends.\"}" }'
} >>"$dir/rows.jsonl"
total=$(wc -l <"$dir/rows.jsonl")
printf '{"id":"bytes","instruction":"Say \377 bytes.","output":"Not \300\257 text."}\n' >"$dir/bytes.jsonl"
expect 1 "$retort" import "$dir/bytes.db" "$dir/bytes.jsonl"
says "bytes.jsonl:1:" "invalid UTF-8"
prints "bad            1"

rules='["default","novelty","pii","arithmetic","constraints"]'
for threads in 1 3; do
    expect 0 "$retort" import "$dir/$threads.db" "$dir/rows.jsonl"
    printf '{"dataset":"%s.db","threads":%s,"filter":{"rules":%s,"rule":{"pii":{"mask":true}}}}\n' \
        "$threads" "$threads" "$rules" >"$dir/$threads.jsonc"
    expect 0 "$retort" filter "$dir/$threads.jsonc" --dry-run
    expect 0 "$retort" filter "$dir/$threads.jsonc" --json
    expect 0 "$retort" status "$dir/$threads.db" --check
    expect 0 "$retort" export "$dir/$threads.db" --format decisions -o "$dir/$threads.decisions"
    expect 0 "$retort" filter "$dir/$threads.jsonc" --again
    expect 0 "$retort" export "$dir/$threads.db" --format decisions -o "$dir/again"
    cmp -s "$dir/$threads.decisions" "$dir/again" || wrong "$threads: another outcome the second time"
done
cmp -s "$dir/1.decisions" "$dir/3.decisions" || wrong "three threads say something else than one"
[ "$(wc -l <"$dir/1.decisions")" = "$total" ] || wrong "not every row has a decision"
[ "$(grep -c '"id":"same.*"kept":true' "$dir/1.decisions")" = 1 ] || wrong "not one of the same rows stays"
for id in han thai arabic mixed words line; do
    grep '"id":"'$id'"' "$dir/1.decisions" | grep -q '"kept":true' || grep '"id":"'$id'"' "$dir/1.decisions" |
        grep -q -e repetition -e echo -e too_ || wrong "$id goes: $(grep '"id":"'$id'"' "$dir/1.decisions")"
done
for id in empty asked marks; do
    grep '"id":"'$id'"' "$dir/1.decisions" | grep -q '"reasons":\[.*"empty"' || wrong "$id is not told as empty"
done
for id in words nul surrogate talk same7; do
    expect 0 "$retort" show "$dir/1.db" $id
done
expect 0 "$retort" export "$dir/1.db" --removed --format jsonl -o "$dir/removed"
expect 0 "$retort" export "$dir/1.db" --format jsonl -o "$dir/kept"
[ $(($(wc -l <"$dir/removed") + $(wc -l <"$dir/kept"))) = "$total" ] || wrong "kept and removed are not all rows"
finish
