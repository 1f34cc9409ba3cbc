#!/bin/sh
# shell.sh : every tracked script through `sh -n`, and shellcheck where it is installed.
cd "$(dirname "$0")/.." || exit 1
scripts=$(git ls-files -co --exclude-standard -- '*.sh' .ci/run 2>/dev/null | sort -u)
[ -n "$scripts" ] || scripts=$(find . -name '*.sh' -not -path './build/*')
rc=0
for s in $scripts; do
    sh -n "$s" || rc=1
done
if command -v shellcheck >/dev/null 2>&1; then
    # shellcheck disable=SC2086 # a list of words
    shellcheck -S warning -x -s sh $scripts || rc=1
else
    echo "SKIP: shellcheck is not installed"
fi
[ $rc = 0 ] && echo "shell: $(echo "$scripts" | wc -l) scripts are in order"
exit $rc
