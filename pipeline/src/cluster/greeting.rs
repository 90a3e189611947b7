//! What processes say before the sockets are timely's: one JSON object a line, each way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Work;

/// A greeting that takes longer, or is longer, is none.
const TIME_MAX: Duration = Duration::from_secs(5);
const BYTES_MAX: usize = 64 << 10;

/// Who calls.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello {
    /// The hash of the program: types travel as they are laid out in it.
    pub build: String,
    /// Where it can be called; said to the leader.
    pub listens: Option<SocketAddr>,
    /// Its number; said to other workers.
    pub process: Option<usize>,
}

/// What the leader says once everybody is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// Take part.
    Welcome {
        /// The number of who called.
        process: usize,
        /// Where the workers of numbers 1, 2, … listen.
        addresses: Vec<SocketAddr>,
        /// What to build.
        work: Work,
    },
    /// Do not, and why.
    Refused(String),
}

pub(super) fn say(stream: &mut TcpStream, message: &impl Serialize) -> Result<(), String> {
    let mut line = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    line.push(b'\n');
    stream.write_all(&line).map_err(|error| format!("cannot send a greeting: {error}"))
}

/// Hears one line and not a byte more: what follows is timely's. Waits for ever if `patient`.
pub(super) fn hear<T: DeserializeOwned>(stream: &mut TcpStream, patient: bool) -> Result<T, String> {
    let bad = |error: std::io::Error| format!("no greeting came: {error}");
    stream.set_read_timeout((!patient).then_some(TIME_MAX)).map_err(bad)?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        stream.read_exact(&mut byte).map_err(bad)?;
        match byte[0] {
            b'\n' => break,
            _ if line.len() == BYTES_MAX => {
                return Err(format!("a greeting of more than {BYTES_MAX} bytes"));
            }
            byte => line.push(byte),
        }
    }
    stream.set_read_timeout(None).map_err(bad)?;
    serde_json::from_slice(&line).map_err(|error| format!("not a greeting of evenkeel: {error}"))
}

/// What tells one build of the program from another.
pub(super) fn build() -> Result<String, String> {
    let bad = |error: std::io::Error| format!("cannot read the program's own file: {error}");
    let path = std::env::current_exe().map_err(bad)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).map_err(bad)?).map_err(bad)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Whether who calls runs the same program.
pub(super) fn same_build(hello: &Hello, own: &str) -> Result<(), String> {
    if hello.build == own {
        return Ok(());
    }
    Err("another build of evenkeel: all processes of a cluster have to run the same file".to_owned())
}
