/* SPDX-License-Identifier: MIT */
#ifndef MEMBUS_REGION_H
#define MEMBUS_REGION_H

/*
 * Regions: what a machine's address spaces are built from.
 *
 * A *region* answers for a block of addresses, 1 to 2^64 bytes. Regions form a tree; a
 * membus_space (membus/space.h) shows the tree below its root.
 *
 *   kind         what answers
 *   CONTAINER    only its subregions; between them it is a hole
 *   IO           callbacks; with none it is a reservation, which answers as unassigned memory
 *   RAM          host memory: anonymous, memfd, file, descriptor, the caller's, resizable.
 *                Made read-only (membus_region_set_readonly) it is a ROM
 *   ROM_DEVICE   host memory for reads, callbacks for writes; with direct mode off, for both
 *   DEVICE       device memory mapped into this process: a BAR with its mapping and policy
 *   ALIAS        a window onto another region
 *   IOMMU        a callback that says which address of which space it is
 *
 * Any region may have subregions; they lie above what it answers itself. An alias takes none:
 * what its target has shows through it.
 *
 *   R1 priority     subregions carry a signed priority, local to their container: the highest
 *                   wins, among equals the one added last
 *   R2 holes        holes in a container or an alias fall through to lower priorities; an alias
 *                   shows only its window of the target; whatever lies past the end of its
 *                   container is clipped
 *   R3 transaction  changes take effect together at the outermost membus_transaction_commit();
 *                   a reader sees the old view or the new one, whole. A change outside a
 *                   transaction is a transaction of its own
 *   R4 refused      cycles (-ELOOP), depth over MEMBUS_DEPTH_MAX or more regions seen from any
 *                   region than MEMBUS_WEIGHT_MAX, each as often as aliases show it (-E2BIG),
 *                   addresses past 2^64 (-EOVERFLOW): nothing changes.
 *                   An alias below its own target is a cycle, also where its window leaves it out
 *
 * How an access becomes calls of callbacks (A3, A4), for a region's `valid` and `impl` sizes:
 * the *piece* is the largest power of two not over min(valid.max or 4, what is left of access and
 * region), capped by the offset's lowest set bit unless impl.unaligned. It is then checked:
 * `accepts`, alignment unless valid.unaligned, size within valid.min and valid.max. A failed
 * check is a decode error: a read gives 0, a write is dropped. A piece that passes is made in
 * calls of impl.min to impl.max bytes, lowest address first. A write narrower than impl.min is one
 * wider call with the value placed by byte order, not a read-modify-write. As in QEMU its offset is
 * the piece's own, not aligned to the wider size: such a call may reach past the region's end. With
 * impl.min 4, the byte at offset 3 of a region of 4 bytes becomes read(offset 3, size 4): callbacks
 * that index by offset and size check both.
 *
 * Sizes are uint64_t in bytes; 0 is refused; MEMBUS_SIZE_ALL means 2^64. (A size of exactly
 * 2^64 - 1 bytes cannot be asked for.) What comes back is the *last* offset, which always fits.
 *
 * Ownership: membus_region_new_* gives a region to the caller, membus_region_delete() takes it
 * back: it disappears from its container at once, and its memory and callback data live on until
 * the last reader and the last DMA mapping of it are gone. Then `release` is called.
 *
 * Threads: changes may come from any thread, also from within callbacks; one lock serialises
 * them, held from begin to commit. Accesses never take it. Callbacks run in whatever thread makes
 * the access, several at once, unless membus_region_set_lock() names a lock.
 *
 * Errors: every function that returns int gives 0 or -errno, and on error changes nothing, with
 * one exception: when a commit runs out of memory for the new view, the change stays in the tree,
 * readers keep the old view whole, and -ENOMEM says so; the next commit tries again. What makes
 * or takes back something without changing a view itself (regions outside a tree, listeners,
 * notifiers, snapshots) tries again too, and does not report that: its result is its own.
 * Any function: -EBUSY from within a listener's callback (the change is being announced), and
 * -ENOENT for a region or space that was deleted.
 *
 * Example, 1 GiB of RAM and a UART above it, in a machine of 2^64 bytes:
 *
 *     static const struct membus_region_ops uart_ops = {
 *         .read = uart_read, .write = uart_write,
 *         .valid = {.min = 1, .max = 4}, .impl = {.min = 1, .max = 1},
 *     };
 *     membus_region_new_container(&root, "system", MEMBUS_SIZE_ALL);
 *     membus_region_new_ram(&ram, "ram", 1 << 30);
 *     membus_region_new_io(&uart, "uart", 8, &uart_ops, state);
 *     membus_transaction_begin();
 *     membus_region_add(root, 0, ram, 0);
 *     membus_region_add(root, 0x9000000, uart, 1);
 *     membus_transaction_commit();
 *     membus_space_new(&space, "memory", root);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <membus/export.h>
#include <membus/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct membus_region;
struct membus_space;

#define MEMBUS_SIZE_ALL      UINT64_MAX /* as a size: 2^64 bytes */
#define MEMBUS_DEPTH_MAX     32         /* containers and aliases from a root to a leaf */
#define MEMBUS_WEIGHT_MAX    (1u << 22) /* regions as seen from a root: an alias counts its target */
#define MEMBUS_NAME_MAX      255        /* bytes of a region's or space's name */
#define MEMBUS_DOORBELLS_MAX 1024       /* per region */
#define MEMBUS_COALESCED_MAX 64         /* coalesced windows per region; and writes held back */
#define MEMBUS_CALLBACKS_MAX 16   /* callbacks (of any kind) nested in a thread: then denied */
#define MEMBUS_IOMMUS_MAX    8    /* translations on the way of an access: then denied */
#define MEMBUS_LOG_CLIENTS   8    /* who may log dirty pages: clients 0 to 7 */
#define MEMBUS_LOG_PAGE      4096 /* bytes for each bit of a dirty log */

