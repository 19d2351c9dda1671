# SPDX-License-Identifier: MIT
#
# TAP for the shell tests, which source this file: counts, and a folder that goes when they end.
# What a command says goes to $tmp/out and $tmp/err, and is shown when a test fails.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

ok() { # status name [reason to skip]
    n=$((n + 1))
    if [ -n "${3:-}" ]; then
        echo "ok $n - $2 # SKIP $3"
    elif [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        failed=1
        cat "$tmp/out" "$tmp/err" 2>/dev/null | head -n 30 | sed 's/^/# /'
    fi
}

skip() { # name reason
    ok 0 "$1" "$2"
}

expect() { # status name command...
    local want=$1 name=$2 got
    shift 2
    "$@" >"$tmp/out" 2>&1
    got=$?
    [ $got = "$want" ] || echo "# $name: exit status $got, not $want"
    [ $got = "$want" ]
    ok $? "$name"
}

said() { # out|err text: is it in what the last command said?
    grep -qF -- "$2" "$tmp/$1" && return 0
    echo "# no '$2' in what it said"
    return 1
}

tap_end() {
    echo "1..$n"
    exit $failed
}
