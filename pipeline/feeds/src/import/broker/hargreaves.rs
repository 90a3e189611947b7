//! Hargreaves Lansdown's transaction summary: prices in pence, values in pounds with the dealing charge.

use evenkeel_schemas::events::{CashKind, Side};
use rust_decimal::Decimal;

use super::dates::Form;
use super::number::Style::Point;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["trade date", "settle date", "reference", "description", "unit cost (p)", "quantity"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let reference = cells.text("Reference");
    let mut stamp = Stamp::on(cells.line(), cells.date("Trade date", Form::DayMonthYear('/'))?);
    stamp.order = reference.to_owned();
    let gbp = table::currency("Value", "GBP")?;
    // The pound sign in the header is one byte in some exports and two in others.
    let value = table::decimal("Value", cells.record().cells.get(6).map_or("", |cell| cell.trim()), Point)?;
    match reference {
        "MANAGE FEE" => out.posted(&stamp, CashKind::Fee, value, gbp),
        "INTEREST" => out.posted(&stamp, CashKind::Interest, value, gbp),
        "FPC" => out.cash(&stamp, Flow::External, value, gbp),
        _ => {
            let side = dealt(reference).ok_or_else(|| unknown("Reference", reference))?;
            if value.is_sign_negative() != (side == Side::Buy) {
                let reason =
                    format!("expected money to go out for a buy and to come in for a sale, got {value}");
                return Err(fault("Value", reason));
            }
            let trade = Trade {
                side,
                symbol: Symbol::new("", "", name(cells.text("Description"))),
                quantity: cells.decimal("Quantity", Point)?,
                price: cells.decimal("Unit cost (p)", Point)? / Decimal::ONE_HUNDRED,
                currency: gbp,
                fee: Fee::Rest,
                gross: None,
                net: Some(value.abs()),
            };
            // A contract note has a number of its own.
            stamp.unique = Some(reference.to_owned());
            out.push(&stamp, Part::Trade(trade));
        }
    }
    Ok(())
}

/// `B302087054` is a contract note of a purchase, `S302087055` one of a sale.
fn dealt(reference: &str) -> Option<Side> {
    let digits =
        reference.get(1..).filter(|rest| rest.len() >= 6 && rest.bytes().all(|b| b.is_ascii_digit()));
    match (digits, reference.chars().next()) {
        (Some(_), Some('B')) => Some(Side::Buy),
        (Some(_), Some('S')) => Some(Side::Sell),
        _ => None,
    }
}

/// The name in `Vanguard FTSE Developed World UCITS ETF 1000 @  4500.00`.
fn name(description: &str) -> &str {
    let before = description.rsplit_once('@').map_or(description, |(before, _)| before.trim());
    before.rsplit_once(' ').map_or(before, |(name, _)| name.trim())
}
