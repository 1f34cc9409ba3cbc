#!/bin/sh
# gen beside other clients of ../shared/peers/gen, in one run: CPU a row, memory, rate, first request.
#
#   PYTHON=venv/bin/python sh bench/gen-peers.sh WORK [timed|counted|all|wide]
#
# PYTHON has aiohttp and openai (PEERS="aiohttp openai" by default; any of the folder's can be named).
# wide: 64, 512 and 4,096 in flight, 8,192 prompts, REPEATS times (1).
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
peers=$here/../shared/peers/gen
work=${1:?usage: gen-peers.sh WORK [timed|counted|all|wide]}
what=${2:-timed}
[ -r "$peers/run_all.sh" ] || { echo "SKIP: ../shared/peers/gen is not there"; exit 77; }
python=${PYTHON:-python3}
retort="sh $here/bench/peer-retort.sh"
if [ "$what" != wide ]; then
    named=
    for p in ${PEERS:-aiohttp openai}; do named="$named $p:$python"; done
    PEERS=$named EXTRA="retort|$retort" exec bash "$peers/run_all.sh" "$work" "$what"
fi
mkdir -p "$work" && work=$(cd "$work" && pwd) && cc -O2 -o "$work/fault_teacher" "$peers/fault_teacher.c" -lm || exit 1
# one NAME COMMAND CASE PROMPTS IN_FLIGHT
one() {
    python3 "$peers/bench.py" --teacher "$work/fault_teacher" --name "$1" --cmd "$2" --case "$3" --n "$4" --concurrency "$5" --work "$work" \
        --append "$work/wide.jsonl" >/dev/null 2>>"$work/errors.log" || echo "failed: $1 $3 $5"
}
round=0
while [ $round -lt "${REPEATS:-1}" ]; do
    round=$((round + 1))
    for name in retort ${PEERS:-aiohttp openai}; do
        command=$retort
        [ "$name" = retort ] || command="$python $peers/peer_$name.py"
        one "$name" "$command" start 1 64
        for in_flight in 64 512 4096; do one "$name" "$command" zero 8192 $in_flight; done
    done
done
python3 "$peers/bench.py" --table "$work/wide.jsonl"
