#!/bin/sh
# Several processes: the weights of one process to rounding, and bit for bit with "ordered"; a process
# that dies leaves a checkpoint to go on from.
. tests/e2e/lib.inc
command -v mpirun >/dev/null || skip "no mpirun: training over several processes was not tried"
ldd "$retort" | grep -q libmpi || skip "this retort was built without MPI (libopenmpi-dev)"
pairs=$PWD/demo/small/pairs.jsonl
base=$PWD/demo/small/student
mpi="mpirun --allow-run-as-root --oversubscribe --mca btl self,vader --mca mpi_yield_when_idle 1"
# Open MPI itself leaks at exit; leaks of ours are looked for by every other test.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
cd "$dir" || exit 1
expect 0 "$retort" import data.db "$pairs"
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 3, "threads": 1,
  "train": { "student": "$base", "init": "random", "out": "one", "epochs": 2, "batch_tokens": 512, "micro_tokens": 60,
             "learning_rate": 3e-3, "held_out": 0.1, "checkpoint_every": 5, "tensorboard": false, "samples": 0 }
}
END
# PROCESSES FOLDER ORDERED [more options]
train() {
    n=$1 out=$2 ordered=$3
    shift 3
    $mpi -n "$n" "$retort" train recipe.jsonc --no-progress --json --set train.out="$out" --set train.ordered="$ordered" "$@"
}

expect 0 train 1 one false
loss=$(number loss_after <out)
expect 0 train 4 free4 false
[ "$(wc -l <out)" = 1 ] || wrong "4 processes print $(wc -l <out) reports"
awk -v a="$loss" -v b="$(number loss_after <out)" 'BEGIN { d = a - b; if (d < 0) d = -d; print "mpi: loss differs by", d; exit !(d < 1e-4) }' ||
    wrong "4 processes: loss $(number loss_after <out), one process $loss"
# Gradients of the first step, from the same weights, however many share its micro-batches.
first_norm() { sed -n 's/.*"gradient_norm":\([0-9.e+-]*\).*/\1/p' "$1/metrics.jsonl" | head -1; }
for n in 2 8; do
    expect 0 train $n free$n false --set train.steps=1
done
for n in 2 4 8; do
    awk -v a="$(first_norm one)" -v b="$(first_norm free$n)" -v n=$n 'BEGIN { d = (a - b) / a; if (d < 0) d = -d
        print "mpi:", n, "processes: norm of the first gradient", b, "differs by", d, "of it"; exit !(a > 0 && d < 1e-5) }' ||
        wrong "$n processes: another gradient than one"
done

expect 0 train 1 ordered1 true
for n in 2 4 8; do
    expect 0 train $n ordered$n true
    cmp -s ordered1/model.safetensors ordered$n/model.safetensors || wrong "$n processes in order: other bytes than one"
done
echo "mpi: 1, 2, 4 and 8 processes in order give the same bytes"

# ---- one of two dies; the run goes on from the newest checkpoint to the same bytes
$mpi -n 2 "$retort" train recipe.jsonc --no-progress --set train.out=dead --set train.ordered=true >died 2>&1 </dev/null &
starter=$!
until [ -e dead/checkpoints/step-00000005 ] || ! kill -0 $starter 2>/dev/null; do sleep 0.02; done
for p in $(ps -o pid= --ppid $starter); do victim=$p; done
kill -9 "$victim" 2>/dev/null
wait $starter && wrong "mpirun does not notice that a process died"
expect 0 train 2 dead true
cmp -s ordered1/model.safetensors dead/model.safetensors || wrong "a run whose process died gives other bytes"
finish
