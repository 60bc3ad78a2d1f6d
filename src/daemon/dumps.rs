//! What is in memory stays there.

/// Keeps the kernel from writing the process's memory to a file when it dies, and
/// others than root from looking into it. Packets of other people lie in it, read or
/// not: in the buffers of capture, of streams and of the allocator, so that no part of
/// Weir could wipe them all.
pub fn forbid() {
    // SAFETY: prctl(2) takes no pointer for this.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        log::warn!("a core of this process may be written: {}", std::io::Error::last_os_error());
    }
}
