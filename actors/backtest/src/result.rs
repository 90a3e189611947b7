//! What a backtest gives.

use evenkeel_optimizer::Side;
use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Ratio, TradeDate};
use evenkeel_tax::FinancialYear;
use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// Its date.
    pub date: TradeDate,
    /// Market values at the closes, cash, and distributions that are due, after the day's trades.
    pub nav: Money,
    /// Cash at the end.
    pub cash: Money,
    /// Money that came in at the start, or went out as a negative amount; on the first day the cash at the
    /// start.
    pub flow: Money,
    /// What trades lost to spread, ticks and commission.
    pub cost: Money,
    /// Tax paid, negative for a refund.
    pub tax: Money,
    /// Distributions received.
    pub income: Money,
    /// `nav / (nav before + flow) − 1`.
    pub change: f64,
}

/// A trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// When.
    pub date: TradeDate,
    /// What.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Units.
    pub quantity: Quantity,
    /// Price paid or received: the close with half the spread against us, on the tick.
    pub price: Price,
    /// Commission.
    pub fee: Money,
    /// What a sale realised: proceeds less fee and cost base.
    pub gain: Option<Money>,
}

/// The tax of a financial year that the portfolio caused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearTax {
    /// The year.
    pub year: FinancialYear,
    /// Net capital gain, assessable.
    pub net_capital_gain: Money,
    /// Distributions received, without credits.
    pub distributions: Money,
    /// Franking credits that may be used.
    pub franking_credits: Money,
    /// Tax with the portfolio less tax without it; negative is a refund.
    pub tax: Money,
    /// Capital losses for the next year.
    pub losses_carried_forward: Money,
    /// False for the last year: it is owed, not paid, when the backtest ends.
    pub paid: bool,
}

/// Targets that a model gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The session that they were asked for.
    pub date: TradeDate,
    /// By instrument.
    pub targets: Vec<(InstrumentId, Ratio)>,
}

/// Something that was not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub date: TradeDate,
    /// Why, in words.
    pub words: String,
}

/// A backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// By session.
    pub days: Vec<Day>,
    /// In their order.
    pub trades: Vec<Trade>,
    /// Taxes by year; empty before tax.
    pub years: Vec<YearTax>,
    /// Targets, whenever they were asked for.
    pub reviews: Vec<Review>,
    /// What was not done, and why.
    pub notes: Vec<Note>,
    /// Units held at the end.
    pub holdings: Vec<(InstrumentId, Quantity)>,
    /// Marks that were not used: not positive, of nothing listed, on no trading day.
    pub marks_left_out: usize,
    /// Returns and their measures.
    pub metrics: Metrics,
}
