//! Trading 212's history, in the columns of 2023 and of 2026. Prices are in the instrument's currency, totals
//! in the account's; the rate is instrument currency for one of the account's. Times are UTC.

use evenkeel_schemas::Currency;
use evenkeel_schemas::events::{CashKind, Side};
use rust_decimal::Decimal;

use super::dates::{self, Form, local};
use super::number::Style::Point;
use super::number::half_digit;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, corporate_action, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["action", "time", "isin", "ticker", "no. of shares", "price / share", "exchange rate", "total"]];

/// Columns of costs; each has a column of its currency.
const COSTS: [&str; 5] = [
    "Stamp duty reserve tax",
    "French transaction tax",
    "Transaction fee",
    "Finra fee",
    "Currency conversion fee",
];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let (line, text) = (cells.line(), cells.text("Time"));
    let found = text.split_once(' ').and_then(|(day, time)| {
        let date = dates::date(day, Form::YearMonthDay)?;
        Some((date, local(date, time, "UTC")?))
    });
    let (date, at) = found.ok_or_else(|| {
        let got = table::short(text);
        fault("Time", format!("expected a time such as 2023-12-18 14:30:03.613, got {got:?}"))
    })?;
    let id = cells.text("ID");
    let unique = (!id.is_empty()).then(|| id.to_owned());
    let stamp = Stamp { line, date, at, unique, order: cells.text("ISIN").to_owned() };
    let action = cells.text("Action");
    let side = match action {
        "Market buy" | "Limit buy" | "Stop buy" | "Stop limit buy" => Some(Side::Buy),
        "Market sell" | "Limit sell" | "Stop sell" | "Stop limit sell" => Some(Side::Sell),
        _ => None,
    };
    let account = || cells.currency("Currency (Total)");
    let total = || Ok::<_, Fault>((cells.decimal("Total", Point)?, account()?));
    // Cards and transfers of units name a currency that need not be the account's.
    if side.is_some() || action == "Deposit" {
        out.accounts.insert(account()?);
    }
    match action {
        _ if side.is_some() => trade(cells, &stamp, side.unwrap_or(Side::Buy), out)?,
        _ if action.starts_with("Dividend") => dividend(cells, &stamp, out)?,
        "Deposit" | "Withdrawal" => {
            let (amount, currency) = total()?;
            let amount = if action == "Deposit" { amount.abs() } else { -amount.abs() };
            out.cash(&stamp, Flow::External, amount, currency);
        }
        "Interest on cash" | "Lending interest" => {
            let (amount, currency) = total()?;
            out.posted(&stamp, CashKind::Interest, amount, currency);
        }
        "Currency conversion" => out.push(&stamp, Part::Conversion(None, None)),
        "Stock distribution" | "Transfer out" | "Transfer in" | "Stock split close" | "Stock split open" => {
            return Err(corporate_action("Action", action));
        }
        _ => return Err(unknown("Action", action)),
    }
    Ok(())
}

fn trade(cells: Cells<'_>, stamp: &Stamp, side: Side, out: &mut Rows) -> Result<(), Fault> {
    let account = cells.currency("Currency (Total)")?;
    let total = cells.decimal("Total", Point)?;
    let priced_in = cells.text("Currency (Price / share)");
    let (currency, divisor) = table::unit("Currency (Price / share)", priced_in)?;
    let (at_market, at_home) = costs(cells, currency, account)?;
    let home = currency == account;
    let trade = Trade {
        side,
        symbol: Symbol::new(cells.text("Ticker"), cells.text("ISIN"), cells.text("Name")),
        quantity: cells.decimal("No. of shares", Point)?,
        price: cells.decimal("Price / share", Point)? / divisor,
        currency,
        fee: Fee::Stated(at_market),
        gross: None,
        net: home.then_some(total),
    };
    if !home {
        let buys = side == Side::Buy;
        let paid = trade.product()? + if buys { at_market } else { -at_market };
        let exchanged = total + if buys { -at_home } else { at_home };
        let rate = cells.decimal("Exchange rate", Point)?;
        let computed = paid.checked_div(rate).unwrap_or_default();
        // What the digits of price, quantity and rate leave open, in the account's currency.
        let of_rate = computed.checked_mul(half_digit(rate)).and_then(|open| open.checked_div(rate));
        let slack = trade.slack().checked_div(rate).unwrap_or_default() + of_rate.unwrap_or_default();
        let formula = format!("{} {currency} at {rate}", paid.normalize());
        out.compare(stamp.line, "Total", &formula, exchanged, slack + Decimal::new(1, 2), computed);
        let (from, to) = (Some((exchanged, account)), Some((paid, currency)));
        let (from, to) = if buys { (from, to) } else { (to, from) };
        out.push(stamp, Part::Conversion(from, to));
        out.posted(stamp, CashKind::Fee, -at_home, account);
    }
    out.push(stamp, Part::Trade(trade));
    Ok(())
}

/// Costs in the instrument's currency, which belong to the fill, and those in another account's.
fn costs(cells: Cells<'_>, market: Currency, account: Currency) -> Result<(Decimal, Decimal), Fault> {
    let (mut at_market, mut at_home) = (Decimal::ZERO, Decimal::ZERO);
    for column in COSTS {
        let amount = cells.or_zero(column, Point)?;
        if amount.is_zero() {
            continue;
        }
        let field = format!("Currency ({column})");
        let currency = cells.currency(&field)?;
        if currency == market {
            at_market += amount;
        } else if currency == account {
            at_home += amount;
        } else {
            return Err(fault(&field, format!("expected {market} or {account}, got {currency}")));
        }
    }
    Ok((at_market, at_home))
}

/// Paid net; before tax where the tax is in the same currency.
fn dividend(cells: Cells<'_>, stamp: &Stamp, out: &mut Rows) -> Result<(), Fault> {
    let (total, account) = (cells.decimal("Total", Point)?, cells.currency("Currency (Total)")?);
    let tax = cells.or_zero("Withholding tax", Point)?;
    if tax.is_zero() {
        out.posted(stamp, CashKind::Distribution, total, account);
        return Ok(());
    }
    let (taxed_in, divisor) =
        table::unit("Currency (Withholding tax)", cells.text("Currency (Withholding tax)"))?;
    if taxed_in == account {
        out.posted(stamp, CashKind::Distribution, total + tax / divisor, account);
        out.posted(stamp, CashKind::Tax, -tax / divisor, account);
        return Ok(());
    }
    out.posted(stamp, CashKind::Distribution, total, account);
    let reason = format!(
        "posted net in {account}: {tax} {taxed_in} were withheld before, at a rate that the row does not say"
    );
    out.assume(stamp.line, "Withholding tax", reason);
    Ok(())
}
