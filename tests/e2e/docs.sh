#!/bin/sh
# The examples of README.md and docs/*.md run, and print what the page says.
#
# A block that begins with ```console is run: lines that start with "$ " are commands, the lines
# below each are what it prints (stdout and stderr); "…" stands for anything within a line, and a
# line "…" alone for any lines.  All blocks of a page run in one shell, in a folder where only the
# tree's demo/ lies.  The teacher of demo/small has another port here, in its recipe too.
. tests/e2e/lib.inc

root=$PWD
[ -x "$recorded" ] || skip "the recorded teacher is not built"

# page.md -> commands.sh, which prints a mark before each command, and wanted.txt with the same marks
# and the lines expected.
split() {
    awk -v script="$dir/commands.sh" -v wanted="$dir/wanted.txt" '
    /^```console/ { on = 1; next }
    /^```/ { on = 0; next }
    !on { next }
    /^\$ / {
        n++
        printf "echo \"@@ %d\"\n%s\n[ $? -lt 126 ] || echo \"@@ cannot run\"\n", n, substr($0, 3) > script
        printf "@@ %d\n", n > wanted
        next
    }
    { print > wanted }
    END { print n + 0 }' "$1"
}

# The lines of $1 (wanted) against $2 (printed).
compare() {
    awk '
    function matches(want, line,    part, n, i, at) {
        n = split(want, part, "…")
        if (n == 1) return want == line
        if (substr(line, 1, length(part[1])) != part[1]) return 0
        line = substr(line, length(part[1]) + 1)
        for (i = 2; i <= n; i++) {
            if (part[i] == "") continue
            at = index(line, part[i])
            if (!at) return 0
            line = substr(line, at + length(part[i]))
        }
        return part[n] == "" || line == ""
    }
    NR == FNR { want[++wants] = $0; next }
    { line[++lines] = $0 }
    END {
        i = 1; any = 0
        for (j = 1; j <= lines; j++) {
            while (want[i] == "…") { any = 1; i++ }
            if (i <= wants && matches(want[i], line[j])) { any = 0; i++; continue }
            if (any && line[j] !~ /^@@ /) continue
            printf "wanted: %s\n  got: %s\n", i <= wants ? want[i] : "(nothing more)", line[j]
            exit 1
        }
        while (want[i] == "…") i++
        if (i <= wants) { printf "wanted: %s\n  got: the end\n", want[i]; exit 1 }
    }' "$1" "$2"
}

page() {
    rm -rf "$dir/page" "$dir/commands.sh" "$dir/wanted.txt"
    mkdir "$dir/page"
    n=$(split "$1")
    [ "$n" -gt 0 ] || return 0
    mkdir "$dir/page/demo"
    ln -s "$root"/demo/* "$dir/page/demo"
    rm "$dir/page/demo/small"
    cp -r "$root/demo/small" "$dir/page/demo/small"
    sed "s,127\.0\.0\.1:8080,${url#http://},; s,/v1/v1,/v1," "$root/demo/small/recipe.jsonc" >"$dir/page/demo/small/recipe.jsonc"
    ln -s "$root/../shared" "$dir/page/shared"
    (cd "$dir/page" && PATH="$root/$BUILD:$PATH" NO_COLOR=1 sh "$dir/commands.sh" >"$dir/printed.txt" 2>&1 </dev/null)
    compare "$dir/wanted.txt" "$dir/printed.txt" >"$dir/diff" ||
        { wrong "$1:"; cat "$dir/diff"; echo "--- printed:"; cat "$dir/printed.txt"; }
    echo "$1: $n commands"
}

# The comparison itself can fail.
printf 'a…c\n…\nend\n' >"$dir/w"
printf 'abc\nx\ny\nend\n' >"$dir/p"
compare "$dir/w" "$dir/p" >/dev/null || wrong "the comparison refuses what matches"
printf 'abd\nend\n' >"$dir/p"
compare "$dir/w" "$dir/p" >/dev/null && wrong "the comparison accepts what differs"

recorded=demo/small/teacher.sh # as README.md has it
teacher 0
for p in README.md docs/*.md; do
    page "$p"
done
finish
