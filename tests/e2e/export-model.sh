#!/bin/sh
# export-model and show-model: Hugging Face folders and GGUF files of real weights, checked by the
# libraries where a Python has them (PYTHON, default python3).
. tests/e2e/lib.inc
model=../shared/models/tinystories-656k
checks=../shared/golden/formats
python=${PYTHON:-python3}
[ -d "$model" ] || skip "$model is not here"

expect 0 "$retort" show-model "$model" --json
grep -q '"parameters":656000' "$dir/out" || wrong "show-model does not count 656000 parameters"
expect 0 "$retort" export-model "$model" -o "$dir/hf" --type f32
for file in config.json generation_config.json model.safetensors tokenizer.json; do
    [ -s "$dir/hf/$file" ] || wrong "no $file in the export"
done
expect 0 "$retort" export-model "$dir/hf" -o "$dir/again" --type f32
cmp -s "$dir/hf/model.safetensors" "$dir/again/model.safetensors" ||
    wrong "an export of an export has other bytes"
for type in f32 f16 bf16 q8_0; do
    expect 0 "$retort" export-model "$model" -o "$dir/$type.gguf" --type $type
    [ "$(head -c 4 "$dir/$type.gguf")" = GGUF ] || wrong "$type.gguf is no GGUF file"
done

complains 2 "$retort" export-model "$model"
complains 2 "$retort" export-model "$model" -o "$dir/x" --type q8_0
complains 1 "$retort" export-model "$dir/nothing" -o "$dir/x"
says nothing
complains 1 "$retort" show-model "$dir/nothing"
complains 1 "$retort" export-model "$model" -o "$dir/x" --adapter "$dir/hf"
says adapter_config.json

if "$python" -c 'import gguf, safetensors' 2>/dev/null; then
    for type in f32 f16 bf16 q8_0; do
        expect 0 "$python" $checks/check_gguf.py "$dir/$type.gguf" --against "$model/model.safetensors"
    done
    expect 0 "$python" $checks/check_safetensors.py "$dir/hf/model.safetensors"
else
    echo "SKIP: $python has no gguf and safetensors"
fi
if "$python" -c 'import transformers, torch' 2>/dev/null; then
    expect 0 "$python" $checks/check_hf_load.py "$dir/hf" --json
    grep -q '\[313, 17.3808' "$dir/out" || wrong "the export has other logits in transformers"
else
    echo "SKIP: $python has no transformers"
fi
finish
