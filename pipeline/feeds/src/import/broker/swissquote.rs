//! Swissquote's transactions, times in Zurich.

use evenkeel_schemas::events::CashKind;
use rust_decimal::Decimal;

use super::dates::{self, Form, local};
use super::number::Style::Point;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, side, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["date", "order #", "transaction", "unit price", "costs", "accrued interest", "net amount"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let line = cells.line();
    let text = cells.text("Date");
    let found = text.split_once(' ').and_then(|(day, time)| {
        let date = dates::date(day, Form::DayMonthYear('-'))?;
        Some((date, local(date, time, "Europe/Zurich")?))
    });
    let (date, at) = found.ok_or_else(|| {
        let got = table::short(text);
        fault("Date", format!("expected a time such as 24-08-2022 07:00:15, got {got:?}"))
    })?;
    let order = format!("{} {}", cells.text("Order #"), cells.text("ISIN")).trim().to_owned();
    let stamp = Stamp { line, date, at, unique: None, order };
    let currency = cells.currency("Currency")?;
    let net = cells.decimal("Net Amount", Point)?;
    let costs = cells.or_zero("Costs", Point)?;
    let kind = cells.text("Transaction");
    match kind {
        "Buy" | "Sell" => {
            if !cells.or_zero("Accrued Interest", Point)?.is_zero() {
                let reason =
                    "expected 0: a fill has no place for accrued interest; enter the row's events by hand";
                return Err(fault("Accrued Interest", reason));
            }
            let trade = Trade {
                side: side("Transaction", kind, "Buy", "Sell")?,
                symbol: Symbol::new(cells.text("Symbol"), cells.text("ISIN"), cells.text("Name")),
                quantity: cells.decimal("Quantity", Point)?,
                price: cells.decimal("Unit price", Point)?,
                currency,
                fee: Fee::Stated(costs),
                gross: None,
                net: Some(net.abs()),
            };
            out.push(&stamp, Part::Trade(trade));
        }
        "Dividend" => {
            out.posted(&stamp, CashKind::Distribution, net, currency);
            if !costs.is_zero() {
                out.assume(line, "Costs", format!("posted net: what the costs of {costs} were is not said"));
            }
        }
        "Interests" => out.posted(&stamp, CashKind::Interest, net, currency),
        "Custody Fees" => out.posted(&stamp, CashKind::Fee, net, currency),
        "Credit" => out.cash(&stamp, Flow::External, net, currency),
        "Debit" => {
            // What was sent, and what sending it cost.
            let sent = cells.decimal("Unit price", Point)?;
            out.compare(line, "Net Amount", "amount and costs", net, Decimal::new(1, 2), -sent - costs);
            out.cash(&stamp, Flow::External, net + costs, currency);
            out.posted(&stamp, CashKind::Fee, -costs, currency);
        }
        "Forex credit" | "Forex debit" => {
            out.push(&stamp, Part::Leg(format!("{at} {}", stamp.order), net, currency));
        }
        _ => return Err(unknown("Transaction", kind)),
    }
    Ok(())
}
