#!/bin/sh
# bench/distil.sh FOLDER : what each way of learning from a teacher is worth, on the demo's tasks.
#
# The demo's teacher is served on loopback and asked once, with logprobs: one bill. From the same rows
# students are taught in each way of $ARMS, and all are measured on the held-out tasks. A line of
# FOLDER/results.tsv is one student; what is there already is not made again, so a stopped run goes on.
#
# WORLD=text: instead, a teacher of open text (../shared/models/tinystories-656k) goes on with openings of stories, students
# of a third of its size begin at random weights, and what is measured is the loss, nats a token, of the best of each (by a tenth of its
# rows, every 50 steps) on 300 other stories of the teacher.
#
#   ROWS="1000 3000"  SEEDS="1 2 3"  STEPS=600  BATCH=512 (tokens)  THREADS=1  PRECISION=f32  ARMS="sft labels fkl fkl2-lora labels-soft-hot …"
#
# The last table has, for each arm and number of rows, the mean accuracy over the seeds and its 95 %
# interval (Student's t).
set -eu
cd "$(dirname "$0")/.."
root=$PWD
BUILD=${BUILD:-build/release}
retort=${RETORT:-$root/$BUILD/retort}
demo=${DEMO:-$root/demo}
tasks=${TASKS:-$root/$BUILD/demo/tasks/tasks}
world=${WORLD:-tasks}
work=$1
rows=${ROWS:-1000 3000} seeds=${SEEDS:-1 2 3} steps=${STEPS:-600} batch=${BATCH:-512} threads=${THREADS:-1} precision=${PRECISION:-f32}
arms=${ARMS:-sft labels fkl sfkl rkl srkl jsd hidden sft-chatml policy}
. demo/serving.inc
mkdir -p "$work"
cd "$work"

# openings N : N beginnings of stories, all different.
openings() {
    awk -v n="$1" 'BEGIN {
        who = split("Lily Tom Mia Ben Sara Max Anna Tim Lucy Sam Zoe Jack Emma Leo Nina Bob", name, " ")
        what = split("bird dog cat ball tree boat frog bear car cake hat fish duck kite toy box", thing, " ")
        how = split("big small red old happy funny blue sad", kind, " ")
        do_ = split("saw,found,wanted,lost,liked,made", deed, ",")
        when = split("One day,In the park,At home,After the rain,Once upon a time", time, ",")
        for (i = 0; i < n; i++) {
            k = (i * 7919 + 13) % (who * what * how * do_ * when)
            printf "{\"id\":\"%d\",\"instruction\":\"%s, ", i, time[k % when + 1]; k = int(k / when)
            printf "%s ", name[k % who + 1]; k = int(k / who)
            printf "%s a ", deed[k % do_ + 1]; k = int(k / do_)
            printf "%s ", kind[k % how + 1]; k = int(k / how)
            printf "%s.\"}\n", thing[k + 1]
        }
    }'
}
case $world in
tasks)
    teacher=$demo/teacher student=$demo/student template=null served='' heat=0.7 best='"held_out": 0, "best": false'
    prompts() { "$tasks" prompts train "$1" 7; }
    ;;
text)
    teacher=$root/../shared/models/tinystories-656k student=base template='"plain"' served='--template plain' heat=1 best='"held_out": 0.1, "best": true, "eval_every": 50'
    prompts() { openings "$1"; }
    if [ ! -d base ]; then
        echo '{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":192,"max_position_embeddings":512,"tie_word_embeddings":true}' >shape.json
        "$retort" new-model base --config shape.json --tokenizer "$teacher" --seed 5 --quiet
    fi
    ;;
esac

# ---- the rows: the teacher's replies with the logprobs of 16 tokens
most=0
for n in $rows; do [ "$n" -le "$most" ] || most=$n; done
[ -e "prompts-$most.jsonl" ] || prompts "$most" >"prompts-$most.jsonl"
# ask NAME ROWS TEMPERATURE : the dataset NAME.db, from the teacher served on loopback.
ask() {
    # shellcheck disable=SC2086 # options
    serving serve.log "$retort" serve "$teacher" --port 0 --name teacher $served
    trap 'kill $server' EXIT
    [ -e "prompts-$2.jsonl" ] || head -n "$2" "prompts-$most.jsonl" >"prompts-$2.jsonl"
    cat >gen.jsonc <<END
{ "dataset": "$1.db", "teacher": { "base_url": "$url", "model": "teacher", "name": "teacher" },
  "gen": { "prompts": "prompts-$2.jsonl", "max_tokens": 64, "temperature": $3, "logprobs": 16, "send_seed": true } }
END
    "$retort" gen gen.jsonc --no-progress --quiet
    kill $server
    trap - EXIT
}
for n in $rows; do
    [ -e "rows-$n.db" ] || ask "rows-$n" "$n" $heat
    case " $arms " in *-hot*) [ -e "hot-$n.db" ] || ask "hot-$n" "$n" 1.6 ;; esac
done

if [ $world = text ] && [ ! -e held.db ]; then
    openings $((most + 300)) | tail -n 300 >prompts-300-others.jsonl
    ask held 300-others 1
fi

cat >train.jsonc <<END
{ "dataset": "rows.db",
  "train": { "student": "$student", "out": "student", "steps": $steps, "batch_tokens": $batch, "precision": "$precision", "max_length": 192,
             "learning_rate": 3e-3, $best, "checkpoints": 0, "samples": 0, "tensorboard": false, "template": $template },
  "eval": { "suite": ["$demo/heldout.jsonl"], "models": ["student"], "held_out": false, "replies": 0, "max_tokens": 64, "slots": 32 } }
END

