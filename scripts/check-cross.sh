#!/bin/bash
# SPDX-License-Identifier: MIT
#
# This machine and every architecture with a cross compiler in Debian, by gcc 12, clang 14 and
# clang 19, at every level of optimization: builds the library, reads its object code with `membus
# objcheck`, and runs the unit tests under qemu-user.
#
#   scripts/check-cross.sh [--build DIR] [--cc gcc-12,clang-19] [--level O0,LTO] [ARCH...]
#
# DIR is the native build that has the membus program (build). ARCH is Debian's name; all by
# default. Prints TAP and a table, and leaves build-cross/ARCH/libmembus.a (gcc 12, -O2). The unit
# tests run thinned out (MEMBUS_TESTS_QUICK), but for gcc 12 at -O2, which runs all of them.
set -u
cd "$(dirname "$0")/.." || exit 2

build=build
compilers="gcc-12 clang-14 clang-19"
levels="O0 O1 O2 O3 Os LTO"
while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$2; shift 2 ;;
    --cc) compilers=${2//,/ }; shift 2 ;;
    --level) levels=${2//,/ }; shift 2 ;;
    -*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
    *) break ;;
    esac
done
out=$PWD/build-cross
membus=$PWD/$build/membus
[ -x "$membus" ] || { echo "check-cross.sh: no $build/membus: build first (make)" >&2; exit 2; }

# Debian's name, GNU triple, folder under src/arch, qemu-user's name. mips, 32 bits and big-endian,
# has no folder: it is where `generic` runs. amd64 is the machine itself, without an emulator.
arches="\
amd64    x86_64-linux-gnu         x86_64   -
arm64    aarch64-linux-gnu        aarch64  aarch64
armhf    arm-linux-gnueabihf      arm      arm
i386     i686-linux-gnu           i386     i386
mips     mips-linux-gnu           generic  mips
mips64el mips64el-linux-gnuabi64  mips64   mips64el
ppc64    powerpc64-linux-gnu      ppc64    ppc64
ppc64el  powerpc64le-linux-gnu    ppc64    ppc64le
riscv64  riscv64-linux-gnu        riscv64  riscv64
s390x    s390x-linux-gnu          s390x    s390x"
[ $# -gt 0 ] || set -- $(awk '{print $1}' <<<"$arches")

tests="access mapping mapping_arch copy copy_transfer"
guard_tests="guard guard_handlers guard_transfer" # by gcc 12 at -O2 alone
warnings="-Wall -Wextra -Werror -Wno-psabi"
common="-std=gnu11 $warnings -fPIC -Iinclude -Isrc -DMEMBUS_RECORD_ACCESSES"

# cmocka is in Debian for none of these to install beside the machine's own: built from its source.
cmocka_flags="-D_GNU_SOURCE -w -O1 -DHAVE_ASSERT_H -DHAVE_INTTYPES_H -DHAVE_MALLOC_H
    -DHAVE_MEMORY_H -DHAVE_SETJMP_H -DHAVE_SIGNAL_H -DHAVE_STDARG_H -DHAVE_STDDEF_H -DHAVE_STDINT_H
    -DHAVE_STDIO_H -DHAVE_STDLIB_H -DHAVE_STRINGS_H -DHAVE_STRING_H -DHAVE_SYS_STAT_H
    -DHAVE_SYS_TYPES_H -DHAVE_TIME_H -DHAVE_UNISTD_H -DHAVE_STRUCT_TIMESPEC -DHAVE_CLOCK_GETTIME
    -DHAVE_CLOCK_REALTIME -DHAVE_GCC_THREAD_LOCAL_STORAGE -DHAVE_STRSIGNAL"

fetch_cmocka() {
    local apt=$out/apt file
    cmocka=$(echo "$out"/cmocka-*/src/cmocka.c)
    [ ! -f "$cmocka" ] || { cmocka=${cmocka%/src/cmocka.c}; return 0; }
    mkdir -p "$apt/sources" "$apt/lists"
    for file in /etc/apt/sources.list.d/debian*.sources; do
        [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/sources/${file##*/}"
    done
    [ ! -f /etc/apt/sources.list ] ||
        sed -n 's/^deb\(-src\)\? /deb-src /p' /etc/apt/sources.list >"$apt/sources/debian.list"
    set -- -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources" \
        -o Dir::State::Lists="$apt/lists" -o APT::Sandbox::User=
    (cd "$out" && apt-get "$@" update && apt-get "$@" source --download-only cmocka &&
        tar xf cmocka_*.orig.tar.xz) >"$out/cmocka.log" 2>&1
    cmocka=$(echo "$out"/cmocka-*/src/cmocka.c)
    [ -f "$cmocka" ] || { tail -5 "$out/cmocka.log" >&2; return 1; }
    cmocka=${cmocka%/src/cmocka.c}
}

# The compiler's command for a triple.
command_of() { # compiler triple
    case $1 in
    gcc-*) echo "$2-$1 -fno-ipa-icf" ;; # else equal accessors become jumps to one of them
    clang-*)
        # Its own headers before gcc's, which it would take for mips.
        local own="-nostdinc -isystem $("$1" -print-resource-dir)/include -isystem /usr/$2/include"
        [ "$2" != x86_64-linux-gnu ] || own=
        echo "$1 --target=$2 $own"
        ;;
    esac
}

flags_of() { # level
    [ "$1" = LTO ] && echo "-O2 -flto" || echo "-$1"
}

# GNU ld reads no LLVM code without a plugin; lld 19 reads that of clang 14 too.
link_flags_of() { # compiler level
    case $1-$2 in clang-*-LTO) echo "-fuse-ld=lld-19" ;; esac
}

