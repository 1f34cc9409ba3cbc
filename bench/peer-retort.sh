#!/bin/sh
# retort on the interface of ../shared/peers/gen (see bench/gen-peers.sh):
#   peer-retort.sh run --url U --prompts P --out D --concurrency C --timeout S
#   peer-retort.sh rows --out D
set -u
BUILD=${BUILD:-build/release}
retort=$(cd "$(dirname "$0")/.." && pwd)/$BUILD/retort
what=$1
shift
while [ $# -gt 1 ]; do
    case $1 in
    --url) url=$2 ;;
    --prompts) prompts=$2 ;;
    --out) out=$2 ;;
    --concurrency) in_flight=$2 ;;
    --timeout) timeout=$2 ;;
    esac
    shift 2
done
if [ "$what" = rows ]; then
    exec sqlite3 "$out/d.db" "SELECT json_object('prompt', instruction, 'answer', output) FROM sample"
fi
echo '{}' >"$out/r.jsonc"
exec "$retort" gen "$out/r.jsonc" --set dataset=d.db --set teacher.base_url="$url" --set teacher.model=teacher --set gen.prompts="$prompts" \
    --set teacher.in_flight="$in_flight" --set gen.max_tokens=256 --set gen.timeout_s="$timeout" --set gen.first_byte_timeout_s="$timeout" \
    --set gen.idle_timeout_s="$timeout"
