//! How the program's memory is given back to the machine. The only room with code that the compiler does not check: one call
//! into the C library, which has no safe door (`docs/decisions/0017`).

/// From so many bytes on a piece of memory is mapped on its own, and goes back to the machine when it is let go of. Lower
/// was measured to slow the opening of an index, whose pieces are about this large.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_FROM_BYTES: libc::c_int = 1024 * 1024;

/// Keeps the C library from holding on to large pieces that were let go of. Left alone, glibc raises the size from which
/// it maps a piece on its own to the largest that was ever let go of, up to 32 MiB; what is smaller then stays in the heap
/// of whichever thread used it. To be called first, from `main`; elsewhere than on glibc nothing is done.
pub fn give_back_large_pieces() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the C library's setting has no safe door")]
    // SAFETY: sets a number of the allocator, which may be done at any time and from any thread; it hands out no memory
    // and touches none. That it may refuse (and answer 0) costs nothing but memory.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    }
}
