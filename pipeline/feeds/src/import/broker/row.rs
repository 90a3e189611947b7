//! What a broker's row says, in one form for all brokers.

use std::collections::BTreeSet;

use evenkeel_schemas::events::{CashKind, Side};
use evenkeel_schemas::{Currency, Instant, TradeDate};
use rust_decimal::Decimal;

use super::number::half_digit;
use super::table::{Cells, Fault, Table, fault};

/// What moved.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Trade(Trade),
    /// Signed: positive comes in.
    Cash(Flow, Decimal, Currency),
    /// One side of an exchange of currencies; the other has the same key.
    Leg(String, Decimal, Currency),
    /// What went out and what came in, as positive amounts; nothing where the row does not say.
    Conversion(Option<(Decimal, Currency)>, Option<(Decimal, Currency)>),
}

/// Why cash moved.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// A deposit when positive, a withdrawal when negative.
    External,
    Posted(CashKind),
}

/// Where and when a part was said.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub line: u64,
    /// The broker's date.
    pub date: TradeDate,
    /// The start of the date, UTC, where the row has no time.
    pub at: Instant,
    /// An identifier that no other row of this broker has.
    pub unique: Option<String>,
    /// An order or reference that other rows may have too.
    pub order: String,
}

impl Stamp {
    /// A row that has a date alone.
    pub(super) fn on(line: u64, date: TradeDate) -> Stamp {
        Stamp { line, date, at: date.start(), unique: None, order: String::new() }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub stamp: Stamp,
    pub part: Part,
}

/// An instrument as the row names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Symbol {
    pub ticker: String,
    pub isin: String,
    pub name: String,
}

impl Symbol {
    pub(super) fn new(ticker: &str, isin: &str, name: &str) -> Symbol {
        Symbol { ticker: ticker.to_owned(), isin: isin.to_owned(), name: name.to_owned() }
    }
}

/// An execution.
#[derive(Clone, Debug)]
pub(super) struct Trade {
    pub side: Side,
    pub symbol: Symbol,
    /// Positive.
    pub quantity: Decimal,
    pub price: Decimal,
    /// Of price and fee.
    pub currency: Currency,
    pub fee: Fee,
    /// quantity × price as the row states it, where it does.
    pub gross: Option<Decimal>,
    /// What was paid or received, fee included, as the row states it, where it does.
    pub net: Option<Decimal>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Fee {
    Stated(Decimal),
    /// The export has no fee: it is what the total leaves.
    Rest,
}

/// What came of a trade's own arithmetic.
pub(super) struct Checked {
    pub fee: Decimal,
    pub assumed: Option<String>,
    pub suspect: Option<String>,
}

impl Trade {
    /// By how much the amount may differ from quantity × price: a cent, and where the quantity is a
    /// fraction, what the digits printed leave open.
    pub(super) fn slack(&self) -> Decimal {
        let cent = Decimal::new(1, 2);
        if self.quantity.normalize().scale() == 0 {
            return cent;
        }
        let of_price = self.quantity.checked_mul(half_digit(self.price));
        let of_quantity = self.price.checked_mul(half_digit(self.quantity));
        of_price.zip(of_quantity).and_then(|(a, b)| cent.checked_add(a)?.checked_add(b)).unwrap_or(cent)
    }

    pub(super) fn product(&self) -> Result<Decimal, Fault> {
        let reason = "expected quantity \u{d7} price below a million million";
        self.quantity.checked_mul(self.price).ok_or_else(|| fault("quantity", reason))
    }

