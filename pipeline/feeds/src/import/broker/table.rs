//! A broker's file as rows of named cells.
//!
//! Lines are read one by one, so that a quote that is never closed costs its own line and no other.

use std::collections::BTreeMap;

use evenkeel_schemas::{Currency, TradeDate};
use rust_decimal::Decimal;

use super::dates::{self, Form};
use super::number::{self, Style};

/// The longest row read, in bytes: no broker's comes near.
const LONGEST_ROW: usize = 1 << 16;

/// Lines that a quoted cell may run over.
const MOST_LINES_A_ROW: usize = 4;

/// Lines searched for the header: some exports begin with a title.
pub(super) const HEADER_WITHIN: usize = 30;

/// Why a row was not taken: the column and what was expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub field: String,
    pub reason: String,
}

pub(super) fn fault(field: &str, reason: impl Into<String>) -> Fault {
    Fault { field: field.to_owned(), reason: reason.into() }
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its first line, from 1.
    pub line: u64,
    pub cells: Vec<String>,
}

/// How many cells a row has: all with a name, at most as many as the header; more only when empty.
#[derive(Copy, Clone)]
struct Width {
    needed: usize,
    most: usize,
}

impl Width {
    fn fits(self, cells: &[String]) -> bool {
        cells.len() >= self.needed && blank(cells.get(self.most..).unwrap_or_default())
    }
}

fn blank(cells: &[String]) -> bool {
    cells.iter().all(|cell| cell.trim().is_empty())
}

/// A file with its header found.
pub(super) struct Table {
    columns: BTreeMap<String, usize>,
    /// Rows before the header.
    pub preamble: Vec<Record>,
    pub records: Vec<Record>,
    /// Lines that are no rows.
    pub broken: Vec<(u64, Fault)>,
}

impl Table {
    /// Reads rows behind the first line that has all columns of `signature`. `latin` is ISO 8859-1 where the
    /// text is not UTF-8.
    pub(super) fn read(bytes: &[u8], delimiter: char, signature: &[&str], latin: bool) -> Option<Table> {
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let alone = |at: usize| one(&lines[at..=at], delimiter, latin).ok().flatten();
        let mut preamble = Vec::new();
        let (at, header) = (0..lines.len().min(HEADER_WITHIN)).find_map(|at| {
            let cells = alone(at)?;
            if has_all(&cells, signature) {
                return Some((at, cells));
            }
            preamble.push(Record { line: at as u64 + 1, cells });
            None
        })?;
        let named = header.iter().enumerate().filter(|(_, name)| !name.trim().is_empty());
        let columns: BTreeMap<String, usize> = named.map(|(at, name)| (key(name), at)).collect();
        let needed = columns.values().max().map_or(0, |last| last + 1);
        let width = Width { needed, most: header.len() };
        let mut table = Table { columns, preamble, records: Vec::new(), broken: Vec::new() };
        table.rows(&lines, at + 1, width, |lines| one(lines, delimiter, latin));
        Some(table)
    }

    /// Reads the rows from line `next` on. A cell may run over lines, but not over one that is a row itself:
    /// there a quote was lost.
    fn rows(
        &mut self,
        lines: &[&[u8]],
        mut next: usize,
        width: Width,
        read: impl Fn(&[&[u8]]) -> Result<Option<Vec<String>>, String>,
    ) {
        while next < lines.len() {
            let line = next as u64 + 1;
            let mut found = read(&lines[next..=next]);
            let mut taken = 1;
            while found == Ok(None) && taken < MOST_LINES_A_ROW && next + taken < lines.len() {
                if matches!(read(&lines[next + taken..=next + taken]), Ok(Some(cells)) if width.fits(&cells))
                {
                    break;
                }
                taken += 1;
                found = read(&lines[next..next + taken]);
                if found.as_ref().is_ok_and(|cells| cells.as_ref().is_some_and(|cells| !width.fits(cells))) {
                    found = Ok(None);
                    break;
                }
            }
            match found {
                Ok(Some(cells)) if blank(&cells) => next += taken,
                Ok(Some(cells)) if width.fits(&cells) => {
                    self.records.push(Record { line, cells });
                    next += taken;
                }
                Ok(Some(cells)) => {
                    let Width { needed, most } = width;
                    let reason = format!("expected {needed} to {most} cells, got {}", cells.len());
                    self.broken.push((line, fault("row", reason)));
                    next += taken;
                }
                Ok(None) => {
                    self.broken.push((line, fault("row", "expected a closing quote")));
                    next += 1;
                }
                Err(reason) => {
                    self.broken.push((line, fault("row", reason)));
                    next += 1;
                }
            }
        }
    }

    /// The same columns with other rows.
    pub(super) fn with(&self, records: Vec<Record>) -> Table {
        Table { columns: self.columns.clone(), preamble: Vec::new(), records, broken: Vec::new() }
    }

    pub(super) fn cells<'a>(&'a self, record: &'a Record) -> Cells<'a> {
        Cells { columns: &self.columns, record }
    }
}

/// A row whose cells are asked for by the header's names.
#[derive(Copy, Clone)]
pub(super) struct Cells<'a> {
    columns: &'a BTreeMap<String, usize>,
    record: &'a Record,
}

