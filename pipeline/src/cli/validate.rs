use std::path::PathBuf;

use evenkeel_validation::{Family, RunError};

use crate::error::Error;

/// Run reference cases through the models; the exit status says whether all pass.
///
/// A case is a JSON file: inputs, the answer that is expected and how near is near enough. The functions that
/// answer it are those of production. Bring cases of your own: what runs is told by a case's family and inputs.
#[derive(clap::Args)]
#[command(after_help = "\
A case has id, family, inputs, expected and tolerance; title, definition, source, verification
and notes are for people. A number passes if |got - expected| <= abs + rel * |expected|, with abs
and rel from tolerance; gain_abs is for fields named gain, published_abs for those under published;
without any the number has to be the same. Other figures (dates, words, true, false) have to be the
same. What is expected and not given fails.

Families:
  lots         trades of one instrument under fifo, lifo, hifo, average, specific
  tax-au       franking, holding period rule, losses and discount, AMIT cost bases, dividends
  optimiser    portfolio construction: variance, Sharpe, risk budgets, HRP, CVaR, robust, cardinality, tax,
               Black-Litterman
  risk         covariance estimators; other risk measures are not run
  attribution, performance
               not yet: listed as not run, which is no success; --family leaves them out

Printed is a line for each case with its figures, the largest deviation and pass or fail, and every
figure that fails. Status 0: all pass. Status 1: a case fails, is not run or cannot be read, or
there is none.

  evenkeel validate --cases tests/cases
  evenkeel validate --cases mine/lots-07.json
  evenkeel validate --cases tests/cases --family lots --json")]
pub(super) struct Args {
    /// Folder of cases (every *.json in it but INDEX.json, by name), or one case
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,
    /// Only cases of this family
    #[arg(long, value_name = "FAMILY")]
    family: Option<Family>,
    /// One JSON object a case, with every figure, instead of the table
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let report = evenkeel_validation::run(&args.cases, args.family).map_err(|error| match error {
        RunError::Read { path, error } => Error::file("read cases from", &path, error),
        RunError::Empty { .. } => Error::Input(error.to_string()),
    })?;
    if args.json {
        for case in &report.cases {
            super::out(format_args!("{}\n", case.json()))?;
        }
    } else {
        super::out(format_args!("{report}"))?;
    }
    if report.passes() { Ok(()) } else { Err(Error::Check(report.summary())) }
}
