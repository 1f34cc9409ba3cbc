#!/bin/sh
# The user's own program as a filter rule: what it says is a verdict, and whatever it does wrong is
# one line, with no verdict stored and no row lost. Selection and scores from the command line.
# shellcheck source=tests/e2e/lib.inc
. tests/e2e/lib.inc
command -v python3 >/dev/null || skip "python3 is absent"

for i in 1 2 3 4 5 6 7 8 9; do
    printf '{"id":"q%d","instruction":"Say the number %d.","output":"It is %d, of course, as you know."}\n' $i $i $i
done >"$dir/rows.jsonl"
expect 0 "$retort" import "$dir/a.db" "$dir/rows.jsonl"

cat >"$dir/judge.py" <<'PY'
import json, sys, time
what = sys.argv[1]
rows = [json.loads(line) for line in sys.stdin]
answers = [json.dumps({"id": r["id"], "remove": "7" in r["output"], "value": 7, "why": "seven is \"bad\""}) for r in rows]
if what == "hang": time.sleep(60)
if what == "status": sys.exit(3)
if what == "few": answers = answers[:5]
if what == "twice": answers += answers[:1]
if what == "stranger": answers[0] = '{"id":777,"remove":false}'
if what == "words": answers[2] = "Sure! Here are my answers:"
if what == "vague": answers[2] = '{"id":3,"remove":"yes"}'
if what == "much":
    while True: sys.stdout.write("x" * 65536)
text = "\n".join(reversed(answers)) + "\n"
sys.stdout.write(text[:-20] if what == "half" else text)
PY

recipe() { # recipe WORD
    printf '{"dataset":"a.db","filter":{"rules":["command"],"rule":{"command":{"argv":["python3","%s","%s"],"timeout_s":%d}}}}\n' \
        "$dir/judge.py" "$1" "${2:-20}" >"$dir/r.jsonc"
}

fails() { # fails WORD MESSAGE
    recipe "$1" "${3:-20}"
    complains 1 "$retort" filter "$dir/r.jsonc"
    says "filter.rule.command" "$2"
    expect 0 "$retort" status "$dir/a.db" --json
    grep -q '"kept": *9' "$dir/out" || wrong "$1: not every row is still kept"
}

fails hang "no end after 1000 ms" 1
fails status "ended with status 3"
fails few "it answered 5 of 9 rows; none about sample 6"
fails twice "a second one about sample"
fails stranger "it was not asked about sample 777"
fails words "is no JSON"
fails vague '"remove" is neither true nor false'
fails half "is no JSON"
fails much "more than" 3

printf '{"dataset":"a.db","filter":{"rules":["command"],"rule":{"command":{"argv":["./not-there"]}}}}\n' >"$dir/r.jsonc"
complains 1 "$retort" filter "$dir/r.jsonc"
says "not-there"
printf '{"dataset":"a.db","filter":{"rules":["command"]}}\n' >"$dir/r.jsonc"
complains 2 "$retort" filter "$dir/r.jsonc"
says "argv: name the program"

# A program that runs the same filter again, which would run it again …
printf '#!/bin/sh\nexec "%s" filter "%s/cycle.jsonc" 2>"%s/inner"\n' "$retort" "$dir" "$dir" >"$dir/cycle.sh"
chmod +x "$dir/cycle.sh"
printf '{"dataset":"a.db","filter":{"rules":["command"],"rule":{"command":{"argv":["./cycle.sh"]}}}}\n' >"$dir/cycle.jsonc"
complains 1 "$retort" filter "$dir/cycle.jsonc"
says "cycle.sh" "status 2"
grep -q "would run a program again" "$dir/inner" || wrong "the inner filter ran: $(cat "$dir/inner")"

recipe well
expect 0 "$retort" filter "$dir/r.jsonc" --dry-run
prints command
expect 0 "$retort" status "$dir/a.db" --json
grep -q '"kept": *9' "$dir/out" || wrong "the dry run removed rows"
expect 0 "$retort" filter "$dir/r.jsonc"
expect 0 "$retort" show "$dir/a.db" q7
prints command 'seven is "bad"'
expect 0 "$retort" export "$dir/a.db" --format decisions
prints '"id":"q7","kept":false,"reasons":["command"]'
[ "$(grep -c '"kept":true' "$dir/out")" = 8 ] || wrong "not eight rows are kept"

