/* SPDX-License-Identifier: MIT */

/* A device model completes an NVMe command: reads the doorbell, writes the 16-byte completion. */

#include <stdio.h>

#include <membus/access.h>
#include <membus/copy.h>

struct completion {
    uint32_t result, reserved;
    uint16_t sq_head, sq_id, command_id, status; /* bit 0 of status: the phase */
};

int main(void)
{
    static _Alignas(16) struct completion ring[8]; /* guest RAM: the driver polls `status` */
    static uint32_t doorbell = 1;                  /* guest RAM: the driver's tail */

    uint32_t tail = membus_ram_load_le32(&doorbell);
    membus_barrier_consume(); /* the tail before the commands it announces */
    struct completion done = {.sq_head = membus_le16((uint16_t)tail), .status = membus_le16(1)};
    membus_copy(&ring[0], &done, sizeof(done)); /* `status` comes last, once, and whole */

    printf("phase %u, head %u\n", ring[0].status & 1, ring[0].sq_head);
    return 0;
}
