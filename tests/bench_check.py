#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks what `membus bench --json` wrote: every figure is one, and nobody is missing unnamed.

    bench_check.py [--targets] < results.json

Says nothing of how large a ratio is: a test does not time.
"""
import json
import math
import sys

GROUPS = {"mix", "sizes", "classes", "memory", "aliasing", "latency", "parse", "constant", "move",
          "mapping", "order"}
PEERS = {"musl", "musl memmove", "dpdk avx512", "dpdk avx2", "vm-memory", "8-byte loop",
         "byte loop", "glibc memmove"}


def positive(value):
    return isinstance(value, float) and math.isfinite(value) and value > 0


def quartiles(where, q, wrong):
    if not all(positive(q.get(k)) for k in ("q1", "median", "q3")):
        wrong.append(f"{where}: not positive and finite: {q}")
    elif not q["q1"] <= q["median"] <= q["q3"]:
        wrong.append(f"{where}: quartiles out of order: {q}")


def check_results(report, wrong):
    skipped = {s["routine"] for s in report["skipped"]}
    for s in report["skipped"]:
        if not s["reason"]:
            wrong.append(f"{s['routine']} skipped without a reason")
    for r in report["results"]:
        where = f"{r['group']}, {r['case']}, {r['routine']}"
        quartiles(where, r["ratio"], wrong)
        quartiles(where, r["ns"], wrong)
        if not positive(r.get("shared", 1.0)) or r["rounds"] < 1:
            wrong.append(f"{where}: {r['rounds']} rounds, shared {r.get('shared')}")
    groups = {r["group"] for r in report["results"]}
    routines = {r["routine"] for r in report["results"]}
    for group in GROUPS - groups:
        wrong.append(f"nothing of the group {group}")
    for peer in PEERS - routines - skipped:
        wrong.append(f"{peer} neither measured nor skipped")
    for group in groups:
        if not any(r["group"] == group and r["routine"].endswith("again")
                   for r in report["results"]):
            wrong.append(f"{group}: no self-pair, so no noise")


def check_targets(report, wrong):
    if len(report["targets"]) < 16:
        wrong.append(f"{len(report['targets'])} rows")
    for row in report["targets"]:
        if "skipped" in row:
            continue
        quartiles(row["work"], row["ratio"], wrong)
        if not positive(row["noise"]) or row["cases"] < 1:
            wrong.append(f"{row['work']}: noise {row['noise']}, {row['cases']} cases")
        if not 0 <= row["rounds_shared"] <= row["rounds"] or row["rounds"] < 1:
            wrong.append(f"{row['work']}: {row['rounds_shared']} shared of {row['rounds']} rounds")


def main():
    wrong = []
    try:
        report = json.load(sys.stdin)
        assert report["format"] == "membus-bench" and report["version"] == 1
        assert report["machine"]["cpu"] and report["settings"]["kernel"]
        check = check_targets if "--targets" in sys.argv else check_results
        check(report, wrong)
    except (ValueError, KeyError, AssertionError) as e:
        wrong.append(f"not a report: {e!r}")
    for line in wrong[:20]:
        print("#", line)
    return 1 if wrong else 0


sys.exit(main())
