#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh REGISTRY BUILD OUTPUT: builds the peer of bench_space, offline, from the crates in REGISTRY (Debian's
# librust-*-dev packages put them into /usr/share/cargo/registry).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
registry=$1 output=$3

mkdir -p "$2/crate"
build=$(cd "$2" && pwd)
cp "$here/Cargo.toml" "$here/lib.rs" "$build/crate/"
CARGO_HOME=$build/cargo cargo build --manifest-path "$build/crate/Cargo.toml" --quiet --offline --release --target-dir "$build/target" \
    --config 'source.crates-io.replace-with="system"' \
    --config "source.system.directory=\"$registry\""
cp "$build/target/release/libpeer_space_vm_memory.a" "$output"
