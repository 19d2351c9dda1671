# file: tools/membus/objcheck_elf.c
# The bug: the number of a symbol's section is believed.
s/return section < e->sections ? (struct objcheck_place){section, value} : none;/return (void)none, (struct objcheck_place){section, value};/
s/return section < e->sections && (e->section/return (e->section/
