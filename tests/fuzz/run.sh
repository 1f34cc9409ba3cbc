#!/bin/sh
# run.sh FUZZER... : run each fuzzer for FUZZ_SECONDS (20), show what it found, end with one line
# "N fuzzers, N failed, N runs".  Seeds: tests/fuzz/corpus/NAME/, words: tests/fuzz/NAME.dict.
# What grew is kept under build/fuzz/corpus/NAME, what crashed under build/fuzz/crash/NAME-….
seconds=${FUZZ_SECONDS:-20}
here=$(dirname "$0")
kept=${FUZZ_KEPT:-build/fuzz}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
fuzzers=0 failed=0 runs=0
[ $# -gt 0 ] || { echo 'run.sh: no fuzzers; make MODE=fuzz builds them'; exit 2; }
for fuzzer in "$@"; do
    name=$(basename "$fuzzer")
    name=${name#fuzz_}
    grown=$kept/corpus/$name
    mkdir -p "$grown" "$kept/crash" || exit 1
    set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$kept/crash/$name-" -print_final_stats=1
    [ ! -f "$here/$name.dict" ] || set -- "$@" -dict="$here/$name.dict"
    set -- "$@" "$grown"
    [ ! -d "$here/corpus/$name" ] || set -- "$@" "$here/corpus/$name"
    fuzzers=$((fuzzers + 1))
    if "$fuzzer" "$@" >"$log" 2>&1; then
        n=$(awk '/stat::number_of_executed_units/ { print $2 }' "$log")
        runs=$((runs + ${n:-0}))
        printf 'ok    %s (%s runs, %s inputs)\n' "$name" "${n:-?}" "$(find "$grown" -type f | wc -l)"
    else
        failed=$((failed + 1))
        printf 'FAIL  %s\n' "$name"
        tail -n 60 "$log"
    fi
done
printf '%s fuzzers, %s failed, %s runs\n' "$fuzzers" "$failed" "$runs"
[ "$failed" = 0 ]
