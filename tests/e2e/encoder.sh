#!/bin/sh
# An LLM's labels become a small classifier: rows of a dataset (and files in the forms of GLUE, SQuAD
# and CoNLL) train a BERT made from nothing, which is measured, rounded to 8 bits, read by
# transformers; a killed run ends with the same bytes; bad input is one line.
. tests/e2e/lib.inc
data=$PWD/../shared/data
python=${RETORT_PYTHON:-${PYTHON:-python3}}
root=$PWD
[ -f "$data/gsm8k/train.jsonl" ] && [ -f "$data/alpaca-1k/alpaca_en_1k.json" ] || skip "$data is not here"
cd "$dir" || exit 1
json() { "$retort" "$@" --json; }

# ---- what a teacher would have said: which of two kinds a real text is, with a full stop, or chatting
{
    head -n 240 "$data/gsm8k/train.jsonl" | sed 's/^{"question": *\(".*"\), *"answer":.*/{"instruction":"Sort the text.","input":\1,"output":"Arithmetic."}/'
    grep '"instruction"' "$data/alpaca-1k/alpaca_en_1k.json" | head -n 240 |
        sed 's/^ *"instruction": \(".*"\),* *$/{"instruction":"Sort the text.","input":\1,"output":"task"}/'
    echo '{"instruction":"Sort the text.","input":"Hm?","output":"I am not sure what you mean by that."}'
} | grep '^{"instruction"' >pairs.jsonl
expect 0 "$retort" import data.db pairs.jsonl
cat >shape.json <<END
{"model_type":"bert","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":128,"max_position_embeddings":96}
END
expect 0 "$retort" new-model base --config shape.json --vocab 1500 pairs.jsonl
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 1,
  "train": { "student": "base", "out": "student", "method": "full", "epochs": 3, "batch_tokens": 1024, "max_length": 64,
             "held_out": 0.2, "learning_rate": 1e-3, "save_type": "f32", "checkpoint_every": 5,
             "encoder": { "task": "classify", "labels": ["arithmetic", "task"] } },
  "eval": { "models": ["base", "student", "int8", "narrow"] }
}
END
expect 0 json train recipe.jsonc --no-progress
prints '"without_label":1' '"labels":["arithmetic","task"]'
cp student/model.safetensors first

# ---- killed and gone on: the same bytes
"$retort" train recipe.jsonc --no-progress --quiet --set train.out=killed >/dev/null 2>&1 </dev/null &
victim=$!
while kill -0 $victim 2>/dev/null && [ ! -d killed/checkpoints ]; do sleep 0.05; done
kill -9 $victim 2>/dev/null
wait $victim 2>/dev/null
expect 0 "$retort" train recipe.jsonc --no-progress --quiet --threads 1 --set train.out=killed
cmp -s first killed/model.safetensors || wrong "a killed run has other bytes"

# ---- smaller, and measured
expect 0 json export-model student -o int8 --int8
expect 0 json export-model student -o narrow --prune structured:ffn=0.5 --type f32
complains 1 "$retort" export-model student -o x --prune structured:heads=0.5
says "no head_dim"
expect 0 json eval recipe.jsonc
cp out table
prints '"macro_f1"' '"matthews"' 'base: it has no head for this task'
awk -v a="$(number accuracy <out)" 'BEGIN { exit !(a > 0.9) }' || wrong "accuracy $(number accuracy <out) of a task that is easy"
bytes=$(wc -c <int8/model.safetensors)
echo "encoder: accuracy $(number accuracy <table), $bytes bytes in 8 bits"
[ "$bytes" -lt 4000000 ] || wrong "larger than 4 MB"

# ---- from files: GLUE, CoNLL, SQuAD
{
    printf 'sentence\tlabel\n'
    sed -n 's/^{"instruction":"Sort the text.","input":"\([^"\\]*\)","output":"Arith.*/\1	1/p; s/^{"instruction":"Sort the text.","input":"\([^"\\]*\)","output":"task.*/\1	0/p' pairs.jsonl
} >glue.tsv
expect 0 json train recipe.jsonc --quiet --set train.out=glue --set train.encoder.rows=glue.tsv --set train.encoder.labels=null
expect 0 json eval recipe.jsonc --set 'eval.models=["glue"]' --set eval.suite=glue.tsv
prints '"task":"classify"'
awk 'BEGIN { for (i = 0; i < 120; i++) { print "Anna B-PER"; print "saw O"; print (i % 2 ? "Bern B-LOC" : "Rome B-LOC"); print "on O"; print (i % 3 ? "Monday O" : "May O"); print ""; print "The O"; print "town O"; print "of O"; print (i % 2 ? "Rome B-LOC" : "Bern B-LOC"); print "" } }' >tags.conll
expect 0 json train recipe.jsonc --quiet --set train.out=tagger --set train.encoder.rows=tags.conll --set train.encoder.task=tag --set train.encoder.labels=null --set train.epochs=25 --set train.batch_tokens=512
expect 0 json eval recipe.jsonc --set 'eval.models=["tagger"]' --set train.encoder.task=tag --set eval.suite=tags.conll

