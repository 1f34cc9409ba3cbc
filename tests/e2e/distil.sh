#!/bin/sh
# Distillation: teachers in process, their cache, stored logprobs, matched layers, the student's own
# replies: the same weights however they were come by, and one line for what cannot be.
. tests/e2e/lib.inc
tiny=$PWD/demo
[ ! -d demo/small ] || tiny=$PWD/demo/small
pairs=$tiny/pairs.jsonl
base=$tiny/student
stories=$PWD/../shared/models/tinystories-656k
cd "$dir" || exit 1

expect 0 "$retort" import data.db "$pairs"
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 3,
  "train": { "student": "$base", "init": "random", "out": "teacher", "epochs": 6, "batch_tokens": 512, "micro_tokens": 200,
             "learning_rate": 3e-3, "held_out": 0.1, "eval_every": 50, "samples": 0, "tensorboard": false }
}
END
train() { "$retort" train recipe.jsonc --no-progress "$@"; }
expect 0 train --json
hidden='{"teacher_layer":3,"student_layer":3,"loss":"hidden_mse","projection":"tanh"}'
matches="[$hidden,{\"teacher_layer\":1,\"student_layer\":2,\"loss\":\"attention_mse\"},{\"teacher_layer\":0,\"student_layer\":0,\"loss\":\"attention_ce_mean\"},{\"teacher_layer\":1,\"student_layer\":1,\"loss\":\"gram\"},{\"teacher_layer\":1,\"student_layer\":2,\"feature\":\"hidden\",\"loss\":\"gram\",\"projection\":\"tanh\"},{\"teacher_layer\":1,\"student_layer\":1,\"loss\":\"nst\"},{\"teacher_layer\":2,\"student_layer\":2,\"loss\":\"cos\"},{\"teacher_layer\":1,\"student_layer\":3,\"loss\":\"pkd\"}]"

quiet=--quiet
# learn FOLDER [SETTING...] : a student of the teacher; its report is FOLDER.json.
learn() {
    to=$1
    shift
    for s in "$@"; do set -- "$@" --set "train.$s"; shift; done
    expect 0 train --json $quiet --set train.out="$to" --set train.epochs=2 --set train.distill.teacher=teacher "$@"
    cp out "$to.json"
}
same() { cmp -s "$1/model.safetensors" "$2/model.safetensors" || wrong "$1 and $2 are not the same bytes"; }
near() {
    awk -v a="$(number loss_after <"$1.json")" -v b="$(number loss_after <"$2.json")" -v e="$3" \
        'BEGIN { d = a - b; if (d < 0) d = -d; print "distil: '"$1"' and '"$2"': loss differs by", d; exit !(d < e) }' ||
        wrong "$1: $(number loss_after <"$1.json"), $2: $(number loss_after <"$2.json")"
}

# ---- a teacher's values live, written into a cache, and from it
learn live distill.top_k=8
learn made distill.top_k=8 distill.cache=top.cache
learn again distill.top_k=8 distill.cache=top.cache
same live made
same live again
learn full
learn kept distill.cache=full.cache
near full kept 1e-5

# ---- the same step in one pass or many, whatever the loss, with matched layers too
learn once distill.loss=jsd distill.temperature=2 micro_tokens=512 "distill.match=$matches"
learn many distill.loss=jsd distill.temperature=2 micro_tokens=40 "distill.match=$matches"
near once many 1e-4
learn inner distill.top_k=8 "distill.match=[$hidden]"
learn cached distill.top_k=8 distill.cache=hidden.cache "distill.match=[$hidden]"
same inner cached
for loss in rkl sfkl srkl tvd ce mse uld; do learn "$loss" distill.loss=$loss distill.hard_weight=0; done
learn scheduled distill.schedule.temperature=flsw distill.schedule.soft=linear_decay distill.schedule.hard=linear_growth

# ---- several teachers; the same one twice is the one
learn two 'distill.teacher=["teacher",{"folder":"teacher","weight":3}]'
near full two 1e-5

# ---- a teacher in half and in a quarter of the memory says nearly the same
learn half 'distill.teacher=[{"folder":"teacher","type":"bf16"}]'
near full half 1e-2
learn eighth 'distill.teacher=[{"folder":"teacher","type":"int8"}]'
near full eighth 1e-2
for f in half eighth; do ! cmp -s full/model.safetensors $f/model.safetensors || wrong "$f: the teacher's weights were not rounded"; done
learn eighth-made 'distill.teacher=[{"folder":"teacher","type":"int8"}]' distill.top_k=8 distill.cache=eighth.cache
learn eighth-live 'distill.teacher=[{"folder":"teacher","type":"int8"}]' distill.top_k=8
same eighth-made eighth-live

