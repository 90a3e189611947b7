//! Cases of a folder, one after another; what is wrong with one does not stop the others.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use crate::case::{Case, Family, Fault};
use crate::compare::{Figure, compare};
use crate::inputs::Node;
use crate::{lots, opt};

/// The largest file that is read as a case: hundreds of times the largest that we know.
const BYTES_MAX: u64 = 64 << 20;

/// What came of the cases.
#[derive(Clone, Debug)]
pub struct Report {
    /// By file name.
    pub cases: Vec<CaseReport>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// The file.
    pub file: PathBuf,
    /// Its `id`, if it could be read.
    pub id: Option<String>,
    /// Its `family`, if it could be read.
    pub family: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ran, with these figures; it passes if all of them do.
    Ran(Vec<Figure>),
    /// The product has nothing to answer it with: what it lacks.
    NotRun(&'static str),
    /// It cannot be read, or makes no sense.
    Faulty(Fault),
}

/// Why no case was run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder or file of cases cannot be read.
    #[error("cannot read cases from {}: {error}", path.display())]
    Read {
        /// The path given.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is nothing to run, which proves nothing.
    #[error("no case{family} in {}: expected files named *.json", path.display())]
    Empty {
        /// The path given.
        path: PathBuf,
        /// Such as ` of family lots`, or nothing.
        family: String,
    },
}

impl CaseReport {
    /// Whether it ran and every figure is near enough.
    pub fn passes(&self) -> bool {
        matches!(&self.outcome, Outcome::Ran(figures) if figures.iter().all(|figure| figure.passes))
    }
}

impl Report {
    /// Whether every case passes.
    pub fn passes(&self) -> bool {
        self.cases.iter().all(CaseReport::passes)
    }
}

/// Runs a case, or all of a folder (`*.json` in it, but for `INDEX.json` and hidden files), those of one
/// family if one is given.
///
/// # Errors
/// [`RunError`] when there is nothing to run.
pub fn run(path: &Path, family: Option<Family>) -> Result<Report, RunError> {
    let files = files(path).map_err(|error| RunError::Read { path: path.to_owned(), error })?;
    let cases: Vec<CaseReport> = files.into_iter().filter_map(|file| run_file(file, family)).collect();
    if cases.is_empty() {
        let family = family.map_or(String::new(), |family| format!(" of family {family}"));
        return Err(RunError::Empty { path: path.to_owned(), family });
    }
    Ok(Report { cases })
}

/// The files of cases, by name.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ours = name.ends_with(".json") && name != "INDEX.json" && !name.starts_with('.');
        if ours && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Nothing if the case is of another family. Whose family cannot be read cannot be left out.
fn run_file(file: PathBuf, wanted: Option<Family>) -> Option<CaseReport> {
    let case = match read(&file) {
        Ok(case) => case,
        Err(fault) => {
            return Some(CaseReport { file, id: None, family: None, outcome: Outcome::Faulty(fault) });
        }
    };
    let text = |name: &str| case.get(name).and_then(Value::as_str).map(str::to_owned);
    let (id, family) = (text("id"), text("family"));
    if wanted.zip(family.as_deref()).is_some_and(|(wanted, family)| wanted.as_str() != family) {
        return None;
    }
    let outcome = judge(&Node::new(&case, "")).unwrap_or_else(Outcome::Faulty);
    Some(CaseReport { file, id, family, outcome })
}

fn read(file: &Path) -> Result<Value, Fault> {
    let fault = |problem: String| Fault { field: "the file".to_owned(), problem };
    let size = fs::metadata(file).map_err(|error| fault(error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(fault(format!("expected at most {BYTES_MAX} bytes, got {size}")));
    }
    let text = fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
    let case: Value = serde_json::from_str(&text).map_err(|error| fault(format!("is no JSON: {error}")))?;
    if case.is_object() { Ok(case) } else { Err(fault("expected one JSON object".to_owned())) }
}

fn judge(file: &Node<'_>) -> Result<Outcome, Fault> {
    file.get("id")?.text()?;
    let family: Family = file.get("family")?.parsed()?;
    let inputs = file.find("inputs")?.and_then(|inputs| inputs.value().as_object());
    let answers = match family.answers(inputs) {
        Ok(answers) => answers,
        Err(lacking) => return Ok(Outcome::NotRun(lacking)),
    };
    let case = Case::read(file)?;
    let answer = answers(&case)?;
    let expected = match family {
        Family::Lots => lots::expected(case.expected.clone()),
        _ => case.expected.clone(),
    };
    let tolerance = match family {
        Family::Optimiser => opt::tolerance(&case),
        _ => case.tolerance,
    };
    Ok(Outcome::Ran(compare(&expected, &answer, &tolerance)))
}