# What src/meson.build and the architecture's build, compiled; names the objects.
build_library() { # cc flags folder
    local cc=$1 flags=$2 folder=$3 file object special objects=
    local keep="-fno-builtin-memcpy -fno-builtin-memmove"
    case $cc in *gcc*) keep="$keep -fno-tree-loop-distribute-patterns" ;; esac
    $cc $common $flags $keep -DMEMBUS_FORCE_GENERIC -c src/arch/generic/kernel.c -o generic.o ||
        return
    for file in src/copy*.c src/mapping*.c src/arch/"$folder"/*.[cS]; do
        case $file in src/arch/generic/kernel.c | */guard.c | */guard_*.S) continue ;; esac
        case $file in # as in the folder's meson.build
        */copy_misaligned.c) special=-D__riscv_misaligned_fast ;;
        *_avx2.c) special="-mavx2 -mbmi2" ;;
        *_avx512.c) special="-mavx2 -mbmi2 -mavx512f -mavx512bw -mavx512vl" ;;
        *) special= ;;
        esac
        object=$(basename "${file%.[cS]}").o
        $cc $common $flags $keep $special -c "$file" -o "$object" || return
        objects="$objects $object"
    done
    echo "generic.o$objects" >objects
}

# ppc64's first ABI is none that lld knows: no program there.
unlinkable() { # link-flags; in the configuration's folder
    [ -n "$1" ] && [ "$(basename "$(dirname "$PWD")")" = ppc64 ]
}

build_tests() { # cc flags link-flags
    local cc=$1 flags=$2 link=$3 test extra
    $cc $common $flags -c tests/objcheck_instances.c -o instances.o || return
    ! unlinkable "$link" || return 0
    for test in $tests; do
        extra=
        [ "$test" != copy ] || extra=tests/copy_checker.c
        $cc $common $flags -I"$cmocka/include" tests/test_"$test".c $extra $(cat objects) ../cmocka.o \
            $link -static -pthread -o test_"$test" || return
    done
}

# In the configuration's folder, with the tree's own folders in reach.
enter() { # arch compiler level
    local dir=$out/$1/$2-$3
    rm -rf "$dir" && mkdir -p "$dir" && cd "$dir" || return
    ln -s "$OLDPWD/include" "$OLDPWD/src" "$OLDPWD/tests" .
}