/* What travels with an access (A7). All zero: nothing special. */
struct membus_attrs {
    uint32_t requester; /* who: a PCI requester id, a stream id */
    unsigned secure : 1;
    unsigned user : 1;
    unsigned memory_only : 1; /* callbacks are not called: denied, and the buffer is untouched */
};

/* How an access on the bus ended. */
enum membus_status {
    MEMBUS_STATUS_OK,
    MEMBUS_STATUS_DECODE, /* nobody answers there, or not to such an access; a ROM was written */
    MEMBUS_STATUS_DEVICE, /* the device says that it failed */
    MEMBUS_STATUS_DENIED, /* not permitted: IOMMU, memory-only, reentrancy, the host's mapping */
    MEMBUS_STATUS_RANGE,  /* past 2^64, or past the end of a list: nothing was done */
    MEMBUS_STATUS_BUDGET, /* the bounce budget is exhausted: wait for it */
    MEMBUS_STATUS_MEMORY, /* the host is out of memory */
    MEMBUS_STATUS_INVALID /* contradicting arguments, unmap of what is not mapped, a list that
                             needs more than the whole bounce budget */
};

/* The result of an access (A6). After an error it went on, as a bus would. */
struct membus_outcome {
    enum membus_status status; /* of the first part that failed */
    uint64_t addr;             /* where the first part that failed begins; 0 when OK */
    uint64_t bytes;            /* bytes that arrived, of all parts */
};

/* Kinds of regions. */
enum membus_region_kind {
    MEMBUS_REGION_CONTAINER,
    MEMBUS_REGION_IO,
    MEMBUS_REGION_RAM,
    MEMBUS_REGION_ROM_DEVICE,
    MEMBUS_REGION_DEVICE,
    MEMBUS_REGION_ALIAS,
    MEMBUS_REGION_IOMMU
};

enum membus_endian {
    MEMBUS_ENDIAN_LITTLE,
    MEMBUS_ENDIAN_BIG,
    MEMBUS_ENDIAN_NATIVE /* of this host */
};

/* Sizes in bytes: 0, 1, 2, 4 or 8, min not over max. */
struct membus_region_sizes {
    uint8_t min;    /* 0: 1 */
    uint8_t max;    /* 0: 4 */
    bool unaligned; /* offsets that are no multiple of the size */
};

/*
 * The callbacks of an IO region or ROM device. `offset` counts from the start of the region;
 * `value` holds `size` bytes in its low bits, in the byte order `endian`: of a little-endian
 * region the byte at `offset` is the lowest. They return MEMBUS_STATUS_OK, _DEVICE, _DECODE or
 * _DENIED; any other value counts as _DEVICE.
 *
 * They run inside a reader's section (membus/space.h): they may make accesses and change
 * regions, but must not call membus_synchronize().
 *
 * NULL for `read` or `write`: such accesses are decode errors.
 */
