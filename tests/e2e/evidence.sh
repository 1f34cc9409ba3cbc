#!/bin/sh
# The recorded teacher: 252 real replies of text-davinci-003 behind HTTP become a dataset, a cleaned
# dataset, and a fine-tuned tinystories-656k whose held-out loss falls by a fifth at least.  Every
# stage is killed with -9 and goes on: 252 rows, none lost, none paid twice but those in flight.
. tests/e2e/lib.inc

pairs=$PWD/../shared/data/self-instruct/text-davinci-003_predictions.jsonl
base=$PWD/../shared/models/tinystories-656k
loads=$PWD/../shared/golden/formats/check_hf_load.py
for f in "$pairs" "$base/model.safetensors"; do
    [ -r "$f" ] || skip "the recorded replies or the student are not there: $f"
done
python=${RETORT_PYTHON:-python3}
in_flight=16
case $BUILD in
*san) epochs=1 fall=0.05 ;; # a tenth of the speed: a shorter training, and less of a fall
*) epochs=3 fall=0.2 ;;
esac
cd "$dir" || exit 1

"$recorded" prompts=prompts.jsonl "$pairs" || wrong "prompts cannot be made"
[ "$(wc -l <prompts.jsonl)" = 252 ] || wrong "not 252 prompts"
: >bill
teacher latency=100 log=bill "$pairs"
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 7,
  "teacher": { "base_url": "$url", "model": "text-davinci-003", "in_flight": $in_flight },
  "gen": { "prompts": "prompts.jsonl", "max_tokens": 512 },
  "train": { "student": "$base", "out": "student", "template": "plain", "epochs": $epochs, "learning_rate": 1e-3,
             "batch_tokens": 1024, "max_length": 256, "held_out": 0.1, "checkpoint_every": 5, "samples": 1 }
}
END

# kill_when "CONDITION" COMMAND... : start it, kill -9 as soon as the condition holds.
kill_when() {
    condition=$1
    shift
    "$@" >killed.out 2>killed.err </dev/null &
    victim=$!
    until $condition || ! kill -0 $victim 2>/dev/null; do sleep 0.02; done
    kill -9 $victim 2>/dev/null || echo "note: over before it could be killed: $*"
    wait $victim 2>/dev/null
}
answered() { wc -l <bill; }
answers() { [ "$(answered)" -ge "$1" ]; }
steps() { [ "$(grep -c loss student/metrics.jsonl 2>/dev/null)" -ge "$1" ] 2>/dev/null; }

# ---- gen: killed twice, then to its end
kill_when 'answers 40' "$retort" gen recipe.jsonc
kill_when 'answers 140' "$retort" gen recipe.jsonc
expect 0 "$retort" gen recipe.jsonc
expect 0 "$retort" status data.db --check --json
for field in '"total":252,"answered":252,"failed":0,"waiting":0' '"total":252,"kept":252,"removed":0'; do
    prints "$field"
done
[ "$(sort -u bill | wc -l)" = 252 ] || wrong "the teacher answered $(sort -u bill | wc -l) prompts, not 252"
twice=$(($(answered) - 252))
[ $twice -le $((2 * in_flight)) ] || wrong "$twice replies were paid twice; $in_flight were in flight at each of two kills"
echo "gen: 252 rows after two kills, $twice replies paid twice (at most $in_flight were in flight at each)"

# ---- filter: killed, then the same verdicts as an undisturbed run
cp data.db whole.db
expect 0 "$retort" filter recipe.jsonc --dataset whole.db
expect 0 "$retort" export whole.db --format decisions -o whole.decisions
kill_when 'test -s data.db-wal' "$retort" filter recipe.jsonc
expect 0 "$retort" filter recipe.jsonc
expect 0 "$retort" export data.db --format decisions -o data.decisions
cmp -s whole.decisions data.decisions || wrong "a killed filter gives other verdicts"
expect 0 "$retort" status data.db --check

# ---- train: killed, then the same bytes as an undisturbed run; the held-out loss falls
expect 0 "$retort" train recipe.jsonc --set train.out=whole
kill_when 'steps 12' "$retort" train recipe.jsonc
expect 0 "$retort" train recipe.jsonc --json
cmp -s whole/model.safetensors student/model.safetensors || wrong "a killed training ends with other weights"
grep -q '"resumed_from_step":0' out && echo "note: the training was not resumed from a checkpoint"
before=$(number loss_before <out)
after=$(number loss_after <out)
awk -v b="$before" -v a="$after" -v f=$fall 'BEGIN { exit !(a > 0 && b > 0 && a <= (1 - f) * b) }' ||
    wrong "held-out loss $before before, $after after: it fell by less than $fall"
echo "train: held-out loss $before before, $after after; killed and continued to the same bytes"

# ---- eval: killed, then to its end: the same rows, the same loss, measured on the exported folder
kill_when 'test -s data.db-wal' "$retort" eval recipe.jsonc
expect 0 "$retort" eval recipe.jsonc --json
was=$(sed 's/,{"model":"student".*//' out | number nll)
is=$(sed 's/.*{"model":"student"//' out | number nll)
awk -v b="$was" -v a="$is" -v B="$before" -v A="$after" \
    'BEGIN { exit !((b - B) ^ 2 < 1e-6 && (a - A) ^ 2 < 1e-6) }' ||
    wrong "eval measures $was and $is where train measured $before and $after"
echo "eval: held-out loss $was before, $is after"

# ---- run: everything is up to date, nothing is asked again
paid=$(answered)
expect 0 "$retort" run recipe.jsonc
prints '== gen: up to date' '== filter: up to date' '== train: up to date' '== eval: up to date'
[ "$(answered)" = "$paid" ] || wrong "retort run asked again"
expect 0 "$retort" status data.db --check

# ---- the folder loads elsewhere
if "$python" -c 'import torch, transformers' 2>/dev/null && [ -r "$loads" ]; then
    expect 0 "$python" "$loads" student
else
    echo "SKIP: no Python with torch and transformers (RETORT_PYTHON): the export was not loaded by them"
fi
finish
