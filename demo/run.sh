#!/bin/sh
# demo/run.sh [FOLDER] : a whole distillation in a few minutes, without a key, a GPU or a network.
#
# A teacher of 2.9 million parameters is served on loopback and asked over HTTP, at a temperature at
# which it makes mistakes. The filter keeps what it says most often, a student of a quarter of its
# size learns that, and one table compares: the teacher, the student before and after, and
# the same student taught with all replies, and with as many drawn at random.
#
#   SEED=1         another draw of everything
#   PROMPTS=5000   prompts asked, five replies each
#   STEPS=4200     steps of each training
#   ITEMS=800      held-out tasks that everybody is measured on, 800 at most
#   FAULTS=0       share of replies that a proxy in between spoils (0.1 for a tenth)
set -eu
cd "$(dirname "$0")/.."
root=$PWD
BUILD=${BUILD:-build/release}
retort=$root/$BUILD/retort
tasks=$root/$BUILD/demo/tasks/tasks
faulty=$root/$BUILD/demo/faulty/faulty
work=${1:-build/demo}
seed=${SEED:-1} prompts=${PROMPTS:-5000} steps=${STEPS:-4200} items=${ITEMS:-800} faults=${FAULTS:-0}
. demo/serving.inc
make -s "$BUILD/retort" "$BUILD/demo/tasks/tasks" "$BUILD/demo/faulty/faulty"

rm -rf "$work"
mkdir -p "$work"
cp demo/recipe.jsonc "$work/"
cp -r demo/student "$work/student-base"
cd "$work"

servers=
trainings=
quit() {
    for server in $servers $trainings; do kill "$server" 2>/dev/null || :; done
    wait
}
trap quit EXIT
trap 'exit 130' INT TERM

began=$(date +%s)
before=$began
took=
# stage NAME : how long what stands before it took.
stage() {
    now=$(date +%s)
    took="$took$(printf '  %-34s %4d s' "$1" $((now - before)))
"
    before=$now
}
say() { printf '\n== %s\n' "$*"; }
# show COMMAND... : print the command, then run it.
show() {
    printf '$ retort %s\n' "$*"
    "$retort" "$@"
}

# The prompts, with sorting, the hardest job, four times as often; and, to count the teacher's mistakes with,
# the right answers, which nobody else is shown.
{
    "$tasks" rows train $((prompts * 8 / 11)) "$seed"
    "$tasks" rows train $((prompts * 3)) $((seed + 1000)) | grep '"task":"sort"' | sed 's/train-/more-/'
} | head -n "$prompts" >truth.jsonl
sed 's/,"output":"[^"\\]*\(\\.[^"\\]*\)*"//' truth.jsonl >prompts.jsonl
head -n "$items" "$root/demo/heldout.jsonl" >heldout.jsonl
# wrong FILE : how many of its rows are not as in truth.jsonl, in per cent.
plain() { sed 's/^{"id":"[^"]*",/{/; s/^\(.*"output":"[^"\\]*\(\\.[^"\\]*\)*"\).*/\1}/' "$@"; }
wrong() {
    plain truth.jsonl >truth
    plain "$1" | grep -vxFf truth | wc -l | awk -v all="$(wc -l <"$1")" '{ printf "%.1f %% of %d", 100 * $1 / all, all }'
}

say "A teacher behind HTTP: retort serve demo/teacher --int8"
serving serve.log "$retort" serve "$root/demo/teacher" --int8 --slots 48 --port 0 --name teacher
servers="$servers $server"
[ -n "$url" ] || { cat serve.log; exit 1; }
ask=$url
if [ "$faults" != 0 ]; then
    teacher=$server
    serving faulty.log "$faulty" "$url" "$faults" "$seed"
    servers="$servers $server"
    ask=$url server=$teacher
fi

say "Ask it: $prompts prompts, five replies each"
show gen recipe.jsonc --seed "$seed" --set teacher.base_url="$ask"
stage "gen"

say "Keep what the teacher says most often"
show filter recipe.jsonc --seed "$seed"
stage "filter"
"$retort" export demo.db --quiet >kept.jsonl
"$retort" export demo.db --all --quiet | sed 's/^{"id":"[^"]*",/{/' >all.jsonl
printf '\nNot the right answer: %s replies before, %s rows after.\n' "$(wrong all.jsonl)" "$(wrong kept.jsonl)"

say "Teach the student; and, for comparison, the same one with all replies, and with as many drawn at random"
awk -v n="$(wc -l <kept.jsonl)" -v seed="$seed" 'BEGIN { srand(seed) }
    NR <= n { row[NR] = $0; next }
    { at = int(rand() * NR) + 1; if (at <= n) row[at] = $0 }
    END { for (i = 1; i <= n; i++) print row[i] }' all.jsonl >random.jsonl
for arm in all random; do
    "$retort" import $arm.db $arm.jsonl --quiet
    echo "\$ retort train recipe.jsonc --threads 1 --dataset $arm.db --set train.out=student-$arm &"
    "$retort" train recipe.jsonc --seed "$seed" --threads 1 --set train.steps="$steps" --dataset $arm.db --set train.out=student-$arm \
        --quiet --no-progress >$arm.log 2>&1 &
    trainings="$trainings $!"
done
show train recipe.jsonc --seed "$seed" --threads 1 --set train.steps="$steps"
for training in $trainings; do
    wait "$training" || { cat all.log random.log; exit 1; }
done
stage "train, three students at once"

say "Measure everybody on $items tasks that nobody was taught"
show eval recipe.jsonc --seed "$seed" --set teacher.base_url="$url" \
    --set 'eval.models=["teacher","base","student","student-all","student-random"]'
stage "eval"

say "And at the temperature that chat uses, where a student also says what is less likely"
show eval recipe.jsonc --seed "$seed" --set eval.temperature=0.7 --set 'eval.models=["student","student-all","student-random"]'
stage "eval, sampled"

say "Time"
printf '%s  %-34s %4d s\n' "$took" "all" $((before - began))
server=${servers# }
awk '/VmHWM/ { printf "  %-34s %4d MB\n", "peak memory of the server", $2 / 1000 }' "/proc/${server%% *}/status" 2>/dev/null || :
cat <<END

The student is $work/student, a Hugging Face folder; talk to it: $BUILD/retort chat $work/student
For your own, change two lines of $work/recipe.jsonc:
  "teacher": { "base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY", … }
  "train":   { "student": "path/to/Qwen2.5-0.5B", … }
END