struct membus_region_ops {
    enum membus_status (*read)(void *data, uint64_t *value, uint64_t offset, unsigned size,
                               struct membus_attrs attrs);
    enum membus_status (*write)(void *data, uint64_t offset, uint64_t value, unsigned size,
                                struct membus_attrs attrs);
    /* More to check about a piece, or NULL. */
    bool (*accepts)(void *data, uint64_t offset, unsigned size, bool is_write,
                    struct membus_attrs attrs);
    struct membus_region_sizes valid; /* what the bus may ask */
    struct membus_region_sizes impl;  /* what the callbacks take */
    enum membus_endian endian;
};

/*
 * Transactions (R3). They nest; the thread that began one holds the lock until it commits.
 * Commit returns 0, or -ENOMEM: the views stay as they were, see above. From within a
 * listener's callback begin returns -EBUSY (and nothing is to be committed). A commit without a
 * begin is an assertion.
 */
MEMBUS_API int membus_transaction_begin(void);
MEMBUS_API int membus_transaction_commit(void);

/*
 * Creation. Args: out; a name for people (copied, NULL is ""); the rest by kind.
 * Errors: -EINVAL (size 0, name too long, ops that contradict themselves), -ENOMEM, and what the
 * system calls say. The memory starts zeroed where it is ours.
 */
MEMBUS_API int membus_region_new_container(struct membus_region **region, const char *name,
                                           uint64_t size);

/* `ops` must outlive the region; NULL makes a reservation. */
MEMBUS_API int membus_region_new_io(struct membus_region **region, const char *name, uint64_t size,
                                    const struct membus_region_ops *ops, void *data);

/* RAM from anonymous private memory. */
MEMBUS_API int membus_region_new_ram(struct membus_region **region, const char *name,
                                     uint64_t size);

/* RAM from a memfd that others can map: membus_region_fd() tells which. */
MEMBUS_API int membus_region_new_ram_memfd(struct membus_region **region, const char *name,
                                           uint64_t size);

/* RAM from `size` bytes of a file, shared with whoever else maps it; created and grown if need
 * be, never shrunk. */
MEMBUS_API int membus_region_new_ram_file(struct membus_region **region, const char *name,
                                          uint64_t size, const char *path);

/* RAM from `size` bytes of the descriptor at `fd_offset` (a multiple of the page size), shared.
 * The descriptor is duplicated. -ERANGE when the file ends before that. */
MEMBUS_API int membus_region_new_ram_fd(struct membus_region **region, const char *name,
                                        uint64_t size, int fd, uint64_t fd_offset);

/*
 * RAM from the caller's memory, which must live until `release` (membus_region_set_release) is
 * called. NULL for `addr`: RAM that is only to be looked at (a map read from elsewhere);
 * accesses to it are decode errors.
 */
MEMBUS_API int membus_region_new_ram_pointer(struct membus_region **region, const char *name,
                                             void *addr, uint64_t size);

/* Anonymous RAM of `size` bytes that membus_region_set_size() can make up to `size_max`: its
 * address never changes. */
MEMBUS_API int membus_region_new_ram_resizable(struct membus_region **region, const char *name,
                                               uint64_t size, uint64_t size_max);

/* ROM: anonymous RAM, read-only on the bus, that starts with the `n` bytes of `content`. */
MEMBUS_API int membus_region_new_rom(struct membus_region **region, const char *name, uint64_t size,
                                     const void *content, size_t n);

/* A ROM device, in direct mode. Its memory is anonymous: see membus_region_mapping(). */
MEMBUS_API int membus_region_new_rom_device(struct membus_region **region, const char *name,
                                            uint64_t size, const struct membus_region_ops *ops,
                                            void *data);

/* Device memory: the mapping is copied; its addr may be NULL as for ram_pointer. */
MEMBUS_API int membus_region_new_device(struct membus_region **region, const char *name,
                                        const struct membus_mapping *mapping);

/* The window [offset, offset + size) of `target`, which the alias keeps alive. -EOVERFLOW when
 * it ends past 2^64; past the end of the target it is a hole. */
MEMBUS_API int membus_region_new_alias(struct membus_region **region, const char *name,
                                       struct membus_region *target, uint64_t offset,
                                       uint64_t size);