impl<'a> Cells<'a> {
    pub(super) fn record(&self) -> &'a Record {
        self.record
    }

    pub(super) fn line(&self) -> u64 {
        self.record.line
    }

    /// The text of a column, trimmed; nothing when the export has no such column.
    pub(super) fn text(&self, column: &str) -> &'a str {
        let at = self.columns.get(&key(column));
        at.and_then(|at| self.record.cells.get(*at)).map_or("", |cell| cell.trim())
    }

    pub(super) fn decimal(&self, column: &str, style: Style) -> Result<Decimal, Fault> {
        decimal(column, self.text(column), style)
    }

    /// Nothing where the cell is empty.
    pub(super) fn optional(&self, column: &str, style: Style) -> Result<Option<Decimal>, Fault> {
        if self.text(column).is_empty() { Ok(None) } else { self.decimal(column, style).map(Some) }
    }

    /// Zero where the cell is empty.
    pub(super) fn or_zero(&self, column: &str, style: Style) -> Result<Decimal, Fault> {
        self.optional(column, style).map(Option::unwrap_or_default)
    }

    pub(super) fn date(&self, column: &str, form: Form) -> Result<TradeDate, Fault> {
        date(column, self.text(column), form)
    }

    pub(super) fn currency(&self, column: &str) -> Result<Currency, Fault> {
        currency(column, self.text(column))
    }
}

pub(super) fn decimal(field: &str, text: &str, style: Style) -> Result<Decimal, Fault> {
    number::decimal(text, style).ok_or_else(|| {
        let expected = match style {
            Style::Point => "expected a number such as 1,234.56",
            Style::Comma => "expected a number such as 1.234,56",
            Style::Either => "expected a number that can be read in one way only, such as 1234.50 or 1234,50",
        };
        fault(field, format!("{expected}, got {:?}", short(text)))
    })
}

pub(super) fn date(field: &str, text: &str, form: Form) -> Result<TradeDate, Fault> {
    let expected = || {
        let reason =
            format!("expected a date such as {} from 1970 to 2099, got {:?}", form.example(), short(text));
        fault(field, reason)
    };
    dates::date(text, form).ok_or_else(expected)
}

pub(super) fn currency(field: &str, text: &str) -> Result<Currency, Fault> {
    text.parse().map_err(|_| fault(field, format!("expected a currency such as EUR, got {:?}", short(text))))
}

/// A currency and by how much its printed prices are divided: London prints pence.
pub(super) fn unit(field: &str, text: &str) -> Result<(Currency, Decimal), Fault> {
    match text {
        "GBX" | "GBp" => currency(field, "GBP").map(|currency| (currency, Decimal::ONE_HUNDRED)),
        _ => currency(field, text).map(|currency| (currency, Decimal::ONE)),
    }
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Whether a line's cells hold all columns that a format is known by.
pub(super) fn has_all(cells: &[String], signature: &[&str]) -> bool {
    let found: Vec<String> = cells.iter().map(|cell| key(cell)).collect();
    signature.iter().all(|name| found.iter().any(|cell| cell == name))
}

fn key(name: &str) -> String {
    name.trim().trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
}

/// The cells of some lines taken as one row; `None` when a quote is still open at the end.
fn one(lines: &[&[u8]], delimiter: char, latin: bool) -> Result<Option<Vec<String>>, String> {
    let bytes: usize = lines.iter().map(|line| line.len()).sum();
    if bytes > LONGEST_ROW {
        return Err(format!("expected a row of at most {LONGEST_ROW} bytes, got {bytes}"));
    }
    let bytes = lines.join(&b"\n"[..]);
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if latin => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
        Err(_) => return Err("expected UTF-8 text".to_owned()),
    };
    Ok(split(text.strip_suffix('\r').unwrap_or(&text), delimiter))
}

/// Cells of a row (RFC 4180); `None` when a quote is not closed. A quote inside a bare cell is itself.
pub(super) fn split(text: &str, delimiter: char) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut quoted, mut started) = (Vec::new(), String::new(), false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if !started => (quoted, started) = (true, true),
            _ if letter == delimiter && !quoted => {
                cells.push(std::mem::take(&mut cell));
                started = false;
            }
            _ => {
                started |= !letter.is_whitespace();
                cell.push(letter);
            }
        }
    }
    cells.push(cell);
    (!quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &[u8]) -> Table {
        Table::read(text, ',', &["a", "b"], false).unwrap()
    }

    #[test]
    fn an_open_quote_costs_its_own_line_only() {
        let table =
            table(b"a,b\n1,\"2\n3,4\n5,\"six\nlines\"\n7,8,9\n9\n\xff,1\n\n10,\"1\"\"1\"\r\n11,\"open\n");
        let cells: Vec<(u64, &str)> = table.records.iter().map(|r| (r.line, r.cells[1].as_str())).collect();
        assert_eq!(cells, [(3, "4"), (4, "six\nlines"), (10, "1\"1")]);
        let broken: Vec<(u64, &str)> = table.broken.iter().map(|(at, f)| (*at, f.reason.as_str())).collect();
        let (open, two) = ("expected a closing quote", "expected 2 to 2 cells, got");
        assert_eq!(broken.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [2, 6, 7, 8, 11]);
        assert!(broken[0].1 == open && broken[1].1.starts_with(two) && broken[4].1 == open, "{broken:?}");
    }

    #[test]
    fn the_header_may_follow_a_title_and_a_long_line_is_told() {
        let long = format!("title\n\na, B \n{}\n1,2\n", "x".repeat(10_000_000));
        let table = table(long.as_bytes());
        assert_eq!((table.preamble.len(), table.records.len(), table.broken.len()), (2, 1, 1));
        assert_eq!(table.cells(&table.records[0]).text("b"), "2");
        assert!(table.broken[0].1.reason.contains("at most 65536 bytes, got 10000000"));
    }
}
