#!/bin/sh
# lint.sh [ROOT] : what CONTRIBUTING.md asks of every C file and no compiler checks.
#   a file at most 600 lines; a function at most 60 (kernels exempt) with at most 6 parameters;
#   no unbounded string functions; only cli/ prints or exits; nothing left open.
cd "${1:-$(dirname "$0")/..}" || exit 1
files=$(git ls-files -co --exclude-standard -- '*.c' '*.h' 2>/dev/null | sort -u)
[ -n "$files" ] || files=$(find . -path ./build -prune -o -name '*.[ch]' -print | sed 's,^\./,,' | sort)

# shellcheck disable=SC2086 # a list of words
awk '
function broken(line, what) { printf "%s:%d: %s\n", FILENAME, line, what; bad++ }
# Commas between the outermost parentheses of the collected head.
function parameters(text,    i, c, depth, n, any) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") { depth++; if (depth == 1) { n = 0; any = 0 } else any = 1 }
        else if (c == ")") { depth--; if (depth == 0) return any ? n + 1 : 0 }
        else if (c == "," && depth == 1) n++
        else if (depth >= 1 && c != " ") any = 1
    }
    return 0
}
FNR == 1 { comment = 0; head = ""; start = 0 }
{
    line = $0
    # Strings and comments say what they like.
    gsub(/\\./, "", line); gsub(/"[^"]*"/, "\"\"", line); gsub(/\047[^\047]*\047/, "0", line)
    if (comment) { if (sub(/^.*\*\//, "", line)) comment = 0; else line = "" }
    while (match(line, /\/\*/)) {
        before = substr(line, 1, RSTART - 1); after = substr(line, RSTART + 2)
        if (match(after, /\*\//)) line = before " " substr(after, RSTART + 2)
        else { line = before; comment = 1 }
    }
    sub(/\/\/.*/, "", line)
}
$0 ~ /(TODO|FIXME|XXX|HACK)/ && $0 ~ /(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)/ { broken(FNR, "left open") }
line ~ /(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|tmpnam|mktemp|alloca|system|popen)[ ]*\(/ {
    # A test or benchmark may start a checker and trusts its own arguments.
    if (FILENAME !~ /^(tests|bench)\// || line !~ /(system|popen|ato[ilf])[ ]*\(/)
        broken(FNR, "a banned function: it has no bound, no error or a shell")
}
/->>|[^a-z_]unixepoch\(|[^a-z_]FULL JOIN/ { broken(FNR, "newer SQL than the oldest supported SQLite, 3.37") }
line ~ /(^|[^A-Za-z0-9_])(printf|puts|putchar|perror|exit|_exit|quick_exit)[ ]*\(/ || line ~ /(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)/ {
    # The second Ctrl-C ends the program where it stands, and memory that ran out says so.
    if (FILENAME !~ /^(cli|tests|tools|bench|demo)\// && FILENAME !~ /^core\/(signals|mem)\.c$/)
        broken(FNR, "only cli/ prints or exits")
}
line ~ /^\{/ && FILENAME !~ /\.h$/ { start = FNR; at = head }
line ~ /^\}/ {
    if (start && at ~ /\)[ ]*$/) {
        # Numeric kernels are as long and take as much as their formula; a library that calls back
        # decides what it passes.
        numeric = FILENAME ~ /\/(kernels|reference|cpu)\//
        if (FNR - start - 1 > 60 && !numeric)
            broken(start, "a function of " FNR - start - 1 " lines (60 at most)")
        if (parameters(at) > 6 && !numeric && at !~ /struct MHD_Connection/) broken(start, parameters(at) " parameters (6 at most)")
    }
    start = 0
}
{ if (line ~ /[;}]/ || line ~ /^#/ || line ~ /^[ \t]*$/) head = ""; else if (!start) head = head " " line }
FNR == 601 { broken(FNR, "a file over 600 lines: one subject a file") }
END { exit bad > 0 }
' $files
rc=$?

# Paths of a developer machine and huge files do not belong into the tree.
if git rev-parse --git-dir >/dev/null 2>&1; then
    git grep -nIE '(^|[^.a-z])/(work|home|root|Users)/[a-z]' -- . && { echo "lint: a path of some machine"; rc=1; }
    big=$(git ls-files -z | xargs -0 -r wc -c 2>/dev/null | awk '$2 != "total" && $1 > 6000000 { print $2 }')
    [ -z "$big" ] || { echo "lint: tracked files over 6 MB: $big"; rc=1; }
fi
[ $rc = 0 ] && echo "lint: $(echo "$files" | wc -l) files are in order"
exit $rc