/*
 * Takes the region back: removes it from its container and its subregions from it. Memory and
 * callback data live until nobody uses them, see membus_region_set_release().
 * Errors: -EBUSY when it is the root of a space or the target of an alias, -ENOENT when it
 * is no region any more (deleted twice).
 */
MEMBUS_API int membus_region_delete(struct membus_region *region);

/* Called once when the region is really gone, maybe in another thread, holding no lock. */
MEMBUS_API int membus_region_set_release(struct membus_region *region, void (*release)(void *data),
                                         void *data);

/* Keeps the region's memory and data alive (not its place in any space). Any thread that has it
 * from a reader's section, a listener or its creator. */
MEMBUS_API void membus_region_ref(struct membus_region *region);
MEMBUS_API void membus_region_unref(struct membus_region *region);

/*
 * The tree. Errors of add: -EEXIST (`sub` is in a container already), -EINVAL (the container is an
 * alias), and those of R4.
 */
MEMBUS_API int membus_region_add(struct membus_region *container, uint64_t offset,
                                 struct membus_region *sub, int priority);
/* -EINVAL when it is in no container. */
MEMBUS_API int membus_region_remove(struct membus_region *sub);
/* Moves it within its container, or tells a region without one where it will be. It counts as
 * the latest added only if `priority` changes: then it is added anew. */
MEMBUS_API int membus_region_set_offset(struct membus_region *region, uint64_t offset);
MEMBUS_API int membus_region_set_priority(struct membus_region *region, int priority);
/* Containers, IO and aliases take any size; resizable RAM up to its maximum (-ERANGE above); other
 * regions with memory none (-EOPNOTSUPP). */
MEMBUS_API int membus_region_set_size(struct membus_region *region, uint64_t size);
/* A region that is not enabled is not there, with all below it. New regions are enabled. */
MEMBUS_API int membus_region_set_enabled(struct membus_region *region, bool enabled);
/* -EINVAL when it is no alias. */
MEMBUS_API int membus_region_set_alias(struct membus_region *alias, struct membus_region *target,
                                       uint64_t offset);
/* Read-only and non-volatile hold for all that is seen through the region: any kind. */
MEMBUS_API int membus_region_set_readonly(struct membus_region *region, bool readonly);
MEMBUS_API int membus_region_set_nonvolatile(struct membus_region *region, bool nonvolatile);
/* Direct mode of a ROM device. -EINVAL for others. */
MEMBUS_API int membus_region_set_direct(struct membus_region *region, bool direct);

/*
 * Around callbacks: read, write, accepts, and an IOMMU's translate. Set these before the region is
 * in a space.
 *
 * lock: held around each call of a callback; not around accesses to memory. It is let go between
 *   what `accepts` says and the read or write. Callbacks under a lock that make accesses to
 *   callbacks under the same one need it to be recursive.
 * device: regions of one device share the guard against reentrancy (A8): while a callback of the
 *   device runs, an access that the same thread makes into any callback of the device is denied.
 *   So a translate that walks its tables through the addresses that it translates finds none.
 *   NULL: the region is a device of its own.
 * reentrant: true takes the guard off.
 */
MEMBUS_API int membus_region_set_lock(struct membus_region *region, void (*lock)(void *data),
                                      void (*unlock)(void *data), void *data);
MEMBUS_API int membus_region_set_device(struct membus_region *region, const void *device);
MEMBUS_API int membus_region_set_reentrant(struct membus_region *region, bool reentrant);

/*
 * Guarded memory (membus/guard.h): RAM or device memory that may vanish, a truncated memfd, a BAR
 * that stopped decoding. Accesses through the space survive that: they end with
 * MEMBUS_STATUS_DEVICE, the exact count of bytes that arrived and the address of the first that
 * did not; what is read from there is all ones. membus_space_copy() with such a region on either
 * side is guarded on both; an overlap with a window over MEMBUS_MOVE_EXACT bytes is moved by O2,
 * and bytes counts what arrived before and behind that address. Installs the handler of
 * membus_guard_install() for as long as the program runs. The pointers that membus_map_open()
 * gives are plain: guard their use. Set before the region is in a space.
 *
 * Returns: 0, -EINVAL for a region without memory, or the error of membus_guard_install().
 */
MEMBUS_API int membus_region_set_guarded(struct membus_region *region, bool guarded);

