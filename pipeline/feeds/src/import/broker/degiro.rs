//! DEGIRO's account statement: every row is one movement of one currency, told in the customer's language.

use std::collections::BTreeMap;

use evenkeel_schemas::Currency;
use evenkeel_schemas::events::{CashKind, Side};
use rust_decimal::Decimal;

use super::dates::{Form, local};
use super::number::{Style, readings};
use super::row::{Fee, Flow, Part, Row, Rows, Stamp, Symbol, Trade, corporate_action, unknown};
use super::table::{self, Fault, Record, Table, fault};

pub(super) const SIGNATURES: &[&[&str]] = &[
    &["datum", "tijd", "valutadatum", "isin", "omschrijving", "mutatie", "order id"],
    &["date", "time", "value date", "isin", "description", "change", "order id"],
];

/// Columns by place: two have no name, and the others have one for each language.
const DATE: usize = 0;
const TIME: usize = 1;
const PRODUCT: usize = 3;
const ISIN: usize = 4;
const DESCRIPTION: usize = 5;
const CURRENCY: usize = 7;
const AMOUNT: usize = 8;
const ORDER: usize = 11;

const BUY: [&str; 4] = ["Koop ", "Buy ", "Achat ", "Compra "];
const SELL: [&str; 5] = ["Verkoop ", "Sell ", "Vente ", "Venta ", "Venda "];
const TRADE_FEE: [&str; 4] = [
    "DEGIRO Transactiekosten en/of kosten van derden",
    "DEGIRO Transaction and/or third party fees",
    "Frais DEGIRO de courtage et/ou de parties tierces",
    "Comissões de transação DEGIRO e/ou taxas de terceiros",
];
const FEE: [&str; 3] =
    ["DEGIRO Aansluitingskosten", "Giro Exchange Connection Fee", "DEGIRO Corporate Action Kosten"];
const DIVIDEND: [&str; 2] = ["Dividend", "Dividende"];
const TAX: [&str; 2] = ["Dividendbelasting", "Impôts sur dividende"];
const DEPOSIT: [&str; 3] = ["iDEAL Deposit", "Ingreso", "Deposit"];
const WITHDRAWAL: [&str; 1] = ["flatex terugstorting"];
/// The sixth is the fifth as some exports spell it, with its letters encoded twice.
const EXCHANGE: [&str; 9] = [
    "Valuta Creditering",
    "Valuta Debitering",
    "Ingreso Cambio de Divisa",
    "Retirada Cambio de Divisa",
    "Crédito de divisa",
    "CrÃ©dito de divisa",
    "Levantamento de divisa",
    "FX Credit",
    "FX Debit",
];
/// Between the account and the bank account behind it, both the customer's, and entries that a later one
/// undoes.
const INTERNAL: [&str; 5] = [
    "Overboeking van uw geldrekening",
    "Overboeking naar uw geldrekening",
    "Degiro Cash Sweep Transfer",
    "Reservation iDEAL",
    "Processed Flatex Withdrawal",
];

/// A trading fee that stands in a row of its own.
struct OrderFee {
    stamp: Stamp,
    amount: Decimal,
    currency: Currency,
}

pub(super) fn read(table: &Table, out: &mut Rows) {
    let joined = table.with(wrapped(&table.records));
    let mut fees = Vec::new();
    out.each(&joined, |cells, out| row(cells.record(), out, &mut fees));
    join_fees(out, fees);
}

/// A long order id runs over into a row that is otherwise empty.
fn wrapped(records: &[Record]) -> Vec<Record> {
    let mut found: Vec<Record> = Vec::new();
    for record in records {
        let rest = record.cells.iter().take(ORDER).all(|cell| cell.trim().is_empty());
        match (rest, found.last_mut().and_then(|last| last.cells.get_mut(ORDER))) {
            (true, Some(order)) => order.push_str(record.cells.get(ORDER).map_or("", |cell| cell.trim())),
            _ => found.push(record.clone()),
        }
    }
    found
}

