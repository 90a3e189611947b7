//! Why a portfolio is looked at: the kinds of reasons, the one place to extend, and how urgent each is.

use std::cmp::Reverse;
use std::fmt;

use evenkeel_schemas::{InstrumentId, Money, Name, Ratio};
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, rank $rank:literal, $duty:ident, $words:literal,)*) => {
        /// The kinds of reasons. A kind is one line of the table below: its word in events and tables, its
        /// rank (the lower the more urgent), whether it is a *duty* (traded whatever it costs) or a *choice*
        /// (traded if the benefit is above the cost), and its words for people.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ReasonKind { $($(#[$doc])* $variant,)* }

        impl ReasonKind {
            /// All kinds, in the order of the table.
            pub const ALL: &[ReasonKind] = &[$(ReasonKind::$variant),*];

            /// The word in events and tables.
            pub fn as_str(self) -> &'static str {
                match self { $(ReasonKind::$variant => $text,)* }
            }

            /// The lower the more urgent.
            pub fn rank(self) -> u8 {
                match self { $(ReasonKind::$variant => $rank,)* }
            }

            /// Whether it is answered whatever it costs.
            pub fn is_duty(self) -> bool {
                match self { $(ReasonKind::$variant => Standing::$duty == Standing::Duty,)* }
            }

            fn words(self) -> &'static str {
                match self { $(ReasonKind::$variant => $words,)* }
            }
        }
    };
}

/// How a kind weighs against costs.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Standing {
    Duty,
    Choice,
}

kinds! {
    /// A position lost more than its limit: it is sold.
    StopLoss = "stop_loss", rank 0, Duty, "a position fell through its stop",
    /// The portfolio lost more than its limit: part of it goes to cash.
    Drawdown = "drawdown", rank 1, Duty, "the portfolio's drawdown is beyond its limit",
    /// A bad day may cost more than it may: everything is scaled down.
    ValueAtRisk = "value_at_risk", rank 2, Duty, "the portfolio's value at risk is beyond its limit",
    /// An instrument weighs more than it may.
    Concentration = "concentration", rank 3, Duty, "an instrument is above its greatest weight",
    /// A pod is more volatile than it may be: its part is scaled down.
    PodVolatility = "pod_volatility", rank 4, Duty, "a pod is above its volatility limit",
    /// The customer's risk profile changed, and the targets with it.
    RiskProfileChange = "risk_profile_change", rank 5, Duty, "the risk profile changed",
    /// Money came in or is to go out.
    CashFlow = "cash_flow", rank 6, Choice, "money came in or goes out",
    /// A goal is near, and the targets were made safer.
    GoalNear = "goal_near", rank 7, Choice, "a goal is near",
    /// Somebody asked.
    Manual = "manual", rank 8, Choice, "it was asked for",
    /// A weight left its band.
    Drift = "drift", rank 9, Choice, "a weight left its band",
    /// A loss could be realised.
    TaxOpportunity = "tax_opportunity", rank 10, Choice, "a loss can be realised",
    /// The date of a review came.
    Calendar = "calendar", rank 11, Choice, "a review is due",
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a reason is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The portfolio as a whole.
    #[default]
    Portfolio,
    /// An instrument.
    Instrument(InstrumentId),
    /// A group of a taxonomy, such as a pod, by the taxonomy's name and its own.
    Group(String, String),
    /// A goal or request, by its name.
    Named(Name),
}

/// A reason to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// What kind.
    pub kind: ReasonKind,
    /// What it is about.
    #[serde(default)]
    pub subject: Subject,
    /// What was measured (a drift, volatility, drawdown, weight), not negative; none where nothing is.
    #[serde(default)]
    pub measure: Option<Ratio>,
    /// What the measure has passed, positive.
    #[serde(default)]
    pub limit: Option<Ratio>,
    /// The money of a cash flow, base currency: positive came in, negative goes out.
    #[serde(default)]
    pub flow: Option<Flow>,
}

/// Money that came in or goes out.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Base currency: positive comes in, negative goes out.
    pub amount: Money,
    /// Whether the portfolio's cash has it already. If not, a withdrawal is raised, and a deposit counts
    /// towards the total that targets are shares of but is not spent yet.
    pub booked: bool,
}

impl Reason {
    /// A reason of a kind, with nothing measured.
    pub fn of(kind: ReasonKind) -> Reason {
        Reason { kind, subject: Subject::Portfolio, measure: None, limit: None, flow: None }
    }

    /// A measure beyond a limit.
    pub fn beyond(kind: ReasonKind, subject: Subject, measure: Ratio, limit: Ratio) -> Reason {
        Reason { kind, subject, measure: Some(measure), limit: Some(limit), flow: None }
    }

