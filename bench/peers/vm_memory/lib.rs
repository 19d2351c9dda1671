// SPDX-License-Identifier: MIT

//! A copy as a device model built on rust-vmm makes it: a slice of the model's own written into
//! guest memory that others are watching.

use vm_memory::{Bytes, VolatileSlice};

/// # Safety
/// As memcpy().
#[no_mangle]
pub unsafe extern "C" fn peer_vm_memory(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    let guest = VolatileSlice::new(dst, n);
    let model = std::slice::from_raw_parts(src, n);

    let _ = guest.write_slice(model, 0);
    dst
}
