//! Freetrade's activity feed. Amounts are in the account's currency, prices in the instrument's.

use evenkeel_schemas::Currency;
use evenkeel_schemas::events::{CashKind, Side};
use rust_decimal::Decimal;

use super::dates;
use super::number::Style::Point;
use super::row::{Fee, Flow, Part, Rows, Stamp, Symbol, Trade, side, unknown};
use super::table::{self, Cells, Fault, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] =
    &[&["title", "type", "timestamp", "account currency", "total amount", "buy / sell", "fx fee amount"]];

pub(super) fn read(table: &Table, out: &mut Rows) {
    out.each(table, row);
}

fn row(cells: Cells<'_>, out: &mut Rows) -> Result<(), Fault> {
    let line = cells.line();
    let time = cells.text("Timestamp");
    let (date, at) = dates::utc(time).ok_or_else(|| {
        fault(
            "Timestamp",
            format!("expected a time such as 2024-04-18T18:09:12.259Z, got {:?}", table::short(time)),
        )
    })?;
    let order = cells.text("Order ID");
    let unique = (!order.is_empty()).then(|| order.to_owned());
    let stamp = Stamp { line, date, at, unique, order: cells.text("ISIN").to_owned() };
    let kind = cells.text("Type");
    if matches!(kind, "MONTHLY_STATEMENT" | "TAX_CERTIFICATE") {
        out.ignore(line, "Type", "a document: nothing moves");
        return Ok(());
    }
    let account = cells.currency("Account Currency")?;
    out.accounts.insert(account);
    let total = || cells.decimal("Total Amount", Point);
    match kind {
        "ORDER" => trade(cells, &stamp, account, out)?,
        "DIVIDEND" | "PROPERTY" => dividend(cells, &stamp, account, out)?,
        "TOP_UP" => out.cash(&stamp, Flow::External, total()?, account),
        "WITHDRAWAL" => out.cash(&stamp, Flow::External, -total()?, account),
        "INTEREST_FROM_CASH" => out.posted(&stamp, CashKind::Interest, total()?, account),
        "FREESHARE_ORDER" => {
            let reason = "a share given for nothing: enter a transfer_in with what it costs for tax, \
            which the export does not say";
            return Err(fault("Type", reason));
        }
        _ => return Err(unknown("Type", kind)),
    }
    Ok(())
}

fn trade(cells: Cells<'_>, stamp: &Stamp, account: Currency, out: &mut Rows) -> Result<(), Fault> {
    let (currency, divisor) = table::unit("Instrument Currency", cells.text("Instrument Currency"))?;
    let side = side("Buy / Sell", cells.text("Buy / Sell"), "BUY", "SELL")?;
    let duty = cells.or_zero("Stamp Duty", Point)?;
    let total = cells.decimal("Total Amount", Point)?;
    let home = currency == account;
    let mut trade = Trade {
        side,
        symbol: Symbol::new(cells.text("Ticker"), cells.text("ISIN"), cells.text("Title")),
        quantity: cells.decimal("Quantity", Point)?,
        price: cells.decimal("Price per Share", Point)? / divisor,
        currency,
        fee: Fee::Stated(duty),
        gross: cells.optional("Total Shares Amount", Point)?,
        net: home.then_some(total),
    };
    let fee = cells.or_zero("FX Fee Amount", Point)?;
    if !home {
        if !duty.is_zero() {
            return Err(fault("Stamp Duty", format!("expected none on a trade in {currency}, got {duty}")));
        }
        let gross = trade.gross.map_or_else(|| trade.product(), Ok)?;
        let base = cells.decimal("Base FX Rate", Point)?;
        let exchanged = if side == Side::Buy { total - fee } else { total + fee };
        let computed = gross.checked_div(base).unwrap_or_default();
        let formula = format!("{gross} {currency} at {base}");
        let cents = Decimal::new(2, 2);
        out.compare(stamp.line, "Total Amount", &formula, exchanged, cents, computed);
        let (home, away) = (Some((exchanged, account)), Some((gross, currency)));
        let (from, to) = if side == Side::Buy { (home, away) } else { (away, home) };
        out.push(stamp, Part::Conversion(from, to));
        out.posted(stamp, CashKind::Fee, -fee, account);
        trade.net = None;
    }
    out.push(stamp, Part::Trade(trade));
    Ok(())
}

/// Posted as it was paid, in the instrument's currency with the tax withheld, where the row has it;
/// else what came in.
fn dividend(cells: Cells<'_>, stamp: &Stamp, account: Currency, out: &mut Rows) -> Result<(), Fault> {
    let total = cells.decimal("Total Amount", Point)?;
    let withheld = cells.or_zero("Dividend Withheld Tax Amount", Point)?;
    let gross = cells.optional("Dividend Gross Distribution Amount", Point)?;
    let net = cells.optional("Dividend Net Distribution Amount", Point)?;
    let (Some(gross), Some(net)) = (gross, net) else {
        out.posted(stamp, CashKind::Distribution, total, account);
        if !withheld.is_zero() {
            let reason = format!(
                "posted net: {withheld} were withheld before, in a currency that the row does not say"
            );
            out.assume(stamp.line, "Dividend Withheld Tax Amount", reason);
        }
        return Ok(());
    };
    let (currency, _) = table::unit("Instrument Currency", cells.text("Instrument Currency"))?;
    let cent = Decimal::new(1, 2);
    out.compare(
        stamp.line,
        "Dividend Net Distribution Amount",
        "gross less tax",
        net,
        cent,
        gross - withheld,
    );
    out.posted(stamp, CashKind::Distribution, gross, currency);
    out.posted(stamp, CashKind::Tax, -withheld, currency);
    if currency == account {
        out.compare(stamp.line, "Total Amount", "gross less tax", total, cent, gross - withheld);
        return Ok(());
    }
    let rate = cells.decimal("Base FX Rate", Point)?;
    let fee = cells.or_zero("FX Fee Amount", Point)?;
    let computed = net.checked_mul(rate).unwrap_or_default() - fee;
    out.compare(stamp.line, "Total Amount", &format!("{net} {currency} at {rate}"), total, cent, computed);
    out.posted(stamp, CashKind::Fee, -fee, account);
    out.push(stamp, Part::Conversion(Some((net, currency)), Some((total + fee, account))));
    Ok(())
}
