#!/bin/sh
# Every strategy of docs/gen-strategies.md: the recipe that its section shows, as it stands there,
# against a teacher that follows tests/e2e/strategies.rules.  Only numbers of thousands are set lower.
. tests/e2e/lib.inc

page=$PWD/docs/gen-strategies.md
rules=$PWD/tests/e2e/strategies.rules
"$BUILD/tests/server/scripted" "rules=$rules" >"$dir/port" &
servers=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q port "$dir/port" 2>/dev/null && break
    sleep 0.1
done
url=http://127.0.0.1:$(sed -n 's/^port //p' "$dir/port")/v1
cd "$dir" || exit 1

# The files that the examples name.
printf '{"instruction":"Two words on tides"}\n{"instruction":"Two words on rust"}\n' >prompts.jsonl
cp prompts.jsonl openings.jsonl
printf '{"instruction":"Name a colour"}\n{"instruction":"Count to ten"}\n{"instruction":"Translate hello into French"}\n' >seeds.jsonl
printf '{"instruction":"What is 17 and 25 together?","meta":{"answer":"42"}}\n' >sums.jsonl
printf '{"output":"The kettle is on the stove, and the tea is in the tin."}\n' >texts.jsonl
printf '{"persona":"a lighthouse keeper"}\n{"persona":"a nurse on night duty"}\n' >personas.jsonl
printf '{"id":"rhine","text":"The Rhine is 1,233 km long. It rises in the Alps and ends in the North Sea."}\n' >documents.jsonl

# The first indented recipe below "## NAME".
recipe() {
    awk -v name="$1" '
    /^## / { on = $2 == name; next }
    on && /^    [{]/ { inside = 1 }
    inside && !/^    / { exit }
    inside { print substr($0, 5) }' "$page"
}

# run NAME QUERY LEAST [--set ...] : the example; then QUERY counts at least so many.
run() {
    name=$1 query=$2 least=$3
    shift 3
    recipe "$name" >"$name.jsonc"
    [ -s "$name.jsonc" ] || { wrong "$name: its section shows no recipe"; return; }
    ran="$ran $name"
    expect 0 "$retort" gen "$name.jsonc" --set teacher.base_url="$url" --set teacher.model=m \
        --set dataset="${data:-$name}.db" "$@"
    expect 0 sqlite3 "${data:-$name}.db" "$query"
    [ "$(cat "$dir/out")" -ge "$least" ] || wrong "$name: $(cat "$dir/out") of $least: $query"
}

ran=
rows='SELECT count(*) FROM sample'
run respond "$rows" 4 --set gen.send_seed=true
run self-instruct "$rows" 5 --set gen.rows=5 --set gen.send_seed=true
run evolve "$rows" 4
run rewrite "$rows" 6 --set gen.send_seed=true
run backtranslate "$rows" 1
run reason "$rows" 1
run best-of-n "$rows" 1
run persona "$rows" 2 --set gen.persona.count=4 --set gen.send_seed=true
run ground "$rows" 2
run multi-turn "$rows" 2
run magpie "$rows" 4 --set gen.magpie.count=4
run preference "$rows" 0 --set gen.send_seed=true
data=respond
run judge "SELECT count(*) FROM score WHERE name = 'judge.correct'" 4
sqlite3 respond.db "UPDATE sample SET output = 'Worse' WHERE id IN (SELECT max(id) FROM sample GROUP BY instruction)"
run compare "SELECT count(*) FROM score WHERE name = 'judge.preferred'" 4
expect 0 "$retort" filter compare.jsonc --set dataset=respond.db --set 'filter.limits={"judge.preferred":{"min":0.5}}'
expect 0 sqlite3 respond.db "SELECT count(*) FROM removed WHERE output = 'Worse'"
[ "$(cat "$dir/out")" = 2 ] || wrong "the filter removes no row that lost its comparison"

# No section is left out.
for name in $(sed -n 's/^## //p' "$page"); do
    case " $ran " in *" $name "*) ;; *) wrong "$name is not run" ;; esac
done
finish
