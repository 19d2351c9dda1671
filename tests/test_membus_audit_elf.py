#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""membus audit on truncated and damaged shared objects: an answer, never a crash or a hang.

    test_membus_audit_elf.py MEMBUS OBJECT.so SYMBOL

Exit status 0 (what was damaged does not matter), 1 (the routine misbehaves) or 2 (cannot be
audited) are answers; a signal, another status or no end in time are not. Prints TAP.
"""
import random
import subprocess
import sys
import tempfile

ROUNDS = 150
REASONS = 'membus audit: ', 'could not be recorded'
LIMIT = 60  # seconds; a damaged constructor may hang until the auditor gives up on it


def audit(membus, path, symbol):
    """The exit status, or None where it did not end in time; and all that it said."""
    command = [membus, 'audit', '--no-progress', '--case', 'n=5,dst=1,src=3', '--symbol',
               f'{path}:{symbol}']
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return None, ''
    return done.returncode, (done.stderr + done.stdout).decode(errors='replace')


def truncated(data):
    for size in (0, 1, 3, 4, 15, 16, 17, 52, 63, 64, 65, 100, 120, 176, 300, 1000, 4000):
        if size < len(data):
            yield f'first {size} bytes', data[:size]
    for part in range(1, 16):
        yield f'first {part}/16', data[:len(data) * part // 16]


def damaged(data):
    """Bytes changed where the structure is: the header, the program headers, and anywhere."""
    rng = random.Random(1)
    for number in range(ROUNDS):
        copy = bytearray(data)
        high = (64, 600, len(data))[number % 3]
        for _ in range(1 + number % 5):
            at = rng.randrange(4, high)
            copy[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
        yield f'damaged {number}', bytes(copy)


def check(membus, cases, symbol):
    """What went wrong, a line each, and how often each status came."""
    wrong, statuses = [], {}
    for name, data in cases:
        with tempfile.NamedTemporaryFile(suffix='.so') as file:
            file.write(data)
            file.flush()
            status, said = audit(membus, file.name, symbol)
        statuses[status] = statuses.get(status, 0) + 1
        if status not in (0, 1, 2):
            wrong.append(f'{name}: exit status {status}')
        elif status == 2 and not any(why in said for why in REASONS):
            wrong.append(f'{name}: cannot audit, and does not say why: {said!r}')
    return wrong, statuses


def main():
    membus, path, symbol = sys.argv[1:]
    with open(path, 'rb') as file:
        data = file.read()
    failed = False
    print('1..3')
    status, _ = audit(membus, path, symbol)
    failed |= status not in (0, 1)
    print(f'{"ok" if status in (0, 1) else "not ok"} 1 - the whole object is audited')
    for number, cases in enumerate((truncated, damaged), 2):
        wrong, statuses = check(membus, cases(data), symbol)
        failed |= bool(wrong)
        print(f'{"not ok" if wrong else "ok"} {number} - {cases.__name__} objects')
        print(f'# exit statuses: {statuses}')
        for line in wrong[:10]:
            print(f'#   {line}')
    return failed


if __name__ == '__main__':
    sys.exit(main())
