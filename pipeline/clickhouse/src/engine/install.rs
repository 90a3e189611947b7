//! Getting the engine's library: from where it is said to be, from the cache, or from the npm package.

use crate::error::{Error, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const VERSION: &str = "26.7.3-stable.1";
const LIBRARY: &str = "libchdb.so";
/// The download, for its progress lines.
const SIZE_MB: u64 = 178;

/// The library of the embedded engine: `EVENKEEL_CHDB_LIB`, else the user's cache folder, else downloaded
/// into it (178 MB, once). `progress` gets lines for people. Blocks; safe in several processes at once.
///
/// # Errors
/// [`Error::NpmMissing`], [`Error::Download`], [`Error::Checksum`], [`Error::UnsupportedPlatform`],
/// [`Error::Io`].
pub fn install(progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    if let Some(path) = set_variable("EVENKEEL_CHDB_LIB") {
        let path = PathBuf::from(path);
        File::open(&path)
            .map_err(|error| Error::io(format!("EVENKEEL_CHDB_LIB {}", path.display()), error))?;
        return Ok(path);
    }
    Installer::for_this_machine()?.install(progress)
}

fn set_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What is fetched, by what, to where.
#[derive(Clone, Debug)]
pub struct Installer {
    /// The npm package.
    pub package: String,
    /// Its checksum in npm's form, `sha512-` and base64. Without one, the registry's own word is taken.
    pub integrity: Option<String>,
    /// The npm program.
    pub npm: PathBuf,
    /// The folder that keeps the library.
    pub folder: PathBuf,
}

impl Installer {
    /// The package for this machine, the `npm` on the path and the user's cache folder.
    ///
    /// # Errors
    /// [`Error::UnsupportedPlatform`]; [`Error::BadSetting`] if there is no cache folder because `HOME` is
    /// not set.
    pub fn for_this_machine() -> Result<Self> {
        let (package, integrity) = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => (
                "@chdb/lib-linux-x64-gnu",
                Some(
                    "sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
                ),
            ),
            ("linux", "aarch64") => ("@chdb/lib-linux-arm64-gnu", None),
            ("macos", "aarch64") => ("@chdb/lib-darwin-arm64", None),
            ("macos", "x86_64") => ("@chdb/lib-darwin-x64", None),
            (os, arch) => return Err(Error::UnsupportedPlatform(format!("{os} on {arch}"))),
        };
        let cache = match (set_variable("XDG_CACHE_HOME"), set_variable("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => PathBuf::from(home).join(".cache"),
            (None, None) => {
                return Err(Error::BadSetting {
                    name: "HOME",
                    value: String::new(),
                    expected: "set it, or XDG_CACHE_HOME, or EVENKEEL_CHDB_LIB to a libchdb.so",
                });
            }
        };
        Ok(Self {
            package: package.to_owned(),
            integrity: integrity.map(str::to_owned),
            npm: "npm".into(),
            folder: cache.join(format!("evenkeel/chdb-{VERSION}")),
        })
    }

    /// The library, downloaded if it is not there.
    ///
    /// # Errors
    /// As [`install`].
    pub fn install(&self, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
        let library = self.folder.join(LIBRARY);
        if library.is_file() {
            return Ok(library);
        }
        fs::create_dir_all(&self.folder)
            .map_err(|e| Error::io(format!("creating {}", self.folder.display()), e))?;
        let _turn = self.take_turn(progress)?;
        // Whoever had the turn before us has done the work.
        if library.is_file() {
            return Ok(library);
        }
        let work = self.folder.join("download");
        // Left by a process that was killed; nobody else works while we have the turn.
        remove_folder(&work)?;
        fs::create_dir(&work).map_err(|error| Error::io(format!("creating {}", work.display()), error))?;
        let result = self.fetch(&work, &library, progress);
        remove_folder(&work)?;
        result.map(|()| library)
    }

    fn take_turn(&self, progress: &mut dyn FnMut(&str)) -> Result<File> {
        let path = self.folder.join("lock");
        let failed = |error| Error::io(format!("locking {}", path.display()), error);
        let file = File::create(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
            Err(fs::TryLockError::WouldBlock) => {}
        }
        progress("another process is downloading the embedded ClickHouse engine; waiting for it");
        file.lock().map_err(failed)?;
        Ok(file)
    }

    fn fetch(&self, work: &Path, library: &Path, progress: &mut dyn FnMut(&str)) -> Result<()> {
        let name = format!("{}@{VERSION}", self.package);
        let integrity = match &self.integrity {
            Some(integrity) => integrity.clone(),
            None => {
                progress("no checksum is built in for this platform: taking the registry's");
                self.registry_integrity(&name, work)?
            }
        };
        progress(&format!("downloading the embedded ClickHouse engine: {name}, {SIZE_MB} MB, once"));
        let tarball = self.download(&name, work, progress)?;
        progress("checking and unpacking it");
        let actual = file_integrity(&tarball)?;
        if actual != integrity {
            return Err(Error::Checksum { package: name, expected: integrity, actual });
        }
        unpack(&name, &tarball, &work.join(LIBRARY))?;
        let placed =
            fs::rename(work.join(LIBRARY), library).and_then(|()| File::open(&self.folder)?.sync_all());
        placed.map_err(|error| Error::io(format!("placing {}", library.display()), error))?;
        progress(&format!("the embedded ClickHouse engine is in {}", library.display()));
        Ok(())
    }

    fn registry_integrity(&self, name: &str, work: &Path) -> Result<String> {
        let child = self.npm(work, &["view", name, "dist.integrity"])?;
        let output = finished(name, child.wait_with_output())?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if text.starts_with("sha512-") {
            return Ok(text);
        }
        Err(Error::Download { package: name.to_owned(), detail: format!("no sha512 but {text:?}") })
    }

    /// Runs `npm pack` and says every few seconds how far it is, by the size of npm's own cache, which is
    /// kept in the work folder so that no second copy stays behind in the user's.
    fn download(&self, name: &str, work: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
        let mut child = self.npm(work, &["pack", name, "--json"])?;
        let mut said = Instant::now();
        loop {
            let ended = child.try_wait().map_err(|error| Error::io("waiting for npm", error))?;
            if ended.is_some() {
                break;
            }
            if said.elapsed() > Duration::from_secs(3) {
                said = Instant::now();
                progress(&format!("downloaded {} of {SIZE_MB} MB", (size_of(work) / 1_000_000).min(SIZE_MB)));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        finished(name, child.wait_with_output())?;
        let listing = fs::read_dir(work).map_err(|error| Error::io("reading the download", error))?;
        listing
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
            .ok_or_else(|| Error::Download {
                package: name.to_owned(),
                detail: "npm left no file".to_owned(),
            })
    }

    fn npm(&self, work: &Path, args: &[&str]) -> Result<Child> {
        let child = Command::new(&self.npm)
            .args(args)
            .arg("--cache")
            .arg(work.join("npm-cache"))
            .current_dir(work)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        child.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NpmMissing,
            _ => Error::io("starting npm", error),
        })
    }
}

/// A failure with npm's last words.
fn finished(package: &str, output: io::Result<Output>) -> Result<Output> {
    let output = output.map_err(|error| Error::io("waiting for npm", error))?;
    if output.status.success() {
        return Ok(output);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = errors.lines().filter(|line| line.starts_with("npm error")).take(4).collect();
    let detail = if lines.is_empty() { errors.trim().to_owned() } else { lines.join("; ") };
    Err(Error::Download { package: package.to_owned(), detail: format!("{detail} ({})", output.status) })
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(format!("removing {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Bytes in a folder and below; what vanishes meanwhile counts nothing.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => size_of(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

/// In npm's form.
fn file_integrity(path: &Path) -> Result<String> {
    let failed = |error| Error::io(format!("reading {}", path.display()), error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha512::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(format!("sha512-{}", BASE64_STANDARD.encode(hash.finalize())))
}

/// The library alone, to `target`, on disk for good.
fn unpack(package: &str, tarball: &Path, target: &Path) -> Result<()> {
    let failed = |error| Error::io(format!("unpacking {}", tarball.display()), error);
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(tarball).map_err(failed)?));
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let wanted = entry.path().map_err(failed)?.file_name().is_some_and(|name| name == LIBRARY);
        if wanted {
            let mut file = File::create(target).map_err(failed)?;
            io::copy(&mut entry, &mut file).map_err(failed)?;
            return file.sync_all().map_err(failed);
        }
    }
    Err(Error::Download { package: package.to_owned(), detail: format!("it holds no {LIBRARY}") })
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
