use std::collections::BTreeSet;

use evenkeel_schemas::{CustomerId, TradeDate};

use super::Change;
use super::account::{Account, accrue};
use super::market::Market;
use crate::by_customer::ByCustomer;
use crate::dated::Dated;
use crate::epochwise::Changes;
use crate::facts::{Corporate, Fact};
use crate::known::Known;
use crate::told::Told;

/// The customers of a worker.
#[derive(Default)]
pub(super) struct Books {
    market: Market,
    accounts: ByCustomer<Account>,
}

/// From which day on there is something new.
#[derive(Default)]
struct Touched {
    customers: BTreeSet<CustomerId>,
    /// For everybody.
    market: Option<TradeDate>,
    /// For everybody, whatever the day.
    all: bool,
    /// What instruments did.
    actions: bool,
}

impl Books {
    /// Takes in what a mark brings; gives out what changed of accruals.
    pub fn step(&mut self, changes: Changes<Change>, out: &mut Changes<Told>) {
        let mut touched = Touched::default();
        for (change, times) in changes {
            match change {
                Change::Known(known) => self.known(known, times, &mut touched),
                Change::Fact(fact) => self.fact(fact, times, &mut touched),
            }
        }
        let everybody = touched.all || touched.market.is_some();
        let interest = self.market.first_interest();
        let mut visit = |customer: CustomerId, account: &mut Account| {
            if touched.actions {
                account.reshape();
            }
            if touched.all {
                account.restart();
            } else if let Some(from) = touched.market {
                account.reopen(from);
            }
            // Of most nothing accrues.
            if account.told.is_empty() && account.closed.is_empty() && !account.earns(interest) {
                return;
            }
            let now = accrue(customer, account, &self.market);
            let before = std::mem::replace(&mut account.told, now);
            out.extend(before.into_iter().map(|told| (told, -1)));
            out.extend(account.told.iter().cloned().map(|told| (told, 1)));
        };
        if everybody {
            self.accounts.iter_mut().for_each(|(customer, account)| visit(customer, account));
        } else {
            for customer in touched.customers {
                if let Some(account) = self.accounts.get_mut(customer) {
                    visit(customer, account);
                }
            }
        }
        differential_dataflow::consolidation::consolidate(out);
    }

    fn known(&mut self, known: Known, times: isize, touched: &mut Touched) {
        match known {
            Known::Terms(instrument, currency, _) => {
                let before = self.market.currency(instrument);
                self.market.currencies.entry(instrument).or_default().add(currency, times);
                touched.all |= before != self.market.currency(instrument);
            }
            Known::Base(customer, currency) => {
                let account = self.accounts.entry(customer);
                if times > 0 {
                    account.base = Some(currency);
                } else if account.base == Some(currency) {
                    account.base = None;
                }
                account.restart();
                touched.customers.insert(customer);
            }
            _ => {}
        }
    }

    fn fact(&mut self, fact: Fact, times: isize, touched: &mut Touched) {
        let since = |touched: &mut Touched, date: TradeDate| {
            touched.market = Some(touched.market.map_or(date, |known| known.min(date)));
        };
        let market = &mut self.market;
        match fact {
            Fact::Close(instrument, date, version, price) => {
                market.closes.entry(instrument).or_default().add(date, (version, price), times);
                market.mark(date, times);
                since(touched, date);
            }
            Fact::FxClose(pair, date, version, rate) => {
                market.rates.add(pair, date, (version, rate), times);
                market.mark(date, times);
                since(touched, date);
            }
            Fact::InterestRate(currency, from, version, rate) => {
                market.interest.entry(currency).or_default().add(from, (version, rate), times);
                if market.interest.get(&currency).is_some_and(Dated::is_empty) {
                    market.interest.remove(&currency);
                }
                since(touched, from);
            }
            Fact::Corporate(instrument, action) => {
                if let Corporate::Merger { into, .. } = action.what {
                    market.groups.join(instrument, into);
                }
                since(touched, action.date);
                touched.actions = true;
                market.actions.entry(instrument).or_default().add(action, times);
            }
            Fact::Posting(customer, ..)
            | Fact::Movement(customer, ..)
            | Fact::Reinvest(customer, ..)
            | Fact::FeeSchedule(customer, ..) => {
                self.accounts.entry(customer).take(fact, times);
                touched.customers.insert(customer);
            }
            _ => {}
        }
    }
}