/*
 * Doorbells: a write that matches one signals its eventfd and does not reach the callback.
 * Listeners hear of them (to hand them to KVM, say). `size` 0: a write of any size at that
 * offset. Errors: -EEXIST, -ENOENT, -ENOSPC (MEMBUS_DOORBELLS_MAX), -ERANGE (past the region's
 * end), -EINVAL (`match` without a size, a size not 0, 1, 2, 4, 8, a region without callbacks: a
 * reservation has none).
 */
struct membus_doorbell {
    uint64_t offset;
    unsigned size;
    bool match;     /* only a write of `value` */
    uint64_t value; /* as the callback would get it */
    int fd;         /* stays the caller's, open until the doorbell is removed and
                       membus_synchronize() has returned */
};
MEMBUS_API int membus_region_doorbell_add(struct membus_region *region,
                                          const struct membus_doorbell *doorbell);
MEMBUS_API int membus_region_doorbell_remove(struct membus_region *region,
                                             const struct membus_doorbell *doorbell);

/*
 * Coalesced writes: those into the window are held back and delivered in order before the next
 * other access to the region's callbacks, when MEMBUS_COALESCED_MAX are held, or on flush.
 * Listeners hear of the windows. A held write has status OK; a later failure is lost, as on a
 * posted bus. Errors: -ENOSPC, -ERANGE, -EEXIST (overlaps another window), -ENOENT, -EINVAL (a
 * window of 0 bytes, a region without callbacks: a reservation has none).
 *
 * Threads: whoever makes the queue move delivers what was held when it came, in its own thread;
 * the guard (A8) lets that pass. Nothing of membus is locked while a callback runs. When several
 * threads flush at once, each write is delivered by one of them:
 *
 *   lock named     each is taken out and delivered under the region's lock: never out of order,
 *                  and no access is made before the writes that it found held have returned
 *   no lock        the same, for who finds another thread delivering waits for that write to
 *                  return. So hold no lock that the callbacks take: name it instead
 *   no lock, in a  it does not wait, since what it holds may be what that delivery waits for: it
 *   callback or    delivers what is still held and goes on, while the one write that the other
 *   transaction    thread has taken out may not have begun. Where that matters, name a lock
 *
 * remove and flush deliver what is held before they return; within a transaction they do so after
 * its outermost commit, where no callback runs under the lock of transactions. From a callback
 * they do not wait for the write that another thread has taken out; from one of the region's own,
 * under its lock, they need that lock to be recursive.
 */
MEMBUS_API int membus_region_coalesce_add(struct membus_region *region, uint64_t offset,
                                          uint64_t size);
MEMBUS_API int membus_region_coalesce_remove(struct membus_region *region, uint64_t offset,
                                             uint64_t size);
MEMBUS_API int membus_region_coalesce_flush(struct membus_region *region);

/*
 * Dirty logging of RAM and ROM devices: which pages of MEMBUS_LOG_PAGE bytes were written. Each
 * client has its own bitmap, which starts clear.
 *
 * start: counts; it waits for accesses under way, so that none of them is missed: -EDEADLK from
 *   within a callback or a transaction. -EINVAL: no such client, region without memory.
 * stop: -EINVAL without a start.
 * mark: somebody else wrote these bytes (KVM's log, a device with its own mapping). Any thread.
 */
MEMBUS_API int membus_region_log_start(struct membus_region *region, unsigned client);
MEMBUS_API int membus_region_log_stop(struct membus_region *region, unsigned client);
MEMBUS_API void membus_region_log_mark(struct membus_region *region, uint64_t offset, uint64_t n);

/* What was dirty in the pages that [offset, offset + n) touches, which are clear thereafter: every
 * write is in this snapshot or in a later one. Listeners' log_sync is called first. */
struct membus_log_snapshot;
MEMBUS_API int membus_region_log_snapshot(struct membus_region *region,
                                          struct membus_log_snapshot **snapshot, unsigned client,
                                          uint64_t offset, uint64_t n);
/* Was any page that [offset, offset + n) touches dirty? false outside the snapshot. */
MEMBUS_API bool membus_log_snapshot_dirty(const struct membus_log_snapshot *snapshot,
                                          uint64_t offset, uint64_t n);
/* How many pages were. */
MEMBUS_API uint64_t membus_log_snapshot_count(const struct membus_log_snapshot *snapshot);
MEMBUS_API void membus_log_snapshot_free(struct membus_log_snapshot *snapshot);

/* IOMMU regions. */
#define MEMBUS_IOMMU_NONE  0u
#define MEMBUS_IOMMU_READ  1u
#define MEMBUS_IOMMU_WRITE 2u

