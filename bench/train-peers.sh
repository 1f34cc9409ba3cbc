#!/bin/sh
# Training beside PyTorch, in turns, so that both see the same neighbours: ROUNDS times each case.
#
#     PYTHON=…/bin/python sh bench/train-peers.sh            one thread each, tokens a CPU second
#     PYTHON=… THREADS=2 sh bench/train-peers.sh             two: tokens a second of the wall clock too
#     PYTHON=… CASES="full:1:smollm2-135m:1" sh bench/train-peers.sh
#
# A case is mode:supervised share:shape:batch.  PYTHON has torch, transformers and peft; the peer is
# ../shared/peers/train/train_torch.py in fp32.  Each line: who, then the medians of a case at the end.
set -eu
BUILD=${BUILD:-build/release}
PEER=${PEER:-../shared/peers/train/train_torch.py}
THREADS=${THREADS:-1} ROUNDS=${ROUNDS:-3}
CASES=${CASES:-full:1:smollm2-135m:1 full:0.4:smollm2-135m:1 full:1:smollm2-135m:4 lora:1:smollm2-135m:1 lora:1:qwen2.5-0.5b:1}
export OMP_WAIT_POLICY=passive
if [ -z "${PYTHON:-}" ] || [ ! -f "$PEER" ]; then
    echo "train-peers: SKIP: set PYTHON to a Python with torch; the peer is $PEER" >&2
    exit 77
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT INT TERM

number() { # NAME: of a JSON line
    sed -E "s/.*\"$1\": ?([0-9.]+).*/\1/"
}

note() { # CASE WHO JSON
    rate=$(printf '%s\n' "$3" | number tokens_per_core_s)
    wall=$(printf '%s\n' "$3" | number tokens_per_s)
    memory=$(printf '%s\n' "$3" | number peak_rss_gb)
    printf '%s %s %s %s %s\n' "$1" "$2" "$rate" "$wall" "$memory" | tee -a "$log"
}

echo "case who tokens/CPU-s tokens/s GB   (threads: $THREADS)"
for case in $CASES; do
    mode=${case%%:*} rest=${case#*:}
    share=${rest%%:*} rest=${rest#*:}
    shape=${rest%%:*} batch=${rest#*:}
    i=0
    while [ "$i" -lt "$ROUNDS" ]; do
        i=$((i + 1))
        note "$case" retort "$("$BUILD/bench/bench_train" shape="$shape" batch="$batch" seq=512 mode="$mode" \
            supervised="$share" threads="$THREADS" steps=3)"
        note "$case" torch "$("$PYTHON" "$PEER" --shape "$shape" --mode "$mode" --batch "$batch" \
            --threads "$THREADS" --supervised "$share" --steps 3 --warmup 1 --max-seconds 100 2>/dev/null)"
    done
done
echo
echo "medians: case, retort, torch, times (CPU), times (wall), memory"
for case in $CASES; do
    awk -v c="$case" '
        function median(a, n,   i, j, t) {
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
            return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
        }
        $1 == c && $2 == "retort" { r[++n] = $3; w[n] = $4; m[n] = $5 }
        $1 == c && $2 == "torch" { t[++k] = $3; v[k] = $4; g[k] = $5 }
        END { if (n && k) { x = median(r, n); y = median(t, k)
              printf "%s  %.1f  %.1f  %.2f  %.2f  %.0f %%\n", c, x, y, x / y, median(w, n) / median(v, k),
                     100 * median(m, n) / median(g, k) } }' "$log"
done
