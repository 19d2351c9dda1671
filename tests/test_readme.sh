#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The README tells the truth: its C example compiles without a warning against the installed
# library through pkg-config, in C11, and prints what it should; the commands it names exist.
#
#   test_readme.sh SOURCE-ROOT BUILD-ROOT
#
# Prints TAP.
set -u
root=$1
build=$2
. "$(dirname "$0")/tap.sh"

install() {
    DESTDIR=$tmp/root meson install -C "$build" --no-rebuild --quiet
}

compile() {
    local pc
    pc=$(dirname "$(find "$tmp/root" -name membus.pc)")
    sed -n '/^```c$/,/^```$/p' "$root/README.md" | sed '1d;$d' >"$tmp/example.c"
    [ -s "$tmp/example.c" ] &&
        PKG_CONFIG_SYSROOT_DIR=$tmp/root PKG_CONFIG_PATH=$pc \
            sh -c "${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -o $tmp/example $tmp/example.c \
                   \$(pkg-config --cflags --libs membus)"
}

run() {
    local lib
    lib=$(dirname "$(find "$tmp/root" -name 'libmembus.so.0' | head -n 1)")
    LD_LIBRARY_PATH=$lib "$tmp/example" | tee "$tmp/said" && grep -qx 'phase 1; BAR: 16 bytes, error 0' "$tmp/said"
}

targets() {
    for target in run check install; do
        grep -q "^$target:" "$root/Makefile" || { echo "no make target $target"; return 1; }
    done
}

expect 0 "make targets that the README names exist" targets
expect 0 "the library installs" install
if find "$tmp/root" -name 'libasan*' | grep -q . || ldd "$build/libmembus.so" 2>/dev/null | grep -q libasan; then
    skip "the README's example" "built with a sanitizer"
else
    expect 0 "the README's example compiles" compile
    expect 0 "and says what it should" run
fi
expect 0 "the installed program runs" "$(find "$tmp/root" -name membus -path '*/bin/*')" --version
tap_end