# ---- one family, more embeddings than tokens (Qwen2.5: 152,064 and 151,936): the common part, and a warning
cp -r "$base" wide
sed 's/"vocab_size": 512/"vocab_size": 544/' "$base/config.json" >wide/config.json
expect 0 train --quiet --json --set train.student=wide --set train.out=wider --set train.epochs=2
quiet=
for k in null 8; do
    learn "cut$k" distill.teacher=wider distill.top_k=$k
    prints '"vocabulary":512' 'wider: 544 embeddings, the student has 512; the first 512 are compared'
    says 'warning: wider: 544 embeddings'
    learn "stretched$k" student=wide distill.teacher=teacher distill.top_k=$k
    prints '"vocabulary":512' 'teacher: 512 embeddings, the student has 544; the first 512 are compared'
done
learn rolled distill.teacher=wider distill.on_policy.share=0.5 distill.on_policy.max_tokens=8

# ---- the student's own replies: any number of threads, any cut, and after kill -9
cat >own.jsonc <<END
{
  "dataset": "data.db", "seed": 3,
  "train": { "student": "$base", "init": "random", "out": "own", "epochs": 2, "batch_tokens": 512, "micro_tokens": 200,
             "learning_rate": 3e-3, "held_out": 0.1, "eval_every": 50, "samples": 0, "tensorboard": false, "checkpoint_every": 3,
             "distill": { "teacher": "teacher", "match": [$hidden], "schedule": { "temperature": "cwsm" },
                          "on_policy": { "share": 0.5, "loss": "rkl", "max_tokens": 12 } } }
}
END
own() {
    to=$1
    shift
    "$retort" train own.jsonc --no-progress --quiet --json --set train.out="$to" "$@"
}
expect 0 own own --threads 1
cp out own.json
"$retort" train own.jsonc --no-progress --quiet --set train.out=killed >/dev/null 2>&1 </dev/null &
victim=$!
while kill -0 $victim 2>/dev/null && [ ! -e killed/checkpoints/step-00000006 ]; do sleep 0.02; done
kill -9 $victim 2>/dev/null
wait $victim 2>/dev/null
expect 0 own killed
same own killed
expect 0 own cut --set train.micro_tokens=60
cp out cut.json
near own cut 1e-4

# ---- the black box: retort serve as the teacher, its logprobs stored by gen
# ask DB : 12 prompts with logprobs.
ask() {
    cat >gen.jsonc <<END
{"dataset":"$1","teacher":{"base_url":"$url","model":"m"},
 "gen":{"prompts":"prompts.jsonl","max_tokens":24,"temperature":0,"logprobs":8}}
END
    expect 0 "$retort" gen gen.jsonc --no-progress
}
for i in 1 2 3 4 5 6; do echo "{\"id\":\"$i\",\"instruction\":\"What is the capital of country $i?\"}"; done >prompts.jsonl
served teacher --name m
ask same.db
expect 0 train --json --quiet --set dataset=same.db --set train.out=labels --set train.epochs=2 --set train.distill.teacher=labels
prints '"aligned_share":'
awk -v s="$(number aligned_share <out)" 'BEGIN { print "distil: same tokenizer: aligned share", s, "(all but the ends of turns)"; exit !(s > 0.5) }' ||
    wrong "a teacher with the student's tokenizer: $(number aligned_share <out) of the tokens aligned"
# ---- or it scores whatever it is shown: the same as beside the student, with the student's own replies too
http="--set teacher.base_url=$url --set teacher.provider=openai-completions --set teacher.model=m"
# shellcheck disable=SC2086
expect 0 train --json --quiet --set train.out=scored --set train.epochs=2 --set train.distill.teacher=endpoint $http --set train.distill.top_k=8
cp out scored.json
near scored live 2e-2
# shellcheck disable=SC2086
expect 0 train --json --quiet --set train.out=scored2 --set train.epochs=1 --set train.distill.teacher=endpoint $http \
    --set train.distill.on_policy.share=0.5 --set train.distill.on_policy.loss=jsd --set train.distill.on_policy.max_tokens=12
