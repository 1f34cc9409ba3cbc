#!/bin/sh
# demo/small/teacher.sh [PORT] : the recorded teacher of this project, at http://127.0.0.1:8080/v1 until Ctrl-C.
# PORT 0: any free one, which the line printed names.
set -eu
cd "$(dirname "$0")/../.."
recorded=${BUILD:-build/release}/tests/server/recorded
[ -x "$recorded" ] || make -s "$recorded"
exec "$recorded" port="${1:-8080}" finish=98 demo/small/pairs.jsonl
