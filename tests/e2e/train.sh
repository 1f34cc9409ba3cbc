#!/bin/sh
# Training: killed with -9 at any step it goes on and ends with the bytes of an undisturbed run,
# whatever the number of threads; signals leave a checkpoint; bad input is one line.
. tests/e2e/lib.inc
pairs=$PWD/demo/small/pairs.jsonl
base=$PWD/demo/small/student
events=$PWD/../shared/golden/formats/check_tfevents.py
python=${RETORT_PYTHON:-python3}
cd "$dir" || exit 1

expect 0 "$retort" import data.db "$pairs"
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 3,
  "train": { "student": "$base", "init": "random", "out": "whole", "epochs": 6, "batch_tokens": 256, "micro_tokens": 100,
             "learning_rate": 3e-3, "held_out": 0.1, "eval_every": 10, "checkpoint_every": 7, "neftune": 5, "samples": 1, "sample_tokens": 8 }
}
END
train() { "$retort" train recipe.jsonc --no-progress "$@"; }
quiet() { train --quiet "$@"; }
same() { cmp -s whole/model.safetensors "$1/model.safetensors" || wrong "$1: not the bytes of the undisturbed run"; }
lines() { if [ -e "$1/metrics.jsonl" ]; then grep -c '"loss"' "$1/metrics.jsonl"; else echo 0; fi; }
# start FOLDER: train into it in the background, $victim is its process; reach FOLDER N: wait for so many steps.
start() {
    "$retort" train recipe.jsonc --no-progress --set train.out="$1" >"out.$1" 2>&1 </dev/null &
    victim=$!
}
reach() { while kill -0 $victim 2>/dev/null && [ "$(lines "$1")" -lt "$2" ]; do :; done; }

# ---- undisturbed, and the same with one thread
expect 0 train --json --threads 2
for field in '"held_out":' '"tokens_per_s":' '"peak_memory_mb":'; do prints "$field"; done
steps=$(number steps_done <out)
[ "$(lines whole)" = "$steps" ] || wrong "the metrics file has not one line a step"
expect 0 train --threads 1 --set train.out=one
same one

# ---- a step in one pass instead of three or four: the same loss to rounding
expect 0 train --json --threads 2 --set train.out=pass --set train.micro_tokens=256 --set train.neftune=0
once=$(number loss_after <out)
expect 0 train --json --threads 2 --set train.out=cut --set train.micro_tokens=50 --set train.neftune=0
awk -v a="$once" -v b="$(number loss_after <out)" 'BEGIN { d = a - b; if (d < 0) d = -d; print "train: one pass or many: loss differs by", d; exit !(d < 1e-3) }' ||
    wrong "one pass: $once, many: $(number loss_after <out)"

# ---- products of BF16 where the processor has them; elsewhere refused.  Few steps: over many, rounding and AdamW
# take two runs from random weights apart.
short() { train --json --threads 2 --set train.out=half --set train.micro_tokens=256 --set train.neftune=0 --set train.steps=20 "$@"; }
half() { short --set train.precision=bf16; }
if "$retort" doctor --json | grep -q '"bf16":"none"'; then
    expect 2 half
    says "AVX512_BF16"
else
    expect 0 short
    float=$(number loss_after <out)
    expect 0 half
    awk -v a="$float" -v b="$(number loss_after <out)" 'BEGIN { d = a - b; if (d < 0) d = -d; print "train: f32 or bf16 products: loss differs by", d; exit !(d < 0.01) }' ||
        wrong "f32: $float, bf16: $(number loss_after <out)"
fi

# ---- frozen by name: those weights keep their bytes; a name that nothing has is refused
expect 2 quiet --set train.out=typo --set 'train.freeze=["*.layer.0.*"]'
says "train.freeze" "*.layer.0.*"
expect 2 quiet --set train.out=typo --set 'train.freeze=["*.q_proj.*"]'
says "one product"

# ---- kill -9 at some steps, then to the end
n=0
for at in 3 17 31 44; do
    start killed
    reach killed $at
    kill -9 $victim 2>/dev/null && n=$((n + 1))
    wait $victim 2>/dev/null
