// SPDX-License-Identifier: GPL-2.0-only
/*
 * A variant of vfio-pci that tells user space how a BAR is mapped, and that
 * can map a BAR write-combining or, on arm64, cacheable.
 *
 * What is reported is what is in the page tables.  Every BAR that can be
 * mapped is mapped into the kernel when the device is opened, with the mode
 * that user space will get.  On x86 that reserves the memory type of the range
 * for as long as the device is open, and the type that was granted is read
 * back; every later mapping follows the reservation.  On arm64 the mode of a
 * mapping is what its page protection says, and the kernel's own mapping of
 * the same type keeps the architecture's rule against mismatched attributes.
 *
 * See docs/vfio-cache-mode.md.
 */

#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "vfio_cache_mode.h"

#if !defined(CONFIG_X86_64) && !defined(CONFIG_ARM64)
#error "membus-vfio-pci knows the mappings of x86-64 and arm64 only"
#endif

#define DRIVER_NAME "membus-vfio-pci"

/* Longest chain of capabilities that is walked; the core makes two at most. */
#define MAX_CAPS 32
#define MAX_MODES 32

static unsigned int cap_id = VFIO_REGION_INFO_CAP_MMAP_CACHE_MODE;
module_param(cap_id, uint, 0444);
MODULE_PARM_DESC(cap_id, "Id of the cache mode capability, until one is assigned (default 6)");

static char *modes[MAX_MODES];
static unsigned int num_modes;
module_param_array(modes, charp, &num_modes, 0444);
MODULE_PARM_DESC(modes,
		 "How to map a BAR: ADDRESS/BAR=MODE,... for example 0000:01:00.0/2=writecombine; modes are noncached (default), writecombine and, on arm64, normal");

struct membus_device {
	struct vfio_pci_core_device core;
	u32 wanted[PCI_STD_NUM_BARS];	/* the parameter's mode */
	u32 mode[PCI_STD_NUM_BARS];	/* what the BAR is mapped with */
};

static struct membus_device *to_membus(struct vfio_device *core_vdev)
{
	return container_of(core_vdev, struct membus_device, core.vdev);
}

static const char *mode_name(u32 mode)
{
	static const char * const names[] = {
		[VFIO_REGION_CACHE_MODE_UNKNOWN] = "unknown",
		[VFIO_REGION_CACHE_MODE_NORMAL] = "normal",
		[VFIO_REGION_CACHE_MODE_WRITECOMBINE] = "writecombine",
		[VFIO_REGION_CACHE_MODE_DEVICE] = "device",
		[VFIO_REGION_CACHE_MODE_NONCACHED] = "noncached",
	};

	return names[mode];
}

/* Returns the mode that a user may ask for by this name, or UNKNOWN. */
static u32 mode_parse(const char *name)
{
	if (!strcmp(name, "noncached"))
		return VFIO_REGION_CACHE_MODE_NONCACHED;
	if (!strcmp(name, "writecombine"))
		return VFIO_REGION_CACHE_MODE_WRITECOMBINE;
	/*
	 * A firmware that marks the PCI window uncached in the MTRRs gets its
	 * way on x86 whatever the page tables say, so there is no "normal".
	 */
	if (IS_ENABLED(CONFIG_ARM64) && !strcmp(name, "normal"))
		return VFIO_REGION_CACHE_MODE_NORMAL;
	return VFIO_REGION_CACHE_MODE_UNKNOWN;
}

/*
 * Reads one "ADDRESS/BAR=MODE".  The address is compared as text, so that a
 * device that comes later than the module finds its entry too.
 */
static int modes_entry(const char *entry, const char **mode, size_t *address_len)
{
	const char *slash = strchr(entry, '/');

	if (!slash || slash[1] < '0' || slash[1] >= '0' + PCI_STD_NUM_BARS || slash[2] != '=')
		return -EINVAL;

	*address_len = slash - entry;
	*mode = slash + 3;
	return slash[1] - '0';
}

static int modes_check(void)
{
	const char *mode;
	unsigned int i;
	size_t len;

	for (i = 0; i < num_modes; i++) {
		if (modes_entry(modes[i], &mode, &len) < 0 || !mode_parse(mode)) {
			pr_err(DRIVER_NAME ": modes: cannot read \"%s\"\n", modes[i]);
			return -EINVAL;
		}
	}
	return 0;
}

