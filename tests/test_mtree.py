#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""membus mtree: the maps of real machines, small maps of every kind, and text that is none.

    test_mtree.py MEMBUS DATA

Prints TAP. What a flat view is called, in which order views come and which spaces share one is
not compared: the content is each address space's list of ranges.
"""
import glob
import json
import os
import re
import subprocess
import sys

MEMBUS, DATA = sys.argv[1:3]
RANGE = re.compile(r'^  ([0-9a-f]{16}-[0-9a-f]{16} \(prio -?\d+, [^)]*\): .*?)( KVM)?$')
NODE = re.compile(r'^( +)[0-9a-f]+-[0-9a-f]+ \(prio .*\): (alias )?')
count = failed = 0


def check(name, why):
    """One line of TAP; `why` it fails, or None."""
    global count, failed
    count += 1
    failed += bool(why)
    print('%sok %d - %s' % ('not ' if why else '', count, name))
    for line in (why or '').split('\n')[:20]:
        print('#  ' + line) if line else None


def mtree(*arguments, text=None):
    run = subprocess.run([MEMBUS, 'mtree', *arguments], input=text, capture_output=True,
                         encoding='utf-8', errors='surrogateescape', timeout=60)
    return run.returncode, run.stdout, run.stderr


def from_text(text):
    """Flat views -> sorted (address space, ranges)."""
    result, spaces, ranges = [], [], []
    for line in text.split('\n') + ['FlatView #end']:
        if line.startswith('FlatView #'):
            result += [(space, ranges) for space in spaces]
            spaces, ranges = [], []
        elif m := re.match(r'^ AS "(.*)", root: ', line):
            spaces.append(m[1])
        elif m := RANGE.match(line):
            ranges.append(m[1])
    return sorted(result)


def from_json(text):
    result = []
    for view in json.loads(text)['views']:
        ranges = []
        for r in view['ranges']:
            offset = int(r['offset'], 16)
            ranges.append('%016x-%016x (prio %d, %s): %s' % (
                int(r['start'], 16), int(r['last'], 16), r['priority'], r['kind'], r['name'])
                + (' @%016x' % offset if offset else ''))
        result += [(space['name'], ranges) for space in view['spaces']]
    return sorted(result)


def difference(got, want):
    for g, w in zip(got, want):
        if g != w:
            return 'address space %s / %s:\n' % (g[0], w[0]) + '\n'.join(
                ['+ ' + x for x in g[1] if x not in w[1]] +
                ['- ' + x for x in w[1] if x not in g[1]])
    return None if len(got) == len(want) else '%d views, not %d' % (len(got), len(want))


def printed(tree):
    """The lines of a tree, without those below a region that is not printed, for it is disabled."""
    depth, alias = 0, False
    for line in tree.split('\n'):
        line = line.replace('[DETECTED OVERFLOW!] ', '')
        m = NODE.match(line)
        if not m:
            depth, alias = 0, False
            if line:
                yield line
            continue
        level = len(m[1]) // 2
        if level > depth + 1 or (level == depth + 1 and alias):
            continue
        depth, alias = level, bool(m[2])
        yield line


def real_machine(path):
    flat_path = path.replace('.tree.', '.flat.')
    with open(path) as f, open(flat_path) as g:
        tree, flat = f.read(), from_text(g.read())
    status, out, err = mtree(path)
    why = err if status else difference(from_text(out), flat)
    if not why:
        status, out, err = mtree('--json', path)
        why = err if status else difference(from_json(out), flat)
    if not why:
        status, out, err = mtree('--compare', flat_path, path)
        why = err + out if status or out else None
    if not why:
        status, out, err = mtree('--tree', path)
        got, want = [x for x in out.split('\n') if x], list(printed(tree))
        why = err if status else None if got == want else 'tree:\n' + '\n'.join(
            ['+ ' + x for x in got if x not in want] + ['- ' + x for x in want if x not in got])
    if not why:
        status, out, err = mtree('--tree', '--json', path)
        why = err if status else None if json.loads(out)['trees'] else 'no trees in JSON'
    return why


def caught(path):
    """--compare must see each kind of difference."""
    tree, flat = path, path.replace('.tree.', '.flat.')
    with open(flat) as f:
        text = f.read()
    lines = text.split('\n')
    at = next(i for i, x in enumerate(lines) if RANGE.match(x) and ('ram)' in x or 'rom)' in x))
    for what, edited in {
            'a range that is gone': lines[:at] + lines[at + 1:],
            'another end': lines[:at] + [re.sub(r'-(.{15}).', r'-\g<1>0', lines[at])] + lines[at + 1:],
            'another kind': lines[:at] + [lines[at].replace('ram)', 'romd)').replace(
                'rom)', 'ram)')] + lines[at + 1:],
            'another priority': lines[:at] + [lines[at].replace('prio ', 'prio 7')] + lines[at + 1:],
            'another offset': lines[:at] + [lines[at].split(' @')[0] + ' @0000000000000007'] +
                              lines[at + 1:],
            'a space that is gone': [x for x in lines if not x.startswith(' AS "memory"')],
            'a space too many': [x.replace(' AS "memory"', ' AS "m", root: x\n AS "memory"')
                                 for x in lines],
    }.items():
        if edited == lines:
            return what + ': no such edit'
        status, out, err = mtree('--compare', '/dev/stdin', tree, text='\n'.join(edited))
        if status != 1 or not out:
            return '%s: status %d, %s%s' % (what, status, out, err)
    return None


SYSTEM = 'address-space: memory\n  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n'

# Small maps: what, its tree, its ranges.
SMALL = [
    ('priorities, signed, highest first', SYSTEM + '''\
    0000000000000000-0000000000000fff (prio -1, ram): low
    0000000000000800-00000000000008ff (prio 0, ram): middle
    0000000000000880-0000000000000980 (prio 5, i/o): high
''', ['0-7ff -1 ram low', '800-87f 0 ram middle', '880-980 5 i/o high', '981-fff -1 ram low @981']),
    ('equal priorities at one address: the one printed first', SYSTEM + '''\
    0000000000000000-000000000000000f (prio 0, ram): first
    0000000000000000-000000000000001f (prio 0, ram): second
''', ['0-f 0 ram first', '10-1f 0 ram second @10']),
    ('equal priorities that overlap: the one at the higher address', SYSTEM + '''\
    0000000000000000-000000000000001f (prio 0, ram): a
    0000000000000008-000000000000000f (prio 0, ram): b
    0000000000000018-0000000000000027 (prio 0, ram): c
''', ['0-7 0 ram a', '8-f 0 ram b', '10-17 0 ram a @10', '18-27 0 ram c']),
    ('holes of containers and aliases fall through', SYSTEM + '''\
    0000000000000000-0000000000000fff (prio 0, ram): below
    0000000000000000-00000000000000ff (prio 1, i/o): container
      0000000000000010-000000000000001f (prio 0, i/o): device
    0000000000000800-00000000000008ff (prio 1, i/o): alias view @hidden 0000000000000100-00000000000001ff

memory-region: hidden
  0000000000000000-0000000000000fff (prio 0, i/o): hidden
    0000000000000080-0000000000000117 (prio 0, ram): piece
''', ['0-f 0 ram below', '10-1f 0 i/o device', '20-7ff 0 ram below @20', '800-817 0 ram piece @80',
      '818-fff 0 ram below @818']),
    ('what lies past the end of its container is clipped', SYSTEM + '''\
    0000000000000000-000000000000000f (prio 0, i/o): container
      0000000000000008-0000000000000017 (prio 0, ram): ram
''', ['8-f 0 ram ram']),
    ('every kind', SYSTEM + '''\
    0000000000000000-0000000000000fff (prio 0, ram): ram
    0000000000001000-0000000000001fff (prio 0, rom): rom
    0000000000002000-0000000000002fff (prio 0, romd): romd
    0000000000003000-0000000000003fff (prio 0, ramd): ramd
    0000000000004000-0000000000004fff (prio 0, i/o): i/o
    0000000000005000-0000000000005fff (prio 0, nv-ram): nv
    0000000000006000-0000000000006fff (prio 0, rom): alias shadow @rom 0000000000000000-0000000000000fff
''', ['0-fff 0 ram ram', '1000-1fff 0 rom rom', '2000-2fff 0 romd romd', '3000-3fff 0 ramd ramd',
      '4000-4fff 0 i/o i/o', '5000-5fff 0 nv-ram nv', '6000-6fff 0 rom rom']),
    ('all of 2^64 bytes, and the last one', SYSTEM + '''\
    0000000000000000-ffffffffffffffff (prio -1, ram): all
    ffffffffffffffff-ffffffffffffffff (prio 0, i/o): last
''', ['0-fffffffffffffffe -1 ram all', 'ffffffffffffffff-ffffffffffffffff 0 i/o last']),
    ('disabled, shown or not', SYSTEM + '''\
    0000000000000000-0000000000000fff (prio 0, ram): ram
    0000000000000000-00000000000000ff (prio 1, ram): off [disabled]
    0000000000000100-00000000000001ff (prio 1, i/o): alias off @gone 0000000000000000-00000000000000ff [disabled]
    0000000000000200-00000000000002ff (prio 1, i/o): alias on @gone 0000000000000000-00000000000000ff
      0000000000000300-00000000000003ff (prio 1, ram): below-hidden

memory-region: gone
    0000000000000000-000000000000000f (prio 0, ram): piece
''', ['0-fff 0 ram ram']),
    ('an alias of an alias', SYSTEM + '''\
    0000000000001000-00000000000010ff (prio 0, ram): alias outer @inner 0000000000000010-000000000000010f

memory-region: inner
  0000000000000000-0000000000000fff (prio 0, ram): alias inner @ram 0000000000000200-00000000000011ff

memory-region: ram
  0000000000000000-000000000000ffff (prio 0, ram): ram
''', ['1000-10ff 0 ram ram @210']),
    ('a container that shows one part of itself as another', SYSTEM + '''\
    0000000000001000-0000000000001fff (prio 0, ram): ram
    0000000000004000-0000000000007fff (prio -1, i/o): alias up @system 0000000000000000-0000000000003fff
    0000000000008000-000000000000ffff (prio -1, i/o): alias more @system 0000000000000000-0000000000007fff

memory-region: system
  0000000000000000-ffffffffffffffff (prio 0, i/o): system
    0000000000001000-0000000000001fff (prio 0, ram): ram
    0000000000004000-0000000000007fff (prio -1, i/o): alias up @system 0000000000000000-0000000000003fff
    0000000000008000-000000000000ffff (prio -1, i/o): alias more @system 0000000000000000-0000000000007fff
''', ['%x-%x 0 ram ram' % (x, x + 0xfff) for x in (0x1000, 0x5000, 0x9000, 0xd000)]),
    ('a root with a place of its own', '''\
address-space: memory
  0000000000001000-0000000000001fff (prio 0, i/o): pci-io
    0000000000001004-0000000000001007 (prio 0, i/o): port

''', ['1004-1007 0 i/o port']),
    ('a region that reaches past 2^64', SYSTEM + '''\
[DETECTED OVERFLOW!]     8000000000000000-7fffffffffffffff (prio 0, ram): huge
''', ['8000000000000000-ffffffffffffffff 0 ram huge']),
    ('names with blanks, @, # and none at all', SYSTEM + '''\
    0000000000000000-000000000000000f (prio 0, i/o): usb2 port #1
    0000000000000010-000000000000001f (prio 0, i/o): pci@80 @x
    0000000000000020-000000000000002f (prio 0, i/o):\x20
    0000000000000030-000000000000003f (prio 0, i/o): alias a @b @usb2 port #1 0000000000000000-000000000000000f
''', ['0-f 0 i/o usb2 port #1', '10-1f 0 i/o pci@80 @x', '20-2f 0 i/o ', '30-3f 0 i/o usb2 port #1']),
    ('carriage returns, the prompt and owners', '''\
QEMU 7.2.19 monitor - type 'help' for more information\r
(qemu) info mtree -o\r
address-space: memory\r
  0000000000000000-ffffffffffffffff (prio 0, i/o): system owner:{obj path=/machine/unattached}\r
    0000000000000000-000000000000000f (prio 0, ram): ram owner:{dev id=x} parent:{obj type=y}\r
    0000000000000010-000000000000001f (prio 0, i/o): io orphan\r
\r
(qemu) quit\r
''', ['0-f 0 ram ram', '10-1f 0 i/o io']),
    ('flat views in the same text are evidence', SYSTEM + '''\
    0000000000000000-00000000000000ff (prio 0, i/o): answers
      0000000000000010-000000000000001f (prio 0, i/o): piece
    0000000000001000-000000000000100f (prio 0, i/o): leaf-container

FlatView #0
 AS "memory", root: system
 Root memory region: system
  0000000000000000-000000000000000f (prio 0, i/o): answers
  0000000000000010-000000000000001f (prio 0, i/o): piece
  0000000000000020-00000000000000ff (prio 0, i/o): answers @0000000000000020
''', ['0-f 0 i/o answers', '10-1f 0 i/o piece', '20-ff 0 i/o answers @20']),
]


def small(tree, ranges):
    want = []
    for r in ranges:
        m = re.match(r'([0-9a-f]+)-([0-9a-f]+) (-?\d+) (\S+) (.*?)(?: @([0-9a-f]+))?$', r)
        want.append('%016x-%016x (prio %s, %s): %s' % (
            int(m[1], 16), int(m[2], 16), m[3], m[4], m[5])
            + (' @%016x' % int(m[6], 16) if m[6] else ''))
    status, out, err = mtree(text=tree)
    return err if status else difference(from_text(out), [('memory', want)])


# Text that is no map: what, the text, what is said of it.
BAD = [
    ('a word', 'hello\n', 'line 1: not a line that info mtree prints'),
    ('a region before any header', '  0-f (prio 0, ram): x\n', 'line 1: a region before any'),
    ('no addresses', SYSTEM + '    x-y (prio 0, ram): x\n', 'line 3: a region begins with'),
    ('17 digits', SYSTEM + '    00000000000000000-f (prio 0, ram): x\n', 'line 3: a region begins'),
    ('an end before its beginning', SYSTEM + '    10-f (prio 0, ram): x\n', 'line 3: a region that ends'),
    ('no priority', SYSTEM + '    0-f: x\n', 'line 3: after the addresses'),
    ('a priority over 31 bits', SYSTEM + '    0-f (prio 2147483648, ram): x\n', 'line 3: after the'),
    ('an unknown kind', SYSTEM + '    0-f (prio 0, disk): x\n', 'line 3: a kind that is none of'),
    ('odd indentation', SYSTEM + '   0-f (prio 0, ram): x\n', 'line 3: 3 blanks of indentation'),
    ('endless indentation', SYSTEM + ' ' * 4000 + '0-f (prio 0, ram): x\n', 'line 3: 4000 blanks'),
    ('an alias without a window', SYSTEM + '    0-f (prio 0, ram): alias a @system\n', 'line 3: an alias without its window'),
    ('an alias without a target', SYSTEM + '    0-f (prio 0, ram): alias a 0-f\n', 'line 3: an alias without its @target'),
    ('an alias with another window', SYSTEM + '    0-f (prio 0, ram): alias a @system 0-ff\n', 'line 3: an alias whose window'),
    ('an alias of nothing', SYSTEM + '    0-f (prio 0, ram): alias a @nowhere 0-f\n', "line 3: an alias of 'nowhere'"),
    ('two roots', SYSTEM + '  0-f (prio 0, ram): x\n', 'line 3: a second region at the root'),
    ('a long name', SYSTEM + '    0-f (prio 0, ram): ' + 'x' * 300 + '\n', 'line 3: a name of 300 bytes'),
    ('a NUL byte', SYSTEM + '    0-f (prio 0, ram): a\0b\n', 'line 3: a NUL byte'),
    ('2^64 - 1 bytes', SYSTEM + '    0-fffffffffffffffe (prio 0, ram): x\n', "line 3: 'x' has 2^64 - 1 bytes"),
    ('aliases in a circle', SYSTEM + '    0-f (prio 0, ram): alias a @x 0-f\n\nmemory-region: x\n'
     '  0-f (prio 0, ram): alias x @y 0-f\n\nmemory-region: y\n  0-f (prio 0, ram): alias y @x 0-f\n', "it would be inside itself"),
    ('an alias that shows itself', SYSTEM + '    0-f (prio 0, i/o): alias a @system 0-f\n', "line 3: alias 'a': it would be inside itself"),
    ('nested too deep', 'address-space: a\n' + ''.join('%s0-f (prio 0, i/o): x\n' % (' ' * 2 * i) for i in range(1, 50)), 'nested too deep'),
    ('a range of no view', 'FlatView #0\n  0-f (prio 0, ram): x\n', 'line 2: a range of a flat view without'),
    ('a broken view', 'FlatView #0\nx\n', 'line 2: not a line of a flat view'),
    ('a broken AS line', 'FlatView #0\n AS "x\n', 'line 2: AS "NAME" is followed by'),
]


def bad(text, message):
    status, out, err = mtree(text=text)
    if status != 2 or out or message not in err:
        return 'status %d, %r, %r' % (status, out[:200], err)
    return None


def usage(arguments, status, word, text=''):
    got, out, err = mtree(*arguments, text=text)
    return None if got == status and word in (out + err) else 'status %d: %s%s' % (
        got, out[:500], err)


for path in sorted(glob.glob(os.path.join(DATA, '*', '*.tree.txt'))):
    check(os.path.relpath(path, DATA), real_machine(path))
if count < 40:
    check('the data is there', 'only %d maps in %s' % (count, DATA))
for flags, flat, tree in (
        ('-D', 'q35-ports.flat.txt', 'q35-ports.disabled.txt'),
        ('-o', 'virt-smmu.owners-flat.txt', 'virt-smmu.owners.txt'),
        ('-d', 'q35-ports.dispatch-flat.txt', 'q35-ports.tree.txt')):
    status, out, err = mtree('--compare', os.path.join(DATA, 'devices', flat),
                             os.path.join(DATA, 'devices', tree))
    check("info mtree's %s" % flags, out + err if status or out else None)
for what, tree, ranges in SMALL:
    check(what, small(tree, ranges))
for path in ('x86_64/pc-devices', 'sparc64/sun4u', 'ppc64/powernv9'):
    check('--compare sees differences in %s' % path,
          caught(os.path.join(DATA, path + '.tree.txt')))
for what, text, message in BAD:
    check('refused: ' + what, bad(text, message))
check('3,000 address spaces', usage([], 0, 'FlatView #2999', ''.join(
    'address-space: a%d\n  0-ff (prio 0, ram): x%d\n\n' % (i, i) for i in range(3000))))
check('20,000 aliases of as many regions of one name', usage([], 0, 'FlatView #0', SYSTEM + ''.join(
    '    %x-%x (prio 0, ram): alias a @t 0-fff\n' % (i << 12, i << 12 | 0xfff)
    for i in range(20000)) + '\n' + 'memory-region: t\n  0-fff (prio 0, ram): t\n\n' * 20000))
check('nothing in, nothing out', usage([], 0, ''))
check('--help', usage(['--help'], 0, 'usage'))
check('an unknown option', usage(['--frobnicate'], 2, "'membus mtree --help' lists"))
check('two files', usage(['a', 'b'], 2, "unexpected 'b'"))
check('--compare with --json', usage(['-c', 'x', '-j'], 2, 'neither --tree nor --json'))
check('a file that is not there', usage(['/nonexistent'], 2, 'No such file'))
check('a folder', usage(['/'], 2, 'cannot be read'))
print('1..%d' % count)
sys.exit(failed > 0)
