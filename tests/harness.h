/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_HARNESS_H
#define MEMBUS_TESTS_HARNESS_H

/* cmocka with its required includes, and skips that say why. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Ends the test as skipped; scripts/count.py prints the reason and counts it. */
#define SKIP(reason)                                         \
    do {                                                     \
        printf("# skip reason: %s: %s\n", __func__, reason); \
        fflush(stdout);                                      \
        skip();                                              \
    } while (0)

/* A part, named in two halves, that cannot run here while its test goes on: counted all the same.
 */
#define SKIP_PART(kind, name, reason) printf("# skip part: %s%s: %s\n", kind, name, reason)

/* Ends a test program whose every test needs what is not there: one skipped test, named. */
#define SKIP_ALL(reason)                                \
    do {                                                \
        printf("1..1\nok 1 - all # SKIP %s\n", reason); \
        return 0;                                       \
    } while (0)

#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
