#!/bin/sh
# layers.sh [ROOT] : the law of docs/ARCHITECTURE.md, read from the #include lines.
#   cli -> {gen, filter, train, eval, serve, report} -> {corpus, model, net} -> core
# An arrow never points back or sideways, and one foreign header has one includer.
cd "${1:-$(dirname "$0")/..}" || exit 1

rooms='core corpus model net gen filter train eval serve report cli'
# The files of a tree without git (a release, a test's fixture) are found by find.
files=$(git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null | sort -u)
[ -n "$files" ] || files=$(find . -path ./build -prune -o -name '*.[ch]' -print | sed 's,^\./,,' | sort)

# shellcheck disable=SC2086 # a list of words
awk -v rooms="$rooms" '
BEGIN {
    n = split(rooms, name, " ")
    for (i = 1; i <= n; i++) level[name[i]] = i == 1 ? 0 : i <= 4 ? 1 : i <= 10 ? 2 : 3
    # foreign header -> the file (or folder) that may include it
    only["curl/curl.h"] = "net/http_curl.c"
    only["sqlite3.h"] = "corpus/sql.c"
    only["cjson/cJSON.h"] = only["cJSON.h"] = "core/json.c"
    only["cblas.h"] = "model/"
    only["dnnl.h"] = "model/"
    only["microhttpd.h"] = "serve/httpd.c tests/server/"
    only["pcre2.h"] = "core/regex.c"
    only["zstd.h"] = "core/compress.c"
    only["utf8proc.h"] = "core/unicode.c"
    only["xxhash.h"] = "core/hash.c"
    only["mpi.h"] = "train/"
}
function broken(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad++ }
function may(header, file,    list, k, i) {
    k = split(only[header], list, " ")
    for (i = 1; i <= k; i++) if (index(file, list[i]) == 1) return 1
    return 0
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    split(FILENAME, part, "/"); from = part[1]
    header = $0; sub(/^[^<"]*[<"]/, "", header); sub(/[>"].*$/, "", header)
    if (header in only) {
        if (!may(header, FILENAME)) broken(header " may only be included by " only[header])
        if (only[header] !~ /\/( |$)/) {
            if (header in seen && seen[header] != FILENAME) broken(header " has two includers")
            seen[header] = FILENAME
        }
    }
    if ($0 ~ /"/ && header !~ /\//) broken("write \"room/" header "\": names start from the root")
    to = header; sub(/\/.*/, "", to)
    if (!(from in level) || !(to in level) || $0 !~ /"/) next
    if (from == to) next
    if (level[to] >= level[from]) broken(from " may not include " to " (" header ")")
}
END { exit bad > 0 }
' $files
rc=$?
[ $rc = 0 ] && echo "layers: the law holds in $(echo "$files" | wc -l) files"
exit $rc
