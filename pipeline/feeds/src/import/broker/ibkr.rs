//! Interactive Brokers: flex queries of trades and of cash, and the transaction history.

use evenkeel_schemas::Currency;
use evenkeel_schemas::events::{CashKind, Side};
use rust_decimal::Decimal;

use super::dates::Form;
use super::number::Style::Point;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, side, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const TRADES: &[&[&str]] = &[&["buy/sell", "tradedate", "trademoney", "ibcommission"]];
pub(super) const DIVIDENDS: &[&[&str]] =
    &[&["type", "settledate", "description", "amount", "currencyprimary"]];
pub(super) const HISTORY: &[&[&str]] = &[&["transaction history", "date", "transaction type", "net amount"]];

pub(super) fn trades(table: &Table, out: &mut Rows) {
    out.each(table, |cells, out| {
        let stamp = Stamp::on(cells.line(), cells.date("TradeDate", Form::Compact)?);
        let currency = cells.currency("CurrencyPrimary")?;
        let commission = cells.or_zero("IBCommission", Point)?;
        let charged_in = match cells.text("IBCommissionCurrency") {
            "" => currency,
            text => table::currency("IBCommissionCurrency", text)?,
        };
        let side = side("Buy/Sell", cells.text("Buy/Sell"), "BUY", "SELL")?;
        let money = cells.decimal("TradeMoney", Point)?;
        let isin = cells.text("ISIN");
        if isin.is_empty() && cells.text("Symbol").is_empty() {
            // A trade of currencies: the export names one of the two.
            let known = Some((money.abs(), currency));
            let (from, to) = if side == Side::Buy { (known, None) } else { (None, known) };
            out.posted(&stamp, CashKind::Fee, commission, charged_in);
            out.push(&stamp, Part::Conversion(from, to));
            return Ok(());
        }
        let apart = charged_in != currency;
        let trade = Trade {
            side,
            symbol: Symbol::new(cells.text("Symbol"), isin, cells.text("Description")),
            quantity: cells.decimal("Quantity", Point)?.abs(),
            price: cells.decimal("TradePrice", Point)?,
            currency,
            fee: Fee::Stated(if apart { Decimal::ZERO } else { -commission }),
            gross: Some(money.abs()),
            net: None,
        };
        if apart {
            out.posted(&stamp, CashKind::Fee, commission, charged_in);
        }
        out.push(&stamp, Part::Trade(trade));
        Ok(())
    });
}

pub(super) fn dividends(table: &Table, out: &mut Rows) {
    out.each(table, |cells, out| {
        let kind = match cells.text("Type") {
            "Dividends" | "Payment In Lieu Of Dividends" => CashKind::Distribution,
            "Withholding Tax" => CashKind::Tax,
            other => return Err(unknown("Type", other)),
        };
        // The same amount may be paid by two instruments on one day.
        let mut stamp = Stamp::on(cells.line(), cells.date("SettleDate", Form::Compact)?);
        stamp.order = cells.text("Description").to_owned();
        out.posted(&stamp, kind, cells.decimal("Amount", Point)?, cells.currency("CurrencyPrimary")?);
        if stamp.order.contains("(Return of Capital)") {
            let reason = "posted as a distribution: that it lowers the cost base is not said by any event \
            of the account";
            out.assume(stamp.line, "Description", reason);
        }
        Ok(())
    });
}

/// All amounts are in the base currency, which stands above the header.
pub(super) fn history(table: &Table, out: &mut Rows) {
    let named = table.preamble.iter().find_map(|record| match record.cells.as_slice() {
        [_, _, field, value, ..] if field.trim() == "Base Currency" => Some(value.trim()),
        _ => None,
    });
    let base = table::currency("Base Currency", named.unwrap_or_default());
    out.accounts.extend(base.clone());
    out.each(table, |cells, out| entry(cells, base.clone()?, out));
}

fn entry(cells: Cells<'_>, base: Currency, out: &mut Rows) -> Result<(), Fault> {
    if cells.text("Transaction History") != "Transaction History" {
        out.ignore(cells.line(), "row", "another part of the statement");
        return Ok(());
    }
    let mut stamp = Stamp::on(cells.line(), cells.date("Date", Form::YearMonthDay)?);
    let description = cells.text("Description");
    stamp.order = description.to_owned();
    let net = || cells.decimal("Net Amount", Point);
    let kind = cells.text("Transaction Type");
    match kind {
        "Dividend" | "Payment in Lieu" => out.posted(&stamp, CashKind::Distribution, net()?, base),
        "Foreign Tax Withholding" => out.posted(&stamp, CashKind::Tax, net()?, base),
        "Credit Interest" | "Debit Interest" => out.posted(&stamp, CashKind::Interest, net()?, base),
        "Deposit" | "Withdrawal" => out.cash(&stamp, Flow::External, net()?, base),
        "Buy" | "Sell" => {
            let side = side("Transaction Type", kind, "Buy", "Sell")?;
            let commission = match cells.text("Commission") {
                "-" => Decimal::ZERO,
                text => table::decimal("Commission", text, Point)?,
            };
            let trade = Trade {
                side,
                symbol: Symbol::new(cells.text("Symbol"), "", description),
                quantity: cells.decimal("Quantity", Point)?.abs(),
                price: cells.decimal("Price", Point)?,
                currency: base,
                fee: Fee::Stated(-commission),
                gross: None,
                net: Some(net()?.abs()),
            };
            let gross = cells.decimal("Gross Amount", Point)?.abs();
            if (trade.product()? - gross).abs() > trade.slack() {
                let reason = format!(
                    "expected a price in {base}: {} \u{d7} {} is not {gross}; a flex query of trades says \
                    the currency",
                    trade.quantity, trade.price
                );
                return Err(fault("Price", reason));
            }
            out.push(&stamp, Part::Trade(trade));
        }
        "Forex Trade Component" => out.push(&stamp, Part::Conversion(None, None)),
        _ => return Err(unknown("Transaction Type", kind)),
    }
    Ok(())
}
