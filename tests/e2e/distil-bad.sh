#!/bin/sh
# Teachers that say nothing of use: logprobs of -9999, that are no numbers, of no token; and teachers
# whose inner states the student cannot be matched with: one clear line each.
. tests/e2e/lib.inc
scripted=$PWD/$BUILD/tests/server/scripted
[ -x "$scripted" ] || skip "the scripted teacher is not built"
base=$PWD/demo/small/student
pairs=$PWD/demo/small/pairs.jsonl
cd "$dir" || exit 1

cat >script.jsonl <<'END'
{"when":["nines"],"reply":"no","logprobs":{"content":[{"token":"no","bytes":[110,111],"logprob":-9999.0,"top_logprobs":[{"token":"no","bytes":[110,111],"logprob":-9999.0}]}]}}
{"when":["words"],"reply":"no","logprobs":{"content":[{"token":"no","bytes":[110,111],"logprob":"NaN","top_logprobs":[{"token":"no","bytes":[110,111],"logprob":"NaN"},{"token":"on","bytes":[111,110],"logprob":7}]}]}}
{"when":["tail"],"reply":"no","logprobs":{"content":[{"token":"no","bytes":[110,111],"logprob":null,"top_logprobs":[]}]}}
{"when":["mixed"],"reply":"nnn","logprobs":{"content":[{"token":"n","bytes":[110],"logprob":-0.5,"top_logprobs":[{"token":"n","bytes":[110],"logprob":-0.5},{"token":"m","bytes":[109],"logprob":-9999.0}]},{"token":"n","bytes":[110],"logprob":-9999.0,"top_logprobs":[]},{"token":"n","bytes":[110],"logprob":-0.25,"top_logprobs":[{"token":"n","bytes":[110],"logprob":-0.25}]}]}}
END
"$scripted" rules=script.jsonl >port &
servers="$servers $!"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q port port 2>/dev/null && break
    sleep 0.1
done
url=http://127.0.0.1:$(sed -n 's/^port //p' port)/v1
cat >recipe.jsonc <<END
{ "dataset": "none.db", "seed": 1,
  "train": { "student": "$base", "init": "random", "out": "x", "steps": 2, "batch_tokens": 128, "held_out": 0, "best": false, "samples": 0, "tensorboard": false,
             "distill": { "teacher": "labels" } } }
END
# asked WORD : a dataset of two replies to WORD.
asked() {
    printf '{"id":"1","instruction":"%s one"}\n{"id":"2","instruction":"%s two"}\n' "$1" "$1" >p.jsonl
    echo "{\"dataset\":\"$1.db\",\"teacher\":{\"base_url\":\"$url\",\"model\":\"m\"},\"gen\":{\"prompts\":\"p.jsonl\",\"max_tokens\":8,\"logprobs\":2}}" >gen.jsonc
    expect 0 "$retort" gen gen.jsonc --no-progress --quiet
}
for word in nines words tail; do
    asked $word
    complains 1 "$retort" train recipe.jsonc --quiet --no-progress --set dataset=$word.db
    says 'gets a soft label'
    [ ! -e x ] || wrong "$word: something was left behind"
done
says '(0 alternatives came' 'with top logprobs?'

# ---- some are of use: the rest is counted, and what is learnt is finite
asked mixed
expect 0 "$retort" train recipe.jsonc --no-progress --json --set dataset=mixed.db
says 'stored logprobs are no logarithms of probabilities' 'are left out'
prints '"dropped":2' '"loss":'
! grep -q 'null,"loss\|nan\|inf' out || wrong "a loss is no number"

# ---- inner states
expect 0 "$retort" import data.db "$pairs"
cp -r "$base" slim
sed 's/"hidden_size": 96/"hidden_size": 48/; s/"head_dim": 24/"head_dim": 12/; s/"num_attention_heads": 4/"num_attention_heads": 2/; s/"num_key_value_heads": 4/"num_key_value_heads": 2/' "$base/config.json" >slim/config.json
expect 0 "$retort" train recipe.jsonc --quiet --no-progress --set dataset=data.db --set train.distill.teacher=null --set train.student=slim --set train.out=teacher
match() {
    complains 2 "$retort" train recipe.jsonc --quiet --no-progress --set dataset=data.db --set train.distill.teacher=teacher \
        --set "train.distill.match=[{\"teacher_layer\":$1,\"student_layer\":$2,\"loss\":\"$3\"$4}]"
}
match 1 1 hidden_mse ''
says "hidden state is 48 wide and the student's 96" 'projection'
match 1 1 attention_mse ''
says "attention is 2 wide and the student's 4" 'attention_mse_sum'
match 1 1 attention_mse ',"projection":"linear"'
says 'takes no projection'
match 1 1 gram ''
says "hidden state is 48 wide and the student's 96" 'projection'
match 1 1 cos ',"feature":"attention"'
says 'cos is a loss of hidden states'
match -1 1 hidden_mse ''
match 1 7 gram ''
says 'layer 7 of the student is out of range'
match 1 1 hidden_mze ''
says 'hidden_mse'
sed 's/{{/ {{/' teacher/tokenizer_config.json >tokenizer_config.json
if ! cmp -s tokenizer_config.json teacher/tokenizer_config.json; then
    cp tokenizer_config.json teacher/tokenizer_config.json
    rm -f teacher/chat_template.jinja
    match 1 1 cos ',"projection":"linear"'
    says "chat template is not the student's" 'train.template'
fi
finish
