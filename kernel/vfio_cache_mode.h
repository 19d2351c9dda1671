/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR MIT */
#ifndef VFIO_CACHE_MODE_H
#define VFIO_CACHE_MODE_H

#include <linux/types.h>
#include <linux/vfio.h>

/*
 * The MMAP_CACHE_MODE capability tells how the driver maps the region into
 * user space.  Without it user space cannot know which loads and stores are
 * allowed there: an unaligned access or a vector instruction that is fine on
 * a write-combining mapping is an alignment fault on a noncached one.
 *
 * There is one mode for the whole region: all its sparse areas are mapped
 * alike, and mappings made at any time while the device is open have it.  The
 * capability only means something when VFIO_REGION_INFO_FLAG_MMAP is set.  It
 * describes the host's mapping and says nothing of what a guest makes of its
 * own.
 *
 * The modes are named after the pgprot_*() function that makes the mapping.
 * User space treats a version or a mode that it does not know as UNKNOWN,
 * and UNKNOWN as the strictest of all.
 */
#define VFIO_REGION_INFO_CAP_MMAP_CACHE_MODE	6

struct vfio_region_info_cap_mmap_cache_mode {
	struct vfio_info_cap_header header;	/* version 1 */
	__u32	cache_mode;
#define VFIO_REGION_CACHE_MODE_UNKNOWN		0
#define VFIO_REGION_CACHE_MODE_NORMAL		1 /* cacheable, as memory is */
#define VFIO_REGION_CACHE_MODE_WRITECOMBINE	2 /* pgprot_writecombine() */
#define VFIO_REGION_CACHE_MODE_DEVICE		3 /* pgprot_device() */
#define VFIO_REGION_CACHE_MODE_NONCACHED	4 /* pgprot_noncached() */
	__u32	reserved;			/* 0 */
};

#endif