static int choose_modes(struct membus_device *mdev)
{
	struct pci_dev *pdev = mdev->core.pdev;
	unsigned int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		mdev->wanted[i] = VFIO_REGION_CACHE_MODE_NONCACHED;

	for (i = 0; i < num_modes; i++) {
		const char *mode;
		size_t len;
		int bar = modes_entry(modes[i], &mode, &len);

		if (strlen(pci_name(pdev)) != len || strncmp(pci_name(pdev), modes[i], len))
			continue;
		mdev->wanted[bar] = mode_parse(mode);
		if (mdev->wanted[bar] == VFIO_REGION_CACHE_MODE_NONCACHED)
			continue;
		/*
		 * Reads may be made ahead and writes merged in all the other
		 * modes, which is what "prefetchable" says a BAR can take.
		 */
		if (!(pci_resource_flags(pdev, bar) & IORESOURCE_PREFETCH)) {
			pci_err(pdev, "BAR %d is not prefetchable: it cannot be mapped %s\n",
				bar, mode);
			return -EINVAL;
		}
	}
	return 0;
}

#ifdef CONFIG_X86_64
/*
 * The memory type that an ioremap*() was granted can differ from what it asked
 * for: an existing mapping of the same range wins, without a word.
 */
static u32 mapped_mode(const void __iomem *io, u32 asked)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)io, &level);
	pgprotval_t bits;
	pgprot_t prot;

	if (!pte)
		return VFIO_REGION_CACHE_MODE_UNKNOWN;

	prot = __pgprot(pte_flags(*pte));
	if (level != PG_LEVEL_4K)
		prot = pgprot_large_2_4k(prot);
	bits = pgprot_val(prot) & _PAGE_CACHE_MASK;

	/* In this order: without PAT, the bits of the others equal UC-'s. */
	if (bits == cachemode2protval(_PAGE_CACHE_MODE_UC_MINUS) ||
	    bits == cachemode2protval(_PAGE_CACHE_MODE_UC))
		return VFIO_REGION_CACHE_MODE_NONCACHED;
	if (bits == cachemode2protval(_PAGE_CACHE_MODE_WC))
		return VFIO_REGION_CACHE_MODE_WRITECOMBINE;
	return VFIO_REGION_CACHE_MODE_UNKNOWN;
}
#else
static u32 mapped_mode(const void __iomem *io, u32 asked)
{
	return asked;
}
#endif

static void __iomem *map_bar(struct pci_dev *pdev, int bar, u32 mode)
{
	switch (mode) {
	case VFIO_REGION_CACHE_MODE_WRITECOMBINE:
		return pci_iomap_wc(pdev, bar, 0);
#ifdef CONFIG_ARM64
	case VFIO_REGION_CACHE_MODE_NORMAL:
		return ioremap_cache(pci_resource_start(pdev, bar), pci_resource_len(pdev, bar));
#endif
	default:
		return pci_iomap(pdev, bar, 0);
	}
}

/*
 * Fills the core's barmap, which read(), write() and mmap() then find there,
 * and which the core unmaps and releases when the device is closed.
 */
static void setup_bar(struct membus_device *mdev, int bar)
{
	struct vfio_pci_core_device *core = &mdev->core;
	struct pci_dev *pdev = core->pdev;
	void __iomem *io;

	mdev->mode[bar] = VFIO_REGION_CACHE_MODE_UNKNOWN;
	if (!core->bar_mmap_supported[bar])
		return;

	/* Without the region the core will fail a mmap(): nothing to report. */
	if (pci_request_selected_regions(pdev, 1 << bar, DRIVER_NAME))
		return;

	io = map_bar(pdev, bar, mdev->wanted[bar]);
	if (!io) {
		pci_release_selected_regions(pdev, 1 << bar);
		return;
	}

	core->barmap[bar] = io;
	mdev->mode[bar] = mapped_mode(io, mdev->wanted[bar]);
	if (mdev->mode[bar] != mdev->wanted[bar])
		pci_warn(pdev, "BAR %d: asked for a %s mapping, got %s\n", bar,
			 mode_name(mdev->wanted[bar]), mode_name(mdev->mode[bar]));
}

static int membus_open_device(struct vfio_device *core_vdev)
{
	struct membus_device *mdev = to_membus(core_vdev);
	int bar, ret;

	ret = vfio_pci_core_enable(&mdev->core);
	if (ret)
		return ret;

	/* This finds out which BARs can be mapped. */
	vfio_pci_core_finish_enable(&mdev->core);

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		setup_bar(mdev, bar);
	return 0;
}

