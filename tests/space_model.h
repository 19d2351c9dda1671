/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_SPACE_MODEL_H
#define MEMBUS_TESTS_SPACE_MODEL_H

/*
 * A naive model of the memory core: a map from every address of a tiny space to its owner, made
 * anew for every change by asking the rules for each address on its own. A run makes random
 * changes and accesses, and compares with the library: every result, byte and callback, and
 * every range of the view.
 *
 * A *mutant* is the model with one rule broken. The comparison must notice, or it proves nothing.
 */

#include <stddef.h>

enum model_mutant {
    MODEL_RIGHT,
    MODEL_FIRST_ADDED_WINS,  /* R1 */
    MODEL_LOW_PRIORITY_WINS, /* R1 */
    MODEL_HOLES_ARE_SOLID,   /* R2 */
    MODEL_ALIAS_NOT_CLIPPED, /* R2 */
    MODEL_NO_TRANSACTIONS,   /* R3 */
    MODEL_NO_CYCLE_CHECK,    /* R4 */
    MODEL_READONLY_IGNORED,
    MODEL_PIECE_STRADDLES,      /* A3 */
    MODEL_PIECE_STOPS_AT_RANGE, /* A3: at what lies over the region, not at its end */
    MODEL_BIG_ENDIAN_FORGOTTEN, /* A3 */
    MODEL_NARROW_WRITE_NARROW,  /* A4 */
    MODEL_STOPS_AT_ERROR,       /* A6 */
    MODEL_MEMORY_ONLY_IGNORED,  /* A7 */
    MODEL_MUTANTS
};

/* One run. Returns NULL, or what differed (static memory). */
const char *model_run(unsigned long seed, enum model_mutant mutant);

/* A run whose choices are the input's bytes, until they are used up: for the fuzzer. */
const char *model_run_input(const unsigned char *input, size_t n);

const char *model_mutant_name(enum model_mutant mutant);

#endif
