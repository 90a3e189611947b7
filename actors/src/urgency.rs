//! How urgent a reason to act is: when many customers have one at a time, the most urgent are decided first.

use std::cmp::Reverse;

use evenkeel_schemas::Measure;
use evenkeel_schemas::events::TriggerKind;

use crate::plans::reason_kind;

/// How urgent a reason is; the smallest first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Urgency {
    rank: u8,
    /// The measure over its limit in basis points, the greatest first.
    severity: Reverse<u32>,
}

impl Urgency {
    /// Of looking again at what was looked at before.
    pub const REVIEW: Urgency = Urgency { rank: u8::MAX, severity: Reverse(0) };

    /// Of a trigger: by its kind, then by how far its measure was beyond its limit when it entered.
    pub fn of(kind: TriggerKind, measure: Measure, limit: Measure) -> Urgency {
        let severity = match (measure, limit) {
            (Measure::Share(measure), Measure::Share(limit)) if limit.raw() > 0 => {
                i128::from(measure.raw()) * 10_000 / i128::from(limit.raw())
            }
            (Measure::Amount(measure), Measure::Amount(limit)) if limit.raw() > 0 => {
                i128::from(measure.raw()) * 10_000 / i128::from(limit.raw())
            }
            _ => 10_000,
        };
        let severity = u32::try_from(severity.max(0)).unwrap_or(u32::MAX);
        Urgency { rank: reason_kind(kind).rank(), severity: Reverse(severity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_before_distances_and_reviews_last() {
        let share = |text: &str| Measure::Share(text.parse().unwrap());
        let drift = |measure: &str| Urgency::of(TriggerKind::Drift, share(measure), share("0.05"));
        let amount = Measure::Amount("5000".parse().unwrap());
        let nothing = Measure::Amount("0".parse().unwrap());
        let flow = Urgency::of(TriggerKind::CashFlow, amount, nothing);
        let mut all = [Urgency::REVIEW, drift("0.06"), drift("0.2"), flow];
        all.sort();
        assert_eq!(all, [flow, drift("0.2"), drift("0.06"), Urgency::REVIEW]);
    }
}
