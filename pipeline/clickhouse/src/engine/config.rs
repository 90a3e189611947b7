//! The engine's configuration file.

use super::EngineOptions;
use crate::error::{Error, Result};
use std::fs;
use std::path::Path;

/// In the data folder. Always given: without it the engine takes any `config.xml` it finds lying about.
pub(super) const CONFIG_FILE: &str = "engine.xml";
/// In the data folder; the engine rotates it.
pub(super) const LOG_FILE: &str = "engine.log";

pub(super) fn write(path: &Path, options: &EngineOptions) -> Result<()> {
    fs::write(path, text(options)).map_err(|error| Error::io(format!("writing {}", path.display()), error))
}

fn text(options: &EngineOptions) -> String {
    let log = escape(&options.data.join(LOG_FILE).to_string_lossy());
    let memory = options.memory_limit_bytes;
    // The caches are small because the data is recent and the machine has other work; synced inserts make an
    // acknowledged batch survive a power cut, the folder entry of its part included. An idle connection is
    // kept longer than our client keeps it (2 s), and no longer: the engine's end waits for it.
    format!(
        "<clickhouse>
    <logger><log>{log}</log><size>10M</size><count>3</count></logger>
    <listen_host>127.0.0.1</listen_host>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>67108864</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <keep_alive_timeout>3</keep_alive_timeout>
    <max_concurrent_queries>100</max_concurrent_queries>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
    </merge_tree>
</clickhouse>
"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_an_odd_name_stays_text() {
        let options = EngineOptions::new("lib".into(), "/data/a<b>&c".into());
        let text = text(&options);
        assert!(text.contains("<log>/data/a&lt;b&gt;&amp;c/engine.log</log>"));
        assert!(text.contains("<max_server_memory_usage>4294967296<"));
    }
}
