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
# cmocka 1.1.5 prints a skipped test as "not ok N # SKIP name"; the line before says why.
SKIP = re.compile(r'#\s*SKIP\b\s*(.*)$', re.IGNORECASE)
REASON = re.compile(r'^# skip reason: (?:\w+: )?(.*)$')
NO_REASON = 'it does not say why'
# What a test left out of itself, and went on.
PART = re.compile(r'^# skip part: (.*?): (.*)$')


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def skip(self, program, name, reason):
        self.skipped += 1
        print(f'SKIP {program}: {name}: {reason}')

    def line(self, program, line, reason):
        match = TAP.match(line)
        if not match:
            part = PART.match(line)
            if part:
                self.skip(program, *part.groups())
            return 0
        skip = SKIP.search(match.group(2))
        if skip:
            name = match.group(2)[:skip.start()].strip()
            self.skip(program, name or skip.group(1), name and skip.group(1) or reason)
        elif match.group(1):
            self.failed += 1
            print(f'FAIL {program}: {match.group(2)}')
        else:
            self.passed += 1
        return 1

    def text(self, program, text, status_ok=True):
        failed, ran, reason = self.failed, 0, NO_REASON
        for line in text.splitlines():
            said = REASON.match(line)
            if said:
                reason = said.group(1)
            if self.line(program, line, reason):
                ran, reason = ran + 1, NO_REASON
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
