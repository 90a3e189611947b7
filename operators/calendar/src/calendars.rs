//! The markets at hand, found by code or by currency.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use evenkeel_schemas::{Currency, Name};

use crate::error::CalendarError;
use crate::market::Market;
use crate::text;

/// The texts that come with the program.
const BUILT_IN: [(&str, &str); 3] = [
    ("XASX.toml", include_str!("../../../schemas/markets/XASX.toml")),
    ("XLON.toml", include_str!("../../../schemas/markets/XLON.toml")),
    ("XNYS.toml", include_str!("../../../schemas/markets/XNYS.toml")),
];

/// The markets at hand.
#[derive(Clone, Debug, Default)]
pub struct Calendars {
    /// By code.
    markets: BTreeMap<Name, Market>,
    /// The code under which a market is kept, by each of its codes.
    codes: BTreeMap<Name, Name>,
    homes: BTreeMap<Currency, Name>,
}

impl Calendars {
    /// The markets that come with the program, read once.
    ///
    /// # Errors
    /// [`CalendarError::Text`] if they are not in order, which a test excludes.
    pub fn built_in() -> Result<&'static Calendars, CalendarError> {
        static READ: OnceLock<Result<Calendars, CalendarError>> = OnceLock::new();
        READ.get_or_init(|| Calendars::from_texts(&BUILT_IN)).as_ref().map_err(CalendarError::clone)
    }

    /// The texts that come with the program, each with its name.
    pub fn built_in_texts() -> &'static [(&'static str, &'static str)] {
        &BUILT_IN
    }

    /// The markets in texts of TOML, each with a name for messages. A text replaces an earlier one of the
    /// same `mic`, so that a user's texts may follow those of [`Calendars::built_in_texts`].
    ///
    /// # Errors
    /// [`CalendarError::Text`] names text, line and field that are missing, unknown or contradictory.
    pub fn from_texts(texts: &[(&str, &str)]) -> Result<Calendars, CalendarError> {
        let mut read: BTreeMap<Name, (&str, Market)> = BTreeMap::new();
        for (name, text) in texts {
            let market = text::read(name, text)?;
            read.insert(market.mic().clone(), (name, market));
        }
        let mut calendars = Calendars::default();
        for (name, market) in read.into_values() {
            calendars.insert(name, market)?;
        }
        Ok(calendars)
    }

    fn insert(&mut self, source_name: &str, market: Market) -> Result<(), CalendarError> {
        let taken = |field, what: String, by: &Name| CalendarError::Text {
            source_name: source_name.to_owned(),
            field,
            problem: format!("{what} is taken by {by}"),
        };
        for (field, code) in
            [("mic", market.mic())].into_iter().chain(market.also().iter().map(|m| ("also", m)))
        {
            if let Some(other) = self.codes.insert(code.clone(), market.mic().clone()) {
                return Err(taken(field, code.to_string(), &other));
            }
        }
        if let Some(currency) = market.currency().filter(|_| market.home)
            && let Some(other) = self.homes.insert(currency, market.mic().clone())
        {
            return Err(taken("home", format!("the home market of {currency}"), &other));
        }
        self.markets.insert(market.mic().clone(), market);
        Ok(())
    }

    /// The market of a code (ISO 10383), its own or one that keeps its calendar.
    pub fn market(&self, mic: &str) -> Option<&Market> {
        self.codes.get(mic).and_then(|mic| self.markets.get(mic))
    }

    /// The market whose calendar an instrument of this currency follows, where nothing else is said of it.
    pub fn home_of(&self, currency: Currency) -> Option<&Market> {
        self.homes.get(&currency).and_then(|mic| self.markets.get(mic))
    }

    /// All markets, in order of their codes.
    pub fn markets(&self) -> impl Iterator<Item = &Market> {
        self.markets.values()
    }
}
