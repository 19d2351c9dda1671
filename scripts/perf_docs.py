#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes measured figures into a document, between its markers.

    perf_docs.py FOLDER DOCUMENT

FOLDER holds targets.json and all.json (`membus bench --json`) and instructions (the table of
scripts/callgrind.sh). What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is replaced,
for the names below that the document has.
"""
import json
import math
import os
import re
import sys

MIXES = ["1-16", "1-64", "1-256", "64-1500", "dma"]


def mean(results, group, row, routine):
    """Geometric mean of the medians, or None where nothing was measured."""
    logs = [math.log(r["ratio"]["median"]) for r in results
            if (r["group"], r["row"], r["routine"]) == (group, row, routine)]
    return math.exp(sum(logs) / len(logs)) if logs else None


def cell(value):
    return "–" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def size(n):
    return f"{n // 1024} KiB" if n < 1 << 20 else f"{n >> 20} MiB"


def on_the_core(rows, results):
    rows = [r for r in rows if "skipped" not in r]
    rounds, shared = (sum(r[k] for r in rows) for k in ("rounds", "rounds_shared"))
    crowded = len({(r["group"], r["case"]) for r in results if r.get("disturbed")})
    cases = len({(r["group"], r["case"]) for r in results})
    lines = []
    if shared:
        lines.append(f"Somebody else was on the core in {shared / rounds:.0%} of the targets' rounds. "
                     "Those are left out, and give the column \"shared\".")
    if crowded:
        lines.append(f"In {crowded} of the {cases} cases of the tables below it was never alone for "
                     "long enough, so they are of all rounds.")
    return lines


def machine(targets, every, _):
    m, s = targets["machine"], targets["settings"]
    caches = ", ".join(f"L{i + 1} {size(c)}" for i, c in enumerate(m["cache"]) if c)
    lines = [f"{m['cpu']} ({caches}), {m['system']}, {m['libc']}, {m['compiler']}; kernel "
             f"`{s['kernel']}`; clock: {s['clock']}; "
             + (f"pinned to CPU {s['cpu']}." if s["cpu"] >= 0 else "not pinned.")]
    if s.get("perf_missing"):
        lines.append("The machine gives no cycle and instruction counters "
                     f"(`perf_event_open`: {s['perf_missing']}).")
    lines += on_the_core(targets["targets"], every["results"])
    for skipped in every["skipped"]:
        lines.append(f"Skipped: {skipped['routine']}: {skipped['reason']}.")
    return lines


def held(targets, every, _):
    rows = []
    for t in targets["targets"]:
        at_most = f"{t['at_most']:.2f}" if "at_most" in t else "–"
        if "skipped" in t:
            rows.append([t["work"], at_most, "skipped: " + t["skipped"], "", "", "", ""])
            continue
        r = t["ratio"]
        over = "at_most" in t and r["median"] > t["at_most"]
        figure = f"**{cell(r['median'])}**" if over else cell(r["median"])
        figure += " \\*" if t["disturbed"] else ""
        rows.append([t["work"], at_most, figure, f"{cell(r['q1'])}–{cell(r['q3'])}",
                     f"{(t['noise'] - 1) * 100:.1f} %", cell(t.get("shared")),
                     f"{cell(t['worst'])} ({t['worst_case']})"])
    return table(["work", "at most", "measured", "quartiles", "noise", "shared", "worst case"], rows)


def across(group, columns, routines):
    def block(targets, every, _):
        results = every["results"]
        rows = []
        for routine in routines:
            cells = [mean(results, group, c, routine) for c in columns]
            if any(c is not None for c in cells):
                rows.append([routine] + [cell(c) for c in cells])
        return table([""] + columns, rows)
    return block


def instructions(targets, every, text):
    return ["```"] + text.rstrip("\n").split("\n") + ["```"]


ROUTINES = ["glibc again", "membus", "membus move", "membus strict", "membus avx2",
            "membus scalar", "membus generic", "glibc memmove", "musl", "dpdk avx512", "dpdk avx2",
            "vm-memory", "8-byte loop", "byte loop"]
MODES = ["membus", "mapping NORMAL", "mapping WRITECOMBINE", "mapping DEVICE", "mapping NONCACHED"]
BLOCKS = {
    "machine": machine,
    "targets": held,
    "mix": across("mix", MIXES, ROUTINES),
    "sizes": across("sizes", ["0-8", "9-16", "17-32", "33-64", "65-128", "129-256"], ROUTINES),
    "parse": across("parse", ["12", "16", "32", "48", "64", "12-64"], ROUTINES),
    "order": across("order", MIXES + ["64", "4 KiB", "64 KiB"],
                    ["membus", "membus strict", "mapping NORMAL", "mapping strict"]),
    "mapping": across("mapping", MIXES + ["64", "4 KiB", "64 KiB"], MODES),
    "instructions": instructions,
}


def main():
    folder, document = sys.argv[1:3]
    reports = [json.load(open(os.path.join(folder, f))) for f in ("targets.json", "all.json")]
    counts = open(os.path.join(folder, "instructions")).read()
    text = open(document).read()
    marks = re.findall("<!-- (begin|end) (.*?) -->", text)
    names = [name for mark, name in marks if mark == "begin"]
    if not names or marks != [(mark, name) for name in names for mark in ("begin", "end")]:
        sys.exit(f"perf_docs.py: {document}: markers are not in pairs")
    for name in set(names) - set(BLOCKS):
        sys.exit(f"perf_docs.py: {document}: no figures are called '{name}'")
    text = re.sub("(<!-- begin (.*?) -->\n).*?(<!-- end )", lambda m: m[1] + "\n".join(
        BLOCKS[m[2]](*reports, counts)) + "\n" + m[3], text, flags=re.S)
    with open(document, "w") as f:
        f.write(text)


main()
