//! One file a collection: every change a line, sorted by epoch and row.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use evenkeel_schemas::{Collection, Epoch};

use super::Taker;
use crate::door::Rejected;
use crate::engine::Closed;
use crate::error::Error;
use crate::names::SharedNames;
use crate::render::lines;

/// The output files of a replay.
pub struct OutputFiles {
    folder: PathBuf,
    names: SharedNames,
    files: BTreeMap<Collection, BufWriter<File>>,
    changes: u64,
}

/// Creates the file of a collection.
pub(super) fn create(folder: &Path, name: &str) -> Result<BufWriter<File>, Error> {
    let path = folder.join(format!("{name}.ndjson"));
    let file = File::create(&path).map_err(|error| Error::file("write", &path, error))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}

impl OutputFiles {
    /// Makes the folder and an empty file for every collection.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn create(folder: &Path, names: SharedNames) -> Result<OutputFiles, Error> {
        std::fs::create_dir_all(folder).map_err(|error| Error::file("make the folder", folder, error))?;
        let mut files = BTreeMap::new();
        for collection in Collection::ALL {
            files.insert(collection, create(folder, collection.as_str())?);
        }
        Ok(OutputFiles { folder: folder.to_owned(), names, files, changes: 0 })
    }

    /// Writes what was refused, and everything to disk; returns the number of changes written.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(mut self, rejected: &[(Epoch, Rejected)]) -> Result<u64, Error> {
        let mut file = create(&self.folder, "rejected")?;
        let path = self.folder.join("rejected.ndjson");
        for (epoch, rejected) in rejected {
            let row = serde_json::to_string(rejected).map_err(|error| Error::Input(error.to_string()))?;
            let line = format!("{{\"epoch\":{epoch},\"diff\":1,{}\n", &row[1..]);
            file.write_all(line.as_bytes()).map_err(|error| Error::file("write", &path, error))?;
        }
        for file in self.files.values_mut().chain(std::iter::once(&mut file)) {
            file.flush().map_err(|error| Error::file("write", &self.folder, error))?;
        }
        Ok(self.changes)
    }
}

impl Taker for OutputFiles {
    fn take(&mut self, closed: &Closed) -> Result<(), Error> {
        let names = self.names.read();
        for (collection, lines) in lines(closed, &names) {
            let Some(file) = self.files.get_mut(&collection) else { continue };
            for line in lines {
                let wrote = file.write_all(line.as_bytes()).and_then(|()| file.write_all(b"\n"));
                wrote.map_err(|error| Error::file("write", &self.folder.join(collection.as_str()), error))?;
                self.changes += 1;
            }
        }
        Ok(())
    }
}
