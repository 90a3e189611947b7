//! Charles Schwab's transactions. All amounts are in US dollars: the broker's accounts have no other.

use evenkeel_schemas::events::{CashKind, Side};

use super::dates::Form;
use super::number::Style::Point;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, corporate_action, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["date", "action", "symbol", "description", "quantity", "price", "fees & comm", "amount"]];

const DISTRIBUTIONS: [&str; 10] = [
    "Cash Dividend",
    "Qualified Dividend",
    "Non-Qualified Div",
    "Special Non Qual Div",
    "Pr Yr Cash Div",
    "Reinvest Dividend",
    "Qual Div Reinvest",
    "Pr Yr Div Reinvest",
    "Long Term Cap Gain Reinvest",
    "Short Term Cap Gain Reinvest",
];

const CORPORATE: [&str; 9] = [
    "Stock Split",
    "Reverse Split",
    "Stock Div Dist",
    "Spin-off",
    "Stock Merger",
    "Name Change",
    "Conversion",
    "Journaled Shares",
    "Cash In Lieu",
];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let line = cells.line();
    if cells.text("Date") == "Transactions Total" {
        out.ignore(line, "Date", "the sum of the rows above");
        return Ok(());
    }
    // `07/15/2024 as of 07/12/2024`: booked on the first, effective on the second.
    let date = cells.text("Date");
    let effective = date.split_once(" as of ").map_or(date, |(_, effective)| effective);
    let mut stamp = Stamp::on(line, table::date("Date", effective, Form::MonthDayYear)?);
    let usd = table::currency("Amount", "USD")?;
    stamp.order = format!("{} {}", cells.text("Symbol"), cells.text("Description"));
    let action = cells.text("Action");
    let amount = || cells.decimal("Amount", Point);
    match action {
        "Buy" | "Sell" | "Reinvest Shares" => {
            let amount = amount()?;
            let side = if action == "Sell" { Side::Sell } else { Side::Buy };
            if amount.is_sign_negative() != (side == Side::Buy) {
                let reason =
                    format!("expected money to go out for a buy and to come in for a sale, got {amount}");
                return Err(fault("Amount", reason));
            }
            let trade = Trade {
                side,
                symbol: Symbol::new(cells.text("Symbol"), "", cells.text("Description")),
                quantity: cells.decimal("Quantity", Point)?,
                price: cells.decimal("Price", Point)?,
                currency: usd,
                fee: Fee::Stated(cells.or_zero("Fees & Comm", Point)?),
                gross: None,
                net: Some(amount.abs()),
            };
            out.push(&stamp, Part::Trade(trade));
        }
        "Credit Interest" | "Bank Interest" | "Bond Interest" => {
            out.posted(&stamp, CashKind::Interest, amount()?, usd);
        }
        "Advisor Fee" | "ADR Mgmt Fee" | "Service Fee" => out.posted(&stamp, CashKind::Fee, amount()?, usd),
        "Foreign Tax Paid" | "NRA Tax Adj" => out.posted(&stamp, CashKind::Tax, amount()?, usd),
        "Wire Sent" | "Wire Received" | "MoneyLink Transfer" | "MoneyLink Deposit" | "Internal Transfer" => {
            out.cash(&stamp, Flow::External, amount()?, usd);
        }
        _ if DISTRIBUTIONS.contains(&action) => out.posted(&stamp, CashKind::Distribution, amount()?, usd),
        _ if CORPORATE.contains(&action) => return Err(corporate_action("Action", action)),
        _ => return Err(unknown("Action", action)),
    }
    Ok(())
}
