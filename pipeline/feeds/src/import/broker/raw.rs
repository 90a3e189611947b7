//! Plain trades, as one would write them by hand: `date,action,symbol,quantity,price,fees,currency`.

use evenkeel_schemas::events::{CashKind, Side};

use rust_decimal::Decimal;

use super::dates::Form;
use super::number::Style::Point;
use super::row::{Fee, Part, Rows, Stamp, Symbol, Trade, corporate_action, unknown};
use super::table::{Cells, Fault, Table, fault, unit};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["date", "action", "symbol", "quantity", "price", "fees", "currency"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let mut stamp = Stamp::on(cells.line(), cells.date("date", Form::YearMonthDay)?);
    let (symbol, action) = (cells.text("symbol"), cells.text("action"));
    stamp.order = symbol.to_owned();
    let quantity = cells.decimal("quantity", Point)?;
    let (currency, divisor) = match (cells.text("currency"), out.currency) {
        ("", Some(currency)) => (currency, Decimal::ONE),
        (text, _) => unit("currency", text)?,
    };
    let (price, fees) = (cells.decimal("price", Point)? / divisor, cells.or_zero("fees", Point)?);
    match action {
        "BUY" | "SELL" => {
            let trade = Trade {
                side: if action == "BUY" { Side::Buy } else { Side::Sell },
                symbol: Symbol::new(symbol, "", ""),
                quantity,
                price,
                currency,
                fee: Fee::Stated(fees),
                gross: None,
                net: None,
            };
            out.push(&stamp, Part::Trade(trade));
        }
        "DIVIDEND" => {
            let paid = quantity.checked_mul(price);
            let paid = paid
                .ok_or_else(|| fault("quantity", "expected quantity \u{d7} price below a million million"))?;
            out.posted(&stamp, CashKind::Distribution, paid, currency);
            out.posted(&stamp, CashKind::Fee, -fees, currency);
        }
        "STOCK_SPLIT" => return Err(corporate_action("action", action)),
        _ => return Err(unknown("action", action)),
    }
    Ok(())
}
