#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Downloads Debian packages into a folder and unpacks them there, installing nothing: kernels and
# headers of another architecture or suite, and programs newer than the machine's own.
#
#   fetch.sh CACHE ARCH SUITE ROOT kernel            linux-image and its version
#   fetch.sh CACHE ARCH SUITE ROOT cloud-kernel      the same of linux-image-cloud: smaller
#   fetch.sh CACHE ARCH SUITE ROOT headers           linux-headers, to build modules against
#   fetch.sh CACHE ARCH SUITE ROOT kbuild            only the programs that such a build runs
#   fetch.sh CACHE ARCH SUITE ROOT program PACKAGE   PACKAGE and what the machine lacks of its
#                                                    dependencies; of another ARCH, all of them
#   fetch.sh CACHE ARCH SUITE ROOT only PACKAGE...   just those
#
# SUITE is bookworm or bookworm-backports. apt runs with a configuration, lists and cache of its
# own under CACHE, so it needs no root and no foreign architecture; its sources are the machine's,
# with the backports of the same archive added. ROOT/.fetched-* says what is there, so a
# second call does nothing.
set -eu

cache=$1 arch=$2 suite=$3 root=$4 what=$5
shift 5

native=$(dpkg --print-architecture)
stamp=".fetched-$what${1:+-$1}"
[ ! -e "$root/$stamp" ] || exit 0

mkdir -p "$cache/debs" "$root"
cache=$(cd "$cache" && pwd)
root=$(cd "$root" && pwd)
state="$cache/apt-$arch"

# The machine's own Debian sources, and beside the main one its backports.
write_sources() {
    local key=/usr/share/keyrings/debian-archive-keyring.gpg

    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        grep -E ' bookworm(-security|-updates|-backports)?$' | sort -u |
        while read -r uri release; do
            echo "deb [signed-by=$key] $uri $release main"
            [ "$release" != bookworm ] ||
                echo "deb [signed-by=$key] $uri bookworm-backports main"
        done | sort -u
}

configure() {
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    write_sources >"$state/sources.list"
    [ -s "$state/sources.list" ] || {
        echo "fetch.sh: no source for Debian bookworm in this machine's apt configuration" >&2
        exit 1
    }
    cat >"$state/apt.conf" <<EOF
APT::Architecture "$arch";
#clear APT::Architectures;
APT::Architectures { "$arch"; };
APT::Default-Release "$suite";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Sandbox::User "";
Dir::State "$state";
Dir::State::status "$status";
Dir::Cache "$state/cache";
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
EOF
    export APT_CONFIG="$state/apt.conf"
    # One update an hour is enough: the calls of one run see the same versions.
    if [ -z "$(find "$state/updated" -mmin -60 2>/dev/null)" ]; then
        apt-get update -q >"$state/log" 2>&1 && ! grep -q '^[EW]:' "$state/log" || {
            echo "fetch.sh: apt-get update:" >&2
            tail -n 10 "$state/log" >&2
            exit 1
        }
        touch "$state/updated"
    fi
}

# The packages named like $2 that package $1 depends on.
depends() {
    apt-cache depends "$1" | sed -n 's/^ *Depends: //p' | grep -E "$2"
}

select_packages() {
    local headers

    case $what in
    kernel)
        depends "linux-image-$arch" '^linux-image-'
        ;;
    cloud-kernel)
        depends "linux-image-cloud-$arch" '^linux-image-'
        ;;
    headers)
        headers=$(depends "linux-headers-$arch" '^linux-headers-')
        echo "$headers"
        depends "$headers" '^linux-headers-.*-common$'
        [ "$arch" != "$native" ] || depends "$headers" '^linux-kbuild-'
        ;;
    kbuild)
        depends "$(depends "linux-headers-$arch" '^linux-headers-')" '^linux-kbuild-'
        ;;
    program)
        apt-get -s install --no-install-recommends "$1" | awk '$1 == "Inst" {print $2}' |
            if [ "$arch" = "$native" ]; then grep -v -E '^qemu-(system-(x86|gui)|user)'; else cat; fi
        ;;
    only)
        printf '%s\n' "$@"
        ;;
    esac
}

status="$state/status"
[ "$what-$arch" != "program-$native" ] || status=/var/lib/dpkg/status
configure
packages=$(select_packages "$@")
[ -n "$packages" ] || {
    echo "fetch.sh: nothing to fetch for $what $* ($arch, $suite)" >&2
    exit 1
}

cd "$cache/debs"
for package in $packages; do
    # The file's name as apt-get download gives it; the cache keeps it between runs.
    deb=$(apt-cache show --no-all-versions "$package" | awk '
        $1 == "Version:" {gsub(":", "%3a", $2); version = $2}
        $1 == "Architecture:" {arch = $2}
        END {if (version) print package "_" version "_" arch ".deb"}' package="$package")
    [ -n "$deb" ] || { echo "fetch.sh: no package $package ($arch, $suite)" >&2; exit 1; }
    [ -s "$deb" ] || apt-get download -q "$package" >"$state/log" 2>&1 || {
        echo "fetch.sh: apt-get download $package:" >&2
        tail -n 10 "$state/log" >&2
        exit 1
    }
    dpkg-deb -x "$deb" "$root"
    echo "$deb" >>"$root/.debs"
done
touch "$root/$stamp"
