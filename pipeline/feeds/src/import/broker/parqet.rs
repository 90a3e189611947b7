//! Parqet's activities: amounts are before fee and tax.

use evenkeel_schemas::events::{CashKind, Side};

use super::dates::{self, Form};
use super::number::Style::Comma;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, corporate_action, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["datetime", "price", "shares", "amount", "tax", "fee", "type", "identifier", "currency"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let time = cells.text("datetime");
    let (utc_date, at) = dates::utc(time).ok_or_else(|| {
        fault(
            "datetime",
            format!("expected a time such as 2024-08-02T07:00:00.000Z, got {:?}", table::short(time)),
        )
    })?;
    // The day as the customer saw it, where the export has it.
    let date = match cells.text("date") {
        "" => utc_date,
        text => table::date("date", text, Form::DayMonthYear('.'))?,
    };
    let isin = cells.text("identifier");
    let stamp = Stamp { line: cells.line(), date, at, unique: None, order: isin.to_owned() };
    let currency = cells.currency("currency")?;
    let (amount, tax) = (cells.decimal("amount", Comma)?, cells.or_zero("tax", Comma)?);
    let fee = cells.or_zero("fee", Comma)?;
    let kind = cells.text("type");
    match kind {
        "Buy" | "Sell" => {
            let trade = Trade {
                side: if kind == "Buy" { Side::Buy } else { Side::Sell },
                symbol: Symbol::new("", isin, cells.text("holdingname")),
                quantity: cells.decimal("shares", Comma)?,
                price: cells.decimal("price", Comma)?,
                currency,
                fee: Fee::Stated(fee),
                gross: Some(amount),
                net: None,
            };
            out.push(&stamp, Part::Trade(trade));
        }
        "Dividend" => {
            out.posted(&stamp, CashKind::Distribution, amount, currency);
            out.posted(&stamp, CashKind::Fee, -fee, currency);
        }
        "Interest" => {
            out.posted(&stamp, CashKind::Interest, amount, currency);
            out.posted(&stamp, CashKind::Fee, -fee, currency);
        }
        "Deposit" => out.cash(&stamp, Flow::External, amount.abs(), currency),
        "Withdrawal" => out.cash(&stamp, Flow::External, -amount.abs(), currency),
        "TransferIn" | "TransferOut" | "Split" => return Err(corporate_action("type", kind)),
        _ => return Err(unknown("type", kind)),
    }
    // Negative where tax came back.
    out.posted(&stamp, CashKind::Tax, -tax, currency);
    Ok(())
}
