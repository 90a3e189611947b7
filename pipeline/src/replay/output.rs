//! One file a collection: every change a line, sorted by epoch and row.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_schemas::{Collection, Epoch};

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
    /// Epochs not written yet: whether they lie after the last event is known once a later one came in.
    held: VecDeque<Closed>,
    reached: Arc<AtomicU64>,
    changes: u64,
}

fn create(folder: &Path, name: &str) -> Result<BufWriter<File>, Error> {
    let path = folder.join(format!("{name}.ndjson"));
    let file = File::create(&path).map_err(|error| Error::file("write", &path, error))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}

impl OutputFiles {
    /// Makes the folder and an empty file for every collection. `reached` is the last epoch of the input
    /// so far.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn create(folder: &Path, names: SharedNames, reached: Arc<AtomicU64>) -> Result<OutputFiles, Error> {
        std::fs::create_dir_all(folder).map_err(|error| Error::file("make the folder", folder, error))?;
        let mut files = BTreeMap::new();
        for collection in Collection::ALL {
            files.insert(collection, create(folder, collection.as_str())?);
        }
        Ok(OutputFiles { folder: folder.to_owned(), names, files, held: VecDeque::new(), reached, changes: 0 })
    }

    /// Takes in a complete epoch and writes those that the input has reached.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&mut self, closed: Closed) -> Result<(), Error> {
        self.held.push_back(closed);
        let reached = self.reached.load(Ordering::Acquire);
        while let Some(closed) = self.held.pop_front_if(|closed| closed.epoch <= reached) {
            self.write_out(&closed)?;
        }
        Ok(())
    }

    fn write_out(&mut self, closed: &Closed) -> Result<(), Error> {
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

    /// Writes what is left up to the end: changes that lie in the future of the last event (a split not yet
    /// effective) have not happened; the last mark has.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(&mut self, rejected: &[(Epoch, Rejected)], end: Option<(Epoch, Epoch)>) -> Result<u64, Error> {
        for mut closed in std::mem::take(&mut self.held) {
            let (last, mark) = end.unwrap_or_default();
            closed.changes.retain(|(row, _)| {
                let marked = matches!(row.collection(), Collection::Valuations | Collection::Drift);
                closed.epoch <= if marked { mark } else { last }
            });
            self.write_out(&closed)?;
        }
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
