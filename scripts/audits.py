#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/audits.md from the results of scripts/audits.sh.

  scripts/audits.py FOLDER-OF-JSON FILE
"""

import glob
import json
import os
import sys

ARCHES = [("x86_64", "x86-64"), ("arm64", "arm64"), ("armhf", "armhf (32-bit Arm)"),
          ("i386", "i386"), ("mips", "mips (32 bits, big-endian)"), ("mips64el", "mips64el"),
          ("ppc64", "ppc64 (big-endian)"), ("ppc64el", "ppc64el"), ("riscv64", "riscv64"),
          ("s390x", "s390x")]
RULES = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "L1", "L3", "O1", "RESULT"]

HEAD = """# What the world's memcpys do

Every routine below was called with the same cases (`membus audit --quick`: every size up to 96 at 64 alignments of both
sides, larger ones up to 64 KiB by sample, and for moves 3,670 overlaps), every load and store of every call was recorded, and
judged by the rules of [the contract](contract.md). A cell says in how many of the cases that a rule applies to it was broken;
`·` is none, `-` that it applies to none. No C library promises these rules. Memory that nobody else watches needs none of
them.

| rule | broken, it means |
| --- | --- |
| W1 once | a byte was stored twice: what a device or guest wrote in between is taken back |
| W2 whole | 1, 2, 4 or 8 bytes were not one load and one store |
| W3 untorn | an aligned word was written by more than one store: a reader can see half of it |
| W4 ascending | a store went below the one before |
| W5 last | the last word did not come last, by itself: who polls it may find the rest missing |
| W6 visible | on a weakly ordered host no barrier stood before the last store |
| W7 no exotic | a string instruction or a non-temporal store, whose order is not specified |
| L1 inside | bytes outside the source were loaded |
| L3 untorn | an aligned word of a mutually aligned source was loaded in parts |
| O1 exact | an overlapping move broke any of W1 to W6 |
"""

TAIL = """## How it was recorded

On x86-64 the routines ran on the CPU itself, instruction by instruction. Of the other architectures they ran in qemu-user
7.2 (`membus audit --arch`), with a plugin that reports every access; the engine's own check, that what changed in memory is
what was recorded as stored, was made on every call of up to 16 KiB.

- **Why qemu-user and not Unicorn:** a real process runs. The C library starts, membus finds its CPU and chooses its kernel as
  it would on hardware; one engine serves all of them, ppc64 and mips64el too, which Unicorn 2.0 does not run. The
  gdbstub would need a thousandth of a second for each instruction.
- **What an access is:** what one instruction does with one register. The emulator reports a 16-byte vector as two accesses of
  8, which are one here; a pair or a list of registers stays an access each. LDRD and STRD of 32-bit Arm are one (LPAE).
  A vector store that is not aligned to 8 is one access here, and on hardware may be torn all the same: these figures are on
  the lenient side.
- **By effect:** QEMU carries out s390x's MVC and its kin by the host's memmove, Power's DCBZ and arm64's DC ZVA by its memset, and
  reports nothing. They are recorded by what changed in a destination filled with other values. When source and destination
  of MVC overlap, a second store of the same value is missed.
- **mips:** LDL, LDR and their kin load from the address to the end of its word; QEMU reports the whole word.
- **Not here:** SVE and the vectors of riscv64, which QEMU 7.2 reports by parts or not at all.
- **Order inside one instruction** is not architected, and is not judged. Instruction traces say nothing of store
  buffers: W6 asks for the barrier or the release, by the instruction.
- **Hosts:** i386 and s390x have total store order, so W6 asks for a barrier only where stores are of unspecified order;
  32-bit mips is judged by words of 4 bytes, the widest access it has.

`membus` is judged in the kernels that each architecture has of its own; `generic`, the oracle, only where there is no other.
"""


def load(folder):
    results = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        arch = os.path.basename(path).split(".")[0]
        with open(path, encoding="utf-8") as f:
            results.setdefault(arch, []).append(json.load(f))
    return results


def cell(routine, rule):
    found = routine["rules"].get(rule)
    if not found or not found["cases"]:
        return "-"
    if not found["violations"]:
        return "·"
    percent = 100 * found["violations"] / found["cases"]
    return f"{percent:.0f} %" if percent >= 1 else "< 1 %"


def name_of(routine):
    kernel = f" ({routine['kernel']})" if routine["kernel"] else ""
    object_name = os.path.basename(routine["object"])
    if "musl" in object_name:
        return f"musl `{routine['symbol']}`"
    if routine["symbol"].startswith("membus"):
        return f"**`{routine['symbol']}`**{kernel}"
    if object_name == "libc.so.6":
        return f"glibc `{routine['symbol']}`, this machine's"
    return f"glibc `{routine['symbol'].lstrip('_')}`"


def rules_of(routines):
    return [r for r in RULES if any(r in x["rules"] for x in routines)]


def table(routines, out):
    rules = rules_of(routines)
    out.append("| routine | calls | " + " | ".join(rules) + " |")
    out.append("| --- | --: |" + " --: |" * len(rules))
    for routine in routines:
        cells = [cell(routine, rule) for rule in rules]
        calls = routine["calls"] - routine["not_recorded"]
        out.append(f"| {name_of(routine)} | {calls:,} | " + " | ".join(cells) + " |")
    out.append("")


def runs(routine):
    """Whether every call returned. A CPU that lacks a routine's instructions ends the calls that come
    to them, and the rules are judged by the others alone: those say nothing of the routine."""
    return not routine["rules"].get("RUNS", {}).get("violations")


def left_out(routines, out):
    names = [name_of(r) for r in routines if not runs(r)]
    if names:
        out.append("Not here, because the CPU that this ran on could not run them to their end: " +
                   ", ".join(names) + ".\n")


def is_membus(routine):
    return routine["symbol"].startswith("membus")


def kept(routine):
    return not any(rule["violations"] for rule in routine["rules"].values())


def summary(results):
    routines = [r for audits in results.values() for a in audits for r in a["routines"]
                if runs(r)]
    ours = [r for r in routines if is_membus(r)]
    theirs = [r for r in routines if not is_membus(r)]
    calls = sum(r["calls"] for r in routines)
    return (f"Of {len(theirs)} routines of C libraries on {len(results)} architectures "
            f"{sum(map(kept, theirs))} keep every rule; of membus's {len(ours)}, "
            f"{sum(map(kept, ours))}. {calls:,} calls.")


def write(results, path):
    out = [HEAD, summary(results), ""]
    for arch, title in ARCHES:
        out.append(f"## {title}\n")
        if arch not in results:
            out.append("Not audited on the machine that wrote this: no compiler or no library.\n")
            continue
        routines = [r for audit in results[arch] for r in audit["routines"]]
        table(sorted(filter(runs, routines), key=is_membus), out)
        left_out(routines, out)
    out.append(TAIL)
    version = {a["membus"] for audits in results.values() for a in audits}
    out.append(f"Written by `scripts/audits.sh` of membus {', '.join(sorted(version))}; glibc of "
               "Debian 12 (2.36).")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


def main():
    folder, path = sys.argv[1:]
    results = load(folder)
    if not results:
        sys.exit("audits.py: no results")
    write(results, path)
    print(summary(results))


if __name__ == "__main__":
    main()
