# file: src/space_render.c
# The bug: of siblings the one of lowest priority lies above.
s/return x->priority < y->priority ? 1 : -1;/return x->priority < y->priority ? -1 : 1;/
