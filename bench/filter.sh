#!/bin/sh
# The filter beside rensa, with one thread and with two, and as rows grow.
#
#   sh bench/filter.sh [CORPUS.jsonl...]          corpora of instruction, input, output
#   GROWTH=1000000 sh bench/filter.sh             the table of growth alone, up to so many rows
#
# PYTHON names a Python that has rensa (its README usage: text.split(), 128 permutations, LSH); without
# it that line is left out.  Times are wall and, for machines that are busy with other work, CPU of all
# threads: compare lines of one run.  "near" is exact and near-duplicates alone, verified on their
# texts; "stage" the same with texts in memory and verdicts in memory, which is what rensa is given
# and gives; "default" everything from SQLite to stored verdicts.
set -u
BUILD=${BUILD:-build/release}
bench=$BUILD/bench/bench_filter
stage=$BUILD/bench/bench_near
[ -x "$bench" ] && [ -x "$stage" ] || { echo "build it first: make bench"; exit 2; }
python=${PYTHON:-python3}
number() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }

line() { # line NAME PROGRAM WORD…: one run as a row of the table
    name=$1 program=$2
    shift 2
    out=$("$program" "$@") || exit 1
    printf '%-26s %9s %10s %12s %8s\n' "$name" "$(echo "$out" | number rows)" \
        "$(echo "$out" | number rows_per_s | cut -d. -f1)" "$(echo "$out" | number cpu_us_per_row | cut -c1-5)" \
        "$(echo "$out" | number peak_rss_mb)"
}

rensa() {
    "$python" - "$1" <<'EOF'
import json, resource, sys, time
try:
    import rensa
except ImportError:
    sys.exit(0)
rows = [json.loads(x) for x in open(sys.argv[1], encoding="utf-8")]
texts = ["\n".join(p for p in (r["instruction"], r.get("input"), r["output"]) if p) for r in rows]
best = None
for _ in range(3):
    d = rensa.RMinHashDeduplicator(threshold=.7, num_perm=128, seed=42, use_lsh=True)
    wall, cpu = time.perf_counter(), time.process_time()
    d.add_pairs((str(i), x.split()) for i, x in enumerate(texts))
    t = time.process_time() - cpu, time.perf_counter() - wall
    best = min(best, t) if best else t
print("%-26s %9d %10d %12.2f %8d" % ("rensa, README", len(rows), len(rows) / best[1], best[0] * 1e6 / len(rows),
                                     resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
EOF
}

printf '%-26s %9s %10s %12s %8s\n' what rows rows/s "CPU us/row" "peak MB"
for corpus in "$@"; do
    near="rules=exact_duplicate,near_duplicate threshold=0.7"
    rensa "$corpus"
    line "stage, 1 thread" "$stage" corpus="$corpus" threads=1
    line "stage, 2 threads" "$stage" corpus="$corpus" threads=2
    rensa "$corpus"
    # shellcheck disable=SC2086
    line "near, 1 thread" "$bench" corpus="$corpus" threads=1 $near
    # shellcheck disable=SC2086
    line "near, 2 threads" "$bench" corpus="$corpus" threads=2 $near
    line "default, 1 thread" "$bench" corpus="$corpus" threads=1
    line "default, 2 threads" "$bench" corpus="$corpus" threads=2
    "$bench" corpus="$corpus" repeats=1 threads=1 | sed 's/.*"signatures_per_s":\([0-9]*\).*/signatures a second and core: \1/'
done
[ -n "${GROWTH:-}" ] || [ $# -eq 0 ] || exit 0
for kind in distinct same template; do
    rows=10000
    while [ "$rows" -le "${GROWTH:-100000}" ]; do
        line "$kind" "$bench" made=$kind rows=$rows repeats=1
        rows=$((rows * 10))
    done
done
