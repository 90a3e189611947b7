//! The child's side: what runs in the engine's own process.

use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Locked by the engine that has the data folder; holds its process id.
pub(crate) const LOCK_FILE: &str = "engine.lock";
/// Holds the HTTP port of that engine.
pub(crate) const PORT_FILE: &str = "engine.port";

/// Exit codes, after sysexits.h.
const EXIT_USAGE: c_int = 64;
const EXIT_LIBRARY: c_int = 69;
const EXIT_FOLDER: c_int = 73;
/// Another engine has the folder.
pub(crate) const EXIT_IN_USE: c_int = 75;

/// For an earlier engine, whose parent has just died, to end: longer than `END_PATIENCE`.
const LOCK_PATIENCE: Duration = Duration::from_secs(8);
/// For the engine to end after its input has closed; a client's open connection may keep it.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// What the child is told on its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildArgs {
    /// The engine's library.
    pub library: PathBuf,
    /// The data folder, absolute.
    pub data: PathBuf,
    /// The engine's configuration file.
    pub config: PathBuf,
    /// The wanted HTTP port; 0 for any.
    pub http_port: u16,
}

impl ChildArgs {
    /// As command line arguments.
    pub fn to_args(&self) -> Vec<OsString> {
        let paths = [&self.library, &self.data, &self.config].map(|path| path.clone().into_os_string());
        paths.into_iter().chain([self.http_port.to_string().into()]).collect()
    }

    /// From command line arguments; nothing if they are not these.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let [library, data, config, port]: [OsString; 4] =
            args.into_iter().collect::<Vec<_>>().try_into().ok()?;
        let http_port = port.to_str()?.parse().ok()?;
        Some(Self { library: library.into(), data: data.into(), config: config.into(), http_port })
    }
}

/// The body of the hidden subcommand: becomes the engine, given the arguments after the subcommand's name.
/// Never returns; the process ends when its standard input closes.
pub fn run_engine_child(args: impl IntoIterator<Item = OsString>) -> ! {
    let Some(args) = ChildArgs::parse(args) else {
        end(EXIT_USAGE, "expected: LIBRARY DATA CONFIG PORT (evenkeel starts this by itself)");
    };
    // Held until the process ends, whichever way.
    let _lock = match take_folder(&args.data) {
        Ok(lock) => lock,
        Err((code, message)) => end(code, &message),
    };
    watch_input();
    match run_library(&args) {
        Ok(()) => end(0, "the engine has ended"),
        Err(message) => end(EXIT_LIBRARY, &message),
    }
}

/// Without the library's exit handlers, which crash after `chdb_query_cmdline` has returned.
fn end(code: c_int, message: &str) -> ! {
    // Standard error may be gone; there is nobody left to tell then.
    let _ = writeln!(io::stderr(), "{message}");
    unsafe { libc::_exit(code) }
}

