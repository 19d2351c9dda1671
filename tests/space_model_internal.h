/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_TESTS_SPACE_MODEL_INTERNAL_H
#define MEMBUS_TESTS_SPACE_MODEL_INTERNAL_H

/* Between the model (space_model.c) and what runs it beside the library (space_model_run.c). */

#include "space_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/space.h>

#define SPAN    192
#define REGIONS 20
#define CALLS   4096
#define STEPS   120

struct model;

struct node {
    struct membus_region *region; /* NULL: free */
    bool ghost;                   /* deleted, but seen until the commit */
    struct model *model;
    int id;
    enum membus_region_kind kind;
    uint64_t last, offset;
    int priority;
    unsigned long order;
    bool enabled, readonly, direct;
    int container, target; /* -1: none */
    uint64_t target_offset;
    const struct membus_region_ops *ops;
    uint8_t memory[SPAN];
};

struct owner {
    int node; /* -1: unassigned */
    uint64_t offset;
    uint64_t left; /* bytes after this one that the region would have if nothing lay over it */
    bool readonly, direct;
};

struct call {
    int node;
    bool write;
    uint64_t offset, value;
    unsigned size;
};

struct model {
    enum model_mutant mutant;
    uint64_t random;
    const unsigned char *input; /* choices, in place of `random`; NULL: none */
    size_t input_left;
    uint64_t base;
    struct membus_region *top;
    struct membus_space *space, *behind; /* `behind`: where IOMMUs lead to */
    struct membus_region *behind_ram;
    uint8_t behind_memory[64];
    struct node node[REGIONS];
    unsigned long additions;
    struct owner map[SPAN];
    struct call real[CALLS], expected[CALLS];
    size_t reals, expecteds;
    char why[256];
};

/* An access as the model sees it: what it does to `buf`, and how it ends. */
struct access {
    uint8_t *buf;
    bool write;
    bool memory_only;
    struct membus_outcome outcome;
};

/* Pages of the IOMMU regions, bytes. */
#define PAGE 16u

/* What devices do: values and failures that depend on how many calls came before. */
uint64_t model_mix(uint64_t a, uint64_t b, uint64_t c);
enum membus_status model_behaviour(int node, uint64_t offset, size_t nth);
bool model_acceptable(uint64_t offset, unsigned size, bool write);
void model_record(struct call *list, size_t *count, struct call call);

/* What the IOMMU regions do. */
uint64_t model_iommu_page(uint64_t page);
unsigned model_iommu_permission(uint64_t page);

/* Asks the rules for the owner of each address. */
void model_make_map(struct model *m);
/* Last address of the run that `a` is in. */
uint64_t model_run_end(const struct model *m, uint64_t a);
/* The access to [addr, addr + len), by the map. */
struct membus_outcome model_access(struct model *m, struct access *x, uint64_t addr, uint64_t len);

#endif
