/* SPDX-License-Identifier: MIT */

/*
 * The memory core against a naive model of it. MEMBUS_SEEDS is the number of runs (3,000 if
 * unset), MEMBUS_SEED the first one's seed.
 */

#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "space_model.h"

#define MUTANT_SEEDS 2000

static unsigned long number(const char *name, unsigned long fallback)
{
    const char *text = getenv(name);

    return text ? strtoul(text, NULL, 0) : fallback;
}

static void test_like_the_model(void **state)
{
    unsigned long first = number("MEMBUS_SEED", 1), count = number("MEMBUS_SEEDS", 3000);

    (void)state;
    for (unsigned long seed = first; seed < first + count; seed++) {
        const char *why = model_run(seed, MODEL_RIGHT);

        if (why)
            fail_msg("seed %lu: %s", seed, why);
    }
}

static void test_every_mutant_is_caught(void **state)
{
    (void)state;
    for (int mutant = MODEL_RIGHT + 1; mutant < MODEL_MUTANTS; mutant++) {
        const char *why = NULL;
        unsigned long seed;

        for (seed = 1; seed <= MUTANT_SEEDS && !why; seed++)
            why = model_run(seed, (enum model_mutant)mutant);
        if (!why)
            fail_msg("mutant '%s' survived", model_mutant_name((enum model_mutant)mutant));
        print_message("# '%s' caught by seed %lu: %s\n",
                      model_mutant_name((enum model_mutant)mutant), seed - 1, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_like_the_model),
        cmocka_unit_test(test_every_mutant_is_caught),
    };

    return RUN_TESTS(tests);
}
