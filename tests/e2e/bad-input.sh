#!/bin/sh
# Bad input: one line on stderr that names the thing and says what to do, exit status 1 or 2,
# nothing lost, never a crash.
. tests/e2e/lib.inc
cd "$dir" || exit 1

printf '%s\n' '{"instruction": "Say hello.", "output": "Hello."}' \
    '{"instruction": "Say goodbye.", "output": "Goodbye."}' >rows.jsonl

# ---- the command line
complains 2 "$retort" imprt x
says 'did you mean import'
complains 2 "$retort" import --strikt rows.db rows.jsonl
says 'did you mean --strict'
complains 2 "$retort" export rows.db --format yaml
says 'alpaca|jsonl|sharegpt|messages|decisions|soft-labels'
complains 2 "$retort" import rows.db
says 'FILE is missing'

# ---- files that are not there or not readable
complains 1 "$retort" export missing.db
says 'missing.db' 'check the path'
[ ! -e missing.db ] || wrong "a reading command made missing.db"
complains 1 "$retort" import new.db missing.jsonl
says 'missing.jsonl'

# ---- datasets that are none, or of another program, or of a later retort
expect 0 "$retort" import rows.db rows.jsonl
echo 'no database' >text.db
complains 1 "$retort" export text.db
says 'text.db' 'not a dataset of retort'
: >empty.db
complains 1 "$retort" export empty.db
says 'empty.db'
head -c 2000 rows.db >torn.db
complains 1 "$retort" export torn.db
says 'torn.db'

# ---- rows that are none: all of it fails, a part of it is reported with its line
printf '%s\n' '{"instruction": "a"' 'x' >bad.jsonl
expect 1 "$retort" import rows.db bad.jsonl
says 'bad.jsonl:1:' 'bad.jsonl:2:' 'none of its 2 records'
cat rows.jsonl bad.jsonl >mixed.jsonl
expect 0 "$retort" import mixed.db mixed.jsonl
says 'mixed.jsonl:3:' 'mixed.jsonl:4:'
complains 1 "$retort" import --strict strict.db mixed.jsonl
says 'mixed.jsonl:3:' 'nothing was imported'
expect 0 "$retort" export strict.db
[ ! -s out ] || wrong "--strict stored rows"

# ---- read-only, full
if [ "$(id -u)" != 0 ]; then
    chmod a-w rows.db
    complains 1 "$retort" import rows.db rows.jsonl
    says 'rows.db'
    chmod u+w rows.db
fi
i=0
while [ $i -lt 4000 ]; do
    i=$((i + 1))
    printf '{"id": "%s", "instruction": "Count to %s, in words, one after the other.", "output": "%s"}\n' $i $i \
        "one, two, three, four, five, six, seven, eight, nine, ten, and so on until $i"
done >many.jsonl
(
    ulimit -f 400 # blocks of 512 bytes
    complains 1 "$retort" import full.db many.jsonl
    says 'full.db'
)
# What was stored before the disk was full is there, and the same import goes on.
expect 0 "$retort" import full.db many.jsonl
expect 0 "$retort" export full.db
[ "$(wc -l <out)" = 4000 ] || wrong "$(wc -l <out) rows after the disk had been full, not 4000"
(
    ulimit -f 100
    complains 1 "$retort" export full.db -o small.jsonl
    says 'small.jsonl'
    [ ! -e small.jsonl ] || wrong "a part of an export stands under its name"
)
if [ -w /dev/full ]; then
    "$retort" export rows.db >/dev/full 2>err
    [ $? = 1 ] || wrong "a full standard output is not a failure"
    says 'standard output'
fi

# ---- a recipe and a project that are there already
expect 0 "$retort" init project
complains 1 "$retort" init project
says 'project/recipe.jsonc' 'is there already'
finish
