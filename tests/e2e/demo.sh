#!/bin/sh
# The demonstration, shortened: teacher behind HTTP, faults in between, gen, filter, three trainings, one table.
# And the models it is made of: their sizes, and that the suites hold nothing the teacher was taught.
. tests/e2e/lib.inc

[ -x "$BUILD/demo/tasks/tasks" ] && [ -x "$BUILD/demo/faulty/faulty" ] || skip "demo/ is not built"
case $BUILD in
*san) prompts=40 steps=6 items=40 ;;
*) prompts=120 steps=40 items=80 ;;
esac
BUILD=$BUILD SEED=5 PROMPTS=$prompts STEPS=$steps ITEMS=$items FAULTS=0.2 sh demo/run.sh "$dir/demo" >"$dir/out" 2>"$dir/err" ||
    { wrong "the demonstration fails"; cat "$dir/out" "$dir/err"; finish; }
for who in teacher base student student-all student-random; do
    grep -q "heldout .*$who" "$dir/out" || grep -q "$who" "$dir/out" || wrong "$who is not in the table"
done
prints "train, three students at once" '"teacher": { "base_url"' "== Time"
cd "$dir/demo" || exit 1
expect 0 "$retort" status demo.db --json --check
[ "$(number answered <"$dir/out")" = $((prompts)) ] || { wrong "not $((prompts)) replies"; cat "$dir/out"; }
[ "$(wc -l <random.jsonl)" = "$("$retort" export demo.db -q | wc -l)" ] || wrong "the random subset has another size"
# the injected faults: none is left, and there were some
"$retort" export demo.db -q | grep -q "I can't help\|Sure! Here is" && wrong "a spoiled reply was kept"
grep -q "I can't help" all.jsonl && grep -q "Sure! Here is" all.jsonl || wrong "the proxy spoils nothing"
# the report shows the curves of a training that kept no checkpoints, from anywhere
(cd / && expect 0 "$retort" report "$dir/demo/demo.db" -o "$dir/page.html")
grep -q 'id="training"' "$dir/page.html" && grep -q 'student-random' "$dir/page.html" || wrong "no training or no evaluation in the report"
cd - >/dev/null || exit 1

# ---- the models: a student of a quarter of the teacher at most, the teacher under 6 MB
for model in teacher student; do
    expect 0 "$retort" show-model demo/$model --json
    eval "$model=$(sed 's/.*"model":{[^}]*"parameters":\([0-9]*\).*/\1/' "$dir/out")"
done
# shellcheck disable=SC2154 # set by eval
[ $((4 * student)) -le "$teacher" ] || wrong "the student has $student parameters, the teacher $teacher"
[ "$(wc -c <demo/teacher/model.safetensors)" -lt 6000000 ] || wrong "the teacher's weights are over 6 MB"
finish
