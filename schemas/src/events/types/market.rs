//! What is said of instruments and markets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventType, InstrumentKind, SessionState};
use crate::{Currency, Instant, Money, Name, Pair, Price, Quantity, Rate, Ratio, TradeDate};

body! {
    /// The terms of an instrument.
    InstrumentListed {
        /// Ticker.
        instrument: Name,
        /// Name for people.
        name: String,
        /// What it is.
        kind: InstrumentKind,
        /// What it is priced in.
        currency: Currency,
        /// Market identifier code (ISO 10383) of where it trades: its calendar and settlement count. Where not
        /// given, the home market of its currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] market: Option<Name>,
        /// Asset class.
        #[serde(default)] asset_class: String,
        /// Region.
        #[serde(default)] region: String,
        /// Sector.
        #[serde(default)] sector: String,
        /// Free labels.
        #[serde(default)] tags: Vec<String>,
        /// Smallest price step.
        tick_size: Price,
        /// Smallest quantity traded.
        lot_size: Quantity,
        /// Share of distributions that is franked.
        #[serde(default, skip_serializing_if = "Option::is_none")] franking_rate: Option<Ratio>,
        /// Yearly distributions over price.
        #[serde(default, skip_serializing_if = "Option::is_none")] distribution_yield: Option<Ratio>,
        /// Usual turnover a day, in its currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] average_daily_value: Option<Money>,
    }
}

body! {
    /// A market price.
    Tick {
        /// Ticker.
        instrument: Name,
        /// Last price.
        price: Price,
        /// Best bid.
        #[serde(default, skip_serializing_if = "Option::is_none")] bid: Option<Price>,
        /// Best ask.
        #[serde(default, skip_serializing_if = "Option::is_none")] ask: Option<Price>,
        /// Units traded.
        #[serde(default, skip_serializing_if = "Option::is_none")] volume: Option<Quantity>,
    }
}

body! {
    /// The official closing mark.
    Close {
        /// Ticker.
        instrument: Name,
        /// Closing price.
        price: Price,
        /// The session's date.
        date: TradeDate,
    }
}

body! {
    /// A foreign-exchange rate.
    FxRate {
        /// `USD/AUD`: one USD is `rate` AUD.
        pair: Pair,
        /// The rate.
        rate: Rate,
    }
}

body! {
    /// The official rate of a day: what amounts of that day are translated at.
    FxClose {
        /// `USD/AUD`: one USD is `rate` AUD.
        pair: Pair,
        /// The rate.
        rate: Rate,
        /// The day.
        date: TradeDate,
    }
}

body! {
    /// What settled balances of a currency earn, from a day on until it is said anew: accrued daily, actual/365, paid
    /// on the first of the next month.
    InterestRateSet {
        /// Currency.
        currency: Currency,
        /// Per year; 0 for none.
        rate: Ratio,
        /// First day.
        from: TradeDate,
    }
}

body! {
    /// A market opens, closes or halts.
    Session {
        /// Market identifier code (ISO 10383).
        market: Name,
        /// Its state from now on.
        state: SessionState,
    }
}

body! {
    /// `old` units become `new` units for holders at the ex date.
    Split {
        /// Ticker.
        instrument: Name,
        /// Units after.
        new: Quantity,
        /// Units before.
        old: Quantity,
        /// First day that trades on the new basis.
        ex_date: TradeDate,
        /// What a holder is paid for a whole unit of the fraction that is left over; without it, fractions are kept.
        #[serde(default, skip_serializing_if = "Option::is_none")] cash_in_lieu: Option<Price>,
    }
}

body! {
    /// A distribution is announced.
    Distribution {
        /// Ticker.
        instrument: Name,
        /// Money per unit.
        amount: Price,
        /// Share that is franked.
        franked_fraction: Ratio,
        /// Holders at the start of this day are paid.
        ex_date: TradeDate,
        /// Day of payment.
        pay_date: TradeDate,
        /// Change of the cost base per unit (AMIT, return of capital).
        #[serde(default, skip_serializing_if = "Option::is_none")] cost_base_change: Option<Price>,
        /// What a unit costs those who take the distribution in units.
        #[serde(default, skip_serializing_if = "Option::is_none")] reinvestment_price: Option<Price>,
    }
}

body! {
    /// `old` units become `new` units of another instrument, cash, or both: a merger, or, one for one and
    /// without cash, a change of code.
    Merger {
        /// Ticker of what goes.
        instrument: Name,
        /// Ticker of what comes, in the same currency.
        into: Name,
        /// Units after; 0 if cash is all there is.
        new: Quantity,
        /// Units before.
        old: Quantity,
        /// Cash for a unit that goes.
        #[serde(default, skip_serializing_if = "Option::is_none")] cash: Option<Price>,
        /// Market value of what comes for a unit that goes: beside cash, it says which part of the cost base the
        /// cash realises.
        #[serde(default, skip_serializing_if = "Option::is_none")] value: Option<Price>,
        /// First day on which holders have what comes.
        effective_date: TradeDate,
    }
}

body! {
    /// An instrument ends: holders at the start of a day are paid out, or left with nothing.
    Delisting {
        /// Ticker.
        instrument: Name,
        /// Money per unit, 0 where nothing is left.
        amount: Price,
        /// The day.
        effective_date: TradeDate,
    }
}

body! {
    /// A benchmark's weights.
    BenchmarkSet {
        /// Its name.
        benchmark: Name,
        /// Weight by instrument or bucket.
        #[serde(deserialize_with = "crate::events::parse::unique")] weights: BTreeMap<Name, Ratio>,
        /// Return by instrument or bucket, where given.
        #[serde(default, skip_serializing_if = "Option::is_none")] returns: Option<BTreeMap<Name, Ratio>>,
    }
}

body! {
    /// The consumer price index of a quarter (All Groups, eight capital cities), as published: what cost bases are
    /// indexed by from 1 July 2027 on.
    CpiPublished {
        /// Such as 2027-Q3.
        quarter: String,
        /// The index number.
        index: Ratio,
    }
}

body! {
    /// The frozen closing mark of an instrument, or of a pair of currencies.
    ClosingMark {
        /// Ticker.
        #[serde(default, skip_serializing_if = "Option::is_none")] instrument: Option<Name>,
        /// The instrument's mark.
        #[serde(default, skip_serializing_if = "Option::is_none")] price: Option<Price>,
        /// The pair.
        #[serde(default, skip_serializing_if = "Option::is_none")] pair: Option<Pair>,
        /// The pair's rate.
        #[serde(default, skip_serializing_if = "Option::is_none")] rate: Option<Rate>,
        /// The session's date.
        date: TradeDate,
    }
}
