//! What is asked of a backtest.

use evenkeel_calendar::Market;
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{Money, Ratio, TradeDate};
use evenkeel_tax::{Cpi, Law, Profile};
use serde::{Deserialize, Serialize};

/// When targets are asked for and traded to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// On the first day; later only flows, and distributions as [`Settings::reinvest`] says: buy and hold.
    Once,
    /// Whenever a review is due.
    Every(Cadence),
    /// On any day on which a weight is outside its band, by `evenkeel-rebalancing`'s plan. New targets at
    /// each review, if there are any.
    Bands {
        /// Tolerated distance either way.
        band: Ratio,
        /// How far it is traded back.
        to: Destination,
        /// When targets are asked for again; never, if there is no cadence.
        review: Option<Cadence>,
    },
}

impl When {
    /// When targets are asked for again.
    pub(crate) fn review(self) -> Option<Cadence> {
        match self {
            When::Once => None,
            When::Every(cadence) => Some(cadence),
            When::Bands { review, .. } => review,
        }
    }
}

/// Money that the customer puts in or takes out, at the start of a day.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CashFlow {
    /// The day; the next session, if it is none.
    pub date: TradeDate,
    /// Positive comes in, negative goes out.
    pub amount: Money,
}

/// Who is taxed, and how.
#[derive(Clone, Debug)]
pub struct Taxes<'a> {
    /// The law.
    pub law: &'a Law,
    /// Consumer prices, for indexation from 1 July 2027.
    pub cpi: &'a Cpi,
    /// The taxpayer. Parcels are chosen by the plan.
    pub profile: Profile,
    /// Assessable income of each year from elsewhere, AUD.
    pub other_income: Money,
    /// Capital losses from before.
    pub losses_brought_forward: Money,
}

/// The settings.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// First day.
    pub from: TradeDate,
    /// Last day.
    pub to: TradeDate,
    /// Cash at the start, positive.
    pub cash: Money,
    /// Later flows.
    pub flows: Vec<CashFlow>,
    /// When it trades.
    pub when: When,
    /// Whether distributions are invested when they are paid, as a deposit is; if not, they wait for the next
    /// trade.
    pub reinvest: bool,
    /// Costs, least orders, and how benefit is weighed against cost.
    pub policy: Policy,
    /// The market whose trading days count.
    pub market: &'a Market,
    /// Tax; none for before tax.
    pub taxes: Option<Taxes<'a>>,
    /// Annual rate without risk, for the ratios of Sharpe and Sortino.
    pub risk_free: f64,
}

impl Settings<'_> {
    /// Everything that makes no sense.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.from > self.to {
            found.push(format!("the first day {} is after the last, {}", self.from, self.to));
        }
        if self.cash <= Money::ZERO {
            found.push(format!("cash at the start is {}; expected more than 0", self.cash));
        }
        if !(self.risk_free > -1.0 && self.risk_free <= 1.0) {
            found.push(format!("the rate without risk is {}; expected above -1, at most 1", self.risk_free));
        }
        for flow in self.flows.iter().filter(|flow| flow.date < self.from || flow.date > self.to) {
            found.push(format!("the flow of {} is outside {} to {}", flow.date, self.from, self.to));
        }
        if let When::Bands { band, .. } = self.when
            && !(0..=Ratio::ONE).contains(&band.raw())
        {
            found.push(format!("the band is {band}; expected 0 to 1"));
        }
        if let Some(taxes) = &self.taxes
            && taxes.losses_brought_forward < Money::ZERO
        {
            found.push("losses brought forward are negative".to_owned());
        }
        found
    }
}