# settings ARM ROWS SEED : the recipe fields of an arm, one a line. An arm is LOSS[2][-lora][-soft][-hot]: at
# T = 2, with LoRA, without the text's own loss, on replies drawn at temperature 1.6; then-ARM goes on from a student
# that was taught the text alone, in as many steps again.
settings() {
    arm=${1%-hot}
    case $arm in
    then-*)
        arm=${arm#then-}
        echo "student=first-$2-$3"
        ;;
    esac
    case $arm in
    *-lora | *-lora-*) printf '%s\n' method=lora rank=16 alpha=32 learning_rate=1e-2 ;;
    esac
    case $arm in
    *-soft) echo "distill.hard_weight=0" ;;
    esac
    loss=${arm%%-*}
    cache=$rows_name
    case $loss in
    *2) loss=${loss%2} cache=$cache-2 && echo "distill.temperature=2" ;;
    esac
    local="distill.teacher=$teacher
distill.top_k=64
distill.cache=$cache.cache"
    case $arm in
    *-chatml) echo "template=chatml" ;;
    esac
    case $loss in
    sft) ;;
    labels) echo "distill.teacher=labels" ;;
    fkl | sfkl | rkl | srkl | jsd | tvd) printf '%s\n' "$local" "distill.loss=$loss" ;;
    hidden)
        # Both under the teacher's template, so that their tokens stand side by side. Residual streams are large (here a
        # squared distance of a thousand): cos does not see that, and hidden_mse wants a weight that heeds it.
        how='"loss":"cos","projection":"linear","weight":0.5'
        [ "$arm" = hidden ] || how='"loss":"hidden_mse","projection":"linear","weight":0.0005'
        printf '%s\n' "distill.teacher=$teacher" distill.top_k=64 "distill.cache=$rows_name-hidden.cache" template=chatml \
            "distill.match=[{\"teacher_layer\":3,\"student_layer\":2,$how},{\"teacher_layer\":6,\"student_layer\":4,$how}]"
        ;;
    policy)
        printf '%s\n' "distill.teacher=$teacher" distill.top_k=64 distill.on_policy.share=0.25 \
            distill.on_policy.loss=rkl distill.on_policy.max_tokens=48
        ;;
    *)
        echo "bench/distil.sh: no such arm: $1" >&2
        exit 2
        ;;
    esac
}

# first ROWS SEED : the student that then-ARM goes on from.
first() {
    "$retort" train train.jsonc --quiet --no-progress --restart --dataset "rows-$1.db" --seed "$2" --threads "$threads" \
        --set train.out="first-$1-$2" </dev/null
}

# measure DATASET : of the student, the share of tasks that it has right, or its loss on the other stories.
measure() {
    if [ "$world" = text ]; then
        "$retort" eval train.jsonc --quiet --no-progress --json --threads "$threads" --dataset held.db \
            --set eval.suite=null --set eval.held_out=true --set train.held_out=0.9 >eval.json </dev/null
        sed -n 's/.*"kind":"folder","nll":\([0-9.]*\).*/\1/p' eval.json
    else
        "$retort" eval train.jsonc --quiet --no-progress --json --threads "$threads" --dataset "$1.db" >eval.json </dev/null
        tr '{' '\n' <eval.json | sed -n 's/.*"items":\([0-9]*\),"accuracy":\([0-9.e-]*\),.*/\1 \2/p' |
            awk '{ n += $1; right += $1 * $2 } END { printf "%.4f", right / n }'
    fi
}

# one ARM ROWS SEED : teach and measure one student.
one() {
    name=$1 n=$2 seed=$3 rows_name=rows-$2
    case $name in *-hot) rows_name=hot-$n ;; esac
    set -- --seed "$seed" --threads "$threads"
    case $name in then-*) [ -d "first-$n-$seed" ] || first "$n" "$seed" ;; esac
    settings "$name" "$n" "$seed" >fields
    while read -r field; do set -- "$@" --set "train.$field"; done <fields
    rm -rf student
    "$retort" train train.jsonc --quiet --no-progress --restart --json --dataset "$rows_name.db" "$@" >train.json </dev/null
    echo "$n $name $seed $(measure "$rows_name") $(sed -n 's/.*"seconds":\([0-9.]*\).*/\1/p' train.json)" >>results.tsv
    tail -n 1 results.tsv
}
touch results.tsv
for seed in $seeds; do
    for n in $rows; do
        for arm in $arms; do
            grep -q "^$n $arm $seed " results.tsv || one "$arm" "$n" "$seed"
        done
    done
done

# ---- the table
awk -v world=$world 'BEGIN { split("12.706 4.303 3.182 2.776 2.571", t, " ") }
    { k = $1 " " $2; if (!(k in n)) order[++kinds] = k; n[k]++; sum[k] += $4; square[k] += $4 * $4; s[k] += $5 }
    END {
        text = world == "text"
        printf "%6s  %-14s %5s %9s %20s %8s\n", "rows", "arm", "seeds", text ? "loss" : "right, %", "95 % interval", "seconds"
        for (i = 1; i <= kinds; i++) {
            k = order[i]; split(k, w, " "); m = sum[k] / n[k]
            d = n[k] > 1 ? t[n[k] - 1] * sqrt((square[k] - n[k] * m * m) / (n[k] - 1) / n[k] + 1e-12) : 0
            by = text ? 1 : 100; digits = text ? 3 : 1
            printf "%6d  %-14s %5d %9.*f %9.*f .. %7.*f %8.1f\n", w[1], w[2], n[k], digits, by * m, digits, by * (m - d), digits, by * (m + d), s[k] / n[k]
        }
    }' results.tsv
