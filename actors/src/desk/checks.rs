//! What an order must pass before it may go to the market.

use std::collections::BTreeMap;

use evenkeel_schemas::events::{SessionState, Side};
use evenkeel_schemas::{Currency, Money, Name, Price, Quantity, Rate, Ratio, Value};

use super::Ticket;
use crate::books::{Books, InstrumentTerms};
use crate::costs::{affordable, cost_of_buy};
use crate::policy::Policy;

/// What a customer's orders that are on their way already claim.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    /// Cash that working buys may take, by currency.
    reserved: BTreeMap<Currency, Money>,
    /// Units in working sells.
    selling: BTreeMap<Name, Quantity>,
    /// Units in working buys.
    buying: BTreeMap<Name, Quantity>,
    /// Orders sent in the present window.
    pub sent: u32,
}

impl Claims {
    /// Adds an order that is on its way.
    pub fn add(&mut self, policy: &Policy, ticket: &Ticket, quantity: Quantity, currency: Currency) {
        let units = match ticket.side {
            Side::Sell => self.selling.entry(ticket.instrument.clone()).or_default(),
            Side::Buy => self.buying.entry(ticket.instrument.clone()).or_default(),
        };
        *units = units.checked_add(quantity).unwrap_or(Quantity::MAX);
        if ticket.side == Side::Buy {
            let cost = cost_of_buy(&policy.costs, quantity, ticket.limit).unwrap_or(Money::MAX);
            let reserved = self.reserved.entry(currency).or_default();
            *reserved = reserved.checked_add(cost).unwrap_or(Money::MAX);
        }
    }

    /// Cash of a customer that no order on its way claims; never below zero.
    pub fn free(&self, books: &dyn Books, customer: &Name, currency: Currency) -> Money {
        let reserved = self.reserved.get(&currency).copied().unwrap_or_default();
        let cash = books.cash(customer, currency);
        cash.checked_sub(reserved).unwrap_or(Money::ZERO).max(Money::ZERO)
    }
}

/// Passed: how many units may go, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub terms: InstrumentTerms,
    pub quantity: Quantity,
    /// Why it is fewer than asked for.
    pub reduced: Option<String>,
}

/// Everything the checks look at.
pub(super) struct Checks<'a> {
    pub policy: &'a Policy,
    pub session: Option<SessionState>,
    pub books: &'a dyn Books,
    /// Orders of all customers sent in the present window.
    pub sent: u32,
}

