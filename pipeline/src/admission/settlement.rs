//! When trades settle.

use std::collections::BTreeMap;

use evenkeel_calendar::{Calendars, Market};
use evenkeel_operators::facts::Version;
use evenkeel_schemas::{Currency, InstrumentId, Name, TradeDate};

use crate::few::Few;

/// Business days until settlement where no calendar is known.
const LAG_DEFAULT: u32 = 2;

/// Where instruments trade, and the calendars of markets.
pub(super) struct Settlement {
    calendars: Option<&'static Calendars>,
    /// Of instruments whose listing names a market.
    markets: BTreeMap<InstrumentId, Few<Version, Option<Name>>>,
    /// For markets without a calendar.
    elsewhere: Option<Market>,
}

impl Default for Settlement {
    fn default() -> Settlement {
        // Built in, and read in a test of theirs.
        let calendars = Calendars::built_in().ok();
        let elsewhere = Name::new("elsewhere").ok().map(|mic| Market::weekdays(mic, LAG_DEFAULT));
        Settlement { calendars, markets: BTreeMap::new(), elsewhere }
    }
}

impl Settlement {
    /// An instrument is listed, at a market where one is named.
    pub fn list(&mut self, instrument: InstrumentId, version: Version, market: Option<&Name>) {
        // The latest listing counts, also where it names none.
        if market.is_some() || self.markets.contains_key(&instrument) {
            self.markets.entry(instrument).or_default().insert(version, market.cloned());
        }
    }

    /// A listing is taken back.
    pub fn unlist(&mut self, instrument: InstrumentId, version: &Version) {
        if let Some(markets) = self.markets.get_mut(&instrument) {
            markets.remove(version);
        }
    }

    /// When a trade settles: by the calendar and rule of its market, else of its currency's home market, else two
    /// weekdays later.
    pub fn date(&self, instrument: InstrumentId, currency: Currency, trade_date: TradeDate) -> TradeDate {
        let named = self.markets.get(&instrument).and_then(Few::last).and_then(Option::as_ref);
        let market = match named {
            Some(mic) => self.calendars.and_then(|calendars| calendars.market(mic.as_str())),
            None => self.calendars.and_then(|calendars| calendars.home_of(currency)),
        };
        market
            .or(self.elsewhere.as_ref())
            .map_or(trade_date, |market| market.settlement_date(trade_date).date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_schemas::Instant;

    #[test]
    fn a_trade_settles_as_its_market_says() {
        let mut settlement = Settlement::default();
        let (vas, spy, fund) = (InstrumentId(0), InstrumentId(1), InstrumentId(2));
        let version = Version { at: Instant::from_micros(0), number: 1 };
        settlement.list(spy, version, Some(&Name::new("XNYS").unwrap()));
        settlement.list(fund, version, Some(&Name::new("XNZE").unwrap()));
        let settles = |settlement: &Settlement, of, currency: &str, date: &str| {
            settlement.date(of, currency.parse().unwrap(), date.parse().unwrap()).to_string()
        };
        // The Thursday before Easter 2026: Good Friday and Easter Monday are no business days of the ASX.
        assert_eq!(settles(&settlement, vas, "AUD", "2026-04-02"), "2026-04-08");
        // T+1 in New York, where Easter Monday is one.
        assert_eq!(settles(&settlement, spy, "USD", "2026-04-02"), "2026-04-06");
        assert_eq!(settles(&settlement, fund, "AUD", "2026-04-02"), "2026-04-06");
        let later = Version { number: 2, ..version };
        settlement.list(spy, later, None);
        assert_eq!(
            settles(&settlement, spy, "AUD", "2026-04-02"),
            "2026-04-08",
            "listed anew without a market"
        );
        settlement.unlist(spy, &later);
        assert_eq!(settles(&settlement, spy, "USD", "2026-04-02"), "2026-04-06");
        settlement.unlist(spy, &version);
        assert_eq!(settles(&settlement, spy, "AUD", "2026-04-02"), "2026-04-08");
    }
}
