//! What is asked of the operating system.

/// How far whatever writes to ClickHouse steps back, in units of `nice`: on full cores triggers do not wait for rows.
const BEHIND: libc::c_int = 10;

/// The calling thread, and those that it starts from now on, come after the others when cores are full.
pub fn step_back() {
    // Who may not, stays as important as the others.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, BEHIND) };
}