fn row(record: &Record, out: &mut Rows, fees: &mut Vec<OrderFee>) -> Result<(), Fault> {
    let line = record.line;
    let cell = |at: usize| record.cells.get(at).map_or("", |cell| cell.trim());
    let description = cell(DESCRIPTION);
    let is = |words: &[&str]| words.contains(&description);
    let begins = |words: &[&str]| words.iter().any(|word| description.starts_with(word));
    let date = table::date("date", cell(DATE), Form::DayMonthYear('-'))?;
    let at = local(date, cell(TIME), "Europe/Amsterdam")
        .ok_or_else(|| fault("time", format!("expected a time such as 09:30, got {:?}", cell(TIME))))?;
    let stamp = Stamp { line, date, at, unique: None, order: cell(ORDER).to_owned() };
    if begins(&INTERNAL) {
        out.ignore(
            line,
            "description",
            "the customer's own accounts at the broker and its bank are taken as one",
        );
        return Ok(());
    }
    if description.starts_with("PRODUCTWIJZIGING") || description.starts_with("STOCK DIVIDEND") {
        return Err(corporate_action("description", description));
    }
    let amount = || table::decimal("amount", cell(AMOUNT), Style::Either);
    let currency = || table::currency("currency", cell(CURRENCY));
    if begins(&BUY) || begins(&SELL) {
        let symbol = Symbol::new("", cell(ISIN), cell(PRODUCT));
        let trade = trade(description, symbol, amount()?, currency()?)?;
        out.push(&stamp, Part::Trade(trade));
    } else if is(&TRADE_FEE) {
        fees.push(OrderFee { stamp, amount: amount()?, currency: currency()? });
    } else if begins(&FEE) {
        out.posted(&stamp, CashKind::Fee, amount()?, currency()?);
    } else if is(&DIVIDEND) {
        out.posted(&stamp, CashKind::Distribution, amount()?, currency()?);
    } else if is(&TAX) {
        out.posted(&stamp, CashKind::Tax, amount()?, currency()?);
    } else if is(&DEPOSIT) || is(&WITHDRAWAL) {
        out.cash(&stamp, Flow::External, amount()?, currency()?);
    } else if is(&EXCHANGE) {
        let key = format!("{at} {}", stamp.order);
        out.push(&stamp, Part::Leg(key, amount()?, currency()?));
    } else {
        return Err(unknown("description", description));
    }
    Ok(())
}

/// `Koop 1 @ 33,9 USD` or `Compra 6 ISHARES MSCI WOR A@49,785 EUR (IE00B4L5Y983)`. Where a number could be
/// read in two ways, the one that comes to the row's amount is right.
fn trade(description: &str, symbol: Symbol, amount: Decimal, currency: Currency) -> Result<Trade, Fault> {
    let expected = || {
        let got = table::short(description);
        fault("description", format!("expected a trade such as Buy 2 @ 33.9 USD, got {got:?}"))
    };
    let (action, rest) = description.split_once(' ').ok_or_else(expected)?;
    let (left, right) = rest.rsplit_once('@').ok_or_else(expected)?;
    let quantity = left.split_whitespace().next().ok_or_else(expected)?;
    let mut words = right.split_whitespace();
    let (price, unit) = words.next().zip(words.next()).ok_or_else(expected)?;
    let (priced_in, divisor) = table::unit("description", unit)?;
    if priced_in != currency {
        return Err(fault(
            "currency",
            format!("expected {priced_in}, in which the price is, got {currency}"),
        ));
    }
    let gross = amount.abs();
    let mut found = None;
    for quantity in readings(quantity, Style::Either) {
        for price in readings(price, Style::Either) {
            let side = if BUY.iter().any(|word| word.trim() == action) { Side::Buy } else { Side::Sell };
            let (symbol, price, gross) = (symbol.clone(), price / divisor, Some(gross));
            let (fee, net) = (Fee::Stated(Decimal::ZERO), None);
            let trade = Trade { side, symbol, quantity, price, currency, fee, gross, net };
            if trade.check()?.suspect.is_none() {
                return Ok(trade);
            }
            found = found.or(Some(trade));
        }
    }
    found.ok_or_else(expected)
}

/// A fee joins the trade of its order where that is one trade in the same currency; else it is posted alone.
fn join_fees(out: &mut Rows, fees: Vec<OrderFee>) {
    let mut trades: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, row) in out.rows.iter().enumerate() {
        if matches!(row.part, Part::Trade(_)) && !row.stamp.order.is_empty() {
            trades.entry(row.stamp.order.clone()).or_default().push(at);
        }
    }
    for OrderFee { stamp, amount, currency } in fees {
        let only = trades.get(&stamp.order).filter(|found| found.len() == 1);
        let trade = match only.and_then(|found| out.rows.get_mut(found[0])) {
            Some(Row { part: Part::Trade(trade), .. }) if trade.currency == currency => Some(trade),
            _ => None,
        };
        match trade.map(|trade| &mut trade.fee) {
            Some(Fee::Stated(fee)) => *fee -= amount,
            _ => out.posted(&stamp, CashKind::Fee, amount, currency),
        }
    }
}
