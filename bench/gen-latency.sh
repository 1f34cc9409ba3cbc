#!/bin/sh
# How near gen comes to the ceiling that latency and the number in flight set: in_flight / latency.
#
#   sh bench/gen-latency.sh [LATENCY_MS [IN_FLIGHT [ROWS...]]]          (200 256 2000 20000)
#
# A JSON line for each number of rows: rows a second from start to end (program start, planning, ramp
# and drain included) and its share of the ceiling; then the steady part, which is what the longer run
# has beyond the shorter.  The teacher is ../shared/peers/gen/fault_teacher.c, itself built when missing.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
latency=${1:-200}
in_flight=${2:-256}
[ $# -ge 3 ] && shift 2 || set -- 2000 20000
BUILD=${BUILD:-build/release}
judge=$here/../shared/peers/gen/fault_teacher.c
[ -r "$judge" ] || { echo "SKIP: ../shared/peers/gen is not there"; exit 77; }
work=$(mktemp -d)
teacher=
trap 'kill $teacher 2>/dev/null; rm -rf "$work"' EXIT
cc -O2 -o "$work/teacher" "$judge" -lm
before_rows=0
before_s=0
for rows in "$@"; do
    i=0
    while [ $i -lt "$rows" ]; do
        i=$((i + 1))
        echo "{\"instruction\":\"Task $i: explain tides to a patient beginner in two short paragraphs.\"}"
    done >"$work/p.jsonl"
    "$work/teacher" --latency "$latency" --for 600 >"$work/port" 2>/dev/null &
    teacher=$!
    until grep -q listening "$work/port"; do sleep 0.05; done
    port=$(cut -d' ' -f2 "$work/port")
    "$here/$BUILD/bench/bench_gen" url="http://127.0.0.1:$port/v1" prompts="$work/p.jsonl" in_flight="$in_flight" >"$work/out"
    kill $teacher
    wait $teacher 2>/dev/null || true
    seconds=$(sed 's/.*"seconds":\([0-9.]*\).*/\1/' "$work/out")
    awk -v rows="$rows" -v s="$seconds" -v rows0="$before_rows" -v s0="$before_s" -v n="$in_flight" -v ms="$latency" 'BEGIN {
        most = n * 1000 / ms
        printf "{\"rows\":%d,\"seconds\":%.3f,\"rows_per_s\":%.1f,\"of_ceiling\":%.3f", rows, s, rows / s, rows / s / most
        if (rows0) printf ",\"steady_rows_per_s\":%.1f,\"steady_of_ceiling\":%.3f", (rows - rows0) / (s - s0), (rows - rows0) / (s - s0) / most
        print "}"
    }'
    before_rows=$rows
    before_s=$seconds
done
