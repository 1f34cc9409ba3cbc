#!/bin/sh
# gen under kill -9 at random instants, before the test suite's own fault server and before the judge
# ../shared/peers/gen/fault_teacher.c, which nobody here wrote.
#
#   sh bench/gen-kills.sh [KILLS]        default 100
#
# After each kill the answers that were paid and are not in the file are counted: never more than the
# 8 in flight.  At the end every prompt has its row, and what was paid twice is exactly that count.
set -u
BUILD=${BUILD:-build/release}
judge=../shared/peers/gen/fault_teacher.c
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
[ -x "$BUILD/tests/gen/test_kill" ] || { echo "build it first: make tests"; exit 2; }
if [ -r "$judge" ]; then
    ${CC:-cc} -O2 -o "$dir/judge" "$judge" -lm || exit 1
    RETORT_JUDGE=$dir/judge
    export RETORT_JUDGE
else
    echo "SKIP of the second server: $judge is not there"
fi
RETORT_KILLS=${1:-100}
export RETORT_KILLS BUILD
"$BUILD/tests/gen/test_kill"
