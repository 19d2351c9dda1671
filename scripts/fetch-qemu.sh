#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Unpacks what the QEMU tests need into a directory, beside what the machine has installed:
#
#   scripts/fetch-qemu.sh DIRECTORY
#
#   DIRECTORY/qemu10/   bookworm-backports' qemu-system-x86 (the installed one is Debian 12's 7.2)
#   DIRECTORY/linux/    Debian's newest linux-image-*-amd64: /boot/vmlinuz-* and its modules
#   DIRECTORY/qemu10.sh runs that QEMU with its own libraries and firmware
#
# The archive is the one this machine's apt already uses, with the backports suite added in an apt
# configuration of its own: nothing on the machine changes, and no foreign package is installed.
# What is there already is not fetched again.
set -eu

[ $# = 1 ] || { sed -n '3,14s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
top=$(cd "$1" && pwd)
apt=$top/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"

# The mirror of the installed suite, in either form of a sources list.
mirror=$(apt-cache policy | sed -n 's|^ *[0-9-]* \(https\{0,1\}://[^ ]*\) bookworm/main .*|\1|p' | head -n 1)
[ -n "$mirror" ] || { echo "fetch-qemu.sh: apt knows no bookworm main archive" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
{
    echo "deb [signed-by=$keyring] $mirror bookworm main"
    echo "deb [signed-by=$keyring] $mirror bookworm-backports main"
} >"$apt/sources.list"
options="-o Dir::Etc::SourceList=$apt/sources.list -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists=$apt/lists -o Dir::Cache=$apt/cache \
    -o Dir::Etc::Preferences=- -o Dir::Etc::PreferencesParts=- -o APT::Sandbox::User=root"

say() { echo "fetch-qemu.sh: $*"; }

update() {
    [ -e "$apt/updated" ] && return
    apt-get $options update -q >"$apt/log" 2>&1 || { tail -n 5 "$apt/log" >&2; exit 1; }
    touch "$apt/updated"
}

# unpack DIRECTORY PACKAGE...: downloads and unpacks; `package/suite` chooses the suite.
unpack() {
    local to=$1 deb
    shift
    update
    rm -f "$apt"/debs/*.deb
    (cd "$apt/debs" && apt-get $options download "$@" >>"$apt/log" 2>&1) ||
        { tail -n 5 "$apt/log" >&2; exit 1; }
    mkdir -p "$to"
    for deb in "$apt"/debs/*.deb; do
        dpkg-deb -x "$deb" "$to"
    done
    rm -f "$apt"/debs/*.deb
}

# The packages that hold the libraries which qemu-system-x86 misses on this machine.
missing() {
    LD_LIBRARY_PATH=$top/qemu10/usr/lib/x86_64-linux-gnu \
        ldd "$top/qemu10/usr/bin/qemu-system-x86_64" | sed -n 's/^\t\(.*\) => not found/\1/p'
}

if [ ! -e "$top/qemu10/usr/bin/qemu-system-x86_64" ]; then
    say "QEMU of bookworm-backports"
    b=bookworm-backports
    unpack "$top/qemu10" qemu-system-x86/$b qemu-system-common/$b qemu-system-data/$b seabios
    # Its libraries: every package it depends on that is not installed here.
    depends=$(cd "$apt" && apt-cache $options depends -i -t $b qemu-system-x86 |
        sed -n 's/^ *|\{0,1\}Depends: \(lib[^<]*\)$/\1/p' | sort -u)
    for library in $depends; do
        dpkg-query -W -f '${Status}' "$library" 2>/dev/null | grep -q 'ok installed' ||
            unpack "$top/qemu10" "$library"
    done
fi
[ -z "$(missing)" ] || { echo "fetch-qemu.sh: QEMU 10 misses:" $(missing) >&2; exit 1; }

cat >"$top/qemu10.sh" <<END
#!/bin/sh
# The unpacked QEMU with its own libraries and firmware. An LD_PRELOAD of the caller's stays.
LD_LIBRARY_PATH=$top/qemu10/usr/lib/x86_64-linux-gnu\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} \\
exec $top/qemu10/usr/bin/qemu-system-x86_64 -L $top/qemu10/usr/share/seabios \\
    -L $top/qemu10/usr/share/qemu "\$@"
END
chmod +x "$top/qemu10.sh"

if ! ls "$top"/linux/boot/vmlinuz-* >/dev/null 2>&1; then
    update
    image=$(apt-cache $options depends linux-image-amd64/bookworm 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    say "$image"
    unpack "$top/linux" "$image"
fi
rm -rf "$apt/cache"