done
[ $n -gt 1 ] || wrong "no run could be killed"
expect 0 train --json --set train.out=killed
same killed
[ "$(lines killed)" = "$steps" ] || wrong "the metrics file of the killed run has not one line a step"
echo "train: $steps steps, killed $n times, the same bytes"

# ---- signals: a checkpoint, exit status 3 and 130, and on
for signal in TERM INT; do
    start $signal
    reach $signal 9
    kill -$signal $victim 2>/dev/null
    wait $victim
    got=$?
    [ $signal = TERM ] && want=3 || want=130
    [ $got = $want ] || wrong "SIG$signal: exit status $got, not $want"
    grep -q 'run the same command to go on' "out.$signal" || wrong "SIG$signal: does not say how to go on"
    expect 0 train --set train.out=$signal
    says 'going on behind step'
    same $signal
done

# ---- finished: nothing to do; another recipe trains anew; an unfinished one is not overwritten
expect 0 train --json
prints '"up_to_date":true'
start other
reach other 9
complains 1 "$retort" train recipe.jsonc --quiet --set train.out=other
says 'other' 'held by another process'
kill -9 $victim
wait $victim 2>/dev/null
expect 2 train --set train.out=other --set train.learning_rate=1e-3
says 'learning_rate differ' '--restart'
expect 0 train --set train.out=other --set train.learning_rate=1e-3 --restart
cmp -s whole/model.safetensors other/model.safetensors && wrong "another learning rate gives the same weights"

# ---- LoRA: the adapter and the merged model; the adapter alone is measured with the base it names
lora() { train --json --set train.student="$dir/whole" --set train.init=pretrained --set train.method=lora --set train.epochs=2 "$@"; }
expect 0 lora --set train.out=lora
[ -s lora/adapter/adapter_model.safetensors ] && [ -s lora/model.safetensors ] || wrong "LoRA: adapter or merged model is missing"
after=$(number loss_after <out)
expect 0 lora --set train.out=half --set train.base_type=bf16
awk -v a="$after" -v b="$(number loss_after <out)" 'BEGIN { d = a - b; exit !(d < 0.05 && d > -0.05) }' ||
    wrong "LoRA on bf16 weights: $(number loss_after <out), on f32 $after"
expect 0 lora --set train.out=alone --set train.merge=false
[ ! -e alone/model.safetensors ] || wrong "LoRA: merged although not wanted"
for out in lora alone; do
    expect 0 "$retort" eval recipe.jsonc --no-progress --json --set train.out=$out --set 'eval.models=["student"]'
    awk -v a="$after" -v b="$(number nll <out)" 'BEGIN { d = a - b; exit !(d < 1e-5 && d > -1e-5) }' ||
        wrong "LoRA: train says $after, eval of $out $(number nll <out)"
done

# ---- the end: early stopping exports the best weights; a time limit ends a run in order
expect 0 train --json --set train.out=early --set train.learning_rate=0.3 --set train.early_stop=2 --set train.epochs=30 --set train.eval_every=5
[ "$(number steps_done <out)" -lt "$(number steps <out)" ] || wrong "early stopping did not stop"
awk -v a="$(number loss_after <out)" 'BEGIN { m = 1e9 } match($0, /"held_out_loss":[0-9.e+-]+/) {
    x = substr($0, RSTART + 16, RLENGTH - 16) + 0; if (!/"step":0,/ && x < m) m = x } END { exit !(a - m < 1e-9 && m - a < 1e-9) }' early/metrics.jsonl ||
    wrong "not the best of the measured losses was exported: $(number loss_after <out)"
expect 0 train --json --set train.out=timed --set train.minutes=0.005 --set train.epochs=2000
[ "$(number steps_done <out)" -lt "$(number steps <out)" ] || wrong "the time limit did not stop"

