#!/bin/sh
# gen before a teacher that lies, stalls, resets, limits and refuses: one table.
#
#   sh bench/gen-faults.sh [PROMPTS [MIX...]]      default 1000, all mixes
#
# The judge is ../shared/peers/gen/fault_teacher.c, which nobody here wrote.  Each mix asks PROMPTS
# questions; a run that ends "partial" (status 3) is given again, three times in all.  Columns:
#   asked = rows + failed + waiting (checked), failed by cause, what the server saw, complete answers
#   it gave, answers it gave twice, complete answers that are no whole row ("lost"), requests sent before a
#   Retry-After was over, requests over the limit, exit status, seconds.
# Ends with status 1 where a sum does not hold, an answer was lost, or one was paid twice.
set -u
BUILD=${BUILD:-build/release}
retort=$PWD/$BUILD/retort
judge=../shared/peers/gen/fault_teacher.c
[ -r "$judge" ] || { echo "SKIP: $judge is not there"; exit 77; }
[ -x "$retort" ] || { echo "build it first: make"; exit 2; }
command -v sqlite3 >/dev/null || { echo "SKIP: sqlite3 is not installed"; exit 77; }
dir=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$dir"' EXIT
${CC:-cc} -O2 -o "$dir/judge" "$judge" -lm || exit 1
n=${1:-1000}
[ $# -gt 0 ] && shift
i=0
while [ $i -lt "$n" ]; do
    i=$((i + 1))
    printf '{"id":"%d","instruction":"Task %d: explain tides to a patient beginner, with the number %d."}\n' $i $i $((i * 37))
done >"$dir/p.jsonl"

each() { # PERCENT NAME... : so much of each
    share=$1
    shift
    for name in "$@"; do printf -- '--fault %s=%s ' "$name" "$share"; done
}
transport='429_seconds 429_ms 429_date 429_none 408 500 502 503 reset_before reset_after truncated badjson html200 empty closes hang stall drip'
content='no_choices badtype chunked refusal length content_filter utf8 lone_surrogate huge 400_context 400_filter'

mixes='fair transport-1 transport-3 content-3 all-3 storm storm-503 refused-80 limit quota surrogate'
options() {
    case $1 in
    fair) ;;
    transport-1) each 1 $transport ;;
    transport-3) each 3 $transport ;;
    content-3) each 3 $content ;;
    all-3) each 3 $transport $content ;;
    storm) printf -- '--storm 2000,1900' ;;
    storm-503) each 85 503 ;;
    refused-80) each 40 429_none 429_ms ;;
    limit) printf -- '--rpm 6000 --bucket-s 1' ;;
    quota) printf -- '--quota %d' $((n / 3)) ;;
    surrogate) each 5 lone_surrogate ;;
    esac
}

# number NAME FILE: the first number of that name.
number() { grep -o "\"$1\": *[0-9]*" "$2" | head -n 1 | grep -o '[0-9]*$'; }
bad=0
printf '| %-11s | %5s | %5s | %6s | %7s | %6s | %8s | %5s | %4s | %5s | %5s | %4s | %5s | %s\n' mix asked rows failed waiting server answered twice lost early over exit s 'failed by cause'
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $mixes
for mix in "$@"; do
    rm -rf "$dir/run" "$dir/port"
    mkdir "$dir/run"
    cp "$dir/p.jsonl" "$dir/run/"
    # shellcheck disable=SC2046
    "$dir/judge" --seed 1 --for 900 --latency 5 --retry-after 1 $(options "$mix") >"$dir/port" 2>"$dir/report" &
    server=$!
    until grep -q listening "$dir/port" 2>/dev/null; do sleep 0.05; done
    url=http://127.0.0.1:$(sed -n 's/listening //p' "$dir/port")/v1
    began=$(date +%s)
    try=0
    while :; do
        try=$((try + 1))
        (cd "$dir/run" && echo '{}' >r.jsonc && exec "$retort" gen r.jsonc --set dataset=d.db --set teacher.base_url="$url" --set teacher.model=m \
            --set teacher.in_flight=64 --set gen.prompts=p.jsonl --set gen.max_tokens=200000 --set gen.idle_timeout_s=5 --set gen.first_byte_timeout_s=5 \
            --set gen.retries=12 >out 2>err </dev/null)
        status=$?
        [ $status = 3 ] && [ $try -lt 3 ] && [ "$mix" != quota ] || break
    done
    seconds=$(($(date +%s) - began))
    kill "$server"
    wait "$server" 2>/dev/null
    server=
    "$retort" status "$dir/run/d.db" --json >"$dir/status" 2>"$dir/err"
    asked=$(number total "$dir/status")
    rows=$(sed -n 's/.*"rows":{"total":\([0-9]*\).*/\1/p' "$dir/status")
    failed=$(number failed "$dir/status")
    waiting=$(number waiting "$dir/status")
    causes=$(sed -n 's/.*"failures":{\([^}]*\)}.*/\1/p' "$dir/status" | tr -d '"')
    answered=$(number answered_prompts "$dir/report")
    twice=$(number answered_again "$dir/report")
    whole=$(sqlite3 "$dir/run/d.db" "SELECT count(*) FROM sample WHERE finish_reason IS NOT 'length'")
    lost=$((answered - whole))
    printf '| %-11s | %5s | %5s | %6s | %7s | %6s | %8s | %5s | %4s | %5s | %5s | %4s | %5s | %s\n' "$mix" "$asked" "$rows" "$failed" "$waiting" \
        "$(number requests "$dir/report")" "$answered" "$twice" "$lost" "$(number early_retries "$dir/report")" "$(number rate_violations "$dir/report")" \
        "$status" "$seconds" "$causes"
    # a run that was stopped (quota) has not planned all it was to ask
    [ $((rows + failed + waiting)) = "$asked" ] && { [ "$asked" = "$n" ] || [ "$mix" = quota ]; } || { echo "WRONG: $mix: asked is not rows + failed + waiting"; bad=1; }
    [ "$lost" = 0 ] && [ "$twice" = 0 ] || { echo "WRONG: $mix: an answer was lost or paid twice"; bad=1; }
done
exit $bad
