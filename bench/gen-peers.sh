#!/bin/sh
# gen beside other clients of ../shared/peers/gen, in one run: CPU a row, memory, rate, first request.
#
#   PYTHON=venv/bin/python sh bench/gen-peers.sh WORK [timed|counted|all]
#
# PYTHON has aiohttp and openai (PEERS="aiohttp openai" by default; any of the folder's can be named).
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
peers=$here/../shared/peers/gen
[ -r "$peers/run_all.sh" ] || { echo "SKIP: ../shared/peers/gen is not there"; exit 77; }
python=${PYTHON:-python3}
named=
for p in ${PEERS:-aiohttp openai}; do named="$named $p:$python"; done
PEERS=$named EXTRA="retort|sh $here/bench/peer-retort.sh" exec bash "$peers/run_all.sh" "${1:?usage: gen-peers.sh WORK [timed|counted|all]}" "${2:-timed}"
