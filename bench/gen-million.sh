#!/bin/sh
# Memory of many prompts with many in flight, and how soon a run of a large dataset goes on.
#
#   sh bench/gen-million.sh [PROMPTS [IN_FLIGHT [LATENCY_MS]]]          (1000000 10000 300)
#
# Three JSON lines: the first run (peak memory, CPU a row), the next one with 64 prompts more, and
# one after kill -9 half-way: ms from the start of the program to its first new request.  Two
# minutes and 1.5 GB of disk for a million.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
prompts=${1:-1000000}
in_flight=${2:-10000}
latency=${3:-300}
retort=$here/${BUILD:-build/release}/retort
judge=$here/../shared/peers/gen/fault_teacher.c
[ -r "$judge" ] || { echo "SKIP: ../shared/peers/gen is not there"; exit 77; }
work=$(mktemp -d)
teacher=
run=
trap 'kill $teacher $run 2>/dev/null; rm -rf "$work"' EXIT
cc -O2 -o "$work/teacher" "$judge" -lm
"$work/teacher" --latency "$latency" --for 3000 >"$work/port" 2>/dev/null &
teacher=$!
until grep -qs listening "$work/port"; do sleep 0.05; done
url=http://127.0.0.1:$(cut -d' ' -f2 "$work/port")/v1
# lines FROM TO: prompts
lines() {
    awk -v i="$1" -v n="$2" 'BEGIN { for (; i <= n; i++) print "{\"prompt\":\"Task " i ": explain tides to a patient beginner.\"}" }'
}
# start DATASET: gen in the background
start() {
    began=$(date +%s%3N)
    "$retort" gen "$work/r.jsonc" -q --set dataset="$1" --set teacher.base_url="$url" --set gen.prompts=p.jsonl \
        --set teacher.in_flight="$in_flight" --set gen.max_tokens=256 --set gen.timeout_s=120 >/dev/null 2>&1 &
    run=$!
}
# ask DATASET QUERY
ask() {
    sqlite3 -cmd '.timeout 9000' "$work/$1" "$2"
}
# first DATASET WHAT: when the last run sent its first request (replies read back are older)
first() {
    at=$(ask "$1" "SELECT min(started_ms) FROM attempt WHERE started_ms >= $began")
    echo "{\"run\":\"$2\",\"first_request_ms\":$((${at:-$began} - began))}"
}
echo '{}' >"$work/r.jsonc"
lines 1 "$prompts" >"$work/p.jsonl"
start d.db
while kill -0 $run 2>/dev/null; do
    peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$run/status" 2>/dev/null || true)
    ticks=$(cut -d' ' -f14,15 "/proc/$run/stat" 2>/dev/null | tr ' ' + || true)
    [ -z "$peak" ] || { most=$peak; used=$ticks; }
    sleep 0.2
done
echo "{\"run\":\"first\",\"rows\":$(ask d.db 'SELECT count(*) FROM sample'),\"peak_rss_mb\":$((most * 1024 / 1000000)),\"cpu_us_per_row\":$((10000 * ($used) / prompts))}"
lines $((prompts + 1)) $((prompts + 64)) >>"$work/p.jsonl"
start d.db
wait $run
first d.db "with 64 more"
rm "$work"/d.db*
start k.db
while [ "$(ask k.db "SELECT ifnull(max(n), 0) FROM tally WHERE key = 'request.answered'" 2>/dev/null || echo 0)" -lt $((prompts / 2)) ]; do sleep 0.5; done
kill -9 $run 2>/dev/null || true
wait $run 2>/dev/null || true
start k.db
sleep 5
kill -9 $run 2>/dev/null || true
wait $run 2>/dev/null || true
first k.db "after kill -9"
