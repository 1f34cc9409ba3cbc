#!/bin/sh
# retort chat through a pipe: the same words from a folder and from a server, commands, rows saved.
. tests/e2e/lib.inc

model=../shared/models/tinystories-656k
[ -d "$model" ] || skip "../shared/models/tinystories-656k is absent"
greedy="--temperature 0 --max-tokens 24"

# talk LINES OPTION... : the lines (printf format) as standard input.
talk() {
    lines=$1
    shift
    # shellcheck disable=SC2059 # a format
    printf "$lines" | "$retort" chat "$@" >"$dir/out" 2>"$dir/err"
    got=$?
}

# ---- faults
complains 1 "$retort" chat "$dir/nothing"
complains 2 "$retort" chat "$model" --template nonsense
complains 2 "$retort" chat "$model" --temperature 3
complains 1 "$retort" chat http://127.0.0.1:9/v1
complains 1 "$retort" chat "$model" # without a template
says "--template"

# ---- a folder: history is context, /reset forgets it
# shellcheck disable=SC2086 # words
talk 'Once upon a time\n/reset\nOnce upon a time\n' "$model" --template plain $greedy
[ $got = 0 ] || { wrong "status $got"; cat "$dir/err"; }
[ "$(wc -l <"$dir/out")" = 2 ] && [ "$(uniq "$dir/out" | wc -l)" = 1 ] ||
    { wrong "after /reset the reply is another"; cat "$dir/out"; }
cp "$dir/out" "$dir/folder"

# ---- a server says the same, streamed; the address without /v1 will do
served "$model" --template plain --name tiny
for address in "$url" "${url%/v1}"; do
    # shellcheck disable=SC2086
    talk 'Once upon a time\n/reset\nOnce upon a time\n' "$address" $greedy
    cmp -s "$dir/out" "$dir/folder" || { wrong "folder and server differ"; cat "$dir/out" "$dir/err"; }
done
# shellcheck disable=SC2086
talk 'Once\n' "$url" $greedy --json
[ "$(number completion_tokens <"$dir/out")" = 24 ] || { wrong "no usage"; cat "$dir/out"; }
prints '"finish_reason":"length"'
# shellcheck disable=SC2086
talk 'Once\n' "$url" $greedy --model nobody-serves-this # a name is not checked by the server
[ $got = 0 ] || { wrong "status $got with a name"; cat "$dir/err"; }

# ---- commands: system prompt, history, several lines, a slash of one's own, saving
# shellcheck disable=SC2086
talk '/system Be kind.\nOne\\\ntwo\n//three\n/history\n/save\n/save '"$dir"'/b.db\n' "$model" \
    --template plain $greedy --save "$dir/a.db"
[ $got = 2 ] && wrong "a command fails"
prints "system: Be kind." "user: One" "user: /three"
says "saved as row 1"
expect 0 "$retort" export "$dir/a.db" --format messages
prints '{"role":"system","content":"Be kind."}' '"content":"One\ntwo"' '"content":"/three"'
[ "$(grep -c '"role":"assistant"' "$dir/out")" = 1 ] || wrong "not one row"
expect 0 "$retort" status "$dir/a.db" --check

# ---- on a pipe a fault ends it
talk '/save\nOnce\n' "$model" --template plain
[ $got = 2 ] && [ ! -s "$dir/out" ] || wrong "/save of nothing: status $got"
talk '/nonsense\n' "$model" --template plain
[ $got = 2 ] || wrong "an unknown command: status $got"
# shellcheck disable=SC2086
talk '' "$model" --template plain $greedy
[ $got = 0 ] && [ ! -s "$dir/out" ] || wrong "no input: status $got"
finish
