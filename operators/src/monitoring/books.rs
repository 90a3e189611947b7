use std::sync::Arc;

use evenkeel_monitor::{Monitor, Target};
use evenkeel_schemas::{Currency, CustomerId, InstrumentId, Money, Pair, Price, Quantity, Rate};
use serde::{Deserialize, Serialize};

use crate::facts::TargetSet;
use crate::typedefs::Rows;
use crate::valuations::{Holdings, Quotes};

/// What a monitor is told, one row per key; the key's fields come first, so that rows of one key sort together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Told {
    Terms(InstrumentId, Currency),
    Price(InstrumentId, Price),
    Rate(Pair, Rate),
    Base(CustomerId, Currency),
    Targets(CustomerId, Arc<TargetSet>),
    Position(CustomerId, InstrumentId, Quantity),
    Cash(CustomerId, Currency, Money),
}

impl Told {
    /// What is known of customers, instruments and currencies.
    pub fn all<'s>(
        holdings: Holdings<'s>,
        quotes: Quotes<'s>,
        targets: Rows<'s, (CustomerId, Arc<TargetSet>)>,
    ) -> Rows<'s, Told> {
        let Holdings { held, balances, bases } = holdings;
        let Quotes { terms, prices, rates } = quotes;
        held.map(|((c, i), quantity)| Told::Position(c, i, quantity)).concatenate([
            balances.map(|((c, currency), amount)| Told::Cash(c, currency, amount)),
            bases.map(|(c, base)| Told::Base(c, base)),
            targets.map(|(c, set)| Told::Targets(c, set)),
            terms.map(|(i, currency)| Told::Terms(i, currency)),
            prices.map(|(i, price)| Told::Price(i, price)),
            rates.map(|(pair, rate)| Told::Rate(pair, rate)),
        ])
    }

    /// Whom it is about; nobody for the market.
    pub fn customer(&self) -> Option<CustomerId> {
        match self {
            Told::Base(c, _) | Told::Targets(c, _) | Told::Position(c, ..) | Told::Cash(c, ..) => Some(*c),
            Told::Terms(..) | Told::Price(..) | Told::Rate(..) => None,
        }
    }

    /// Whether both are about the same thing.
    pub fn same_key(&self, other: &Told) -> bool {
        match (self, other) {
            (Told::Terms(a, _), Told::Terms(b, _)) | (Told::Price(a, _), Told::Price(b, _)) => a == b,
            (Told::Rate(a, _), Told::Rate(b, _)) => a == b,
            (Told::Base(a, _), Told::Base(b, _)) | (Told::Targets(a, _), Told::Targets(b, _)) => a == b,
            (Told::Position(a, i, _), Told::Position(b, j, _)) => (a, i) == (b, j),
            (Told::Cash(a, x, _), Told::Cash(b, y, _)) => (a, x) == (b, y),
            _ => false,
        }
    }

    /// Tells the monitor that it holds, or that nothing holds of its key any more.
    pub fn tell(&self, holds: bool, monitor: &mut Monitor) {
        match self {
            Told::Terms(i, currency) => monitor.set_terms(*i, holds.then_some(*currency)),
            Told::Price(i, price) => monitor.set_price(*i, holds.then_some(*price)),
            Told::Rate(pair, rate) => monitor.set_rate(*pair, holds.then_some(*rate)),
            Told::Base(c, base) => monitor.set_base(*c, holds.then_some(*base)),
            Told::Targets(c, set) if holds => {
                let line = |line: &crate::facts::TargetLine| Target {
                    instrument: line.instrument,
                    weight: line.weight,
                    band: line.band,
                };
                let lines: Vec<Target> = set.lines.iter().map(line).collect();
                monitor.set_targets(*c, &lines, set.band_default);
            }
            Told::Targets(c, _) => monitor.clear_targets(*c),
            Told::Position(c, i, quantity) => {
                monitor.set_position(*c, *i, if holds { *quantity } else { Quantity::ZERO });
            }
            Told::Cash(c, currency, amount) => {
                monitor.set_cash(*c, *currency, if holds { *amount } else { Money::ZERO });
            }
        }
    }
}
