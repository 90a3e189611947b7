//! What people and programs get of a backtest: a table, an object, a file of days.

use std::io::Write;
use std::path::Path;

use evenkeel_backtest::{Backtest, Day};
use evenkeel_optimizer::Side;
use evenkeel_schemas::{Money, TradeDate, div_half_even};
use serde_json::{Value, json};

use super::data::{Known, Universe};
use super::period::Period;
use super::{Args, Strategy, TOLD_MOST};
use crate::cli::generate::Packed;
use crate::error::Error;

/// Width of a column and of the names of rows.
const COLUMN: usize = 18;
const LABEL: usize = 22;

/// To the cent, half-even, with commas between thousands.
fn cents(amount: Money) -> String {
    let cents = div_half_even(i128::from(amount.raw()), i128::from(Money::ONE) / 100);
    let (whole, part) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    let digits = whole.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{}{text}.{part:02}", if cents < 0 { "-" } else { "" })
}

/// A number to two places; what rounds to nothing has no sign.
fn two(number: f64) -> String {
    let text = format!("{number:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text }
}

fn percent(ratio: f64) -> String {
    format!("{}%", two(ratio * 100.0))
}

fn or_none(number: Option<f64>, show: fn(f64) -> String) -> String {
    number.map_or_else(|| "-".to_owned(), show)
}

/// A sum over days; at the largest when beyond it.
fn total(found: &Backtest, of: impl Fn(&Day) -> Money) -> Money {
    Money::from_wide(found.days.iter().map(|day| i128::from(of(day).raw())).sum()).unwrap_or(Money::MAX)
}

/// Tax of the last year, which is not paid when the backtest ends.
fn owed(found: &Backtest) -> Money {
    let owed = found.years.iter().filter(|year| !year.paid).map(|year| i128::from(year.tax.raw())).sum();
    Money::from_wide(owed).unwrap_or(Money::MAX)
}

/// Days of the peak and the bottom of the deepest fall, if there is one; a fall from the start has the first day as
/// its peak.
fn drawdown(found: &Backtest) -> Option<(TradeDate, TradeDate)> {
    let mut peak = (1.0_f64, found.days.first()?.date);
    let (mut index, mut deepest, mut dates) = (1.0_f64, 0.0_f64, None);
    for day in &found.days {
        index *= 1.0 + day.change;
        if index > peak.0 {
            peak = (index, day.date);
        }
        if index / peak.0 - 1.0 < deepest {
            deepest = index / peak.0 - 1.0;
            dates = Some((peak.1, day.date));
        }
    }
    dates
}

/// The rows of one column, each with its name.
fn rows(found: &Backtest, taxed: bool) -> Vec<(&'static str, String)> {
    let metrics = &found.metrics;
    let fall = drawdown(found);
    let date = |date: Option<TradeDate>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    let mut rows = vec![
        ("put in", cents(total(found, |day| day.flow))),
        ("final value", cents(found.days.last().map(|day| day.nav).unwrap_or_default())),
        ("distributions", cents(total(found, |day| day.income))),
        ("costs", cents(metrics.costs)),
    ];
    if taxed {
        rows.push(("taxes paid", cents(metrics.taxes)));
        rows.push(("taxes still owed", cents(owed(found))));
    }
    rows.extend([
        ("time-weighted return", percent(metrics.twr)),
        ("CAGR", or_none(metrics.cagr, percent)),
        ("volatility", or_none(metrics.volatility, percent)),
        ("Sharpe", or_none(metrics.sharpe, two)),
        ("Sortino", or_none(metrics.sortino, two)),
        ("max drawdown", percent(metrics.max_drawdown)),
        ("  from", date(fall.map(|(peak, _)| peak))),
        ("  to", date(fall.map(|(_, bottom)| bottom))),
        ("turnover a year", or_none(metrics.turnover, percent)),
        ("trades", found.trades.len().to_string()),
    ]);
    rows
}

/// The table: a strategy a column.
pub(super) fn table(universe: &Universe, period: &Period, strategies: &[Strategy]) -> Result<(), Error> {
    let days = strategies.first().map_or(&[][..], |one| &one.found.days);
    let first = days.first().map_or(period.from, |day| day.date);
    let last = days.last().map_or(period.to, |day| day.date);
    let out = |text: String| crate::cli::out(format_args!("{}\n", text.trim_end()));
    out(format!("{first} to {last}, {} sessions, {}\n", days.len(), universe.currency))?;
    let line = |label: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells: String = cells.map(|cell| format!(" {cell:>COLUMN$}")).collect();
        format!("{label:<LABEL$}{cells}")
    };
    out(line("", &mut strategies.iter().map(|one| one.targets.as_str())))?;
    out(line("", &mut strategies.iter().map(|one| one.when.as_str())))?;
    let taxed = strategies.iter().any(|one| !one.found.years.is_empty());
    let columns: Vec<Vec<(&str, String)>> = strategies.iter().map(|one| rows(&one.found, taxed)).collect();
    for at in 0..columns.first().map_or(0, Vec::len) {
        let label = columns.first().map_or("", |column| column[at].0);
        out(line(label, &mut columns.iter().map(|column| column[at].1.as_str())))?;
    }
    Ok(())
}

