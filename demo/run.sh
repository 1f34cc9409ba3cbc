#!/bin/sh
# demo/run.sh [FOLDER] : the whole way on a hundred small questions, through the public commands.
# The teacher is a recording behind HTTP (tests/server/recorded.c): no key, no network, no GPU.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build/release}
retort=$PWD/$BUILD/retort
recorded=$PWD/$BUILD/tests/server/recorded
work=${1:-build/demo}
make -s "$BUILD/retort" "$BUILD/tests/server/recorded"

rm -rf "$work"
mkdir -p "$work"
cp -r demo/recipe.jsonc "$work/"
cp -r demo/student "$work/student-base"
cp demo/prompts.jsonl "$work/"

"$recorded" port=0 latency=20 finish=98 demo/pairs.jsonl >"$work/port" &
teacher=$!
trap 'kill $teacher 2>/dev/null' EXIT
while [ ! -s "$work/port" ]; do sleep 0.1; done
url=http://127.0.0.1:$(sed 's/port //' "$work/port")/v1

cd "$work"
show() {
    printf '\n$ %s\n' "$*"
    shift
    "$retort" "$@" --set teacher.base_url="$url"
}
step() { printf '\n== %s\n' "$*"; }

step "What would it cost? Nothing is sent."
show retort gen recipe.jsonc --dry-run
step "Ask the teacher, clean its replies, fine-tune the student, measure it."
show retort run recipe.jsonc
step "The same again: nothing is asked twice, what is up to date is left out."
show retort run recipe.jsonc --no-progress
step "What is in the dataset, and why was a row removed?"
printf '\n$ retort status demo.db\n'
"$retort" status demo.db
printf '\n$ retort export demo.db --removed --format decisions\n'
"$retort" export demo.db --removed --format decisions

cat <<END

The student is $work/student, a Hugging Face folder. For your own, edit two things in $work/recipe.jsonc:
  "teacher": { "base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY", … }
  "train":   { "student": "path/to/Qwen2.5-0.5B", … }      (and leave out "init")
or start a project: $BUILD/retort init my-project
END