# ---- too large for the machine: the sum, and what would make it fit
mkdir huge
sed 's/"hidden_size": 96/"hidden_size": 8192/; s/"intermediate_size": 256/"intermediate_size": 28672/; s/"num_hidden_layers": 3/"num_hidden_layers": 80/
     s/"num_attention_heads": 4/"num_attention_heads": 64/; s/"num_key_value_heads": 4/"num_key_value_heads": 8/; s/"head_dim": 24/"head_dim": 128/' \
    "$base/config.json" >huge/config.json
cp "$base/tokenizer.json" "$base/tokenizer_config.json" huge/
complains 1 quiet --set train.out=x --set train.student=huge
says 'training needs' 'weights' 'MB are free'

# ---- a full disk at a checkpoint: said, nothing lost, and on
( ulimit -f 1800; train --set train.out=full --set train.epochs=2 >out 2>err ) </dev/null
got=$?
[ $got = 1 ] && grep -q 'checkpoint of step' err || { wrong "full disk: exit status $got"; cat err; }
expect 0 train --set train.out=full --set train.epochs=2

# ---- bad input
complains 1 quiet --set train.out=x --set train.student=nowhere
says 'nowhere' 'no such folder'
complains 2 quiet --set train.student=null
says 'train.student is not set'
expect 2 train --set train.schedule=cosin
says 'train.schedule'
complains 1 quiet --dataset nothing.db
says 'nothing.db'
complains 1 quiet --set train.out=x --set train.max_length=8
says 'nothing is supervised in 100 rows' 'train.max_length'
mkdir small
sed 's/"vocab_size": 512/"vocab_size": 300/' "$base/config.json" >small/config.json
cp "$base/tokenizer.json" "$base/tokenizer_config.json" small/
complains 1 quiet --set train.out=x --set train.student=small
says '512 ids' '300 embeddings'
cp -r whole odd
printf '{%% for m in messages %%}{{ m.content|frobnicate }}{%% endfor %%}' >odd/chat_template.jinja
complains 1 quiet --set train.out=x --set train.student=odd
says '"frobnicate" is not supported' 'train.template: chatml, llama2'
cp -r whole nan
printf '\0\0\300\177' | dd of=nan/model.safetensors bs=1 seek=$(($(wc -c <nan/model.safetensors) - 4)) conv=notrunc 2>/dev/null
complains 1 quiet --set train.out=x --set train.student=nan --set train.init=pretrained
says 'holds NaN'
expect 1 train --set train.out=x --set train.learning_rate=1e30 --set train.clip=0
says 'not a number at step'
[ ! -e x/model.safetensors ] || wrong "a run that failed left a model"

# ---- settings and folders that contradict each other
before=$(cksum <whole/model.safetensors)
complains 2 quiet --set train.student=whole --set train.init=pretrained --set train.out=./whole/
says 'train.out' 'would overwrite'
[ "$(cksum <whole/model.safetensors)" = "$before" ] || wrong "the student was overwritten"
complains 2 quiet --set train.out=x --set train.base_type=bf16
says 'train.base_type' 'lora'
complains 2 quiet --set train.out=x --set train.freeze_layers=4
says 'train.freeze_layers: 4' 'has 3 layers'
complains 2 quiet --set train.out=x --set train.learning_rate=1e400
says 'train.learning_rate'
complains 1 quiet --set train.out=x --set train.student=lora/adapter
says 'lora/adapter' 'holds an adapter'
sed 's/"max_position_embeddings": 256/"max_position_embeddings": 8/' whole/config.json >config.short
cp -r whole short && cp config.short short/config.json
complains 1 quiet --set train.out=x --set train.student=short
says 'longer than 8 tokens' 'positions'
cp -r whole pickled && mv pickled/model.safetensors pickled/pytorch_model.bin
complains 1 quiet --set train.out=x --set train.student=pickled --set train.init=pretrained
says 'pytorch_model.bin' 'save_pretrained'

# ---- read by TensorBoard
if "$python" -c 'import tensorboard' 2>/dev/null && [ -r "$events" ]; then
    expect 0 "$python" "$events" whole/events
    prints 'train/loss' 'held_out/loss'
else
    echo "SKIP: no Python with tensorboard (RETORT_PYTHON): its reader was not asked"
fi
finish
