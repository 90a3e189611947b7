//! Questions that the view answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_operators::drift::standings;
use evenkeel_operators::facts::Terms;
use evenkeel_operators::valuations::{Line, Unvalued, cash_line, position_line, worth};
use evenkeel_schemas::events::{OrderStatus, SessionState};
use evenkeel_schemas::{
    AllocationRow, AnomalyKind, AnomalySource, Currency, CustomerId, Epoch, ExposureRow, HarvestCandidateRow,
    Instant, InstrumentId, Measure, Money, Name, OrderRow, Pair, Price, Rate, Standing, TradeDate,
    TriggerKey, Worth,
};

use super::{Agreed, Customer, Customers, Open, View};
use crate::door::Rejected;
use crate::names::SharedNames;

impl View {
    /// Names by dense number.
    pub fn names(&self) -> &SharedNames {
        &self.names
    }

    /// Everything before this epoch is in.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// All customers, in order of onboarding.
    pub fn customers(&self) -> &Customers {
        &self.customers
    }

    /// What is agreed with a customer, if anything is.
    pub fn agreed(&self, id: CustomerId) -> Option<&Agreed> {
        self.agreed.get(&id)
    }

    /// Losses of a customer that are worth harvesting.
    pub fn harvest_of(&self, id: CustomerId) -> impl Iterator<Item = &HarvestCandidateRow> {
        let own = (id, InstrumentId(0))..=(id, InstrumentId(u32::MAX));
        self.harvest.range(own).map(|(_, row)| row)
    }

    /// Open triggers and breaches.
    pub fn open(&self) -> &Open {
        &self.open
    }

    /// What the house holds, as of the last mark.
    pub fn exposures(&self) -> impl Iterator<Item = &ExposureRow> {
        self.exposures.values()
    }

    /// At most so many customers, evenly picked; all of them when there are no more.
    pub fn sample(&self, most: usize) -> impl Iterator<Item = &Customer> {
        let step = self.customers.len().div_ceil(most.max(1)).max(1);
        let picked = self.customers.iter().step_by(step).map(|(_, customer)| customer);
        picked.filter(|customer| customer.base().is_some())
    }

    /// A customer.
    pub fn customer(&self, id: CustomerId) -> Option<&Customer> {
        self.customers.get(id).filter(|customer| customer.base().is_some())
    }

    /// How many instruments are listed.
    pub fn instrument_count(&self) -> usize {
        self.instruments.len()
    }

    /// The terms that hold for an instrument.
    pub fn terms(&self, instrument: InstrumentId) -> Option<Terms> {
        self.instruments.get(&instrument)?.terms.last().copied()
    }

    /// What is traded of an instrument on an average day, as its listing says.
    pub fn daily_value(&self, instrument: InstrumentId) -> Option<Money> {
        self.instruments.get(&instrument)?.daily_value.last().copied().flatten()
    }

    /// The current price.
    pub fn price(&self, instrument: InstrumentId) -> Option<Price> {
        self.instruments.get(&instrument)?.price
    }

