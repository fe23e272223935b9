//! Memory for weights, states and scratch: zeroed, aligned to cache lines, on huge pages where it is large and
//! the system has them. Reads through small pages cost a fifth of the bandwidth.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

const LINE: usize = 64;
const HUGE: usize = 2 << 20;

/// Types for which any bytes are a value.
pub trait Bits: Copy + Send + Sync + 'static {}
impl Bits for u8 {}
impl Bits for i8 {}
impl Bits for u16 {}
impl Bits for f32 {}

/// A fixed number of values. Cloning copies them.
pub struct Pages<T: Bits> {
    start: NonNull<T>,
    len: usize,
}

// SAFETY: the memory is owned by this value alone, and `Bits` are plain values.
unsafe impl<T: Bits> Send for Pages<T> {}
// SAFETY: as above; shared access only reads.
unsafe impl<T: Bits> Sync for Pages<T> {}

impl<T: Bits> Pages<T> {
    /// `len` zeroes.
    pub fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        if layout.size() == 0 {
            return Self { start: NonNull::dangling(), len: 0 };
        }
        // SAFETY: the layout's size is not zero.
        let raw = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(raw.cast::<T>()) else { handle_alloc_error(layout) };
        if layout.size() >= HUGE {
            want_huge(raw, layout.size());
        }
        Self { start, len }
    }

    fn layout(len: usize) -> Layout {
        let bytes = len * size_of::<T>();
        let align = if bytes >= HUGE { HUGE } else { LINE };
        match Layout::from_size_align(bytes, align) {
            Ok(layout) => layout,
            Err(_) => handle_alloc_error(Layout::new::<T>()),
        }
    }
}

/// Asks for huge pages; where there are none, small ones do.
fn want_huge(start: *mut u8, len: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the range was just allocated and the advice changes no content.
    unsafe {
        let _ = rustix::mm::madvise(start.cast(), len, rustix::mm::Advice::LinuxHugepage);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

impl<T: Bits> Drop for Pages<T> {
    fn drop(&mut self) {
        let layout = Self::layout(self.len);
        if layout.size() > 0 {
            // SAFETY: allocated in `zeroed` with this very layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
        }
    }
}

impl<T: Bits> Deref for Pages<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `len` values were allocated and zeroed.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Bits> DerefMut for Pages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for shared access, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: Bits> Clone for Pages<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl<T: Bits> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.len)
    }
}
