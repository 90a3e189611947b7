//! Investimental's order updates (Bucharest exchange). An update shows what is still to be filled, with the
//! fee on it: a fill is what an update takes away.

use std::collections::BTreeMap;

use evenkeel_schemas::Currency;
use rust_decimal::Decimal;

use super::dates::{self, Form, local};
use super::number::Style::Point;
use super::row::{Fee, Part, Rows, Stamp, Symbol, Trade, side, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["order number", "side", "symbol", "volume", "account name", "last trade ticket", "update type"]];

/// What is still to be filled of an order, and the fee on it.
#[derive(Copy, Clone)]
struct Open {
    volume: Decimal,
    fee: Decimal,
}

pub(super) fn read(table: &Table, out: &mut Rows) {
    let mut orders = BTreeMap::new();
    out.each(table, |cells, out| update(cells, out, &mut orders));
}

fn update(cells: Cells<'_>, out: &mut Rows, orders: &mut BTreeMap<String, Open>) -> Result<(), Fault> {
    let line = cells.line();
    let order = cells.text("Order Number");
    let volume = cells.decimal("Volume", Point)?;
    let shown = Open { volume, fee: cells.decimal("Fee", Point)? };
    match cells.text("Update Type") {
        "New" | "Chg" => {
            orders.insert(order.to_owned(), shown);
            out.ignore(line, "Update Type", "an order was placed or changed: nothing moves");
            return Ok(());
        }
        "OOT" => {
            orders.remove(order);
            out.ignore(line, "Update Type", "an order ended: nothing moves");
            return Ok(());
        }
        "Fil" => {}
        other => return Err(unknown("Update Type", other)),
    }
    let before = orders.get(order).copied().ok_or_else(|| {
        let reason =
            format!("expected an earlier update of order {order}: how much was filled is what it took away");
        fault("Volume", reason)
    })?;
    // The last fill ends the order, and shows its own volume and no fee.
    let ends = cells.text("Status") == "Inactive";
    let left = if ends { Open { volume: Decimal::ZERO, fee: Decimal::ZERO } } else { shown };
    let (quantity, fee) = (before.volume - left.volume, before.fee - left.fee);
    if quantity <= Decimal::ZERO || fee < Decimal::ZERO {
        return Err(fault(
            "Volume",
            format!("expected less than {} of the order left, got {volume}", before.volume),
        ));
    }
    orders.insert(order.to_owned(), left);
    let ticket = cells.text("Last Trade Ticket");
    let unique = (!ticket.is_empty() && ticket != "0").then(|| format!("{order} {ticket}"));
    let (date, at) = time(cells.text("Update Time"))?;
    let stamp = Stamp { line, date, at, unique, order: order.to_owned() };
    let trade = Trade {
        side: side("Side", cells.text("Side"), "Buy", "Sell")?,
        symbol: Symbol::new(cells.text("Symbol"), "", ""),
        quantity,
        price: cells.decimal("Price", Point)?,
        currency: currency(cells.text("Account Name"))?,
        fee: Fee::Stated(fee),
        gross: None,
        net: None,
    };
    out.assume(
        line,
        "Price",
        "the price is the order's limit, the fee what the broker expected: no update says more",
    );
    out.push(&stamp, Part::Trade(trade));
    Ok(())
}

/// `JOHN DOE [RON]`
fn currency(account: &str) -> Result<Currency, Fault> {
    let inside = account.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    table::currency("Account Name", inside.map_or(account, |(_, code)| code))
}

/// `2024-03-05 12:06:20` in Bucharest.
fn time(text: &str) -> Result<(evenkeel_schemas::TradeDate, evenkeel_schemas::Instant), Fault> {
    let found = text.split_once(' ').and_then(|(day, time)| {
        let date = dates::date(day, Form::YearMonthDay)?;
        Some((date, local(date, time, "Europe/Bucharest")?))
    });
    let got = table::short(text);
    found.ok_or_else(|| {
        fault("Update Time", format!("expected a time such as 2024-03-05 12:06:20, got {got:?}"))
    })
}
