#!/bin/sh
# Personal data: masked in what is exported, untouched in the dataset, and back when masking ends.
# shellcheck source=tests/e2e/lib.inc
. tests/e2e/lib.inc

cat >"$dir/rows.jsonl" <<'EOF'
{"id":"a","instruction":"Who wrote to ann.lee@mail.org?","output":"Bob did, from 81.2.69.142, with card 4111 1111 1111 1111 and from bob@web.de."}
{"id":"b","instruction":"Where?","output":"Mail info@example.com or look at 192.168.0.1."}
{"id":"c","messages":[{"role":"user","content":"Call +49 30 901820 please"},{"role":"assistant","content":"I did."}]}
EOF
printf '{"dataset":"m.db","filter":{"rules":["pii"],"rule":{"pii":{"mask":true}}}}\n' >"$dir/m.jsonc"
printf '{"dataset":"m.db","filter":{"rules":["pii"]}}\n' >"$dir/p.jsonc"
expect 0 "$retort" import "$dir/m.db" "$dir/rows.jsonl"
expect 0 "$retort" filter "$dir/m.jsonc"
expect 0 "$retort" export "$dir/m.db" --format jsonl -o "$dir/masked.jsonl"
for want in 'wrote to \[EMAIL\]?' 'from \[IP_ADDRESS\], with card \[CARD\] and from \[EMAIL\]\.' \
    'info@example.com or look at 192.168.0.1' 'Call \[PHONE\] please'; do
    grep -q "$want" "$dir/masked.jsonl" || wrong "not exported: $want"
done
grep -q 'lee@mail\|4111\|81\.2\|901820' "$dir/masked.jsonl" && wrong "personal data was exported"
expect 0 "$retort" show "$dir/m.db" a
grep -q 'ann.lee@mail.org' "$dir/out" || wrong "the original is gone"
expect 0 "$retort" filter "$dir/m.jsonc"
expect 0 "$retort" export "$dir/m.db" --format jsonl -o "$dir/again.jsonl"
cmp -s "$dir/masked.jsonl" "$dir/again.jsonl" || wrong "a second run changed the export"
if command -v python3 >/dev/null; then # the view that anybody reads, as well
    python3 - "$dir/m.db" >"$dir/view" <<'PY'
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute("SELECT instruction, output, messages FROM kept ORDER BY id"):
    print(*row)
PY
    grep -q 'wrote to \[EMAIL\]?' "$dir/view" || wrong "the view kept has no masked text"
    grep -q 'lee@mail\|4111\|81\.2\|901820' "$dir/view" && wrong "the view kept shows personal data"
fi
expect 0 "$retort" filter "$dir/p.jsonc"
expect 0 "$retort" export "$dir/m.db" --format jsonl -o "$dir/plain.jsonl"
grep -q 'ann.lee@mail.org' "$dir/plain.jsonl" || wrong "without masking the original is exported"
finish
