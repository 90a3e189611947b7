//! `evenkeel tax`: a customer's tax reports from a file of events.

use std::collections::BTreeMap;
use std::path::PathBuf;

use evenkeel_operators::dataflow::Timing;
use evenkeel_schemas::{AnomalyKind, AnomalySource, CustomerId, Epoch, Instant, Row, TaxRow};
use evenkeel_tax::FinancialYear;
use serde_json::json;

use crate::config::{ClusterConfig, DriftEngine};
use crate::engine::Closed;
use crate::error::Error;
use crate::names::SharedNames;
use crate::progress::Progress;
use crate::replay::{Replay, Taker, pass};

/// A customer's Australian tax reports, from a file of events: every figure with its rule and where it comes from.
#[derive(clap::Args)]
#[command(after_help = "\
The customer needs a taxpayer_set event: entity (individual, super_fund, company), resident, other_income.
tax_year_set says what is known of a year: other_income, other_franking_credits, losses_brought_forward.
The same dataflow as replay derives the figures; they are also in its tax.ndjson and in the table `tax`.

  evenkeel tax --events book.ndjson --customer ann
  evenkeel tax --events book.ndjson --customer ann --year 2023-24 --sources
  evenkeel tax --events book.ndjson --customer ann --as-of 2024-08-01T00:00:00Z   as it was known then")]
pub(super) struct Args {
    /// Files of events (NDJSON, also .zst and .gz; - is stdin), read one after the other
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    /// Whose
    #[arg(long, value_name = "NAME")]
    customer: String,
    /// One financial year, such as 2023-24 [default: all]
    #[arg(long, value_name = "YEAR")]
    year: Option<FinancialYear>,
    /// As it was known at this time: what was recorded later is left out
    #[arg(long, value_name = "RFC3339")]
    as_of: Option<Instant>,
    /// Also what each figure comes from, and the rule
    #[arg(long)]
    sources: bool,
    /// One JSON object a figure, instead of the table
    #[arg(long)]
    json: bool,
}

/// Length of an epoch: what is recorded within one is known at its end.
const EPOCH_MS: u64 = 100;

/// Groups of figures in the order of a report, by the beginning of their names.
const ORDER: [&str; 27] = [
    "other_income",
    "interest/",
    "interest",
    "distribution/",
    "distributions",
    "credit/",
    "credit_allowed/",
    "credit_denied/",
    "franking_credits",
    "distributions_grossed_up",
    "gain/",
    "gains_disregarded",
    "gains",
    "losses",
    "losses_brought_forward",
    "discount",
    "net_capital_gain",
    "losses_carried_forward",
    "taxable_income",
    "tax_loss",
    "income_tax",
    "minimum_tax",
    "medicare_levy",
    "tax",
    "payable",
    "refund",
    "note/",
];

fn place(line: &str) -> usize {
    let exact = ORDER.iter().position(|group| *group == line);
    let group = || {
        let starts = |(_, group): &(usize, &&str)| line.starts_with(**group);
        ORDER.iter().enumerate().filter(starts).max_by_key(|(_, group)| group.len()).map(|(at, _)| at)
    };
    exact.or_else(group).unwrap_or(ORDER.len())
}

/// The figures of one customer that hold.
struct Figures {
    names: SharedNames,
    customer: String,
    until: Epoch,
    id: Option<CustomerId>,
    rows: BTreeMap<TaxRow, i64>,
    troubles: BTreeMap<(String, String), i64>,
}

