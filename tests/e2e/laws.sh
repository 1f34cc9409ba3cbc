#!/bin/sh
# The laws hold in this tree, and the scripts that say so can fail: each is shown a tree that breaks
# one law and has to name it.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
note() { echo "$*"; : >"$dir/failed"; } # a file: half of this runs in subshells

sh tests/layers.sh || note "the layer law is broken"
sh tests/lint.sh || note "lint found something"
sh tests/shell.sh || note "a script is not in order"
sh tests/symbols.sh || note "two files export one name"
sh tests/vectors.sh || note "an instruction that not every x86-64 has, outside of the kernels"

# breaks SCRIPT FILE WORDS... : a tree of one file holding standard input must be refused in WORDS.
breaks() {
    script=$1 file=$2 words=$3
    rm -rf "$dir/tree"
    mkdir -p "$dir/tree/$(dirname "$file")"
    cat >"$dir/tree/$file"
    if sh "tests/$script" "$dir/tree" >"$dir/out" 2>&1; then
        note "$script accepts $file: $words"
    elif ! grep -q "$words" "$dir/out"; then
        note "$script refuses $file with other words:"
        cat "$dir/out"
    fi
}

echo '#include "gen/gen.h"' | breaks layers.sh core/x.c 'core may not include gen'
echo '#include "filter/filter.h"' | breaks layers.sh gen/x.c 'gen may not include filter'
echo '#include "net/net.h"' | breaks layers.sh corpus/x.c 'corpus may not include net'
echo '#include "cli/output.h"' | breaks layers.sh train/x.c 'train may not include cli'
echo '#include <curl/curl.h>' | breaks layers.sh gen/x.c 'only be included by net/http_curl.c'
echo '#include <sqlite3.h>' | breaks layers.sh corpus/other.c 'only be included by corpus/sql.c'
echo '#include "error.h"' | breaks layers.sh core/x.c 'names start from the root'

echo 'int f(int a, int b, int c, int d, int e, int g, int h)
{
    return 0;
}' | breaks lint.sh core/x.c '7 parameters'
echo 'const char *sql = "SELECT meta->>0";' | breaks lint.sh corpus/x.c 'newer SQL'
{ echo 'int f(void)'; echo '{'; yes '    g();' | head -n 61; echo '}'; } |
    breaks lint.sh core/x.c 'a function of 61 lines'
yes 'int x;' | head -n 601 | breaks lint.sh core/x.c 'a file over 600 lines'
echo 'void f(void) { strcpy(a, b); }' | breaks lint.sh core/x.c 'banned function'
echo 'void f(void) { printf("x"); }' | breaks lint.sh model/x.c 'only cli/ prints'
echo 'void f(void) { exit(1); }' | breaks lint.sh gen/x.c 'only cli/ prints'
sh tests/symbols.sh "$BUILD/libcli.a" "$BUILD/libcli.a" >"$dir/out" && note "symbols.sh accepts a name exported twice"
if [ "$(uname -m)" = x86_64 ]; then
    cp "$BUILD/model/kernels/micro_avx2.o" "$dir/elsewhere.o"
    sh tests/vectors.sh "$dir/elsewhere.o" >"$dir/out" && note "vectors.sh accepts AVX2 in any file"
fi
printf '/* %s: later */\n' 'TO''DO' | breaks lint.sh cli/x.c 'left open'
[ ! -e "$dir/failed" ]
