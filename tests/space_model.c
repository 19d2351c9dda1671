/* SPDX-License-Identifier: MIT */

/* The model: as slow as it is simple. */

#include "space_model_internal.h"

/* What devices do: values and failures that depend on how many calls came before. */

uint64_t model_mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^ b * UINT64_C(0xbf58476d1ce4e5b9) ^
                 c * UINT64_C(0x94d049bb133111eb);

    return (h ^ h >> 29) * UINT64_C(0xff51afd7ed558ccd);
}

enum membus_status model_behaviour(int node, uint64_t offset, size_t nth)
{
    return model_mix((uint64_t)node, offset, nth) % 11 == 0 ? MEMBUS_STATUS_DEVICE
                                                            : MEMBUS_STATUS_OK;
}

bool model_acceptable(uint64_t offset, unsigned size, bool write)
{
    return (offset / 8 + size + write) % 5 != 0;
}

void model_record(struct call *list, size_t *count, struct call call)
{
    if (*count < CALLS)
        list[(*count)++] = call;
}

/* An IOMMU: pages of 16 bytes, two of which it swaps; some may not be read, some not written. */
uint64_t model_iommu_page(uint64_t page)
{
    return page ^ 1;
}

unsigned model_iommu_permission(uint64_t page)
{
    return page % 5 == 3   ? MEMBUS_IOMMU_NONE
           : page % 5 == 4 ? MEMBUS_IOMMU_READ
                           : MEMBUS_IOMMU_READ | MEMBUS_IOMMU_WRITE;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The map: who owns one address. */

static bool answers(const struct node *n)
{
    return n->kind != MEMBUS_REGION_CONTAINER && n->kind != MEMBUS_REGION_ALIAS;
}

static bool above(const struct model *m, const struct node *a, const struct node *b)
{
    if (a->priority != b->priority)
        return m->mutant == MODEL_LOW_PRIORITY_WINS ? a->priority < b->priority
                                                    : a->priority > b->priority;
    return m->mutant == MODEL_FIRST_ADDED_WINS ? a->order < b->order : a->order > b->order;
}

static int by_height(const struct model *m, int container, int *list)
{
    int count = 0;

    for (int i = 0; i < REGIONS; i++) {
        int at = count;

        if (!m->node[i].region || m->node[i].container != container)
            continue;
        while (at && above(m, &m->node[i], &m->node[list[at - 1]])) {
            list[at] = list[at - 1];
            at--;
        }
        list[at] = i;
        count++;
    }
    return count;
}

/* The owner of `offset` in node `i`. `left` bytes follow in what is seen through. */
static bool look(const struct model *m, int i, uint64_t offset, uint64_t left, bool readonly,
                 struct owner *out)
{
    const struct node *n = &m->node[i];
    int child[REGIONS], count;

    if (!n->enabled || offset > n->last)
        return false;
    left = least(left, n->last - offset);
    readonly |= n->readonly;
    if (n->target >= 0) {
        if (m->mutant == MODEL_ALIAS_NOT_CLIPPED)
            left = SPAN;
        return look(m, n->target, offset + n->target_offset, left, readonly, out);
    }
    count = by_height(m, i, child);
    for (int c = 0; c < count; c++) {
        const struct node *sub = &m->node[child[c]];

        if (offset < sub->offset || offset - sub->offset > sub->last)
            continue;
        if (look(m, child[c], offset - sub->offset, left, readonly, out))
            return true;
        if (m->mutant == MODEL_HOLES_ARE_SOLID && sub->enabled)
            return false;
    }
    if (!answers(n))
        return false;
    *out = (struct owner){i, offset, left, readonly, n->direct};
    return true;
}

void model_make_map(struct model *m)
{
    for (uint64_t a = 0; a < SPAN; a++) {
        if (!look(m, 0, a, UINT64_MAX, false, &m->map[a]))
            m->map[a] = (struct owner){.node = -1};
    }
}

static bool continues(const struct owner *a, const struct owner *b)
{
    return a->node >= 0 && a->node == b->node && a->offset + 1 == b->offset &&
           a->readonly == b->readonly && a->direct == b->direct;
}

/* Last address of the run that `a` is in. */
uint64_t model_run_end(const struct model *m, uint64_t a)
{
    while (a + 1 < SPAN && continues(&m->map[a], &m->map[a + 1]))
        a++;
    return a;
}

/* Accesses. */

static void step(struct access *x, uint64_t addr, enum membus_status status, uint64_t n)
{
    if (status == MEMBUS_STATUS_OK) {
        x->outcome.bytes += n;
    } else if (x->outcome.status == MEMBUS_STATUS_OK) {
        x->outcome.status = status;
        x->outcome.addr = addr;
    }
}

static void zero(struct access *x, uint64_t at, uint64_t n)
{
    for (uint64_t i = 0; i < n && !x->write; i++)
        x->buf[at + i] = 0;
}

static bool ops_big(const struct model *m, const struct membus_region_ops *ops)
{
    return ops->endian == MEMBUS_ENDIAN_BIG && m->mutant != MODEL_BIG_ENDIAN_FORGOTTEN;
}

/* One call of a callback for bytes [at, at + width) of a piece of `size` bytes at `bytes`. */
static enum membus_status model_call(struct model *m, const struct node *n, uint8_t *bytes,
                                     unsigned size, unsigned at, unsigned width, uint64_t offset,
                                     bool write)
{
    struct call call = {n->id, write, offset, 0, width};
    size_t nth = m->expecteds;
    uint64_t value = model_mix(offset, width, nth);

    for (unsigned k = 0; k < width; k++) {
        unsigned shift = 8 * (ops_big(m, n->ops) ? width - 1 - k : k);

        if (write && at + k < size)
            call.value |= (uint64_t)bytes[at + k] << shift;
        if (!write && at + k < size)
            bytes[at + k] = (uint8_t)(value >> shift);
    }
    model_record(m->expected, &m->expecteds, call);
    return model_behaviour(n->id, offset, nth);
}

static unsigned model_size(const struct model *m, const struct membus_region_ops *ops,
                           uint64_t offset, uint64_t left)
{
    unsigned max = ops->valid.max ? ops->valid.max : 4, size = 8;

    (void)m;
    while (size > max || size > left || (!ops->impl.unaligned && offset % size))
        size /= 2;
    return size;
}

static bool model_valid(const struct membus_region_ops *ops, uint64_t offset, unsigned size,
                        bool write)
{
    return (!ops->accepts || model_acceptable(offset, size, write)) &&
           (ops->valid.unaligned || offset % size == 0) && size >= ops->valid.min &&
           size <= (ops->valid.max ? ops->valid.max : 4);
}

static unsigned model_piece(struct model *m, struct access *x, uint64_t addr, uint64_t at,
                            uint64_t len)
{
    const struct owner *o = &m->map[addr];
    const struct node *n = &m->node[o->node];
    const struct membus_region_ops *ops = n->ops;
    uint64_t end = model_run_end(m, addr), left = end - addr + m->map[end].left + 1;
    unsigned size, width, max = ops->impl.max ? ops->impl.max : 4;
    enum membus_status status = MEMBUS_STATUS_OK;

    if (m->mutant == MODEL_PIECE_STRADDLES)
        left = len;
    if (m->mutant == MODEL_PIECE_STOPS_AT_RANGE)
        left = end - addr + 1;
    size = model_size(m, ops, o->offset, least(left, len));
    if (!model_valid(ops, o->offset, size, x->write)) {
        zero(x, at, size);
        step(x, m->base + addr, MEMBUS_STATUS_DECODE, size);
        return size;
    }
    width = size < max ? size : max;
    if (width < ops->impl.min && !(m->mutant == MODEL_NARROW_WRITE_NARROW && x->write))
        width = ops->impl.min;
    for (unsigned i = 0; i < size; i += width) {
        enum membus_status s =
            model_call(m, n, x->buf + at, size, i, width, o->offset + i, x->write);

        status = status == MEMBUS_STATUS_OK ? s : status;
    }
    step(x, m->base + addr, status, size);
    return size;
}

static void model_behind(struct model *m, struct access *x, uint64_t addr, uint64_t at)
{
    uint64_t offset = m->map[addr].offset, page = offset / PAGE;
    unsigned want = x->write ? MEMBUS_IOMMU_WRITE : MEMBUS_IOMMU_READ;
    uint64_t to = model_iommu_page(page) * PAGE + offset % PAGE;
    enum membus_status status = MEMBUS_STATUS_OK;

    if (!(model_iommu_permission(page) & want))
        status = MEMBUS_STATUS_DENIED;
    else if (to >= sizeof(m->behind_memory))
        status = MEMBUS_STATUS_DECODE;
    if (status != MEMBUS_STATUS_OK)
        zero(x, at, 1);
    else if (x->write)
        m->behind_memory[to] = x->buf[at];
    else
        x->buf[at] = m->behind_memory[to];
    step(x, m->base + addr, status, 1);
}

/* One byte, or one piece; returns how many bytes. */
static unsigned model_step(struct model *m, struct access *x, uint64_t addr, uint64_t at,
                           uint64_t len)
{
    const struct owner *o = addr < SPAN ? &m->map[addr] : &(struct owner){.node = -1};
    struct node *n = o->node >= 0 ? &m->node[o->node] : NULL;
    bool readonly = o->readonly && m->mutant != MODEL_READONLY_IGNORED;
    bool direct = n && (n->kind == MEMBUS_REGION_RAM          ? !x->write || !readonly
                        : n->kind == MEMBUS_REGION_ROM_DEVICE ? !x->write && o->direct
                                                              : false);

    if (direct && x->write)
        n->memory[o->offset] = x->buf[at];
    else if (direct)
        x->buf[at] = n->memory[o->offset];
    if (direct) {
        step(x, m->base + addr, MEMBUS_STATUS_OK, 1);
        return 1;
    }
    if (n && n->kind == MEMBUS_REGION_IOMMU) {
        model_behind(m, x, addr, at);
        return 1;
    }
    if (n && n->ops && x->memory_only && !(x->write && readonly) &&
        m->mutant != MODEL_MEMORY_ONLY_IGNORED) {
        step(x, m->base + addr, MEMBUS_STATUS_DENIED, 1);
        return 1;
    }
    if (!n || !n->ops || (x->write ? readonly || !n->ops->write : !n->ops->read)) {
        zero(x, at, 1);
        step(x, m->base + addr, MEMBUS_STATUS_DECODE, 1);
        return 1;
    }
    return model_piece(m, x, addr, at, len);
}

struct membus_outcome model_access(struct model *m, struct access *x, uint64_t addr, uint64_t len)
{
    if (m->base && len && addr + len - 1 >= SPAN) {
        x->outcome = (struct membus_outcome){MEMBUS_STATUS_RANGE, m->base + addr, 0};
        return x->outcome;
    }
    for (uint64_t at = 0; at < len;) {
        at += model_step(m, x, addr + at, at, len - at);
        if (m->mutant == MODEL_STOPS_AT_ERROR && x->outcome.status != MEMBUS_STATUS_OK)
            break;
    }
    return x->outcome;
}
