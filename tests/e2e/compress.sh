#!/bin/sh
# Compression: pruned, rounded, both; each export is checked against the original and refused
# beyond the bound; eval, generation and training take them; Hugging Face reads them alike.
. tests/e2e/lib.inc
model=$PWD/../shared/models/tinystories-656k
rows=$PWD/../shared/data/self-instruct/user_oriented_instructions.jsonl
python=${RETORT_PYTHON:-${PYTHON:-python3}}
[ -d "$model" ] && [ -f "$rows" ] || skip "$model or $rows is not here"
cd "$dir" || exit 1
printf 'Once upon a time there was a little girl named Lily.\nShe liked to play with her dog.\n' >lines.txt
json() { "$retort" "$@" --json; }

# ---- what is asked for in words that mean nothing is refused before anything is read
for how in magnitude:0.3 unstructured:1 structured:layers=2 structured:heads=2; do
    complains 2 "$retort" export-model "$model" -o x --prune $how
done
complains 2 "$retort" export-model "$model" -o x --int8 --type f32
complains 2 "$retort" export-model "$model" -o x.gguf --int8
complains 1 "$retort" export-model "$model" -o x --rows nothing.txt
says nothing.txt

# ---- beyond the bound: nothing stays, and what was there before stays as it was
complains 1 "$retort" export-model "$model" -o x --prune unstructured:0.9 --rows lines.txt
says "refused and removed" "--bound"
[ ! -e x ] && [ ! -e x.new ] || wrong "a refused export was left"
expect 0 "$retort" export-model "$model" -o kept --type f32
cp kept/model.safetensors before
complains 1 "$retort" export-model "$model" -o kept --prune unstructured:0.9
cmp -s before kept/model.safetensors || wrong "a refused export wrote over an older one"

# ---- pruned, rounded, both; on the original's own words and on lines
expect 0 json export-model "$model" -o zeros --type f32 --prune unstructured:0.3 --rows lines.txt
prints '"kind":"unstructured"' '"percent":30'
expect 0 json export-model "$model" -o pruned --type f32 --prune structured:heads=0.5,ffn=0.25,by=gradient --bound 9
prints '"heads":4' '"kv_heads":2' '"ffn":288'
expect 0 json export-model "$model" -o int8 --int8
prints '"type":"int8"'
expect 0 json export-model pruned -o both --int8
complains 2 "$retort" export-model int8 -o x --prune unstructured:0.3
says "before its weights are rounded"
expect 0 "$retort" show-model both --json
prints '"type":"I8"'
expect 0 json export-model int8 -o small.gguf --type q8_0
for type in f32 f16 bf16 q8_0; do
    expect 0 json export-model pruned -o pruned.gguf --type $type
    awk -v a="$(number loss_before <out)" -v b="$(number loss_after <out)" \
        'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d < 0.01) }' || wrong "GGUF $type does not read back"
done

# ---- pruned weights stay zero in training, and an adapter is refused
cat >recipe.jsonc <<END
{
  "dataset": "data.db", "seed": 3,
  "train": { "student": "zeros", "out": "tuned", "method": "full", "hold_zeros": true, "template": "plain",
             "steps": 6, "batch_tokens": 1024, "max_length": 256, "held_out": 0.2, "samples": 0, "save_type": "f32" },
  "eval": { "models": ["$model", "pruned", "int8", "both", "tuned"], "replies": 2, "max_tokens": 8 }
}
END
head -n 60 "$rows" | sed 's/.*"instances": \[{"input": "\(.*\)", "output": "\(.*\)"}\].*/{"instruction":"Say it again.","input":"\1","output":"\2"}/' |
    grep '^{"instruction":"Say' >pairs.jsonl