impl Taker for Figures {
    fn take(&mut self, closed: &Closed) -> Result<(), Error> {
        if closed.epoch > self.until {
            return Ok(());
        }
        self.id = self.id.or_else(|| self.names.read().customer_id(&self.customer));
        for (row, diff) in &closed.changes {
            match row {
                Row::Tax(row) if Some(row.customer) == self.id => {
                    *self.rows.entry(row.as_ref().clone()).or_default() += *diff as i64;
                }
                Row::Anomaly {
                    source: AnomalySource::Customer(customer),
                    kind: AnomalyKind::Tax(year, reason),
                } if Some(*customer) == self.id => {
                    let key = (year.to_string(), reason.to_string());
                    *self.troubles.entry(key).or_default() += *diff as i64;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let timing = Timing { epoch_ms: EPOCH_MS, mark_ms: EPOCH_MS, drift_mark_ms: 0, stale_ms: 0, dated: true };
    let replay = Replay {
        events: args.events.clone(),
        out: PathBuf::new(),
        workers: 1,
        cluster: ClusterConfig::default(),
        timing,
        drift_engine: DriftEngine::default(),
        correctable_ticks: 1_000_000,
    };
    let mut progress = Progress::new("deriving", None);
    let open = |names: SharedNames| {
        Ok(Figures {
            names,
            customer: args.customer.clone(),
            until: args.as_of.map_or(Epoch::MAX, |at| at.epoch(EPOCH_MS)),
            id: None,
            rows: BTreeMap::new(),
            troubles: BTreeMap::new(),
        })
    };
    let (passed, figures) = pass(&replay, &mut progress, open)?;
    progress.done();
    if !passed.rejected.is_empty() {
        eprintln!(
            "{} lines were refused; replay --out DIR lists them in rejected.ndjson",
            passed.rejected.len()
        );
    }
    if figures.id.is_none() {
        let reason = format!("--customer {}: expected a customer of these events", args.customer);
        return Err(Error::Input(reason));
    }
    print(args, figures)
}

fn print(args: &Args, figures: Figures) -> Result<(), Error> {
    let wanted = |year: &str| args.year.is_none_or(|only| only.to_string() == year);
    let mut rows: Vec<TaxRow> =
        figures.rows.into_iter().filter(|(_, n)| *n > 0).map(|(row, _)| row).collect();
    rows.retain(|row| wanted(&row.year));
    rows.sort_by_cached_key(|row| (row.year.clone(), place(&row.line), row.line.clone()));
    let troubles: Vec<(String, String)> =
        figures.troubles.into_iter().filter(|(_, n)| *n > 0).map(|(trouble, _)| trouble).collect();
    if rows.is_empty() && troubles.is_empty() {
        let hint = "there is none: a report needs a taxpayer_set of the customer and something that happened \
                    in the year";
        return Err(Error::Input(format!("tax of {}: {hint}", args.customer)));
    }
    let mut year = None;
    for row in &rows {
        if args.json {
            let amount = row.amount.to_string();
            let figure = json!({ "customer": args.customer, "year": row.year.as_ref(), "line": row.line.as_ref(),
                "label": row.label.as_ref(), "amount": amount, "rule": row.rule.as_ref(),
                "sources": row.sources.split_whitespace().collect::<Vec<_>>() });
            super::out(format_args!("{figure}\n"))?;
            continue;
        }
        if year != Some(&row.year) {
            let gap = if year.is_some() { "\n" } else { "" };
            super::out(format_args!("{gap}{} {}, AUD\n", args.customer, row.year))?;
            year = Some(&row.year);
        }
        // Figures that are made of others stand further left than what they are made of.
        let indent = if row.line.contains('/') { "    " } else { "  " };
        if row.line.starts_with("note/") {
            super::out(format_args!("  note: {}\n", row.label))?;
            continue;
        }
        let label = format!("{indent}{}", row.label);
        super::out(format_args!("{label:<88} {:>16}\n", row.amount.to_string()))?;
        if args.sources && !row.rule.is_empty() {
            super::out(format_args!("{indent}    {}\n{indent}    from {}\n", row.rule, row.sources))?;
        }
    }
    for (year, reason) in troubles.iter().filter(|(year, _)| wanted(year)) {
        eprintln!("{} {year} cannot be worked out: {reason}", args.customer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn figures_stand_in_the_order_of_a_report() {
        let mut lines = [
            "refund",
            "gain/s1/b1",
            "other_income",
            "net_capital_gain",
            "credit/d1",
            "distribution/d1",
            "tax",
        ];
        lines.sort_by_key(|line| place(line));
        let expected = [
            "other_income",
            "distribution/d1",
            "credit/d1",
            "gain/s1/b1",
            "net_capital_gain",
            "tax",
            "refund",
        ];
        assert_eq!(lines, expected);
    }
}
