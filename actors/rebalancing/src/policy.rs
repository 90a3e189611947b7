//! The settings of a plan, each with a default, and the strategies.

use evenkeel_optimizer::{Costs, Limits};
use evenkeel_schemas::{InstrumentId, Money, Ratio, TradeDate};
use serde::{Deserialize, Serialize};

use crate::error::Problem;

/// How one decides when and how far to trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Trade when a weight is outside its band.
    Threshold {
        /// How far.
        to: Destination,
    },
    /// Trade when a review is due.
    Calendar {
        /// How often.
        cadence: Cadence,
        /// The last review; none makes it due at once.
        last: Option<TradeDate>,
    },
    /// As threshold, with targets tilted for a while, within [`Policy::tilt_max`] and
    /// [`Policy::tilt_total_max`].
    Tactical {
        /// Additions to targets, each instrument once.
        tilts: Vec<Tilt>,
        /// How far.
        to: Destination,
    },
    /// Money that came in buys what is underweight, money that goes out is raised from what is overweight;
    /// only what is then still outside its band makes anything else be sold. Every strategy does this where
    /// one of the reasons is a cash flow; this one does it for any cash above or below its target.
    CashFlowFirst,
}

/// How far a trade goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// To the target.
    Target,
    /// To the nearest edge of the band, less a lot: the least that brings it back.
    BandEdge,
}

/// An addition to a target.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tilt {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// What is added to its target; negative takes off.
    pub by: Ratio,
}

/// How often a review comes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Every 7 days.
    Weekly,
    /// Every month.
    Monthly,
    /// Every 3 months.
    Quarterly,
    /// Every 6 months.
    SemiAnnual,
    /// Every year.
    Annual,
}

impl Cadence {
    /// The day that the review after one on `last` is due, the last of a month where that day does not exist.
    pub fn next(self, last: TradeDate) -> TradeDate {
        let next = match self {
            Cadence::Weekly => last.plus_days(7),
            Cadence::Monthly => last.plus_months(1),
            Cadence::Quarterly => last.plus_months(3),
            Cadence::SemiAnnual => last.plus_months(6),
            Cadence::Annual => last.plus_months(12),
        };
        next.unwrap_or(last)
    }
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Spread and commission. Default: half spread 10 bps, commission 5 bps, no minimum.
    pub costs: Costs,
    /// Cash left after all orders. Default 0.
    pub cash_min: Money,
    /// Least order; closing a position may be smaller. Default 100.
    pub trade_min: Money,
    /// Least first buy of an instrument (ASX: 500 AUD). Default 500.
    pub first_parcel_min: Money,
    /// Greatest turnover, half of what is traded as a share of the total. Default none.
    pub turnover_max: Option<Ratio>,
    /// Distance of cash from its target that [`Destination::BandEdge`] and [`Strategy::CashFlowFirst`]
    /// tolerate. Default 0.02.
    pub cash_band: Ratio,
    /// γ of the utility `μ − γ/2 σ²`. Default 4.
    pub risk_aversion: f64,
    /// Days over which a trade's benefit counts: until the next one would be made anyway. Default 365.
    pub horizon_days: u32,
    /// What one squared weight of distance is worth in the total, where there are no covariances. Default 1.
    pub distance_rate: f64,
    /// Y of the market impact `Y σ √(value / average daily value)`, σ of a day. Default 1.
    pub impact: f64,
    /// Annual volatility for the impact of an instrument without covariances. Default 0.2.
    pub volatility: f64,
    /// Greatest part of an average day's value that one day's order may be. Default 0.1.
    pub daily_value_share: Ratio,
    /// Most days that orders are spread over. Default 5.
    pub slices_max: u32,
    /// A parcel whose discount is at most this many days away may be worth waiting for. Default 60.
    pub wait_days_max: u32,
    /// What a dollar of losses carried to later years is taken to be worth. Default 0.
    pub carried_loss_value: Ratio,
    /// Least tax that realising losses has to save. Default 50.
    pub harvest_min: Money,
    /// Greatest tilt of one target. Default 0.05.
    pub tilt_max: Ratio,
    /// Greatest sum of tilts of one sign. Default 0.1.
    pub tilt_total_max: Ratio,
    /// Part of every target that goes to cash on a drawdown. Default 0.2.
    pub defensive_cash: Ratio,
    /// What one call of the optimizer may do.
    pub limits: Limits,
}

