//! A real engine in a folder of its own for every test that wants one.

use evenkeel_clickhouse::{Client, Engine, EngineOptions, Settings, connect, install};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The engine child of this crate.
pub fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_evenkeel-engine-child"))
}

/// Installed once for all tests.
pub fn options(data: &Path) -> EngineOptions {
    static LIBRARY: LazyLock<PathBuf> =
        LazyLock::new(|| install(&mut |line| eprintln!("{line}")).expect("the engine can be installed"));
    EngineOptions { memory_limit_bytes: 2 << 30, ..EngineOptions::new(LIBRARY.clone(), data.to_owned()) }
}

pub fn start(data: &Path) -> Engine {
    Engine::start(exe(), &[], options(data)).expect("the engine starts")
}

/// A client and the settings it was made of.
#[allow(dead_code)] // Not every test binary talks to the engine.
pub fn client(engine: &Engine) -> (Client, Settings) {
    let settings = Settings::new(engine.url());
    (connect(&settings).expect("the settings are right"), settings)
}
