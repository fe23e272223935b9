//! Memory of exactly the size that was asked for, so that a sanitizer sees the first byte past it, and aligned for
//! any vector a kernel may read.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// The widest vector of the kernels.
const ALIGN: usize = 16;

#[derive(Debug)]
pub(crate) struct Memory {
    at: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory is owned like a vector's, and only reached through the owner.
#[expect(unsafe_code, reason = "a pointer is not Send by itself")]
unsafe impl Send for Memory {}

impl Memory {
    #[expect(unsafe_code, reason = "the allocator is asked directly, for this size and no larger")]
    pub(crate) fn new(bytes: usize) -> Self {
        let layout = Layout::from_size_align(bytes.max(1), ALIGN).expect("a size that fits into memory");
        // SAFETY: the layout has a size above zero.
        let at = unsafe { alloc_zeroed(layout) };
        let Some(at) = NonNull::new(at) else { handle_alloc_error(layout) };
        Self { at, layout }
    }

    #[expect(unsafe_code, reason = "owned memory is looked at as bytes")]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the memory is ours alone, of this size, and was zeroed when it was taken.
        unsafe { std::slice::from_raw_parts_mut(self.at.as_ptr(), self.layout.size()) }
    }
}

impl Drop for Memory {
    #[expect(unsafe_code, reason = "what the allocator gave goes back to it")]
    fn drop(&mut self) {
        // SAFETY: it came from this allocator with this layout and is given back once.
        unsafe { dealloc(self.at.as_ptr(), self.layout) }
    }
}