    /// The fee, and whether quantity, price, fee and amounts agree.
    pub(super) fn check(&self) -> Result<Checked, Fault> {
        let product = self.product()?;
        let (quantity, price) = (self.quantity.normalize(), self.price.normalize());
        let formula = format!("{quantity} \u{d7} {price} = {}", product.normalize());
        let mut checked = Checked { fee: Decimal::ZERO, assumed: None, suspect: None };
        let apart = |stated: Decimal, computed: Decimal| (stated - computed).abs() > self.slack();
        if let Some(gross) = self.gross.filter(|gross| apart(*gross, product)) {
            checked.suspect = Some(format!("kept, but {formula} and the row says {gross}"));
        }
        match (self.fee, self.net) {
            (Fee::Stated(fee), net) => {
                checked.fee = fee;
                let computed = if self.side == Side::Buy { product + fee } else { product - fee };
                if let Some(net) = net.filter(|net| apart(*net, computed)) {
                    checked.suspect =
                        Some(format!("kept, but {formula}, with a fee of {fee}, and the row says {net}"));
                }
            }
            (Fee::Rest, None) => {}
            (Fee::Rest, Some(net)) => {
                let rest = if self.side == Side::Buy { net - product } else { product - net };
                if rest < -self.slack() || rest * Decimal::TEN > product {
                    let reason = format!("kept without a fee, but {formula} and the row says {net}");
                    checked.suspect = Some(reason);
                } else if rest > self.slack() {
                    checked.fee = rest;
                    let rest = rest.normalize();
                    checked.assumed = Some(format!("the fee is the rest, {rest}: {formula}, total {net}"));
                }
            }
        }
        if checked.fee > product {
            let reason = format!("kept, but the fee of {} is more than {formula}", checked.fee);
            checked.suspect.get_or_insert(reason);
        }
        Ok(checked)
    }
}

/// How a row stands in the report.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Skip,
    /// Nothing of the account moves.
    Ignored,
    Assumed,
    Suspect,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Rows {
    pub rows: Vec<Row>,
    /// Currencies of the account, where the export names them.
    pub accounts: BTreeSet<Currency>,
    /// What the caller says amounts are in that the export leaves without a currency.
    pub currency: Option<Currency>,
    pub told: Vec<(Class, u64, Fault)>,
}

impl Rows {
    /// Reads every row; one that is at fault is told and gives nothing.
    pub(super) fn each(
        &mut self,
        table: &Table,
        mut read: impl FnMut(Cells<'_>, &mut Rows) -> Result<(), Fault>,
    ) {
        for record in &table.records {
            let before = self.rows.len();
            if let Err(fault) = read(table.cells(record), self) {
                self.rows.truncate(before);
                self.tell(Class::Skip, record.line, fault);
            }
        }
    }

    pub(super) fn tell(&mut self, class: Class, line: u64, fault: Fault) {
        self.told.push((class, line, fault));
    }

    pub(super) fn ignore(&mut self, line: u64, field: &str, reason: &str) {
        self.tell(Class::Ignored, line, fault(field, reason));
    }

    pub(super) fn assume(&mut self, line: u64, field: &str, reason: impl Into<String>) {
        self.tell(Class::Assumed, line, fault(field, reason));
    }

    /// Tells two amounts that should be one, and are further apart than rounding explains.
    pub(super) fn compare(
        &mut self,
        line: u64,
        field: &str,
        formula: &str,
        stated: Decimal,
        slack: Decimal,
        computed: Decimal,
    ) {
        if (stated - computed).abs() > slack {
            let reason = format!(
                "kept, but {formula} = {} and the row says {stated}",
                computed.round_dp(6).normalize()
            );
            self.tell(Class::Suspect, line, fault(field, reason));
        }
    }

    pub(super) fn push(&mut self, stamp: &Stamp, part: Part) {
        self.rows.push(Row { stamp: stamp.clone(), part });
    }

    /// Nothing when the amount is zero: no event says that nothing moved.
    pub(super) fn cash(&mut self, stamp: &Stamp, flow: Flow, amount: Decimal, currency: Currency) {
        if !amount.is_zero() {
            self.push(stamp, Part::Cash(flow, amount, currency));
        }
    }

    pub(super) fn posted(&mut self, stamp: &Stamp, kind: CashKind, amount: Decimal, currency: Currency) {
        self.cash(stamp, Flow::Posted(kind), amount, currency);
    }
}

/// A side by the format's words.
pub(super) fn side(field: &str, text: &str, buy: &str, sell: &str) -> Result<Side, Fault> {
    if text == buy {
        return Ok(Side::Buy);
    }
    if text == sell {
        return Ok(Side::Sell);
    }
    let got = super::table::short(text);
    Err(fault(field, format!("expected {buy} or {sell}, got {got:?}")))
}

/// A row whose word is none of those known.
pub(super) fn unknown(field: &str, text: &str) -> Fault {
    let got = super::table::short(text);
    fault(field, format!("expected a kind of row that is known, got {got:?}: enter its events by hand"))
}

/// A change of units that belongs to the instrument or needs what the export does not hold.
pub(super) fn corporate_action(field: &str, text: &str) -> Fault {
    let got = super::table::short(text);
    let reason = format!(
        "{got:?} changes units without a trade: enter a split of the instrument, or a transfer_in with \
        cost and date of acquisition, which the export does not say"
    );
    fault(field, reason)
}
