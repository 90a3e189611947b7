//! Saxo's transactions: the event's words say quantity and price, the amount includes the costs.

use evenkeel_schemas::Currency;
use evenkeel_schemas::events::{CashKind, Side};
use rust_decimal::Decimal;

use super::dates::Form;
use super::number::{Style, decimal};
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["client id", "trade date", "type", "instrument isin", "event", "amount", "conversion rate"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let order = cells.text("Order ID");
    let mut stamp = Stamp::on(cells.line(), cells.date("Trade Date", Form::DayNameYear)?);
    let amount = cells.decimal("Amount", Style::Either)?;
    let mut currency = cells.currency("Instrument currency")?;
    let (kind, event) = (cells.text("Type"), cells.text("Event"));
    let rate = cells.decimal("Conversion Rate", Style::Point)?;
    if rate != Decimal::ONE {
        let asked = || {
            let reason = format!(
                "expected 1, got {rate}: the amount is in the account's currency, which --currency says \
                for rows other than trades"
            );
            fault("Conversion Rate", reason)
        };
        let said = out.currency.filter(|_| !matches!(kind, "Trade" | "Transactie"));
        currency = said.ok_or_else(asked)?;
    }
    stamp.order = format!("{order} {}", cells.text("Instrument ISIN")).trim().to_owned();
    match (kind, event) {
        ("Trade" | "Transactie", _) => {
            let symbol = Symbol::new(
                cells.text("Instrument Symbol"),
                cells.text("Instrument ISIN"),
                cells.text("Instrument"),
            );
            out.push(&stamp, Part::Trade(trade(event, symbol, amount, currency)?));
        }
        ("Corporate action", "Dividend") => out.posted(&stamp, CashKind::Distribution, amount, currency),
        ("Cash Transfer", "Deposit" | "Withdrawal") => out.cash(&stamp, Flow::External, amount, currency),
        ("Cash amount", "Custody Fee") => out.posted(&stamp, CashKind::Fee, amount, currency),
        _ => return Err(unknown("Event", &format!("{kind}: {event}"))),
    }
    Ok(())
}

/// `Sell 3 @ 139.74 USD`
fn trade(event: &str, symbol: Symbol, amount: Decimal, currency: Currency) -> Result<Trade, Fault> {
    let expected = |what: &str| {
        let got = table::short(event);
        fault("Event", format!("expected {what} as in Buy 3 @ 139.74 USD, got {got:?}"))
    };
    let words: Vec<&str> = event.split_whitespace().collect();
    let [action, quantity, "@", price, unit] = words.as_slice() else {
        return Err(expected("a trade"));
    };
    let side = match *action {
        "Buy" | "Koop" => Side::Buy,
        "Sell" | "Verkoop" => Side::Sell,
        _ => return Err(expected("Buy or Sell")),
    };
    let (priced_in, divisor) = table::unit("Event", unit)?;
    if priced_in != currency {
        return Err(expected(currency.as_str()));
    }
    if amount.is_sign_negative() != (side == Side::Buy) {
        return Err(fault(
            "Amount",
            format!("expected money to go out for a buy and to come in for a sale, got {amount}"),
        ));
    }
    let quantity = decimal(quantity, Style::Point).ok_or_else(|| expected("a quantity"))?;
    let price = decimal(price, Style::Point).ok_or_else(|| expected("a price"))? / divisor;
    let (net, gross, fee) = (Some(amount.abs()), None, Fee::Rest);
    Ok(Trade { side, symbol, quantity, price, currency, fee, gross, net })
}
