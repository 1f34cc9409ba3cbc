#!/bin/sh
# Rows in and out by the command line: pipes, every format there and back, faults, full disks.
. tests/e2e/lib.inc
cd "$dir" || exit 1

printf '%s\n' \
    '{"id":7,"system":"s","instruction":"q\u0000","input":"i","output":"😀 \"x\"","meta":{"n":123456789012345678901}}' \
    '{"instruction":"same","input":"","output":"a"}' \
    '{"instruction":"same","input":"","output":"a"}' \
    '{"id":"m","instruction":"q2","input":"","output":"a2","messages":[{"role":"user","content":"q1"},{"role":"assistant","content":"a1"},{"role":"user","content":"q2"}]}' \
    >rows.jsonl

# ---- a file, standard input, a pipe: the same bytes come out
expect 0 "$retort" import a.db rows.jsonl
expect 0 "$retort" export a.db
cmp -s rows.jsonl out || wrong "export does not give what was imported"
"$retort" export a.db --quiet | "$retort" import b.db - --quiet >/dev/null || wrong "import from a pipe fails"
expect 0 "$retort" export b.db
cmp -s rows.jsonl out || wrong "import from a pipe loses something"

# ---- again adds nothing and says so
expect 0 "$retort" import a.db rows.jsonl --json
prints '"records":4' '"added":0' '"there_already":4'

# ---- there and back in every format that can be imported
for format in jsonl alpaca sharegpt messages; do
    expect 0 "$retort" export a.db --format $format -o one.$format
    rm -f c.db
    expect 0 "$retort" import c.db one.$format --format $format --strict
    expect 0 "$retort" export c.db --format $format -o two.$format
    cmp -s one.$format two.$format || wrong "$format does not survive a round trip"
    rm -f c.db
    expect 0 "$retort" import c.db one.$format
    prints 'bad            0'
done

# ---- a reader that goes away is no crash, and a file appears whole or not at all
"$retort" export a.db 2>err | head -n 1 >/dev/null
grep -q -i 'segmentation\|abort' err && wrong "a closed pipe crashes export"
complains 1 "$retort" export a.db -o missing/out.jsonl

# ---- faults are lines; strict makes the first one fatal and stores nothing
printf '{"instruction":"ok","output":"a"}\nbroken\n{"instruction":"\377","output":"a"}\n' >bad.jsonl
expect 0 "$retort" import d.db bad.jsonl
says 'bad.jsonl:2: ' 'bad.jsonl:3: '
prints 'added          1' 'bad            2'
complains 1 "$retort" import e.db bad.jsonl --strict
says 'bad.jsonl:2: ' 'nothing was imported'
expect 0 "$retort" status e.db --json
prints '"rows":{"total":0'
printf 'a,b\n1,2\n' >table.csv
expect 1 "$retort" import f.db table.csv
says 'none of its 2 records could be read'

# ---- a full disk: one line, status 1; with room again it goes on
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "{\"id\":%d,\"instruction\":\"q%d\",\"output\":\"%0200d\"}\n", i, i, i }' >many.jsonl
(ulimit -f 4096 && exec "$retort" import g.db many.jsonl) >out 2>err
[ $? = 1 ] || wrong "a full disk does not end with status 1"
says 'no space left'
expect 0 "$retort" import g.db many.jsonl
prints 'bad            0'
expect 0 "$retort" status g.db --check --json
prints '"rows":{"total":20000'
says 'is whole'

# ---- a copy of a file that is being written
expect 0 "$retort" status g.db --backup copy.db
expect 0 "$retort" status copy.db --check --json
prints '"rows":{"total":20000'
complains 1 "$retort" status g.db --backup copy.db
finish
