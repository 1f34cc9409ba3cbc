#!/bin/sh
# Bad recipes and datasets under gen, filter and run: one line that names the thing and says what to
# do, exit status 1 or 2, nothing lost, never a crash.
. tests/e2e/lib.inc
hold=$PWD/$BUILD/tests/server/hold
cd "$dir" || exit 1
printf '%s\n' '{"instruction": "Say hello.", "output": "Hello."}' \
    '{"instruction": "Say goodbye.", "output": "Goodbye."}' >pairs.jsonl
"$recorded" prompts=prompts.jsonl pairs.jsonl
teacher pairs.jsonl

# recipe BODY : write recipe.jsonc; the teacher is ours.
recipe() {
    printf '{\n  // a comment\n  "teacher": {"base_url": "%s"},\n  %s\n}\n' "$url" "$1" >recipe.jsonc
}

# ---- the recipe itself
complains 1 "$retort" gen missing.jsonc
says 'missing.jsonc'
recipe '"gen": {"prompts": "prompts.jsonl", "samples": "four"}'
complains 2 "$retort" gen recipe.jsonc
says 'recipe.jsonc:4:' 'gen.samples: expected integer' '"four"'
recipe '"train": {"rnak": 8}'
complains 2 "$retort" filter recipe.jsonc
says 'recipe.jsonc:4:' 'rnak' 'did you mean "rank"?'
recipe '"gen": {"prompts": 3, "samples": 0}, "filtre": {}, "seed": -1'
expect 2 "$retort" gen recipe.jsonc
[ "$(wc -l <err)" = 4 ] || { wrong "four mistakes are not four lines"; cat err; }
recipe '"gen": {"prompts": "prompts.jsonl"'
complains 2 "$retort" gen recipe.jsonc
says 'recipe.jsonc:6:1' 'found the end of the text'
recipe '"gen": {"prompts": "prompts.jsonl"}'
complains 2 "$retort" gen recipe.jsonc --set gen.smaples=2
says 'gen.smaples' 'did you mean'
complains 2 "$retort" gen recipe.jsonc --set gen.samples
says 'FIELD=VALUE'
[ ! -e dataset.db ] || wrong "a wrong recipe makes a dataset"

# ---- what the recipe names
recipe '"gen": {"prompts": "nowhere.jsonl"}'
complains 1 "$retort" gen recipe.jsonc
says 'nowhere.jsonl'
printf '%s\n' '{"instruction": "Say hello."}' '{"instrction": "b"}' >wrong.jsonl
recipe '"gen": {"prompts": "wrong.jsonl"}'
complains 1 "$retort" gen recipe.jsonc --dataset wrong.db
says 'wrong.jsonl:2'
recipe '"gen": {"prompts": "prompts.jsonl"}'
complains 2 env -u NO_SUCH_KEY "$retort" gen recipe.jsonc --set teacher.api_key_env=NO_SUCH_KEY
says 'NO_SUCH_KEY'
complains 1 "$retort" filter recipe.jsonc --dataset none.db
says 'none.db'

# ---- datasets
expect 0 "$retort" gen recipe.jsonc
expect 0 "$retort" gen recipe.jsonc --set gen.samples=2
cp dataset.db newer.db
printf '\000\000\000\143' | dd of=newer.db bs=1 seek=60 conv=notrunc 2>/dev/null # user_version 99
complains 1 "$retort" filter recipe.jsonc --dataset newer.db
says 'newer.db' 'newer'
cp dataset.db foreign.db
printf 'abcd' | dd of=foreign.db bs=1 seek=68 conv=notrunc 2>/dev/null # application_id of another program
complains 1 "$retort" filter recipe.jsonc --dataset foreign.db
says 'foreign.db' 'another program'
cmp -s foreign.db dataset.db
[ $? = 1 ] || wrong "the copy is as the original"
mkdir folder.db
complains 1 "$retort" filter recipe.jsonc --dataset folder.db
says 'folder.db'

# ---- a file that somebody else writes, and a generator that runs already
mkfifo stop
"$hold" dataset.db <stop >held &
exec 9>stop
until grep -q held held; do sleep 0.05; done
complains 1 "$retort" filter recipe.jsonc
says 'dataset.db' 'another process'
expect 0 "$retort" status dataset.db
exec 9>&-
wait $! 2>/dev/null
expect 0 "$retort" filter recipe.jsonc

# ---- read-only, where we are not root or can become somebody else
if [ "$(id -u)" = 0 ]; then
    command -v setpriv >/dev/null && other='setpriv --reuid=65534 --regid=65534 --clear-groups' || other=
else
    other="env"
fi
mkdir -p readonly && cp dataset.db readonly/ && chmod -R a+rX,a-w readonly && chmod a+rx .
if [ -n "$other" ] && $other test -r readonly/dataset.db -a ! -w readonly/dataset.db 2>/dev/null; then
    # shellcheck disable=SC2086 # a list of words
    complains 1 $other "$retort" filter recipe.jsonc --dataset readonly/dataset.db
    says 'readonly/dataset.db'
    # shellcheck disable=SC2086
    expect 0 $other "$retort" status readonly/dataset.db
    # shellcheck disable=SC2086
    complains 1 $other "$retort" filter recipe.jsonc --dataset readonly/new.db
    says 'readonly/new.db'
fi
chmod -R u+w readonly

# ---- a full disk under gen: it stops cleanly, keeps what it has, and goes on
i=0
while [ $i -lt 600 ]; do
    i=$((i + 1))
    printf '{"instruction": "Count to %s.", "output": "%s"}\n' $i "$(printf '%0500d' $i)"
done >many.jsonl
"$recorded" prompts=many-prompts.jsonl many.jsonl
teacher many.jsonl
recipe '"gen": {"prompts": "many-prompts.jsonl"}'
(
    ulimit -f 600
    expect 1 "$retort" gen recipe.jsonc --dataset full.db
    says 'full.db'
    [ "$(grep -c '^retort: ' err)" = 1 ] || { wrong "a full disk is not told in one line"; cat err; }
)
expect 0 "$retort" gen recipe.jsonc --dataset full.db
expect 0 "$retort" status full.db --check --json
prints '"answered":600,"failed":0,"waiting":0' '"rows":{"total":600'
finish
