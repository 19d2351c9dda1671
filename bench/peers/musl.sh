#!/bin/sh
# SPDX-License-Identifier: MIT
#
# musl.sh LIBC.A FUNCTION OUTPUT [OBJCOPY [AR]]: takes FUNCTION out of musl's libc.a, named
# peer_musl_FUNCTION, so that it links beside glibc's.
set -eu
archive=$1 function=$2 output=$3 objcopy=${4:-objcopy} ar=${5:-ar}

member=$($ar t "$archive" | grep -xE "$function\.l?o")
$ar p "$archive" "$member" >"$output.tmp"
$objcopy --redefine-sym memcpy=peer_musl_memcpy --redefine-sym memmove=peer_musl_memmove \
    --redefine-sym __memcpy_fwd=peer_musl_memcpy_forward "$output.tmp" "$output"
rm -f "$output.tmp"
