#!/bin/sh
# What a person and a shell see: help, colour, manual pages, completions, installation.
. tests/e2e/lib.inc

# ---- help goes to stdout, problems to stderr; colour only where asked
expect 0 "$retort" --version
prints 'retort '
expect 0 "$retort" -h
prints 'Commands:' 'init' 'import'
expect 0 "$retort" help import
cp "$dir/out" "$dir/full"
expect 0 "$retort" import --help
cmp -s "$dir/out" "$dir/full" || wrong "help import and import --help differ"
expect 0 "$retort" import --format nonsense -h
complains 2 "$retort"
complains 2 "$retort" help nonsense
esc=$(printf '\033')
expect 2 "$retort" --color=always nonsense
expect 1 "$retort" status --color=always missing.db
grep -q "$esc" "$dir/err" || wrong "--color=always gives no colour"
expect 1 env NO_COLOR=1 "$retort" status missing.db
if grep -q "$esc" "$dir/err"; then wrong "colour although NO_COLOR is set"; fi

# ---- outside text cannot steer the terminal
printf '%s\n' '{"id": "a\u001b[2Jb", "instruction": "x\u001b[31m", "output": "y\u0007"}' >"$dir/esc.jsonl"
expect 0 "$retort" import "$dir/esc.db" "$dir/esc.jsonl"
expect 0 "$retort" show "$dir/esc.db" 1
if grep -q "$esc" "$dir/out"; then wrong "a row's escape sequence reaches the terminal"; fi
expect 0 "$retort" export "$dir/esc.db"
prints 'a\u001b[2Jb'

# ---- manual pages and completions are well-formed
for c in '' recipe $("$retort" help --commands); do
    # shellcheck disable=SC2086 # no word for retort itself
    "$retort" help --man $c >"$dir/page.1" || wrong "no manual page of $c"
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W error "$dir/page.1" || wrong "mandoc refuses the page of $c"
    elif command -v groff >/dev/null; then
        groff -man -Tutf8 -ww "$dir/page.1" 2>"$dir/warnings" >/dev/null
        [ ! -s "$dir/warnings" ] || { wrong "groff warns about the page of $c"; cat "$dir/warnings"; }
    fi
done
for s in bash zsh fish; do
    "$retort" help --completion $s >"$dir/c.$s" || wrong "no completion for $s"
    if command -v $s >/dev/null; then
        $s -n "$dir/c.$s" || wrong "$s refuses its completion"
    fi
done
if command -v bash >/dev/null; then
    completes() { # WORDS... : what bash offers for the last of them
        bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _retort; echo "${COMPREPLY[*]}"' \
            bash "$dir/c.bash" "$@"
    }
    [ "$(completes retort imp)" = import ] || wrong "bash does not complete a command: $(completes retort imp)"
    [ "$(completes retort import --stri)" = --strict ] || wrong "bash does not complete an option"
    [ "$(completes retort export --format al)" = alpaca ] || wrong "bash does not complete a choice"
fi

# ---- install and uninstall
make -s install MODE="${BUILD#build/}" PREFIX=/usr DESTDIR="$dir/root" >/dev/null || wrong "make install fails"
for f in bin/retort share/man/man1/retort.1 share/man/man1/retort-import.1 share/man/man5/retort-recipe.5 share/retort/schemas/recipe.schema.json \
    share/bash-completion/completions/retort share/zsh/site-functions/_retort; do
    [ -s "$dir/root/usr/$f" ] || wrong "not installed: $f"
done
(cd / && "$dir/root/usr/bin/retort" init "$dir/project" 2>/dev/null) || wrong "the installed binary needs its tree"
make -s uninstall MODE="${BUILD#build/}" PREFIX=/usr DESTDIR="$dir/root" >/dev/null || wrong "make uninstall fails"
left=$(find "$dir/root" -type f)
[ -z "$left" ] || wrong "uninstall leaves: $left"
finish