# With LTO the code is not there before a link: one that keeps relocations, which name every call.
objcheck() { # level cc flags link-flags triple
    local native= recorded=libmembus.a
    [ "$5" != mips-linux-gnu ] || recorded= # portable C records nothing
    if [ "$1" = LTO ]; then
        [ "${2#*gcc}" = "$2" ] || native=-flinker-output=nolto-rel
        $2 $3 $4 $native -nostdlib -r $(cat objects) instances.o -o linked.o &&
            "$membus" objcheck linked.o
    else
        rm -f libmembus.a && "$5-ar" rcs libmembus.a $(cat objects) &&
            "$membus" objcheck $recorded instances.o
    fi
}

run_one() { # test quick qemu argument...
    local test=$1 quick=$2 emulator=qemu-$3
    shift 3
    [ "$emulator" != qemu-- ] || emulator=
    MEMBUS_TESTS_QUICK=$quick CMOCKA_MESSAGE_OUTPUT=TAP \
        timeout 600 $emulator "$@" "./test_$test"
}

# The other answers that a probe of the host can give: older CPUs, an erratum, a kernel that knows.
run_variants() { # arch qemu
    case $1 in
    arm64) run_one copy 1 "$2" -cpu cortex-a57 && run_one mapping_arch 1 "$2" -cpu cortex-a57 &&
        run_one copy_transfer 1 "$2" -E MEMBUS_ERRATA=olympus ;;
    armhf) run_one copy 1 "$2" -cpu cortex-a9 && run_one mapping_arch 1 "$2" -cpu cortex-a9 ;;
    riscv64) run_one copy 1 "$2" -E MEMBUS_MISALIGNED=fast &&
        run_one mapping_arch 1 "$2" -E MEMBUS_MISALIGNED=fast ;;
    esac
}

run_tests() { # arch qemu full
    local test
    for test in $tests; do
        run_one "$test" "$([ "$3" = yes ] || echo 1)" "$2" || return
    done
    [ "$3" = no ] || run_variants "$1" "$2"
}

build_guard_tests() { # cc flags folder
    local cc=$1 flags=$2 guard test
    guard=$(ls src/arch/"$3"/guard.c src/arch/"$3"/guard_*.S 2>/dev/null)
    for test in $guard_tests; do
        $cc $common $flags -I"$cmocka/include" tests/test_"$test".c src/guard*.c \
            ${guard:-src/arch/generic/guard.c} \
            $(cat objects) ../cmocka.o -static -pthread -o test_"$test" || return
    done
}

run_guard_tests() { # qemu
    local test
    for test in $guard_tests; do
        MEMBUS_GUARD_FAULTS=2000 run_one "$test" "$([ "$1" = - ] || echo 1)" "$1" || return
    done
}

# What a log of test programs says (cmocka skips by "not ok N # SKIP"): counts; what was skipped.
tally() { # log
    echo "$(grep '^ok' "$1" | grep -vc SKIP) passed," \
        "$(grep -cE '^(not )?ok.*# SKIP|^# skip part:' "$1") skipped"
}

reasons() { # log
    sed -nE 's/^# skip (reason|part):/#  /p; s/^ok.* - all # SKIP/#   all:/p' "$1" | sort -u
}

check_guard() { # name cc flags folder qemu
    if build_guard_tests "$2" "$3" "$4" >guard.log 2>&1 && run_guard_tests "$5" >>guard.log 2>&1; then
        echo "ok - $1: guard: $(tally guard.log)"
        reasons guard.log
    else
        echo "not ok - $1: guard"
        grep -v '^ok' guard.log | sed 's/^/# /' | tail -20
    fi
}

