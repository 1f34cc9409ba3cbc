#!/bin/sh
# The benchmarks of ../shared/data as they are, through the binary: a subject that gives the published answers is right
# on GSM8K and MATH-500, Phi-3's replies get the verdicts of IFEval's own code, and a judge rates MT-Bench.
. tests/e2e/lib.inc

data=$PWD/../shared/data
scripted=$PWD/$BUILD/tests/server/scripted
[ -d "$data/gsm8k" ] || skip "../shared/data is absent"
[ -x "$recorded" ] && [ -x "$scripted" ] || skip "the stand-ins for teachers are not built"
cd "$dir" || exit 1
# suite FILE NAME [SETTING] : the report of the file, asked of the server at $url.
suite() {
    cat >recipe.jsonc <<END
{ "dataset": "$2.db", "teacher": { "base_url": "$url", "model": "$2", "in_flight": 16 },
  "eval": { "models": ["teacher"], "suite": "$1", "replies": 0 ${3:-} } }
END
    expect 0 "$retort" eval recipe.jsonc --json --no-progress
}
# accuracy NUMBER : of the whole suite.
accuracy() {
    got=$(sed 's/.*"suites":\[{[^]]*"accuracy":\([0-9.e-]*\).*/\1/' out)
    awk -v a="$got" -v b="$1" 'BEGIN { d = a - b; exit !(d * d < 1e-9) }' || wrong "accuracy $got, not $1: $(head -c 300 out)"
}

# ---- the published answers are right
sed 's/^{"question":/{"instruction":/; s/", "answer": "/", "output": "/' "$data/gsm8k/test.jsonl" >gsm8k.jsonl
teacher gsm8k.jsonl
suite "$data/gsm8k/test.jsonl" gsm8k
prints '"items":1319'
accuracy 1
sed 's/"question":/"instruction":/; s/"true_answer": "\(.*\)", "level"/"input": "Put the final answer in \\\\boxed{}.", "output": "Thus it is \\\\boxed{\1}.", "level"/' "$data/math-500/math_500.jsonl" >math.jsonl
teacher math.jsonl
suite "$data/math-500/math_500.jsonl" math
accuracy 1

# ---- IFEval: 540 of 541 verdicts are those of its own code (docs/eval.md says where the other comes from)
sed 's/"prompt":/"instruction":/; s/"response":/"output":/' "$data/ifeval/phi3_strict.jsonl" >phi3.jsonl
teacher phi3.jsonl
suite "$data/ifeval/input_data.jsonl" ifeval
prints '"items":541'
right=$(grep -c '"follow_all_instructions": true' "$data/ifeval/phi3_strict.jsonl")
got=$(sed 's/.*"suites":\[{[^]]*"accuracy":\([0-9.e-]*\).*/\1/' out)
awk -v a="$got" -v b="$right" 'BEGIN { d = a * 541 - b; exit !(d > -1.5 && d < 1.5) }' || wrong "IFEval: $got of 541, theirs $right"

# ---- MT-Bench: two items a question; the judge sees the reference where there is one
cat >rules.jsonl <<'END'
{"when": ["[[rating]]", "Reference Answer"], "reply": "It agrees with the reference. Rating: [[9]]"}
{"when": ["[[rating]]"], "reply": "The form is [[8]], my rating: [[5]]"}
{"when": [], "reply": "An answer."}
END
"$scripted" rules=rules.jsonl >judge.port &
servers="$servers $!"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q port judge.port 2>/dev/null && break
    sleep 0.1
done
url=http://127.0.0.1:$(sed -n 's/^port //p' judge.port)/v1
suite "$data/mt-bench/question.jsonl" mtbench ', "judge": { "name": "judge" }'
prints '"items":160' 'question writing","model":"teacher","items":20,"accuracy":0.5,' 'question math","model":"teacher","items":20,"accuracy":0.9,'
finish