impl Default for Policy {
    fn default() -> Policy {
        let ratio = Ratio::from_raw;
        let money = |whole: i64| Money::from_raw(whole * Money::ONE);
        Policy {
            costs: Costs {
                half_spread: ratio(1_000_000),
                commission: ratio(500_000),
                commission_min: Money::ZERO,
            },
            cash_min: Money::ZERO,
            trade_min: money(100),
            first_parcel_min: money(500),
            turnover_max: None,
            cash_band: ratio(20_000_000),
            risk_aversion: 4.0,
            horizon_days: 365,
            distance_rate: 1.0,
            impact: 1.0,
            volatility: 0.2,
            daily_value_share: ratio(100_000_000),
            slices_max: 5,
            wait_days_max: 60,
            carried_loss_value: Ratio::ZERO,
            harvest_min: money(50),
            tilt_max: ratio(50_000_000),
            tilt_total_max: ratio(100_000_000),
            defensive_cash: ratio(200_000_000),
            limits: Limits::default(),
        }
    }
}

impl Policy {
    /// Everything that is outside its range; the optimizer looks at costs and least amounts itself.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut expect = |name: &'static str, got: &dyn ToString, fits: bool, expected: &'static str| {
            if !fits {
                found.push(Problem::Setting { name, got: got.to_string(), expected });
            }
        };
        let share = |ratio: Ratio| (0..=Ratio::ONE).contains(&ratio.raw());
        for (name, ratio) in [
            ("cash_band", self.cash_band),
            ("carried_loss_value", self.carried_loss_value),
            ("tilt_max", self.tilt_max),
            ("tilt_total_max", self.tilt_total_max),
            ("defensive_cash", self.defensive_cash),
        ] {
            expect(name, &ratio, share(ratio), "0 to 1");
        }
        let daily = self.daily_value_share;
        expect("daily_value_share", &daily, share(daily) && daily > Ratio::ZERO, "above 0, at most 1");
        for (name, number, most) in [
            ("distance_rate", self.distance_rate, 1e6),
            ("impact", self.impact, 100.0),
            ("volatility", self.volatility, 10.0),
        ] {
            expect(name, &number, (0.0..=most).contains(&number), "0 or more, within reason");
        }
        let aversion = self.risk_aversion;
        expect("risk_aversion", &aversion, aversion > 0.0 && aversion <= 1e4, "above 0, at most 10,000");
        let days = self.horizon_days;
        expect("horizon_days", &days, (1..=36_500).contains(&days), "1 to 36,500");
        expect("slices_max", &self.slices_max, (1..=250).contains(&self.slices_max), "1 to 250");
        expect("wait_days_max", &self.wait_days_max, self.wait_days_max <= 366, "at most 366");
        found
    }

    /// The horizon in years.
    pub(crate) fn years(&self) -> f64 {
        f64::from(self.horizon_days) / 365.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range_and_survive_a_round_trip() {
        let policy = Policy::default();
        assert_eq!(policy.problems(), []);
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
        assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), policy);
        let broken = Policy { impact: f64::NAN, slices_max: 0, ..policy };
        let names: Vec<String> = broken.problems().iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn a_month_ends_where_it_ends() {
        let date = |text: &str| text.parse::<TradeDate>().unwrap();
        assert_eq!(Cadence::Monthly.next(date("2026-01-31")), date("2026-02-28"));
        assert_eq!(Cadence::Annual.next(date("2024-02-29")), date("2025-02-28"));
        assert_eq!(Cadence::Weekly.next(date("2026-12-28")), date("2027-01-04"));
    }
}