static pgprot_t mode_pgprot(u32 mode, pgprot_t prot)
{
	switch (mode) {
	case VFIO_REGION_CACHE_MODE_NORMAL:
		break;
	case VFIO_REGION_CACHE_MODE_WRITECOMBINE:
		prot = pgprot_writecombine(prot);
		break;
	default:
		prot = pgprot_noncached(prot);
		break;
	}
	return pgprot_decrypted(prot);
}

static int membus_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma)
{
	struct membus_device *mdev = to_membus(core_vdev);
	unsigned int index = vma->vm_pgoff >> (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT);
	/* Kept because x86's pgprot_*() add bits and cannot undo the core's. */
	pgprot_t prot = vma->vm_page_prot;
	int ret;

	ret = vfio_pci_core_mmap(core_vdev, vma);
	if (ret || index >= PCI_STD_NUM_BARS)
		return ret;

	/* Pages come with the first fault, with the protection set here. */
	vma->vm_page_prot = mode_pgprot(mdev->mode[index], prot);
#ifdef VM_ALLOW_ANY_UNCACHED
	/* A guest's mapping must not be less cacheable than the host's. */
	if (mdev->mode[index] == VFIO_REGION_CACHE_MODE_NORMAL)
		vm_flags_clear(vma, VM_ALLOW_ANY_UNCACHED);
#endif
	return 0;
}

static ssize_t membus_write(struct vfio_device *core_vdev, const char __user *buf, size_t count,
			    loff_t *ppos)
{
	ssize_t ret = vfio_pci_core_write(core_vdev, buf, count, ppos);

	/*
	 * The core stores through barmap.  User space expects of write() that
	 * the device has seen it before what it does next, so no byte may stay
	 * behind in a write-combining buffer.
	 */
	wmb();
	return ret;
}

/* Sets the argsz that the core will see, and calls it. */
static long core_region_info(struct vfio_device *core_vdev, struct vfio_region_info __user *arg,
			     u32 argsz, struct vfio_region_info *info)
{
	long ret;

	if (put_user(argsz, &arg->argsz))
		return -EFAULT;
	ret = vfio_pci_core_ioctl(core_vdev, VFIO_DEVICE_GET_REGION_INFO, (unsigned long)arg);
	if (ret)
		return ret;
	return copy_from_user(info, arg, sizeof(*info)) ? -EFAULT : 0;
}

/*
 * Links a capability at offset @at behind the last of the core's.  The chain
 * is in user memory, where another thread may be changing it: nothing read
 * here is trusted for more than where in that buffer to write.
 */
static int link_last(struct vfio_region_info __user *arg, u32 first, u32 at)
{
	u8 __user *base = (u8 __user *)arg;
	u32 offset = first;
	int i;

	for (i = 0; i < MAX_CAPS; i++) {
		struct vfio_info_cap_header __user *header;
		u32 next;

		if (offset < sizeof(*arg) || offset > at - sizeof(*header))
			return -EFAULT;
		header = (struct vfio_info_cap_header __user *)(base + offset);
		if (get_user(next, &header->next))
			return -EFAULT;
		if (!next)
			return put_user(at, &header->next);
		offset = next;
	}
	return -EFAULT;
}

static int append_mode(struct vfio_region_info __user *arg, struct vfio_region_info *info, u32 at,
		       u32 mode)
{
	struct vfio_region_info_cap_mmap_cache_mode cap = {
		.header.id = cap_id,
		.header.version = 1,
		.cache_mode = mode,
	};
	int ret;

	if (copy_to_user((u8 __user *)arg + at, &cap, sizeof(cap)))
		return -EFAULT;

	if (info->cap_offset) {
		ret = link_last(arg, info->cap_offset, at);
		if (ret)
			return ret;
	} else {
		info->cap_offset = at;
	}
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	return 0;
}

/*
 * The core copies its capabilities to user memory itself and leaves no room
 * for more, so it is asked twice: for their size, then for the capabilities,
 * with ours behind them.  The contract of argsz is kept over both.
 */
