#!/bin/sh
# run.sh PROGRAM... : run each test program or script, show failures whole, end with one line
# "N passed, N failed, N skipped".  A script skips by exit status 77.
passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for t in "$@"; do
    case $t in
    *.sh) set -- sh "$t" ;;
    *) set -- "$t" ;;
    esac
    start=$(date +%s)
    "$@" >"$log" 2>&1 </dev/null
    rc=$?
    took=$(($(date +%s) - start))
    case $rc in
    0) passed=$((passed + 1)); printf 'ok    %s (%ss)\n' "$t" "$took"; grep -i 'skip' "$log" | grep -v SKIPPED | head -n 3 ;;
    77) skipped=$((skipped + 1)); printf 'SKIP  %s: %s\n' "$t" "$(tail -n 1 "$log")" ;;
    *) failed=$((failed + 1)); printf 'FAIL  %s (exit %s)\n' "$t" "$rc"; cat "$log" ;;
    esac
done
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
