use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_schemas::{Currency, InstrumentId, Price, Rate, Ratio, TradeDate};
use evenkeel_tax::{Cpi, Law, Quarter};

use super::account::Account;
use super::report::outcomes;
use super::trades::Actions;
use crate::by_customer::ByCustomer;
use crate::counted::Counted;
use crate::dated::DayRates;
use crate::epochwise::{Changes, difference};
use crate::facts::{Fact, Version};
use crate::told::Told;

/// The home currency of the law at hand.
pub(super) const HOME: Currency = Currency::AUD;
/// How many days a rate of a day serves later ones: over weekends and holidays.
const RATE_DAYS: i32 = 7;

/// What is known of the market for tax.
pub(super) struct Market {
    /// Nothing when the texts that come with the program are not in order, which a test excludes.
    pub law: Option<Law>,
    pub cpi: Cpi,
    pub actions: Actions,
    pub tickers: BTreeMap<InstrumentId, Arc<str>>,
    pub currencies: BTreeMap<InstrumentId, Counted<(Version, Currency)>>,
    pub closes: BTreeMap<InstrumentId, Counted<(Version, Price)>>,
    pub rates: DayRates,
}

impl Market {
    pub fn ticker(&self, instrument: InstrumentId) -> String {
        self.tickers.get(&instrument).map_or_else(|| format!("#{}", instrument.0), ToString::to_string)
    }

    pub fn currency(&self, instrument: InstrumentId) -> Option<Currency> {
        self.currencies.get(&instrument)?.standing().next_back().map(|(_, currency)| *currency)
    }

    /// What one unit of a currency is at home on a day.
    pub fn home_rate(&self, currency: Currency, day: TradeDate) -> Option<Rate> {
        let (since, rate) = self.rates.rate(currency, HOME, day)?;
        (day.days() - since.days() <= RATE_DAYS).then_some(rate)
    }

    pub fn close(&self, instrument: InstrumentId) -> Option<Price> {
        self.closes.get(&instrument)?.standing().next_back().map(|(_, price)| *price)
    }
}

/// The customers of a worker.
pub(super) struct Books {
    market: Market,
    indices: Counted<(Quarter, Version, Ratio)>,
    accounts: ByCustomer<Account>,
}

impl Default for Books {
    fn default() -> Books {
        let market = Market {
            law: Law::built_in().ok(),
            cpi: Cpi::default(),
            actions: BTreeMap::new(),
            tickers: BTreeMap::new(),
            currencies: BTreeMap::new(),
            closes: BTreeMap::new(),
            rates: DayRates::default(),
        };
        Books { market, indices: Counted::default(), accounts: ByCustomer::default() }
    }
}

impl Books {
    /// Takes in what a mark brings; gives out what changed of reports.
    pub fn step(&mut self, changes: Changes<Told>, out: &mut Changes<Told>) {
        let (mut touched, mut everybody, mut abroad) = (BTreeSet::new(), false, false);
        for (said, times) in changes {
            match said {
                Told::Row(row) => {
                    let Some(customer) = row.customer() else { continue };
                    self.accounts.entry(customer).row(row, times);
                    touched.insert(customer);
                }
                Told::Follows(Fact::Tax(customer, statement)) => {
                    self.accounts.entry(customer).statements.add(statement, times);
                    touched.insert(customer);
                }
                Told::Follows(Fact::Lot(customer, entry)) => {
                    self.accounts.entry(customer).lot(&entry, times);
                    touched.insert(customer);
                }
                Told::Follows(Fact::FxClose(pair, date, version, rate)) => {
                    self.market.rates.add(pair, date, (version, rate), times);
                    abroad = true;
                }
                Told::Follows(fact) => everybody |= self.market(fact, times),
                Told::Known(_) | Told::Fault(..) | Told::Lot(_) => {}
            }
        }
        if everybody {
            touched.extend(self.accounts.iter().map(|(customer, _)| customer));
        } else if abroad {
            // A rate concerns who is taxed and has anything abroad.
            let market = &self.market;
            let accounts = self.accounts.iter().filter(|(_, account)| account.is_abroad(market));
            touched.extend(accounts.map(|(customer, _)| customer));
        }
        for customer in touched {
            let Some(account) = self.accounts.get_mut(customer) else { continue };
            let now = outcomes(customer, account, &self.market);
            difference(&account.told, &now, out);
            account.told = now;
            if account.is_empty() {
                self.accounts.remove(customer);
            }
        }
    }

    /// Takes in a fact of the market; whether everybody's tax may change.
    fn market(&mut self, fact: Fact, times: isize) -> bool {
        let market = &mut self.market;
        match fact {
            Fact::Corporate(instrument, action) => {
                let actions = market.actions.entry(instrument).or_default();
                let count = actions.entry(action.clone()).or_default();
                *count += times;
                if *count == 0 {
                    actions.remove(&action);
                }
                true
            }
            // A name goes with a busted listing, but what was called by it keeps it.
            Fact::Ticker(instrument, version, ticker, currency) => {
                market.tickers.insert(instrument, ticker);
                market.currencies.entry(instrument).or_default().add((version, currency), times);
                true
            }
            Fact::RebasingClose(instrument, version, price) => {
                market.closes.entry(instrument).or_default().add((version, price), times);
                true
            }
            Fact::Cpi(quarter, version, index) => {
                self.indices.add((quarter, version, index), times);
                market.cpi = Cpi::new(self.indices.standing().map(|(quarter, _, index)| (*quarter, *index)));
                true
            }
            _ => false,
        }
    }
}
