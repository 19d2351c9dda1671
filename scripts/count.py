#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up TAP results and prints the closing line.

    count.py FILE...     meson's testlog.json, or a text file with TAP lines

Prints each failed and each skipped test (with its reason), then `N passed, N failed, N skipped`.
Exit status 1 if anything failed or nothing ran.
"""
import json
import re
import sys

TAP = re.compile(r'^(not )?ok\b\s*\d*\s*(?:-\s*)?(.*)$')
# cmocka 1.1.5 prints a skipped test as "not ok N # SKIP name".
SKIP = re.compile(r'#\s*SKIP\b\s*(.*)$', re.IGNORECASE)
REASON = re.compile(r'^# skip reason: (\w+): (.*)$')


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, program, line, reasons):
        match = TAP.match(line)
        if not match:
            return 0
        skip = SKIP.search(match.group(2))
        if skip:
            self.skipped += 1
            name = match.group(2)[:skip.start()].strip() or skip.group(1)
            reason = reasons.get(name, skip.group(1))
            print(f'SKIP {program}: {name}: {reason}')
        elif match.group(1):
            self.failed += 1
            print(f'FAIL {program}: {match.group(2)}')
        else:
            self.passed += 1
        return 1

    def text(self, program, text, status_ok=True):
        lines = text.splitlines()
        reasons = dict(m.groups() for m in map(REASON.match, lines) if m)
        failed = self.failed
        ran = sum(self.line(program, line, reasons) for line in lines)
        if not status_ok and self.failed == failed:
            self.failed += 1
            print(f'FAIL {program}: ended badly (crash, timeout or exit status)')
        elif status_ok and not ran:
            self.failed += 1
            print(f'FAIL {program}: printed no result')


def main():
    count = Count()
    for name in sys.argv[1:]:
        with open(name, encoding='utf-8', errors='replace') as file:
            if name.endswith('.json'):
                for line in file:
                    test = json.loads(line)
                    ok = test['result'] in ('OK', 'EXPECTEDFAIL', 'SKIP')
                    count.text(test['name'], test.get('stdout') or '', ok)
            else:
                count.text(name, file.read())
    print(f'{count.passed} passed, {count.failed} failed, {count.skipped} skipped')
    return 1 if count.failed or not count.passed else 0


if __name__ == '__main__':
    sys.exit(main())
