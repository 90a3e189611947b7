//! Sharesight's all trades report. Price and brokerage are in the market's currency, the value is in the
//! portfolio's, which the report does not name; the rate is market currency for one of the portfolio's.

use evenkeel_schemas::events::Side;
use rust_decimal::Decimal;

use super::dates::Form;
use super::number::{Style::Point, half_digit};
use super::row::{Fee, Part, Rows, Stamp, Symbol, Trade, corporate_action, unknown};
use super::table::{Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["market", "code", "type", "quantity", "price *", "brokerage *", "exchange rate", "value"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let (line, market, code) = (cells.line(), cells.text("Market"), cells.text("Code"));
    if market.starts_with("* ") {
        out.ignore(line, "Market", "a note");
        return Ok(());
    }
    let mut stamp = Stamp::on(line, cells.date("Date", Form::DayMonthYear('/'))?);
    stamp.order = market.to_owned();
    if market == "FX" {
        out.push(&stamp, Part::Conversion(None, None));
        return Ok(());
    }
    let kind = cells.text("Type");
    let side = match kind {
        "Buy" => Side::Buy,
        "Sell" => Side::Sell,
        "Split" | "Bonus" | "Consolidation" | "Merge" | "Opening Balance" => {
            return Err(corporate_action("Type", kind));
        }
        _ => return Err(unknown("Type", kind)),
    };
    let quantity = cells.decimal("Quantity", Point)?;
    if quantity.is_sign_negative() != (side == Side::Sell) {
        return Err(fault("Quantity", format!("expected a sale below and a buy above 0, got {quantity}")));
    }
    let trade = Trade {
        side,
        symbol: Symbol::new(code, "", cells.text("Name")),
        quantity: quantity.abs(),
        price: cells.decimal("Price *", Point)?,
        currency: cells.currency("Currency")?,
        fee: Fee::Stated(cells.or_zero("Brokerage *", Point)?),
        gross: None,
        net: None,
    };
    let (value, rate) = (cells.decimal("Value", Point)?.abs(), cells.decimal("Exchange Rate", Point)?);
    let (product, slack) = (trade.product()?, trade.slack());
    let computed = product.checked_div(rate).unwrap_or_default();
    let of_rate = computed.checked_mul(half_digit(rate)).and_then(|open| open.checked_div(rate));
    let slack = slack.checked_div(rate).unwrap_or(slack) + of_rate.unwrap_or_default() + Decimal::new(1, 2);
    let formula = format!("{} {} at {rate}", product.normalize(), trade.currency);
    out.compare(line, "Value", &formula, value, slack, computed);
    out.push(&stamp, Part::Trade(trade));
    Ok(())
}
