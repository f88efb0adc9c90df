//! One setting of the C library's allocator. By default it keeps a pool for each thread that ever asked, and a daemon
//! with a few threads that take turns pays for all of them: at 100,000 tools 190 MB instead of 150 MB (measured).

/// Before any thread is started.
#[expect(
    unsafe_code,
    reason = "a setting of the C library; nothing is read or written through pointers"
)]
pub(super) fn use_few_pools() {
    const POOLS: libc::c_int = 2;
    // SAFETY: `mallopt` takes two numbers and may be called at any time.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, POOLS) };
}
