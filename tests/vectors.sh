#!/bin/sh
# vectors.sh [OBJECT...] : one program runs on every x86-64.  So instructions beyond the first ones
# (AVX and its sets begin with v or name their registers) stand only in files under kernels/, whose
# functions are chosen at run time, and there not in what asks whether they may run (usable, has_*).
[ "$(uname -m)" = x86_64 ] || exit 0
if [ $# -gt 0 ]; then
    objdump -d --no-show-raw-insn "$@"
else
    find "${BUILD:-build/release}" -name '*.o' ! -path '*/tests/*' -exec objdump -d --no-show-raw-insn {} +
fi | awk '
    /file format/ { file = $1; sub(/:$/, "", file); kernels = file ~ /\/kernels\// }
    /^[0-9a-f]+ <.*>:$/ { f = substr($2, 2, length($2) - 3); asked = f ~ /^(usable|has_)/ }
    /%[yz]mm|\tv[a-z]+[0-9a-z]* |%tmm/ {
        if ((!kernels || asked) && !seen[file, f]++) { print file ": " f " has vector instructions"; bad = 1 }
    }
    END { exit bad }'