static long membus_region_info(struct vfio_device *core_vdev, struct vfio_region_info __user *arg)
{
	struct membus_device *mdev = to_membus(core_vdev);
	struct vfio_region_info info;
	u32 argsz, core_size, at, size;
	long ret;

	if (get_user(argsz, &arg->argsz))
		return -EFAULT;
	if (argsz < sizeof(info))
		return -EINVAL;

	ret = core_region_info(core_vdev, arg, sizeof(info), &info);
	if (ret)
		return ret;
	core_size = info.argsz;

	if (info.index < PCI_STD_NUM_BARS && (info.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		at = ALIGN(core_size, sizeof(u64));
		size = at + sizeof(struct vfio_region_info_cap_mmap_cache_mode);
	} else {
		at = 0;
		size = core_size;
	}

	if (argsz < size) {
		info.argsz = size;
		info.cap_offset = 0;
		info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
	}

	if (core_size > sizeof(info)) {
		ret = core_region_info(core_vdev, arg, core_size, &info);
		if (ret)
			return ret;
	}
	/* Another thread may have changed the index in between. */
	if (at && info.index < PCI_STD_NUM_BARS) {
		ret = append_mode(arg, &info, at, mdev->mode[info.index]);
		if (ret)
			return ret;
	}
	info.argsz = argsz;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/*
 * An eventfd's store to a write-combining BAR would stay in the CPU's buffer
 * until something else drains it.
 */
static long membus_ioeventfd(struct vfio_device *core_vdev,
			     struct vfio_device_ioeventfd __user *arg)
{
	struct membus_device *mdev = to_membus(core_vdev);
	u64 offset, index;

	if (get_user(offset, &arg->offset))
		return -EFAULT;
	index = VFIO_PCI_OFFSET_TO_INDEX(offset);
	if (index < PCI_STD_NUM_BARS &&
	    mdev->mode[index] == VFIO_REGION_CACHE_MODE_WRITECOMBINE)
		return -EINVAL;
	return vfio_pci_core_ioctl(core_vdev, VFIO_DEVICE_IOEVENTFD, (unsigned long)arg);
}

static long membus_ioctl(struct vfio_device *core_vdev, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_REGION_INFO:
		return membus_region_info(core_vdev, (void __user *)arg);
	case VFIO_DEVICE_IOEVENTFD:
		return membus_ioeventfd(core_vdev, (void __user *)arg);
	default:
		return vfio_pci_core_ioctl(core_vdev, cmd, arg);
	}
}

static const struct vfio_device_ops membus_ops = {
	.name		= DRIVER_NAME,
	.init		= vfio_pci_core_init_dev,
	.release	= vfio_pci_core_release_dev,
	.open_device	= membus_open_device,
	.close_device	= vfio_pci_core_close_device,
	.ioctl		= membus_ioctl,
	.device_feature	= vfio_pci_core_ioctl_feature,
	.read		= vfio_pci_core_read,
	.write		= membus_write,
	.mmap		= membus_mmap,
	.request	= vfio_pci_core_request,
	.match		= vfio_pci_core_match,
#if IS_ENABLED(CONFIG_IOMMUFD)
	.bind_iommufd	= vfio_iommufd_physical_bind,
	.unbind_iommufd	= vfio_iommufd_physical_unbind,
	.attach_ioas	= vfio_iommufd_physical_attach_ioas,
	.detach_ioas	= vfio_iommufd_physical_detach_ioas,
#endif
};

static int membus_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct membus_device *mdev;
	int ret;

	mdev = vfio_alloc_device(membus_device, core.vdev, &pdev->dev, &membus_ops);
	if (IS_ERR(mdev))
		return PTR_ERR(mdev);

	ret = choose_modes(mdev);
	if (ret)
		goto put;

	dev_set_drvdata(&pdev->dev, &mdev->core);
	ret = vfio_pci_core_register_device(&mdev->core);
	if (ret)
		goto put;
	return 0;

put:
	vfio_put_device(&mdev->core.vdev);
	return ret;
}

static void membus_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

/* Any device, but only where the administrator set driver_override. */
static const struct pci_device_id membus_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, membus_table);

static struct pci_driver membus_driver = {
	.name			= DRIVER_NAME,
	.id_table		= membus_table,
	.probe			= membus_probe,
	.remove			= membus_remove,
	.err_handler		= &vfio_pci_core_err_handlers,
	.driver_managed_dma	= true,
};

static int __init membus_init(void)
{
	int ret;

	if (!cap_id || cap_id > U16_MAX)
		return -EINVAL;
	ret = modes_check();
	if (ret)
		return ret;
	return pci_register_driver(&membus_driver);
}
module_init(membus_init);

static void __exit membus_exit(void)
{
	pci_unregister_driver(&membus_driver);
}
module_exit(membus_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The membus authors");
MODULE_DESCRIPTION("VFIO PCI driver that reports and chooses how BARs are mapped");