impl Checks<'_> {
    /// Checks one order against the claims of its customer's others.
    ///
    /// # Errors
    /// The first check that fails, in words.
    pub fn order(&self, ticket: &Ticket, claims: &Claims) -> Result<Passed, String> {
        let name = &ticket.instrument;
        if let Some(state) = self.session.filter(|state| *state != SessionState::Open) {
            return Err(format!("session: {} is {state}", self.policy.market));
        }
        if self.policy.restricted.contains(name) {
            return Err(format!("restricted list: {name} may not be traded"));
        }
        let terms = self.books.instrument(name).ok_or_else(|| format!("instrument: {name} is not listed"))?;
        self.form(ticket, &terms)?;
        self.rate(claims)?;
        match ticket.side {
            Side::Sell => self.sell(ticket, claims, terms),
            Side::Buy => self.buy(ticket, claims, terms),
        }
    }

    /// Lot and tick size.
    fn form(&self, ticket: &Ticket, terms: &InstrumentTerms) -> Result<(), String> {
        let quantity = ticket.quantity;
        if quantity <= Quantity::ZERO || quantity.whole_lots(terms.lot) != quantity {
            return Err(format!("lot size: {quantity} is not a positive multiple of {}", terms.lot));
        }
        let (limit, tick) = (ticket.limit, terms.tick);
        if limit <= Price::ZERO || (tick > Price::ZERO && limit.raw() % tick.raw() != 0) {
            return Err(format!("tick size: {limit} is not a positive multiple of {tick}"));
        }
        Ok(())
    }

    fn rate(&self, claims: &Claims) -> Result<(), String> {
        let desk = &self.policy.desk;
        if claims.sent >= desk.customer_orders_max {
            let most = desk.customer_orders_max;
            return Err(format!("order rate: the customer's {most} orders of this window are used"));
        }
        if self.sent >= desk.orders_max {
            return Err(format!("order rate: the desk's {} orders of this window are used", desk.orders_max));
        }
        Ok(())
    }

    fn sell(&self, ticket: &Ticket, claims: &Claims, terms: InstrumentTerms) -> Result<Passed, String> {
        let held = self.books.quantity(&ticket.customer, &ticket.instrument);
        let selling = claims.selling.get(&ticket.instrument).copied().unwrap_or_default();
        let wanted = ticket.quantity.checked_add(selling).unwrap_or(Quantity::MAX);
        if wanted > held {
            return Err(format!("mandate: sells of {wanted} {} with {held} held", ticket.instrument));
        }
        Ok(Passed { terms, quantity: ticket.quantity, reduced: None })
    }

    fn buy(&self, ticket: &Ticket, claims: &Claims, terms: InstrumentTerms) -> Result<Passed, String> {
        let (customer, name) = (&ticket.customer, &ticket.instrument);
        if self.books.target(customer, name).is_none() {
            return Err(format!("mandate: {name} is not in the customer's targets"));
        }
        let free = claims.free(self.books, customer, terms.currency);
        let wanted = ticket.quantity;
        let quantity = affordable(&self.policy.costs, wanted, terms.lot, ticket.limit, free);
        if quantity <= Quantity::ZERO {
            return Err(format!("cash: {free} {} free is not enough for one lot", terms.currency));
        }
        let reduced = (quantity < wanted)
            .then(|| format!("reduced from {wanted} to {quantity}: cash, {free} {} free", terms.currency));
        self.first_parcel(ticket, &terms, quantity)?;
        self.concentration(ticket, claims, &terms, quantity)?;
        Ok(Passed { terms, quantity, reduced })
    }

    /// A buy that opens a position must be worth the minimum, at its limit: that is the order's value.
    fn first_parcel(
        &self,
        ticket: &Ticket,
        terms: &InstrumentTerms,
        quantity: Quantity,
    ) -> Result<(), String> {
        let least = self.policy.customer.first_parcel_min;
        let opens = self.books.quantity(&ticket.customer, &ticket.instrument) <= Quantity::ZERO;
        if !opens || terms.currency != self.policy.desk.parcel_currency {
            return Ok(());
        }
        let value = quantity.notional(ticket.limit).unwrap_or(Money::MAX);
        if value < least {
            return Err(format!("first parcel: {value} is below the minimum of {least} {}", terms.currency));
        }
        Ok(())
    }

    /// Units held, on their way and asked for now, at the last price, against the NAV.
    fn concentration(
        &self,
        ticket: &Ticket,
        claims: &Claims,
        terms: &InstrumentTerms,
        quantity: Quantity,
    ) -> Result<(), String> {
        let (customer, name) = (&ticket.customer, &ticket.instrument);
        let unknown = |what: &str| format!("concentration: no {what} to measure it with");
        let nav = self.books.nav(customer).ok_or_else(|| unknown("net asset value"))?;
        let price = self.books.price(name).ok_or_else(|| unknown("price"))?;
        let base = self.books.base(customer).ok_or_else(|| unknown("base currency"))?;
        let rate =
            if base == terms.currency { Some(Rate::PAR) } else { self.books.rate(terms.currency, base) };
        let rate = rate.ok_or_else(|| unknown("exchange rate"))?;
        let after = self
            .books
            .quantity(customer, name)
            .checked_add(quantity)
            .and_then(|sum| sum.checked_add(claims.buying.get(name).copied().unwrap_or_default()))
            .and_then(|sum| Value::of_position(sum, price, rate));
        let total = Value::of_cash(nav, Rate::PAR);
        let (Some(after), Some(total)) = (after, total) else {
            return Err("concentration: the value is out of range".to_owned());
        };
        let most = self.policy.desk.concentration_max;
        if after.against_band(total, most, Ratio::ZERO).is_gt() {
            let weight = after.share_of(total).map_or_else(|| "undefined".to_owned(), |w| w.to_string());
            return Err(format!("concentration: {name} would weigh {weight}, above {most}"));
        }
        Ok(())
    }
}
