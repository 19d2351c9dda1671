#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The audit of this machine: membus keeps every rule in every kernel, and glibc's memcpy and memmove
# break those that are known of them, so the auditor is not blind.
#
#   test_audit_self.sh MEMBUS quick|full
#
# Prints TAP. Needs jq.
set -u
membus=$1 set=
[ "$2" = full ] || set=--quick
. "$(dirname "$0")/tap.sh"
json=$tmp/audit.json

"$membus" audit $set --json="$json" >/dev/null
[ $? = 1 ]; ok $? "the audit ends with findings"

while IFS=$'\t' read -r name calls broken; do
    [ "$calls" -gt 5000 ] && [ -z "$broken" ] || echo "# $name: $calls calls, breaks $broken"
    [ "$calls" -gt 5000 ] && [ -z "$broken" ]
    ok $? "$name keeps every rule in $calls calls"
done < <(jq -r '.routines[] | select(.symbol | startswith("membus_")) |
    [.name, .calls - .not_recorded,
        ([.rules | to_entries[] | select(.value.violations > 0) | .key] | join(" "))] | @tsv' "$json")
[ $n -ge 3 ]; ok $? "there are kernels to audit"
for kernel in $("$membus" probe --json | jq -r '.kernels[] | select(.usable | not) | .name'); do
    skip "membus_copy and membus_move ($kernel) keep every rule" "this CPU cannot run it"
done

# Broken in how many percent of the cases, at least.
known="memcpy:W1:80 memcpy:W2:50 memcpy:W3:40 memcpy:W4:5 memcpy:W5:80
    memmove:W1:80 memmove:W4:5 memmove:O1:90"
skip=
getconf GNU_LIBC_VERSION >/dev/null 2>&1 || skip="libc is not glibc"
for k in $known; do
    IFS=: read -r symbol rule percent <<<"$k"
    jq -e --arg s "$symbol" --arg r "$rule" --argjson p "$percent" '.routines[] |
        select(.symbol == $s) | .rules[$r] | .violations * 100 >= .cases * $p' "$json" >/dev/null
    ok $? "glibc's $symbol breaks $rule in at least $percent % of the cases" "$skip"
done

tap_end
