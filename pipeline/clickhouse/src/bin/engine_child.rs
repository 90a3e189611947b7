//! The engine child as an executable of its own, so that this crate's tests need not build the whole program.

fn main() {
    evenkeel_clickhouse::run_engine_child(std::env::args_os().skip(1))
}
