//! From changes of rows to lines of files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use evenkeel_schemas::{Collection, Epoch, Names, Row};

/// Changes by collection and row.
type Changes = BTreeMap<(Collection, String), i64>;

/// Collects an epoch's changes and writes them, net, in order of text.
pub struct Lines<W: Write> {
    files: BTreeMap<Collection, W>,
    changes: Changes,
    /// An epoch that may still get changes, from the mark at its end.
    held: Option<(Epoch, Changes)>,
    written: u64,
}

impl<W: Write> Lines<W> {
    /// One file for each collection.
    ///
    /// # Errors
    /// What `open` reports.
    pub fn new(mut open: impl FnMut(Collection) -> io::Result<W>) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for collection in Collection::ALL {
            files.insert(collection, open(collection)?);
        }
        Ok(Lines { files, changes: BTreeMap::new(), held: None, written: 0 })
    }

    /// A row comes or goes in the current epoch.
    pub fn change(&mut self, row: &Row, diff: i64, names: &Names) {
        let mut text = String::new();
        row.render(names, &mut text);
        *self.changes.entry((row.collection(), text)).or_default() += diff;
    }

    /// One set of rows replaces another.
    pub fn difference(&mut self, before: &BTreeSet<Row>, after: &BTreeSet<Row>, names: &Names) {
        for row in before.difference(after) {
            self.change(row, -1, names);
        }
        for row in after.difference(before) {
            self.change(row, 1, names);
        }
    }

    /// The net changes since the last call are of this epoch; epochs never go back.
    ///
    /// # Errors
    /// What the files report.
    pub fn end_epoch(&mut self, epoch: Epoch) -> io::Result<()> {
        let changes = std::mem::take(&mut self.changes);
        match &mut self.held {
            Some((held, all)) if *held == epoch => {
                for (change, diff) in changes {
                    *all.entry(change).or_default() += diff;
                }
            }
            _ => {
                self.write_held()?;
                self.held = Some((epoch, changes));
            }
        }
        Ok(())
    }

    fn write_held(&mut self) -> io::Result<()> {
        let Some((epoch, changes)) = self.held.take() else { return Ok(()) };
        for ((collection, text), diff) in changes {
            if diff == 0 {
                continue;
            }
            if let Some(file) = self.files.get_mut(&collection) {
                writeln!(file, "{{\"epoch\":{epoch},\"diff\":{diff},{text}}}")?;
                self.written += 1;
            }
        }
        Ok(())
    }

    /// Writes the rest; gives the number of lines written, and the files.
    ///
    /// # Errors
    /// What the files report.
    pub fn finish(mut self) -> io::Result<(u64, BTreeMap<Collection, W>)> {
        self.write_held()?;
        for file in self.files.values_mut() {
            file.flush()?;
        }
        Ok((self.written, self.files))
    }
}
