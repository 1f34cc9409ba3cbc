#!/bin/sh
# symbols.sh [ARCHIVE...] : no two files of the tree export the same name; the linker would only
# notice where both are pulled into one program.
lib=${BUILD:-build/release}
[ $# -gt 0 ] || set -- "$lib/libretort.a" "$lib/libcli.a"
nm -A --defined-only "$@" | awk '
    # "archive:file.o:address T name"
    $2 ~ /^[TDBR]$/ { n[$3]++; at[$3] = at[$3] " " $1 }
    END { for (s in n) if (n[s] > 1) { print s ":" at[s]; bad = 1 }; exit bad }'
