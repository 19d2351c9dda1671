# SPDX-License-Identifier: MIT
#
# What the scripts that boot a guest share. They set `here` (this folder), `out` and `limit`.

case_number=0
failed=0
skipped=0

fetch() { # ARCH SUITE ROOT WHAT...
    "$here/fetch.sh" "$out/fetch" "$@"
}

# Passes the guest's cases on, numbered anew and with the guest's name. A skip as cmocka prints it
# ("not ok N # SKIP name", its reason in a line before) becomes one of TAP.
report() { # GUEST CONSOLE
    local line reason=

    while IFS= read -r line; do
        case $line in
        "not ok "*" # SKIP "*)
            case_number=$((case_number + 1))
            skipped=$((skipped + 1))
            echo "ok $case_number - $1: ${line#* \# SKIP } # SKIP ${reason:-it does not say why}"
            reason=
            ;;
        "ok "* | "not ok "*)
            case_number=$((case_number + 1))
            echo "$line" | sed -E "s/^((not )?ok) [0-9]+ - /\1 $case_number - $1: /"
            case $line in
            "not ok "*) failed=$((failed + 1)) ;;
            *" # SKIP"*) skipped=$((skipped + 1)) ;;
            esac
            ;;
        "# skip reason: "*)
            line=${line#\# skip reason: }
            reason=${line#*: }
            ;;
        "# "*) echo "$line" ;;
        esac
    done < <(grep -a -E '^(ok|not ok|#) ' "$2")
}

check_end() { # GUEST CONSOLE
    case_number=$((case_number + 1))
    if grep -a -q '^GUEST-END done$' "$2"; then
        echo "ok $case_number - $1: runs to its end"
        return
    fi
    failed=$((failed + 1))
    echo "not ok $case_number - $1: runs to its end"
    ! grep -a -q '^GUEST-LIMIT' "$2" || echo "# no end after $limit s"
    echo "# the end of its console ($2):"
    tail -n 30 "$2" | sed 's/^/#   /'
}

# The plan, which comes last, and what there is to know; the status is the script's.
finish() {
    echo "1..$case_number"
    echo "# $((case_number - failed - skipped)) passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
}