# What is said of one configuration, in its folder.
check_configuration() { # name arch triple folder qemu compiler level
    local name=$1 cc flags link full=no began=$SECONDS
    cc=$(command_of "$6" "$3") flags=$(flags_of "$7") link=$(link_flags_of "$6" "$7")
    [ "$6-$7" != gcc-12-O2 ] || full=yes
    if ! build_library "$cc" "$flags" "$4" >build.log 2>&1 ||
        ! build_tests "$cc" "$flags" "$link" >>build.log 2>&1; then
        echo "not ok - $name: build"
        sed 's/^/# /' build.log | head -20
        return
    fi
    echo "ok - $name: build"
    if objcheck "$7" "$cc" "$flags" "$link" "$3" >objcheck.log 2>&1; then
        echo "ok - $name: objcheck: $(tail -1 objcheck.log)"
    else
        echo "not ok - $name: objcheck"
        sed 's/^/# /' objcheck.log | tail -20
    fi
    if unlinkable "$link"; then
        echo "ok - $name: tests # SKIP lld does not link the ABI of Debian's ppc64"
    elif run_tests "$2" "$5" $full >tests.log 2>&1; then
        echo "ok - $name: tests: $(tally tests.log) ($((SECONDS - began)) s)"
        reasons tests.log
    else
        echo "not ok - $name: tests"
        grep -v '^ok' tests.log | sed 's/^/# /' | tail -20
    fi
    if [ $full = yes ]; then
        # The machine runs i386's programs itself; under qemu-i386 they end after a while, silently.
        [ "$4-$(uname -m)" != i386-x86_64 ] || set -- "$1" "$2" "$3" "$4" - "$6" "$7"
        check_guard "$name" "$cc" "$flags" "$4" "$5"
    fi
    [ $full = no ] || mv libmembus.a ..
}

# One configuration; its results go to result.COMPILER.LEVEL, a line each.
configuration() { # arch triple folder qemu compiler level
    local result=$out/$1/result.$5.$6 name="$1 $5 -$6"
    enter "$1" "$5" "$6" || return
    check_configuration "${name/-LTO/LTO}" "$@" >"$result.part"
    mv "$result.part" "$result"
    rm -f test_* *.o *.so *.a
}

count=0
report() { # results that are there and not yet told
    local file line
    for file in "$out"/*/result.*; do
        case $file in *.part | *.told) continue ;; esac
        [ -f "$file" ] || continue
        while read -r line; do
            case $line in
            "ok - "*) echo "ok $((count += 1)) - ${line#ok - }" ;;
            "not ok - "*) echo "not ok $((count += 1)) - ${line#not ok - }" ;;
            *) echo "$line" ;;
            esac
        done <"$file"
        mv "$file" "$file.told"
    done
}

cell() { # arch compiler level: + all well, and what was not
    local file=$out/$1/result.$2.$3.told
    [ -f "$file" ] || { echo '?'; return; }
    grep -q '^not ok.*: build' "$file" && { echo build; return; }
    grep -q '^not ok.*: objcheck' "$file" && { echo objcheck; return; }
    grep -q '^not ok.*: tests' "$file" && { echo tests; return; }
    echo +
}

table() {
    local arch compiler level
    printf '#\n# %-9s%-10s' '' ''
    printf '%-9s' $levels
    for arch in "$@"; do
        for compiler in $compilers; do
            printf '\n# %-9s%-10s' "$arch" "$compiler"
            for level in $levels; do printf '%-9s' "$(cell "$arch" "$compiler" "$level")"; done
        done
    done
    printf '\n#\n'
}

scripts/deps.sh cross || exit 2
mkdir -p "$out"
fetch_cmocka || { echo "check-cross.sh: no source of cmocka" >&2; exit 2; }
rm -f "$out"/*/result.*

jobs=0 limit=$(nproc)
for arch in "$@"; do
    read -r _ triple folder qemu < <(grep "^$arch " <<<"$arches") || {
        echo "check-cross.sh: no architecture '$arch'" >&2
        exit 2
    }
    mkdir -p "$out/$arch"
    "$triple-gcc-12" $cmocka_flags -I"$cmocka/include" -c "$cmocka/src/cmocka.c" \
        -o "$out/$arch/cmocka.o" || exit 2
    for compiler in $compilers; do
        for level in $levels; do
            [ $jobs -lt "$limit" ] || { wait -n; jobs=$((jobs - 1)); report; }
            (configuration "$arch" "$triple" "$folder" "$qemu" "$compiler" "$level") &
            jobs=$((jobs + 1))
        done
    done
done
wait
report
echo "1..$count"
table "$@"
bad=$(cat "$out"/*/result.*.told | grep -c '^not ok')
echo "# $((count - bad)) passed, $bad failed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
[ "$bad" = 0 ]