/// What could not be done, for people.
pub(super) fn notes(strategies: &[Strategy]) {
    for Strategy { targets, when, found } in strategies {
        for note in found.notes.iter().take(TOLD_MOST) {
            eprintln!("{targets}, {when}: {}: {}", note.date, note.words);
        }
        if found.notes.len() > TOLD_MOST {
            let more = found.notes.len() - TOLD_MOST;
            eprintln!("{targets}, {when}: and {more} notes more; --json has them");
        }
    }
    // The same marks for every strategy.
    let left_out = strategies.first().map_or(0, |one| one.found.marks_left_out);
    if left_out > 0 {
        eprintln!("{left_out} closes were not used: on no trading day of the market, or not above 0");
    }
}

/// The daily series of every strategy.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn days(path: &Path, strategies: &[Strategy]) -> Result<(), Error> {
    let failed = |error| Error::file("write", path, error);
    let mut out = Packed::create(path).map_err(failed)?;
    writeln!(out, "targets,when,date,nav,cash,flow,cost,tax,income,return").map_err(failed)?;
    for Strategy { targets, when, found } in strategies {
        for day in &found.days {
            let Day { date, nav, cash, flow, cost, tax, income, change } = day;
            writeln!(out, "{targets},{when},{date},{nav},{cash},{flow},{cost},{tax},{income},{change}")
                .map_err(failed)?;
        }
    }
    out.finish().map_err(failed)
}

/// Everything, as one object.
pub(super) fn json(
    args: &Args,
    known: &Known,
    universe: &Universe,
    period: &Period,
    strategies: &[Strategy],
) -> Result<(), Error> {
    let columns: Vec<Value> = strategies.iter().map(|one| column(one, universe)).collect();
    let object = json!({
        "from": period.from,
        "to": period.to,
        "currency": universe.currency,
        "market": universe.market.mic(),
        "capital": args.capital,
        "instruments": universe.names.values().collect::<Vec<_>>(),
        "events": { "taken": known.facts.taken(), "passed_over": known.facts.passed_over, "refused": known.refused.len() },
        "strategies": columns,
    });
    crate::cli::out(format_args!("{object}\n"))
}

fn column(strategy: &Strategy, universe: &Universe) -> Value {
    let Strategy { targets, when, found } = strategy;
    let fall = drawdown(found);
    let side = |side: Side| if side == Side::Buy { "buy" } else { "sell" };
    let trades = found.trades.iter().map(|trade| {
        json!({ "date": trade.date, "instrument": universe.name(trade.instrument), "side": side(trade.side),
            "quantity": trade.quantity, "price": trade.price, "fee": trade.fee, "gain": trade.gain })
    });
    let reviews = found.reviews.iter().map(|review| {
        let named = review.targets.iter().map(|(one, weight)| (universe.name(*one), json!(weight)));
        json!({ "date": review.date, "targets": named.collect::<serde_json::Map<_, _>>() })
    });
    let held = found.holdings.iter().map(|(one, units)| (universe.name(*one), json!(units)));
    json!({
        "targets": targets,
        "when": when,
        "sessions": found.days.len(),
        "put_in": total(found, |day| day.flow),
        "final_value": found.days.last().map(|day| day.nav),
        "final_cash": found.days.last().map(|day| day.cash),
        "distributions": total(found, |day| day.income),
        "taxes_owed": owed(found),
        "metrics": found.metrics,
        "drawdown_from": fall.map(|(peak, _)| peak),
        "drawdown_to": fall.map(|(_, bottom)| bottom),
        "holdings": held.collect::<serde_json::Map<_, _>>(),
        "trades": trades.collect::<Vec<_>>(),
        "reviews": reviews.collect::<Vec<_>>(),
        "years": found.years,
        "notes": found.notes,
        "marks_left_out": found.marks_left_out,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_to_the_cent() {
        let told = |text: &str| cents(text.parse().unwrap());
        assert_eq!(
            ["0", "-0.004", "1234567.895", "-1000", "999.995"].map(told),
            ["0.00", "0.00", "1,234,567.90", "-1,000.00", "1,000.00"]
        );
        assert_eq!([two(-0.001), two(-0.5), percent(0.12345)], ["0.00", "-0.50", "12.35%"]);
    }
}
