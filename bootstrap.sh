#!/bin/sh
# bootstrap.sh GOAL : install what is missing, build, run.
#
#   sh bootstrap.sh demo        build, then the demonstration: a whole small distillation
#   sh bootstrap.sh test        build, then every test; ends with "N passed, N failed, N skipped"
#   sh bootstrap.sh build       build only
#   sh bootstrap.sh deps [X…]   install only (X: more tools, e.g. clang)
#   sh bootstrap.sh list        print the packages that are missing here, install nothing
#
# Missing packages are installed by name with apt, dnf, pacman, apk (as root or through sudo) or
# brew.  What is there already is left as it is.
set -eu

# One line a requirement: how to tell that it is there, then its package for each manager.
# pc:NAME asks pkg-config, cmd:NAME looks for a program, cc: compiles a line, file:NAME a file.
requirements() {
    cat <<'TABLE'
# check                apt                     dnf                 pacman         apk             brew
cc:gcc                 gcc,libc6-dev           gcc,glibc-devel     gcc            build-base      gcc
cmd:make               make                    make                make           make            make
cmd:pkg-config         pkg-config              pkgconf-pkg-config  pkgconf        pkgconf         pkg-config
pc:libcurl             libcurl4-openssl-dev    libcurl-devel       curl           curl-dev        curl
pc:libcjson            libcjson-dev            cjson-devel         cjson          cjson-dev       cjson
pc:sqlite3             libsqlite3-dev          sqlite-devel        sqlite         sqlite-dev      sqlite
pc:openblas            libopenblas-dev         openblas-devel      openblas       openblas-dev    openblas
pc:libpcre2-8          libpcre2-dev            pcre2-devel         pcre2          pcre2-dev       pcre2
pc:libutf8proc         libutf8proc-dev         utf8proc-devel      libutf8proc    utf8proc-dev    utf8proc
pc:libzstd             libzstd-dev             libzstd-devel       zstd           zstd-dev        zstd
pc:libmicrohttpd       libmicrohttpd-dev       libmicrohttpd-devel libmicrohttpd  libmicrohttpd-dev libmicrohttpd
pc:libxxhash           libxxhash-dev           xxhash-devel        xxhash         xxhash-dev      xxhash
file:/etc/ssl/certs    ca-certificates         ca-certificates     ca-certificates ca-certificates ca-certificates
TABLE
    case $1 in
    test | deps | list)
        cat <<'TABLE'
pc:cmocka              libcmocka-dev           libcmocka-devel     cmocka         cmocka-dev      cmocka
cmd:sqlite3            sqlite3                 sqlite              sqlite         sqlite          sqlite
cmd:curl               curl                    curl                curl           curl            curl
cmd:openssl            openssl                 openssl             openssl        openssl         openssl
TABLE
        ;;
    esac
    shift
    for tool in "$@"; do
        # shellcheck disable=SC2086 # the name stands for the check and for every manager
        echo "cmd:$tool" $tool $tool $tool $tool $tool
    done
}

say() { printf '%s\n' "bootstrap: $*" >&2; }
fail() { say "$*"; exit 1; }

manager() {
    for m in apt-get:apt dnf:dnf pacman:pacman apk:apk brew:brew; do
        if command -v "${m%%:*}" >/dev/null 2>&1; then
            echo "${m##*:}"
            return
        fi
    done
    echo none
}

is_there() {
    case $1 in
    cc:*) echo '#include <stdio.h>' | "${1#cc:}" -E - >/dev/null 2>&1 ;;
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pc:*) pkg-config --exists "${1#pc:}" >/dev/null 2>&1 ;;
    file:*) [ -e "${1#file:}" ] ;;
    esac
}

# The packages that are missing, by the names of manager $1; the rest as for requirements.
missing() {
    with=$1
    shift
    requirements "$@" | while read -r check apt dnf pacman apk brew; do
        case $check in \#*) continue ;; esac
        if is_there "$check"; then continue; fi
        case $with in
        dnf) echo "$dnf" ;;
        pacman) echo "$pacman" ;;
        apk) echo "$apk" ;;
        brew) echo "$brew" ;;
        *) echo "$apt" ;;
        esac
    done | tr ',' '\n' | sort -u | tr '\n' ' '
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "needs root or sudo to run: $*"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

install_with() {
    with=$1
    shift
    case $with in
    apt)
        # The package lists may be empty (a bare system) or old: then refresh them and try again.
        apt_install "$@" || { as_root apt-get update -q && apt_install "$@"; }
        ;;
    dnf) as_root dnf install -y "$@" ;;
    pacman) as_root pacman -S --noconfirm --needed "$@" ;;
    apk) as_root apk add "$@" ;;
    brew) brew install "$@" ;;
    esac
}

# The package manager's hundreds of lines are shown only where it fails.
install() {
    log=$(mktemp)
    if install_with "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        fail "the installation failed (above)"
    fi
}

dependencies() {
    with=$(manager)
    packages=$(missing "$with" "$@")
    if [ -z "${packages% }" ]; then
        say "everything needed is installed"
        return
    fi
    if [ "$with" = none ]; then
        fail "no apt, dnf, pacman, apk or brew here. Install by hand, then run this again (Debian's names): $packages"
    fi
    say "installing with $with: $packages"
    # shellcheck disable=SC2086 # a list of words
    install "$with" $packages
    packages=$(missing "$with" "$@")
    if [ -n "${packages% }" ]; then
        fail "still missing after the installation: $packages"
    fi
}

jobs() { nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2; }

build() {
    say "building (build/release/retort)"
    make -s -j"$(jobs)" all
}

# A compiler of tomorrow may warn of more: then a user still gets a build (.ci/run sets DEV=1).
DEV=${DEV:-0}
export DEV

cd "$(dirname "$0")"
goal=${1:-help}
[ $# = 0 ] || shift
case $goal in
demo)
    dependencies demo
    build
    sh demo/run.sh "$@"
    ;;
test)
    dependencies test
    build
    make -s -j"$(jobs)" tests
    make -s test
    ;;
build)
    dependencies build
    build
    ;;
deps) dependencies deps "$@" ;;
list) missing "$(manager)" list "$@" && echo ;;
*)
    sed -n 's/^# \{0,1\}//; 2,11p' "$0"
    [ "$goal" = help ] || exit 2
    ;;
esac