# So many at random, the same ones again; and the two longest of each stratum.
expect 0 "$retort" filter -d "$dir/a.db" --set filter.select.method=random --set filter.select.count=4
prints not_selected
expect 0 "$retort" export "$dir/a.db" --format decisions -o "$dir/first"
expect 0 "$retort" filter -d "$dir/a.db" --again --set filter.select.method=random --set filter.select.count=4
expect 0 "$retort" export "$dir/a.db" --format decisions -o "$dir/second"
cmp -s "$dir/first" "$dir/second" || wrong "another random choice with the same seed"
[ "$(grep -c '"kept":true' "$dir/first")" = 4 ] || wrong "not four rows were chosen"
expect 0 "$retort" filter -d "$dir/a.db" --set filter.select.method=top --set filter.select.score=length \
    --set filter.select.per_stratum=2 --set 'filter.select.stratum=id % 2'
expect 0 "$retort" export "$dir/a.db" --format decisions
[ "$(grep -c '"kept":true' "$dir/out")" = 4 ] || wrong "not two of each stratum were chosen"
id=$(sed -n 's/.*"id":"\([^"]*\)","kept":false.*/\1/p' "$dir/out" | head -n 1)
expect 0 "$retort" show "$dir/a.db" "$id"
prints not_selected "in the stratum"
complains 2 "$retort" filter -d "$dir/a.db" --set filter.select.method=random
says "say how many"
complains 2 "$retort" filter -d "$dir/a.db" --set 'filter.rules=["semantic"]'
says "filter.embeddings"
complains 2 "$retort" filter -d "$dir/a.db" --set filter.select.method=toppest
expect 0 "$retort" filter -d "$dir/a.db" --dry-run --set filter.near.threshold=.7
complains 2 "$retort" filter -d "$dir/a.db" --set filter.near.threshold=.x
# Files and settings that a rule cannot use: one line that names the thing, nothing stored.
printf '# toxic words\nfoo\n' >"$dir/words.txt"
: >"$dir/none.txt"
printf 'good\nb\377d\n' >"$dir/binary.txt"
refuses() { # refuses STATUS RULE SETTINGS MESSAGE
    printf '{"dataset":"a.db","filter":{"rules":["%s"],"rule":{"%s":%s}}}\n' "$2" "$2" "$3" >"$dir/r.jsonc"
    complains "$1" "$retort" filter "$dir/r.jsonc"
    says "filter.rule.$2" "$4"
}
refuses 2 words '{}' "name a file of words"
refuses 2 words '{"files":["none.txt"]}' "there are none"
refuses 1 words '{"files":["lost.txt"]}' "lost.txt: cannot open"
refuses 1 words '{"files":["."]}' "Is a directory"
refuses 1 words '{"files":["binary.txt"]}' "binary.txt:2: no UTF-8 text"
refuses 2 pattern '{}' "patterns: give at least one"
refuses 1 pattern '{"patterns":["ok","(a"]}' 'patterns: "(a"'
refuses 2 sql '{}' "sql.where: give an SQL expression"
refuses 1 sql '{"where":"length(outputt) > 3"}' "no such column: outputt"
refuses 2 sql '{"where":"1); DELETE FROM sample; --"}' "more than one statement"
refuses 2 contaminated '{}' "name at least one evaluation set"
refuses 1 contaminated '{"files":["lost.jsonl"]}' "lost.jsonl"
refuses 1 contaminated '{"files":["binary.txt"]}' "binary.txt"
refuses 1 invalid_schema '{"file":"lost.json"}' "lost.json"
refuses 1 invalid_schema '{"file":"words.txt"}' "words.txt"

# The words in a list are part of the rule: another list judges the old rows anew.
printf '{"dataset":"a.db","filter":{"rules":["words"],"rule":{"words":{"files":["words.txt"]}}}}\n' >"$dir/r.jsonc"
expect 0 "$retort" filter "$dir/r.jsonc"
expect 0 "$retort" status "$dir/a.db" --json
grep -q '"kept": *9' "$dir/out" || wrong "a word that is nowhere removed rows"
printf 'number 7\nis 3\n' >>"$dir/words.txt"
expect 0 "$retort" filter "$dir/r.jsonc"
expect 0 "$retort" status "$dir/a.db" --json
grep -q '"kept": *8' "$dir/out" || wrong "the list was changed and the old rows were not judged again"
finish
