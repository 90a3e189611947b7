//! Portfolios for the tests, in plain numbers.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use evenkeel_calendar::{Calendars, Market};
use evenkeel_lots::LotId;
use evenkeel_optimizer::{Costs, Side};
use evenkeel_rebalancing::{
    Parcel, ParcelOrder, Plan, PlanError, Policy, Portfolio, Position, Reason, Snapshot, Strategy, TaxYear,
    plan,
};
use evenkeel_schemas::{InstrumentId, Name, Ratio, Value};
use evenkeel_tax::{Cpi, Entity, Law, Position as TaxPosition, Profile};

/// Reads any exact number or date.
pub fn n<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// Whole-unit lots, a tick of a cent, a band of 5 points, no bounds, unlimited volume.
pub fn position(instrument: u32, held: &str, price: &str, target: &str) -> Position {
    Position {
        instrument: InstrumentId(instrument),
        name: Name::new(&format!("I{instrument}")).unwrap(),
        held: n(held),
        sellable: n(held),
        price: Some(n(price)),
        rate: Some(n("1")),
        lot: n("1"),
        tick: n("0.01"),
        target: Some(n(target)),
        band: n("0.05"),
        weight_min: Ratio::ZERO,
        weight_max: n("1"),
        tradable: true,
        average_daily_value: None,
        replacement: None,
        parcels: Vec::new(),
    }
}

pub fn parcel(lot: u64, acquired: &str, quantity: &str, cost_base: &str) -> Parcel {
    Parcel {
        lot: LotId(lot),
        acquired: n(acquired),
        quantity: n(quantity),
        cost_base: n(cost_base),
        value_at_start: None,
    }
}

/// On Monday 3 August 2026.
pub fn portfolio(positions: Vec<Position>, cash: &str) -> Portfolio {
    Portfolio {
        date: n("2026-08-03"),
        cash: n(cash),
        foreign_cash: Value::ZERO,
        positions,
        taxonomies: Vec::new(),
        parcel_order: ParcelOrder::Chosen,
    }
}

/// No costs, no least orders.
pub fn free() -> Policy {
    Policy {
        costs: Costs { half_spread: n("0"), commission: n("0"), commission_min: n("0") },
        trade_min: n("0"),
        first_parcel_min: n("0"),
        ..Policy::default()
    }
}

pub fn asx() -> &'static Market {
    Calendars::built_in().unwrap().market("XASX").unwrap()
}

pub fn planned(
    portfolio: &Portfolio,
    reasons: &[Reason],
    strategy: &Strategy,
    policy: &Policy,
) -> Result<Plan, PlanError> {
    let snapshot = Snapshot { portfolio, market: asx(), risk: None, tax: None };
    plan(&snapshot, reasons, strategy, policy)
}

/// A resident individual with 100,000 of income and no gains yet: 30% and the levy of 2%.
pub struct Taxpayer {
    pub law: Law,
    pub cpi: Cpi,
    pub profile: Profile,
    pub position: TaxPosition,
}

impl Taxpayer {
    pub fn new() -> Taxpayer {
        let position = TaxPosition { income: n("100000"), ..TaxPosition::default() };
        let profile = Profile::resident(Entity::Individual);
        Taxpayer { law: Law::built_in().unwrap(), cpi: Cpi::default(), profile, position }
    }

    pub fn year(&self) -> TaxYear<'_> {
        let Taxpayer { law, cpi, profile, position } = self;
        TaxYear { law, cpi, profile, position }
    }

    pub fn planned(
        &self,
        portfolio: &Portfolio,
        reasons: &[Reason],
        strategy: &Strategy,
        policy: &Policy,
    ) -> Result<Plan, PlanError> {
        let snapshot = Snapshot { portfolio, market: asx(), risk: None, tax: Some(self.year()) };
        plan(&snapshot, reasons, strategy, policy)
    }
}

/// (instrument, side, quantity) of each order.
pub fn orders(plan: &Plan) -> Vec<(u32, Side, String)> {
    plan.orders.iter().map(|o| (o.instrument.0, o.side, o.quantity.to_string())).collect()
}

pub fn order(instrument: u32, side: Side, quantity: &str) -> (u32, Side, String) {
    (instrument, side, quantity.to_owned())
}