complains 2 train --quiet --set train.out=bad --set teacher.base_url="$url" --set train.distill.teacher=endpoint
says 'openai-completions'
complains 1 train --quiet --set train.out=bad --set teacher.base_url=http://127.0.0.1:9/v1 --set teacher.provider=openai-completions --set train.distill.teacher=endpoint
says "the teacher's scores"
rm -rf bad
if [ -d "$stories" ]; then
    served "$stories" --template plain --name m
    ask other.db
    expect 0 train --json --quiet --set dataset=other.db --set train.out=foreign --set train.epochs=2 --set train.distill.teacher=labels
    awk -v s="$(number aligned_share <out)" 'BEGIN { print "distil: other tokenizer: aligned share", s; exit !(s > 0 && s < 0.9) }' ||
        wrong "a teacher with another tokenizer: $(number aligned_share <out) of the tokens aligned"
    expect 0 train --json --quiet --set dataset=other.db --set train.out=ranks --set train.distill.teacher=labels --set train.distill.loss=uld
    complains 1 train --quiet --set train.out=bad --set train.distill.teacher="$stories"
    says 'its tokens are not the student' 'generate with gen.logprobs'
else
    echo "SKIP: ../shared/models/tinystories-656k is absent: no teacher with another tokenizer"
fi

# ---- hooks hear of measurements and checkpoints; one that fails does not end the run
expect 0 train --json --quiet --set train.out=hooked --set train.epochs=1 --set train.tasks.field=source --set train.tasks.power=0.5 \
    --set 'train.hooks.evaluation=["sh","-c","cat >>heard; exit 3"]' --set 'train.hooks.checkpoint=["sh","-c","cat >>heard"]'
for words in '"event":"evaluation"' '"event":"checkpoint"' '"path":"hooked/checkpoints/step-' '"loss":'; do
    grep -qF "$words" heard || { wrong "the hooks do not hear $words"; cat heard; }
done
expect 0 train --set train.out=hooked --restart --set 'train.hooks.evaluation=["no-such-program"]' --set train.epochs=1
says 'no-such-program' 'the run goes on'

# ---- what cannot be
refused() {
    want=$1
    shift
    complains "$want" train --quiet --set train.out=bad "$@"
}
local="--set train.distill.teacher=teacher"
# shellcheck disable=SC2086
{
    refused 1 --set train.distill.teacher=labels
    says 'no row has stored logprobs'
    refused 1 --set train.distill.teacher=nowhere
    says 'train.distill.teacher' 'nowhere'
    refused 2 $local --set train.distill.top_k=0
    says 'top_k'
    refused 2 $local --set train.distill.loss=rkl --set train.distill.top_k=8 --set train.distill.tail=zero
    says 'rkl is infinite' 'bucket'
    refused 2 $local --set train.distill.loss=mse --set train.distill.top_k=8
    says 'whole vocabularies'
    refused 2 $local --set "train.distill.match=[{\"teacher_layer\":9,\"student_layer\":1,\"loss\":\"cos\"}]"
    says 'layer 9 of the teacher is out of range' '0 to 3'
    refused 2 $local --set "train.distill.match=[{\"teacher_layer\":1,\"student_layer\":3,\"loss\":\"attention_mse\"}]"
    says 'layer 3 of the student is out of range'
    refused 2 --set "train.distill.match=[$hidden]"
    says 'need a teacher'
    refused 2 $local --set train.distill.top_k=8 --set train.distill.cache=top.cache --set train.max_length=20
    says 'made for other rows'
    refused 2 --set train.distill.teacher=full --set train.distill.top_k=8 --set train.distill.cache=top.cache
    says 'another teacher' 'remove it'
    refused 2 $local --set train.distill.top_k=9 --set train.distill.cache=top.cache
    says 'another top_k'
    head -c 3000 top.cache >torn.cache
    refused 1 $local --set train.distill.top_k=8 --set train.distill.cache=torn.cache
    says 'torn.cache'
    refused 2 $local --set train.distill.on_policy.share=0.5 --set train.distill.cache=top.cache
    says 'no cache holds them'
}
[ ! -e bad ] || wrong "a refused run left something behind"

# ---- several processes
if command -v mpirun >/dev/null && ldd "$retort" | grep -q libmpi; then
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
    mpi="mpirun --allow-run-as-root --oversubscribe --mca btl self,vader --mca mpi_yield_when_idle 1"
    expect 0 own one --threads 1 --set train.ordered=true --set train.micro_tokens=60
    expect 0 $mpi -n 2 "$retort" train own.jsonc --no-progress --quiet --threads 1 --set train.ordered=true --set train.micro_tokens=60 --set train.out=ranks2
    same one ranks2
else
    echo "SKIP: no mpirun: distillation over several processes was not tried"
fi
finish
