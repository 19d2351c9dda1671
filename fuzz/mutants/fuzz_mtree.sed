# file: tools/membus/mtree_parse.c
# The bug: a word is looked for past the end of the text.
s/if (left(c) < n || memcmp(c->p, text, n))/if (memcmp(c->p, text, n))/