/* A translation: the block of mask + 1 bytes (a power of two) at `addr` of the region is at
 * `translated` of `target`. `target` NULL or no permission: the access is denied. */
struct membus_iommu_entry {
    struct membus_space *target;
    uint64_t addr;
    uint64_t translated;
    uint64_t mask;
    unsigned permission; /* MEMBUS_IOMMU_READ, _WRITE */
};

struct membus_iommu_ops {
    /* Fills *entry for the block that contains `offset`; `access` is what is wanted. Runs in a
     * reader's section like all callbacks. */
    void (*translate)(void *data, struct membus_iommu_entry *entry, uint64_t offset,
                      unsigned access, struct membus_attrs attrs);
    uint64_t page_min; /* least block it maps, a power of two, for replay; 0 = 4096 */
};

MEMBUS_API int membus_region_new_iommu(struct membus_region **region, const char *name,
                                       uint64_t size, const struct membus_iommu_ops *ops,
                                       void *data);

/* Notifiers: whoever shadows the translations (vhost, VFIO) hears of changes. */
#define MEMBUS_IOMMU_EVENT_UNMAP 1u
#define MEMBUS_IOMMU_EVENT_MAP   2u
struct membus_iommu_notifier;
/* Hears of `events` that touch [first, last] of the region; may be called from any thread. */
MEMBUS_API int membus_iommu_notifier_new(
    struct membus_iommu_notifier **notifier, struct membus_region *region, uint64_t first,
    uint64_t last, unsigned events,
    void (*notify)(void *data, unsigned event, const struct membus_iommu_entry *entry), void *data);
MEMBUS_API int membus_iommu_notifier_delete(struct membus_iommu_notifier *notifier);
/* The IOMMU's side: tells all notifiers. Any thread. */
MEMBUS_API int membus_region_iommu_notify(struct membus_region *region, unsigned event,
                                          const struct membus_iommu_entry *entry);
/* Tells one notifier of all translations there are now, as MAP events. The guard does not deny
 * this to callbacks of the device; -EDEADLK inside MEMBUS_CALLBACKS_MAX of them. */
MEMBUS_API int membus_iommu_notifier_replay(struct membus_iommu_notifier *notifier);

/* Looking. Any thread that knows the region is not being deleted; the answer may be old when it
 * arrives unless asked within a transaction. */
MEMBUS_API enum membus_region_kind membus_region_kind(const struct membus_region *region);
MEMBUS_API const char *membus_region_name(const struct membus_region *region);
MEMBUS_API uint64_t membus_region_last(const struct membus_region *region); /* size - 1 */
MEMBUS_API uint64_t membus_region_offset(const struct membus_region *region);
MEMBUS_API int membus_region_priority(const struct membus_region *region);
MEMBUS_API bool membus_region_enabled(const struct membus_region *region);
MEMBUS_API bool membus_region_readonly(const struct membus_region *region);
MEMBUS_API bool membus_region_nonvolatile(const struct membus_region *region);
MEMBUS_API bool membus_region_direct(const struct membus_region *region);
/* The region that it is a subregion of, the target of an alias: NULL if none. */
MEMBUS_API struct membus_region *membus_region_container(const struct membus_region *region);
MEMBUS_API struct membus_region *membus_region_alias(const struct membus_region *region);
MEMBUS_API uint64_t membus_region_alias_offset(const struct membus_region *region);
/* The callbacks' data; what was set as its device. */
MEMBUS_API void *membus_region_data(const struct membus_region *region);
MEMBUS_API const void *membus_region_device(const struct membus_region *region);
/* Its memory in this process, for RAM, ROM devices and device memory; else addr NULL, size 0. */
MEMBUS_API struct membus_mapping membus_region_mapping(const struct membus_region *region);
/* The descriptor behind it, which stays the region's, and the offset in it; -ENOENT if none. */
MEMBUS_API int membus_region_fd(const struct membus_region *region, uint64_t *fd_offset);

/*
 * Calls `each` for every subregion, highest priority first and last added first, until it
 * returns non-zero, which is returned; else 0. Holds the lock of transactions meanwhile.
 */
MEMBUS_API int membus_region_children(struct membus_region *region,
                                      int (*each)(void *data, struct membus_region *sub),
                                      void *data);

#ifdef __cplusplus
}
#endif

#endif
