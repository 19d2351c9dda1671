#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The layers, downward only: a file includes headers of its own layer or of lower ones.
#
#   scripts/check-layers.sh [ROOT]
#
# Prints TAP. The order is the list below; what a file belongs to is its name up to the first '_'
# or '.', or its folder.
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2

layers="export arch access mapping copy guard region space dma vfio audit tools"

layer_of() { # a path -> its layer's number, or nothing
    local name
    case $1 in
    include/membus/arch/* | src/arch/*) name=arch ;;
    src/audit/*) name=audit ;;
    src/preload/*) name=tools ;;
    tools/*) name=tools ;;
    src/rcu.h) name=region ;;
    src/host.h) name=mapping ;; # what the architecture says of mappings
    src/kernel.h | src/move.h | src/side.h | src/straight.h | src/words.h | \
        src/words_kernel.h) name=copy ;; # the copy's own parts
    *) name=$(basename "$1") && name=${name%%[_.]*} ;;
    esac
    local i=0 l
    for l in $layers; do
        [ "$l" != "$name" ] || { echo $i; return; }
        i=$((i + 1))
    done
}

# A kernel implements the copy for its architecture: it may see what it is made of.
allowed() { # file header
    case $1:$2 in
    src/arch/*:src/kernel.h | src/arch/*:src/words.h | src/arch/*:src/move.h | \
    src/arch/*:src/words_kernel.h | src/arch/*:src/straight.h | src/arch/*:src/host.h | \
    src/arch/*:src/guard.h | src/arch/*:include/membus/*) return 0 ;;
    # A space keeps its DMA budget and who waits for it.
    src/space_internal.h:include/membus/dma.h) return 0 ;;
    esac
    return 1
}

n=0 bad=0
for file in $(git ls-files 'include/*.h' 'src/*.c' 'src/*.h' 2>/dev/null || find include src -name '*.[ch]'); do
    mine=$(layer_of "$file")
    [ -n "$mine" ] || { echo "not ok $((n += 1)) - $file: belongs to no layer (scripts/check-layers.sh)"; bad=1; continue; }
    wrong=
    while read -r header; do
        case $header in
        membus/*) path=include/$header ;;
        *) path=src/$header; [ -f "$path" ] || path=$(dirname "$file")/$header ;;
        esac
        [ -f "$path" ] || continue
        theirs=$(layer_of "$path")
        [ -n "$theirs" ] && [ "$theirs" -le "$mine" ] || allowed "$file" "$path" || wrong="$wrong $header"
    done < <(sed -n 's/^#include [<"]\([^>"]*\)[>"].*/\1/p' "$file")
    if [ -n "$wrong" ]; then
        echo "not ok $((n += 1)) - $file includes from a higher layer:$wrong"
        bad=1
    fi
done
[ $bad = 1 ] || echo "ok $((n += 1)) - layers: no file includes from a higher one"
exit $bad
