// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the guest tests: what the page tables really say about an address of the reading process.
 *
 * pread(fd, &attr, 8, ADDRESS) on /dev/membus-attr gives the memory type that the CPU finds there:
 * on arm64 the MAIR attribute that a translation (AT S1E0R) leaves in PAR_EL1, on x86 the type
 * that the page table entry selects in IA32_PAT.  The page must have been touched: -EFAULT.
 */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#ifdef CONFIG_ARM64
#include <asm/barrier.h>
#include <asm/sysreg.h>

static int read_attr(unsigned long addr, u64 *attr)
{
	unsigned long flags;
	u64 par;

	local_irq_save(flags);
	asm volatile("at s1e0r, %0" : : "r" (addr));
	isb();
	par = read_sysreg(par_el1);
	local_irq_restore(flags);

	if (par & 1)
		return -EFAULT;
	*attr = par >> 56;
	return 0;
}
#else
#include <asm/msr.h>

/* The low flags of the entry that maps @addr, with the PAT bit where 4K entries have it. */
static int entry_flags(struct mm_struct *mm, unsigned long addr, u64 *flags)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;
	pte_t *pte;

	if (pgd_none(*pgd))
		return -EFAULT;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return -EFAULT;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return -EFAULT;
	if (pud_leaf(*pud)) {
		*flags = pgprot_val(pgprot_large_2_4k(__pgprot(pud_flags(*pud))));
		return 0;
	}
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return -EFAULT;
	if (pmd_leaf(*pmd)) {
		*flags = pgprot_val(pgprot_large_2_4k(__pgprot(pmd_flags(*pmd))));
		return 0;
	}
	pte = pte_offset_kernel(pmd, addr);
	if (!pte_present(*pte))
		return -EFAULT;
	*flags = pte_flags(*pte);
	return 0;
}

static int read_attr(unsigned long addr, u64 *attr)
{
	unsigned int index;
	u64 flags, pat;
	int ret;

	mmap_read_lock(current->mm);
	ret = entry_flags(current->mm, addr, &flags);
	mmap_read_unlock(current->mm);
	if (ret)
		return ret;

	rdmsrl(MSR_IA32_CR_PAT, pat);
	index = (flags & _PAGE_PWT ? 1 : 0) | (flags & _PAGE_PCD ? 2 : 0) |
		(flags & _PAGE_PAT ? 4 : 0);
	*attr = (pat >> (8 * index)) & 7;
	return 0;
}
#endif

static ssize_t attr_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	unsigned long addr = *ppos;
	u64 attr;
	int ret;

	if (count != sizeof(attr) || addr >= TASK_SIZE)
		return -EINVAL;
	ret = read_attr(addr, &attr);
	if (ret)
		return ret;
	return copy_to_user(buf, &attr, sizeof(attr)) ? -EFAULT : sizeof(attr);
}

static const struct file_operations attr_fops = {
	.owner = THIS_MODULE,
	.read = attr_read,
};

static struct miscdevice attr_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "membus-attr",
	.fops = &attr_fops,
};
module_misc_device(attr_device);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The membus authors");
MODULE_DESCRIPTION("Memory type of a user mapping, for tests");