    /// The rate of one currency in another: its own pair's, else the reversed pair's inverse.
    pub fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        if from == to {
            return Some(Rate::PAR);
        }
        let direct = self.rates.get(&Pair { base: from, quote: to }).copied();
        direct.or_else(|| self.rates.get(&Pair { base: to, quote: from })?.inverse())
    }

    /// All rates.
    pub fn rates(&self) -> &BTreeMap<Pair, Rate> {
        &self.rates
    }

    /// The day of the current epoch.
    pub fn today(&self) -> TradeDate {
        Instant::from_epoch(self.epoch).date()
    }

    /// What a customer's portfolio is worth at the current epoch, with each holding's value: the same
    /// formulas as the dataflow's.
    ///
    /// # Errors
    /// [`Unvalued`] when a price or rate is missing or a sum leaves its range.
    pub fn worth(&self, customer: &Customer) -> Result<(Worth, Vec<Line>), Unvalued> {
        let base = customer.base().ok_or(Unvalued::Silent)?;
        let mut lines = vec![Line::Base(base)];
        for (instrument, quantity) in &customer.positions {
            let line = self.terms(*instrument).zip(self.price(*instrument)).and_then(|(terms, price)| {
                let rate = self.rate(terms.currency, base)?;
                Some(position_line(*instrument, *quantity, price, rate))
            });
            lines.push(line.unwrap_or(Line::Gap));
        }
        for (currency, amount) in customer.cash.iter() {
            let rate = self.rate(*currency, base);
            lines.push(rate.map_or(Line::Gap, |rate| cash_line(*currency, *amount, rate)));
        }
        worth(lines.iter()).map(|worth| (worth, lines))
    }

    /// Where each of a customer's instruments stands at the current epoch.
    pub fn standings(&self, customer: &Customer) -> Vec<Standing> {
        let (Ok((worth, lines)), Some(targets)) = (self.worth(customer), customer.targets(self.today()))
        else {
            return Vec::new();
        };
        if worth.nav <= evenkeel_schemas::Value::ZERO {
            return Vec::new();
        }
        let values: Vec<_> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Position(instrument, value) => Some((*instrument, *value)),
                _ => None,
            })
            .collect();
        let labels = |i| self.terms(i).map(|terms| terms.labels).unwrap_or_default();
        standings(worth.nav, &values, &targets, labels)
    }

    /// An order and the epoch it last changed.
    pub fn order(&self, id: &str) -> Option<&(Epoch, OrderRow)> {
        self.orders.get(id)
    }

    /// All orders by id.
    pub fn orders(&self) -> impl Iterator<Item = &(Epoch, OrderRow)> {
        self.orders.values()
    }

    /// Orders by state.
    pub fn order_states(&self) -> &BTreeMap<OrderStatus, u64> {
        &self.order_states
    }

    /// A block's allocations.
    pub fn allocations(&self, block: &str) -> &[AllocationRow] {
        self.allocations.get(block).map_or(&[], Vec::as_slice)
    }

    /// Open anomalies.
    pub fn anomalies(&self) -> impl ExactSizeIterator<Item = &(AnomalySource, AnomalyKind)> {
        self.anomalies.iter()
    }

    /// Open anomalies of a customer.
    pub fn anomalies_of(&self, customer: CustomerId) -> impl Iterator<Item = &AnomalyKind> {
        let source = AnomalySource::Customer(customer);
        // The least of all kinds: what is of one customer lies together.
        let first = (source.clone(), AnomalyKind::Unpriced(InstrumentId(0)));
        let own = self.anomalies.range(first..).take_while(move |(of, _)| *of == source);
        own.map(|(_, kind)| kind)
    }

    /// Whether an instrument's last price is older than it may be.
    pub fn is_stale(&self, instrument: InstrumentId) -> bool {
        self.anomalies.contains(&(AnomalySource::Instrument(instrument), AnomalyKind::Stale))
    }

    /// The latest triggers, the newest first.
    pub fn latest_triggers(&self) -> impl Iterator<Item = &(Epoch, TriggerKey, Measure, Measure)> {
        self.latest_triggers.iter().rev()
    }

    /// The latest orders, the newest first.
    pub fn latest_orders(&self) -> impl Iterator<Item = &(Epoch, OrderRow)> {
        self.latest_orders.iter().rev().filter_map(|id: &Arc<str>| self.orders.get(id))
    }

    /// The latest refused lines, the newest first.
    pub fn latest_rejected(&self) -> impl Iterator<Item = &(Epoch, Rejected)> {
        self.latest_rejected.iter().rev()
    }

    /// The state of a market; open when nobody has said anything.
    pub fn session(&self, market: &Name) -> SessionState {
        self.sessions.get(market).copied().unwrap_or(SessionState::Open)
    }
}