    /// A cash flow.
    pub fn cash_flow(amount: Money, booked: bool) -> Reason {
        Reason { flow: Some(Flow { amount, booked }), ..Reason::of(ReasonKind::CashFlow) }
    }

    /// The reason as a clause, with instruments named by `name`.
    pub fn in_words(&self, name: &dyn Fn(InstrumentId) -> String) -> String {
        let mut text = match &self.subject {
            Subject::Portfolio => self.kind.words().to_owned(),
            Subject::Instrument(instrument) => format!("{}: {}", name(*instrument), self.kind.words()),
            Subject::Group(taxonomy, group) => format!("{taxonomy} {group}: {}", self.kind.words()),
            Subject::Named(named) => format!("{named}: {}", self.kind.words()),
        };
        if let (Some(measure), Some(limit)) = (self.measure, self.limit) {
            text.push_str(&format!(" ({measure} against {limit})"));
        }
        if let Some(flow) = self.flow {
            let way = if flow.amount < Money::ZERO { "out" } else { "in" };
            let amount = Money::from_raw(flow.amount.raw().saturating_abs());
            text.push_str(&format!(" ({amount} {way}{})", if flow.booked { "" } else { ", not booked yet" }));
        }
        text
    }
}

/// How urgent a reason is; the smallest first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Urgency {
    /// The kind's rank; a cash flow that goes out comes before all choices, one that came in stays in its
    /// place.
    pub rank: u8,
    /// The measure over its limit in basis points, the greatest first; 10,000 where nothing was measured.
    pub severity: Reverse<u32>,
}

/// How urgent a reason is: by its kind's rank, then by how far the measure is beyond its limit. Money that
/// has to go out is as urgent as the first duty.
pub fn urgency(reason: &Reason) -> Urgency {
    let out = reason.flow.is_some_and(|flow| flow.amount < Money::ZERO);
    let rank = if out { ReasonKind::StopLoss.rank() } else { reason.kind.rank() };
    let severity = match (reason.measure, reason.limit) {
        (Some(measure), Some(limit)) if limit > Ratio::ZERO && measure > Ratio::ZERO => {
            let bps = i128::from(measure.raw()) * 10_000 / i128::from(limit.raw());
            u32::try_from(bps).unwrap_or(u32::MAX)
        }
        _ => 10_000,
    };
    Urgency { rank, severity: Reverse(severity) }
}

/// Reasons with the most urgent first; of equals in the order of kind, subject and amounts, so that the order
/// they came in does not matter.
pub fn by_urgency(reasons: &[Reason]) -> Vec<Reason> {
    let mut sorted = reasons.to_vec();
    sorted.sort_by(|a, b| {
        let key = |reason: &Reason| {
            let flow = reason.flow.map(|flow| (flow.amount, flow.booked));
            (urgency(reason), reason.kind, reason.measure, reason.limit, flow)
        };
        key(a).cmp(&key(b)).then_with(|| a.subject.cmp(&b.subject))
    });
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_comes_first() {
        let ratio = |text: &str| text.parse::<Ratio>().unwrap();
        let drift = |measure: &str| {
            Reason::beyond(ReasonKind::Drift, Subject::Portfolio, ratio(measure), ratio("0.05"))
        };
        let reasons = [
            Reason::of(ReasonKind::Calendar),
            drift("0.06"),
            drift("0.1"),
            Reason::cash_flow("5000".parse().unwrap(), true),
            Reason::beyond(
                ReasonKind::StopLoss,
                Subject::Instrument(InstrumentId(3)),
                ratio("0.12"),
                ratio("0.1"),
            ),
            Reason::cash_flow("-100".parse().unwrap(), false),
        ];
        let order: Vec<(ReasonKind, u32)> =
            by_urgency(&reasons).iter().map(|reason| (reason.kind, urgency(reason).severity.0)).collect();
        let expected = [
            (ReasonKind::StopLoss, 12_000),
            (ReasonKind::CashFlow, 10_000),
            (ReasonKind::CashFlow, 10_000),
            (ReasonKind::Drift, 20_000),
            (ReasonKind::Drift, 12_000),
            (ReasonKind::Calendar, 10_000),
        ];
        assert_eq!(order, expected);
        let mut turned = reasons;
        turned.reverse();
        assert_eq!(by_urgency(&turned).first().map(|reason| reason.kind), Some(ReasonKind::StopLoss));
    }

    #[test]
    fn words_and_ranks_are_each_used_once() {
        let words: std::collections::BTreeSet<_> = ReasonKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let ranks: std::collections::BTreeSet<_> = ReasonKind::ALL.iter().map(|kind| kind.rank()).collect();
        assert_eq!((words.len(), ranks.len()), (ReasonKind::ALL.len(), ReasonKind::ALL.len()));
        for kind in ReasonKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
