#!/bin/sh
# bench/serve.sh [FOLDER] : tokens a second of retort serve, with the folder's own and 8-bit weights, of llama-server with the same as GGUF (BF16
# and Q8_0), and of transformers, at 1, 8 and 32 requests in flight, in turns so that all see the same neighbours; a line each,
# ROUNDS times.  Each server has answered 32 short requests before, and what is timed is at least 1,024 tokens (of
# transformers: one batch).
#
#   THREADS=2  TOKENS=128  ROUNDS=2  PYTHON=python3 (with torch and transformers)  LLAMA_CPP=folder of llama.cpp's programs
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build/release}
model=${1:-demo/teacher}
threads=${THREADS:-2} tokens=${TOKENS:-128} rounds=${ROUNDS:-2} python=${PYTHON:-python3}
make -s "$BUILD/retort" "$BUILD/bench/bench_serve"
. demo/serving.inc
llama=${LLAMA_CPP:-/usr/bin}/llama-server
work=$(mktemp -d)
log=$work/log
server=
trap 'kill $server 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# cpu PID : hundredths of a second it has computed.
cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
# measure NAME URL : the server that runs, asked at each number in flight.
measure() {
    "$BUILD/bench/bench_serve" url="$2" in_flight=32 tokens=8 requests=1 >/dev/null
    for n in 1 8 32; do
        before=$(cpu $server)
        line=$("$BUILD/bench/bench_serve" url="$2" in_flight=$n tokens="$tokens" requests=$((n < 8 ? 8 : 2)))
        after=$(cpu $server)
        echo "$line" | sed 's/.*"tokens":\([0-9]*\).*"tokens_per_s":\([0-9.]*\).*/\1 \2/' |
            awk -v who="$1" -v n=$n -v t=$((after - before)) \
                '{ printf "{\"who\":\"%s\",\"in_flight\":%d,\"tokens\":%d,\"tokens_per_s\":%.1f,\"tokens_per_cpu_s\":%.1f}\n", who, n, $1, $2, t ? 100 * $1 / t : 0 }'
    done
    kill $server
    wait $server || :
    server=
}
# ours NAME OPTION...
ours() {
    name=$1
    shift
    serving "$log" "$BUILD/retort" serve "$model" --port 0 --threads "$threads" "$@"
    measure "$name" "$url"
}
# theirs NAME TYPE
theirs() {
    [ -e "$work/$2.gguf" ] || "$BUILD/retort" export-model "$model" -o "$work/$2.gguf" --type "$2" -q
    serving "$log" "$llama" -m "$work/$2.gguf" --host 127.0.0.1 --port 0 -t "$threads" -tb "$threads" -np 32 -c 16384
    measure "$1" "$url/v1"
}
round=0
while [ $round -lt "$rounds" ]; do
    ours retort
    ours retort-int8 --int8
    if [ -x "$llama" ]; then
        theirs llama.cpp bf16
        theirs llama.cpp-q8_0 q8_0
    else
        echo "SKIP: llama.cpp; no $llama (set LLAMA_CPP)" >&2
    fi
    if "$python" -c 'import torch, transformers' 2>/dev/null; then
        "$python" bench/serve_transformers.py "$model" "$threads" "$tokens" 1 8 32 2>/dev/null | sed 's/^{/{"who":"transformers",/'
    else
        echo "SKIP: transformers; $python has none (set PYTHON)" >&2
    fi
    round=$((round + 1))
done
