//! The `evenkeel` program.

use std::process::ExitCode;

/// Events are made by one thread and freed by another, which is what it is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    evenkeel::cli::main()
}