expect 0 "$retort" import data.db pairs.jsonl
expect 0 "$retort" train recipe.jsonc --quiet
complains 2 "$retort" train recipe.jsonc --quiet --set train.method=lora --set train.out=other
says "train.hold_zeros"
# ---- what had heads and channels taken out learns again, and keeps its shape
expect 0 json train recipe.jsonc --quiet --set train.student=pruned --set train.out=regrown --set train.hold_zeros=false --set train.learning_rate=1e-3
awk -v a="$(number loss_before <out)" -v b="$(number loss_after <out)" 'BEGIN { print "compress: pruned, then fine-tuned: loss", a, "->", b; exit !(b < a - 0.05) }' ||
    wrong "fine-tuning after pruning: $(number loss_before <out) to $(number loss_after <out)"
cmp -s pruned/config.json regrown/config.json || grep -q '"intermediate_size": 288' regrown/config.json || wrong "fine-tuning gave another shape"
if "$python" -c 'import torch, safetensors' 2>/dev/null; then
    cat >held.py <<'END'
from safetensors.torch import load_file
a, b = load_file("zeros/model.safetensors"), load_file("tuned/model.safetensors")
mats = [k for k in a if ".layers." in k and a[k].dim() == 2]
zeros = sum(int((a[k] == 0).sum()) for k in mats)
assert zeros > 100000 and all(bool((b[k][a[k] == 0] == 0).all()) for k in mats)
assert any(bool((a[k] != b[k]).any()) for k in mats)
print("zeros held:", zeros)
END
    expect 0 "$python" held.py
    prints "zeros held"
fi

# ---- one table
expect 0 json eval recipe.jsonc
prints '"weights_mb":2.62' '"weights_mb":0.93' '"reads_tokens_per_s"'
"$retort" eval recipe.jsonc 2>/dev/null | grep -A 8 '^models'

# ---- the same losses in transformers
if "$python" -c 'import transformers, torch' 2>/dev/null; then
    cat >losses.py <<'END'
import json, torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, AutoConfig, logging
logging.set_verbosity_error()
def nll(m, tok):
    s = n = 0
    for line in open("lines.txt").read().splitlines():
        ids = tok(line, return_tensors="pt").input_ids
        with torch.no_grad():
            logits = m(ids).logits[0].double()
        s += torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="sum").item()
        n += ids.shape[1] - 1
    return s / n
m = AutoModelForCausalLM.from_pretrained("pruned", dtype=torch.float32).eval()
print("pruned", nll(m, AutoTokenizer.from_pretrained("pruned")))
m, said = AutoModelForCausalLM.from_pretrained("regrown", dtype=torch.float32, output_loading_info=True)
assert not said["missing_keys"] and not said["unexpected_keys"] and not said["mismatched_keys"], said
print("regrown", nll(m.eval(), AutoTokenizer.from_pretrained("regrown")))
stored, plain = load_file("int8/model.safetensors"), {}
for k, v in stored.items():
    if not k.endswith("_scale"):
        plain[k] = v.float() * stored[k + "_scale"] if v.dtype == torch.int8 else v.float()
c = json.load(open("int8/config.json")); c.pop("quantization_config"); c["dtype"] = "float32"
m = AutoModelForCausalLM.from_config(AutoConfig.for_model(**c)).float().eval()
m.load_state_dict(plain, strict=False)
print("int8", nll(m, AutoTokenizer.from_pretrained("int8")))
END
    expect 0 "$python" losses.py
    prints pruned regrown int8
    cp out theirs
    expect 0 json export-model pruned -o again --type f32 --rows lines.txt
    awk -v a="$(number loss_before <out)" '/^pruned/ { d = a - $2; exit !(d * d < 1e-10) }' theirs || wrong "pruned: another loss in transformers"
    expect 0 json export-model regrown -o again --type f32 --rows lines.txt
    awk -v a="$(number loss_before <out)" '/^regrown/ { d = a - $2; exit !(d * d < 1e-10) }' theirs || wrong "fine-tuned after pruning: another loss in transformers"
    expect 0 json export-model int8 -o floats --type f32 --rows lines.txt
    awk -v a="$(number loss_after <out)" '/^int8/ { d = a - $2; exit !(d * d < 1e-10) }' theirs || wrong "int8: another loss in transformers"
else
    echo "SKIP: $python has no transformers"
fi
finish