/// Locks the data folder, and only then removes what an earlier engine has left: until we have the lock, the
/// port file may be another's. Our process id in the lock file tells the parent that the port file is ours.
fn take_folder(data: &Path) -> Result<File, (c_int, String)> {
    let path = data.join(LOCK_FILE);
    let failed = |error: io::Error| (EXIT_FOLDER, format!("{}: {error}", path.display()));
    let mut lock =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(failed)?;
    let start = Instant::now();
    while let Err(error) = lock.try_lock() {
        match error {
            fs::TryLockError::Error(error) => return Err(failed(error)),
            fs::TryLockError::WouldBlock if start.elapsed() > LOCK_PATIENCE => {
                let mut pid = String::new();
                lock.read_to_string(&mut pid).map_err(failed)?;
                return Err((EXIT_IN_USE, format!("in use by {pid}")));
            }
            fs::TryLockError::WouldBlock => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    match fs::remove_file(data.join(PORT_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    lock.set_len(0).and_then(|()| lock.rewind()).map_err(failed)?;
    writeln!(lock, "{}", std::process::id()).map_err(failed)?;
    Ok(lock)
}

/// The engine's last query ends when standard input closes, and the engine with it; unless a client keeps it.
/// This thread sees to it that a dead parent never leaves an engine behind. (PR_SET_PDEATHSIG would fire when
/// the parent's *thread* ends, which may be long before the parent does.)
fn watch_input() {
    std::thread::spawn(|| {
        let mut input = libc::pollfd { fd: 0, events: 0, revents: 0 };
        loop {
            let ready = unsafe { libc::poll(&raw mut input, 1, -1) };
            if ready > 0 && input.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0 {
                std::thread::sleep(END_PATIENCE);
                end(0, "the engine was still busy after its input had closed");
            }
        }
    });
}

type QueryCmdline = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;

fn run_library(args: &ChildArgs) -> Result<(), String> {
    let path = CString::new(args.library.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(format!("cannot load {}: {}", args.library.display(), dl_error()));
    }
    let symbol = unsafe { libc::dlsym(handle, c"chdb_query_cmdline".as_ptr()) };
    if symbol.is_null() {
        return Err(format!("{} is not a chdb library: {}", args.library.display(), dl_error()));
    }
    // The signature is that of chdb.h, unchanged since its first version.
    let query: QueryCmdline = unsafe { std::mem::transmute::<*mut c_void, QueryCmdline>(symbol) };
    let mut words = command_line(args).map_err(|error| error.to_string())?;
    let mut argv: Vec<*mut c_char> = words.iter_mut().map(|word| word.as_ptr().cast_mut()).collect();
    let argc = c_int::try_from(argv.len()).map_err(|error| error.to_string())?;
    argv.push(std::ptr::null_mut());
    unsafe { query(argc, argv.as_mut_ptr()) };
    Ok(())
}

fn dl_error() -> String {
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "no reason given".to_owned();
    }
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The arguments of clickhouse-local that make it a server which ends with its input.
fn command_line(args: &ChildArgs) -> Result<Vec<CString>, std::ffi::NulError> {
    let with = |option: &str, path: &Path| {
        let mut word = OsString::from(option);
        word.push(path);
        word.into_vec()
    };
    let port_file = sql_text(&args.data.join(PORT_FILE).to_string_lossy());
    let query = format!(
        "SYSTEM START LISTEN HTTP; \
         SELECT getServerPort('http_port') INTO OUTFILE '{port_file}' TRUNCATE FORMAT TSV; \
         SELECT count() FROM file('/dev/stdin', 'LineAsString', 'l String') FORMAT Null"
    );
    let words = [
        b"clickhouse-local".to_vec(),
        with("--config-file=", &args.config),
        // The configuration file's own level is ignored.
        b"--log-level=warning".to_vec(),
        with("--path=", &args.data),
        b"--listen_host=127.0.0.1".to_vec(),
        format!("--http_port={}", args.http_port).into_bytes(),
        b"--query".to_vec(),
        query.into_bytes(),
    ];
    words.into_iter().map(CString::new).collect()
}

fn sql_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> ChildArgs {
        ChildArgs {
            library: "/l/libchdb.so".into(),
            data: "/d/it's".into(),
            config: "/d/c.xml".into(),
            http_port: 7,
        }
    }

    #[test]
    fn arguments_and_back() {
        assert_eq!(ChildArgs::parse(args().to_args()), Some(args()));
        assert_eq!(ChildArgs::parse(["a".into(), "b".into()]), None);
        assert_eq!(ChildArgs::parse(["a", "b", "c", "port"].map(OsString::from)), None);
    }

    #[test]
    fn a_quote_in_the_folder_stays_inside_the_query() {
        let words = command_line(&args()).unwrap();
        let query = words.last().unwrap().to_str().unwrap();
        assert!(query.contains(r"INTO OUTFILE '/d/it\'s/engine.port' TRUNCATE"));
    }

    #[test]
    fn a_folder_has_one_engine() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(PORT_FILE), "1\n").unwrap();
        let lock = take_folder(folder.path()).unwrap();
        assert!(!folder.path().join(PORT_FILE).exists());
        let pid = std::fs::read_to_string(folder.path().join(LOCK_FILE)).unwrap();
        assert_eq!(pid.trim(), std::process::id().to_string());
        drop(lock);
        assert!(take_folder(folder.path()).is_ok());
    }
}
