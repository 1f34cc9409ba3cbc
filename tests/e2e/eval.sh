#!/bin/sh
# Evaluation: losses before and after are those of train; suites are graded on folders and endpoints; answers
# are kept, so that nothing is asked twice; a folder and a server of the same folder say the same.
. tests/e2e/lib.inc
root=$PWD
pairs=$PWD/demo/small/pairs.jsonl
[ -x "$recorded" ] || skip "the recorded teacher is not built"
cd "$dir" || exit 1

expect 0 "$retort" import data.db "$pairs"
head -n 40 "$pairs" | sed 's/"instruction"/"prompt"/; s/"input": "",//; s/"output"/"grader": "normalised", "task": "facts", "answer"/' >facts.jsonl
cat >mixed.jsonl <<'END'
{"id": "c1", "prompt": "What is the opposite of hot?", "choices": ["The opposite of hot is cold.", "Seventeen green apples sang."], "answer": 0, "grader": "choice", "task": "choice"}
{"id": "j1", "prompt": "What is the opposite of big?", "answer": "small", "grader": "regex", "args": {"caseless": true}, "task": "regex"}
{"id": "t1", "turns": ["What is the opposite of hot?", "What is the opposite of big?"], "answer": "x", "grader": "exact", "task": "turns"}
{"id": "s1", "prompt": "What is the opposite of big?", "answer": "x", "grader": "command", "task": "command"}
END
: >bill
teacher latency=5 log=bill "$pairs"
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 3,
  "teacher": { "base_url": "$url", "model": "recorded", "in_flight": 8, "price": { "input": 1, "output": 2 } },
  "train": { "student": "$root/demo/small/student", "init": "random", "out": "student", "epochs": 30, "batch_tokens": 512, "learning_rate": 3e-3,
             "held_out": 0.1, "tensorboard": false, "samples": 0 },
  "eval": { "replies": 2, "max_tokens": 40 }
}
END
evaluate() { "$retort" eval recipe.jsonc --no-progress "$@"; }

# ---- before training: nobody to measure
complains 1 evaluate --quiet
says 'no model to measure' 'retort train'

# ---- the held-out loss is the one train found
expect 0 "$retort" train recipe.jsonc --no-progress --json
after=$(number loss_after <out)
expect 0 evaluate --json
[ "$(number nll <out | cut -c1-9)" = "$(echo "$after" | cut -c1-9)" ] || wrong "train says $after, eval $(number nll <out)"
prints '"replies":[' '"wanted":'

# ---- a suite; the teacher's own replies are right, and asked once
for round in 1 2; do
    expect 0 evaluate --json --set eval.suite=facts.jsonl --set 'eval.models=["student","teacher"]'
    prints '"items":40' '"task":"facts","model":"student"' '"task":"facts","model":"teacher","items":40,"accuracy":1,' '"usd":0.00'
    [ "$(sort -u bill | wc -l)" = "$(wc -l <bill)" ] || wrong "round $round: the teacher was asked twice"
done
prints '"a":"student","b":"teacher"' '"p":' '"agreement":'
asked=$(wc -l <bill)
[ "$asked" -ge 40 ] && [ "$asked" -le 42 ] || wrong "the teacher was asked $asked questions, not 40 and 2 held-out ones"

# ---- choices, turns, a command
expect 0 evaluate --json --set eval.suite=mixed.jsonl --set 'eval.command=grep -q reply'
prints '"task":"choice","model":"student","items":1,"accuracy":1,' '"task":"command","model":"student","items":1,"accuracy":1,' \
    '"task":"turns"' '"task":"regex"'

# ---- a server of the same folder says the same words
"$retort" serve student --port 0 >served 2>&1 </dev/null &
servers="$servers $!"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q 'http://' served && break
    sleep 0.1
done
port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\).*|\1|p' served | head -n 1)
if [ -n "$port" ]; then
    expect 0 evaluate --json --set eval.suite=facts.jsonl \
        --set "eval.models=[\"student\",{\"name\":\"served\",\"base_url\":\"http://127.0.0.1:$port/v1\",\"model\":\"student\"}]"
    prints '"agreement":1}'
else
    wrong "the server did not start: $(cat served)"
fi

# ---- the plan, bad input
expect 0 evaluate --dry-run --set eval.suite=facts.jsonl
prints 'student' 'facts' '40'
echo '{"prompt": "p", "answer": "a", "grader": "exakt"}' >bad.jsonl
complains 1 evaluate --quiet --set eval.suite=bad.jsonl
says 'bad.jsonl:1:' 'unknown grader "exakt"'
complains 1 evaluate --quiet --set eval.suite=nowhere.jsonl
says 'nowhere.jsonl'
complains 1 evaluate --quiet --set 'eval.models=["nowhere"]'
says 'nowhere' 'no such folder'
finish