awk -v a="$(number f1 <out)" 'BEGIN { exit !(a > 0.9) }' || wrong "entity F1 $(number f1 <out)"
awk 'BEGIN { printf "{\"data\":[{\"paragraphs\":["
    for (i = 0; i < 90; i++) { n = i % 2 ? "Anna" : "Peter"; t = i % 3 ? "Bern" : "Rome"
        c = n " lives in " t " and likes tea."; at = index(c, t) - 1
        printf "%s{\"context\":\"%s\",\"qas\":[{\"id\":\"%d\",\"question\":\"Where does %s live?\",\"answers\":[{\"text\":\"%s\",\"answer_start\":%d}]}]}", i ? "," : "", c, i, n, t, at }
    print "]}]}" }' >squad.json
expect 0 json train recipe.jsonc --quiet --set train.out=finder --set train.encoder.rows=squad.json --set train.encoder.task=answer --set train.encoder.labels=null --set train.epochs=8 --set train.held_out=0
expect 0 json eval recipe.jsonc --set 'eval.models=["finder"]' --set train.encoder.task=answer --set eval.suite=squad.json
awk -v a="$(number accuracy <out)" 'BEGIN { exit !(a > 0.8) }' || wrong "exact match $(number accuracy <out)"
echo "encoder: exact match $(number accuracy <out) of made-up questions"

# ---- bad input
bad() {
    want=$1
    shift
    complains "$want" "$retort" train recipe.jsonc --quiet --set train.out=x "$@"
}
bad 2 --set train.method=lora --set train.epochs=1
says "trained whole"
bad 2 --set train.encoder.task=null --set train.epochs=1
says "is an encoder (bert)"
bad 1 --set 'train.encoder.labels=["maybe","perhaps"]' --set train.epochs=1
says "has a label" "train.encoder.labels"
bad 1 --set train.encoder.hard_weight=0.5 --set train.epochs=1
says "no row has a soft label"
bad 2 --set 'train.encoder.labels=["task","task"]' --set train.epochs=1
says "stands there twice"
printf 'good\t1\nbad\n' >short.tsv
bad 1 --set train.encoder.rows=short.tsv --set train.encoder.labels=null
says "short.tsv:2"
printf 'EU B-ORG\nsays X-Y\n' >broken.conll
complains 1 "$retort" train recipe.jsonc --quiet --set train.out=x --set train.encoder.task=tag --set train.encoder.labels=null --set train.encoder.rows=broken.conll
says "broken.conll:2" "is no tag"
sed 's/"text":"Bern"/"text":"Basel"/' squad.json >broken.json
complains 1 "$retort" train recipe.jsonc --quiet --set train.out=x --set train.encoder.task=answer --set train.encoder.labels=null --set train.encoder.rows=broken.json
says "does not stand at character"
complains 1 "$retort" eval recipe.jsonc --set 'eval.models=["base"]'
says "no head for this task"

# ---- transformers reads them and says the same
if "$python" -c 'import transformers, torch' 2>/dev/null; then
    cat >agree.py <<'END'
import json, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging
logging.set_verbosity_error()
tok = AutoTokenizer.from_pretrained("student")
m = AutoModelForSequenceClassification.from_pretrained("student").eval()
assert m.config.id2label == {0: "arithmetic", 1: "task"}, m.config.id2label
right = n = 0
loss = 0.0
with torch.no_grad():
    for line in list(open("pairs.jsonl"))[200:280]:
        r = json.loads(line)
        want = {"Arithmetic.": 0, "task": 1}.get(r["output"])
        if want is None:
            continue
        z = m(**tok(r["input"], truncation=True, max_length=64, return_tensors="pt")).logits[0].double()
        right += int(z.argmax()) == want
        n += 1
print(json.dumps({"accuracy": right / n, "rows": n}))
END
    expect 0 "$python" agree.py
    theirs=$(number accuracy <out)
    sed -n '201,280p' pairs.jsonl | sed 's/"input":/"text":/; s/"output":"Arithmetic."/"label":"arithmetic"/; s/"output":"task"/"label":"task"/' | grep '"label"' >all.jsonl
    expect 0 json eval recipe.jsonc --set 'eval.models=["student"]' --set eval.suite=all.jsonl
    awk -v a="$theirs" -v b="$(number accuracy <out)" 'BEGIN { d = a - b; exit !(d * d < 1e-7) }' ||
        wrong "transformers: accuracy $theirs, here $(number accuracy <out)"
    # each logit, loss and gradient of the exported classifier, tagger and finder
    for kind in bert roberta distilbert; do
        for head in sequence token span; do
            expect 0 json export-model "$root/tests/train/encoders/$kind-$head" -o "$kind-$head" --type f32
        done
    done
    expect 0 "$python" "$root/tests/train/encoders/make.py" --of student int8 tagger finder ./*bert*-sequence ./*bert*-token ./*bert*-span
    ("$root/$BUILD/tests/train/test_encoder_torch" "$dir"/student "$dir"/int8 "$dir"/tagger "$dir"/finder "$dir"/*bert*-sequence "$dir"/*bert*-token "$dir"/*bert*-span) >logits 2>&1 ||
        { wrong "another logit, loss or gradient than in transformers"; cat logits; }
    echo "encoder: logits of exported folders, relative to transformers': $(sed -n 's/.* logits \([^ ]*\).*/\1/p' logits | tr '\n' ' ')"
else
    echo "SKIP: $python has no transformers"
fi
finish
