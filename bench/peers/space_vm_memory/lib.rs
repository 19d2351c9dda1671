// SPDX-License-Identifier: MIT

//! Guest memory as a VMM built on rust-vmm has it: regions in a sorted vector behind an atomic
//! pointer, so that it may change while others read.

use std::os::raw::c_void;
use std::sync::Arc;
use vm_memory::{
    Bytes, GuestAddress, GuestAddressSpace, GuestMemoryAtomic, GuestMemoryMmap, GuestRegionMmap,
    MmapRegion,
};

type Memory = GuestMemoryMmap<()>;

pub struct Peer {
    atomic: GuestMemoryAtomic<Memory>,
    page: *mut u8,
    size: usize,
}

fn region(page: *mut u8, size: usize, addr: u64) -> Arc<GuestRegionMmap<()>> {
    let flags = libc_flags();
    let raw = unsafe { MmapRegion::build_raw(page, size, 3, flags).unwrap() };

    Arc::new(GuestRegionMmap::new(raw, GuestAddress(addr)).unwrap())
}

/// MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE; the crate only keeps them.
fn libc_flags() -> i32 {
    0x2 | 0x20 | 0x4000
}

/// # Safety
/// `page` is `size` bytes that outlive the peer.
#[no_mangle]
pub unsafe extern "C" fn peer_vm_new(page: *mut u8, size: usize, count: u64, stride: u64) -> *mut Peer {
    let regions = (0..count).map(|i| region(page, size, i * stride)).collect();
    let memory = Memory::from_arc_regions(regions).unwrap();

    Box::into_raw(Box::new(Peer { atomic: GuestMemoryAtomic::new(memory), page, size }))
}

/// # Safety
/// From peer_vm_new().
#[no_mangle]
pub unsafe extern "C" fn peer_vm_delete(peer: *mut Peer) {
    drop(Box::from_raw(peer));
}

/// # Safety
/// From peer_vm_new().
#[no_mangle]
pub unsafe extern "C" fn peer_vm_load_32(peer: *const Peer, addr: u64) -> u32 {
    (*peer).atomic.memory().read_obj::<u32>(GuestAddress(addr)).unwrap_or(0)
}

/// # Safety
/// From peer_vm_new().
#[no_mangle]
pub unsafe extern "C" fn peer_vm_store_32(peer: *const Peer, addr: u64, value: u32) {
    let _ = (*peer).atomic.memory().write_obj::<u32>(value, GuestAddress(addr));
}

/// # Safety
/// From peer_vm_new(); `buf` is `n` bytes.
#[no_mangle]
pub unsafe extern "C" fn peer_vm_read(peer: *const Peer, buf: *mut c_void, n: usize, addr: u64) {
    let slice = std::slice::from_raw_parts_mut(buf as *mut u8, n);
    let _ = (*peer).atomic.memory().read_slice(slice, GuestAddress(addr));
}

/// Moves the region at `from` to `to`: one new version of the memory.
///
/// # Safety
/// From peer_vm_new().
#[no_mangle]
pub unsafe extern "C" fn peer_vm_move(peer: *const Peer, from: u64, to: u64) {
    let p = &*peer;
    let now = p.atomic.memory();
    let (without, _) = now.remove_region(GuestAddress(from), p.size as u64).unwrap();
    let with = without.insert_region(region(p.page, p.size, to)).unwrap();

    p.atomic.lock().unwrap().replace(with);
}
