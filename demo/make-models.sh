#!/bin/sh
# demo/make-models.sh [FOLDER] : make demo/heldout.jsonl, demo/unseen.jsonl, demo/teacher and demo/student
# again, from nothing, with the product's own commands (make demo-models).  About an hour on two cores.
#
#   OUT=demo       where they go
#   ROWS=120000    tasks the teacher learns from, each time
#   TEXTS=40000    texts the student learns from
#   ITEMS=800      held-out tasks; half as many in unseen wording
#   STEPS=         steps of each training, fewer than the epochs make (to try the script)
#
# The same machine gives the same bytes; another may round otherwise and give models as good.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
BUILD=${BUILD:-build/release}
retort=$root/$BUILD/retort
tasks=$root/$BUILD/demo/tasks/tasks
work=${1:-build/demo-models}
rows=${ROWS:-120000} texts=${TEXTS:-40000} items=${ITEMS:-800} steps=${STEPS:-null}
mkdir -p "${OUT:-demo}"
out=$(cd "${OUT:-demo}" && pwd)
make -s "$BUILD/retort" "$BUILD/demo/tasks/tasks"
mkdir -p "$work"
cd "$work"

# shape HIDDEN FF LAYERS HEADS : a config.json
shape() {
    cat <<END
{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":$1,"intermediate_size":$2,"num_hidden_layers":$3,
 "num_attention_heads":$4,"num_key_value_heads":$4,"vocab_size":1024,"max_position_embeddings":512,"rms_norm_eps":1e-5,
 "rope_theta":10000.0,"hidden_act":"silu","tie_word_embeddings":true,"attention_bias":false,"mlp_bias":false,
 "initializer_range":0.02,"torch_dtype":"float32"}
END
}

# ---- the suites: other inputs than any the teacher saw (tasks splits them by hash), and none that
# stands within a longer one (`retort filter`'s rule contaminated finds those)
"$tasks" rows train "$rows" 1 >rows.jsonl
rm -f clean.db
"$retort" import clean.db rows.jsonl --quiet
# suite SPLIT CANDIDATES WANTED
suite() {
    "$tasks" suite "$1" "$2" 1 >"$1.candidates"
    while :; do
        sed 's/.*"input":\("[^"\\]*\(\\.[^"\\]*\)*"\).*/{"text":\1}/' "$1.candidates" >inputs.jsonl
        "$retort" filter --dataset clean.db --again --quiet --set 'filter.rules=["contaminated"]' \
            --set 'filter.rule.contaminated.files=["inputs.jsonl"]'
        "$retort" export clean.db --removed --format decisions --quiet | sed 's/.*"id":"\([^"]*\)".*/\1/' >found
        [ -s found ] || break
        while read -r id; do "$retort" show clean.db "$id"; done <found |
            sed -n 's/.* in a row of inputs.jsonl:\([0-9]*\).*/\1/p' | sort -un >lines
        echo "$1: $(wc -l <lines) candidates stand within rows of the training data"
        awk 'NR == FNR { out[$1]; next } !(FNR in out)' lines "$1.candidates" >kept
        mv kept "$1.candidates"
    done
    head -n "$3" "$1.candidates" >"$out/$1.jsonl"
}
suite heldout $((items * 2)) "$items"
suite unseen $((items * 5 / 4)) $((items / 2))

# ---- the teacher: 120,000 tasks with their right answers, three times (the last epoch: its held-out loss
# is no longer the lowest, but it answers more of the tasks right)
shape 192 512 6 6 >teacher.json
[ -d teacher-0 ] || "$retort" new-model teacher-0 --config teacher.json --vocab 1024 rows.jsonl
"$retort" import teacher.db rows.jsonl
cat >teacher.jsonc <<END
{ "dataset": "teacher.db", "seed": 1,
  "train": { "student": "teacher-0", "out": "teacher", "method": "full", "template": "chatml", "epochs": 3, "steps": $steps, "max_length": 256,
             "batch_tokens": 4096, "learning_rate": 3e-3, "warmup": 0.03, "best": false } }
END
"$retort" train teacher.jsonc
# then other ones, once, with what it still gets wrong in the majority
"$tasks" rows train "$rows" 2 | awk '/"task":"(extract|sort)"/ || NR % 3 == 0' >rows2.jsonl
"$retort" import teacher2.db rows2.jsonl
cat >teacher2.jsonc <<END
{ "dataset": "teacher2.db", "seed": 2,
  "train": { "student": "teacher", "out": "teacher-2", "method": "full", "template": "chatml", "epochs": 1, "steps": $steps, "max_length": 256,
             "batch_tokens": 4096, "learning_rate": 1.5e-3, "warmup": 0.05, "held_out": 0, "best": false, "samples": 0 } }
END
"$retort" train teacher2.jsonc

# ---- the student: plain text of the same world, no instructions, no answers beside their questions
shape 112 256 4 4 >student.json
"$tasks" text train "$texts" 1 >text.jsonl
[ -d student-0 ] || "$retort" new-model student-0 --config student.json --tokenizer teacher-0
"$retort" import student.db text.jsonl
cat >student.jsonc <<END
{ "dataset": "student.db", "seed": 1,
  "train": { "student": "student-0", "out": "student", "method": "full", "template": "plain", "epochs": 4, "steps": $steps, "max_length": 256,
             "batch_tokens": 4096, "learning_rate": 3e-3, "held_out": 0.02 } }
END
"$retort" train student.jsonc

"$retort" export-model teacher-2 -o "$out/teacher" --type bf16
"$retort" export-model student -o "$out/student" --type bf16
echo "$out: teacher and student are new; their model cards are not"
