//! What each portfolio is worth.
//!
//! Computes  MV(c,i) = q·p·fx and NAV(c) = Σ MV + Σ cash·fx, exactly, in the customer's base currency
//! Inputs    held: ((CustomerId, InstrumentId), Quantity); balances: ((CustomerId, Currency), Money);
//!           bases: (CustomerId, Currency); terms: (InstrumentId, Currency); prices: (InstrumentId, Price);
//!           rates: (Pair, Rate), reversed pairs included; all one per key
//! Outputs   worths: (CustomerId, Worth), one per key; values: (CustomerId, (InstrumentId, Value));
//!           gaps: (CustomerId, AnomalyKind), what keeps a customer from being valued
//! Units     Value, scale 10⁻²¹, unrounded
//! Errors    a held instrument without a price or rate, or a sum out of range, gives gaps and no worth: never
//!           a number that leaves something out
//! State     positions by customer and by instrument (twice), prices, rates, lines by customer (twice)
//! Time      follows the input epoch; O(holders) work per changed price
//! Source    DESIGN §5; the textbook form, the oracle of the hot path

mod calc;
#[cfg(test)]
mod tests;

use evenkeel_schemas::{
    AnomalyKind, Currency, CustomerId, InstrumentId, Money, Pair, Price, Quantity, Rate, Value, Worth,
};

pub use calc::{Line, Unvalued, cash_line, position_line, worth};

use crate::known::Known;
use crate::typedefs::{Rows, present};

/// What [`valuations`] reads.
#[derive(Clone)]
pub struct Holdings<'s> {
    /// Units by customer and instrument.
    pub held: Rows<'s, ((CustomerId, InstrumentId), Quantity)>,
    /// Money by customer and currency.
    pub balances: Rows<'s, ((CustomerId, Currency), Money)>,
    /// Base currency by customer.
    pub bases: Rows<'s, (CustomerId, Currency)>,
}

/// What positions are priced with.
#[derive(Clone)]
pub struct Quotes<'s> {
    /// Currency by instrument.
    pub terms: Rows<'s, (InstrumentId, Currency)>,
    /// Price by instrument.
    pub prices: Rows<'s, (InstrumentId, Price)>,
    /// Rate by pair, reversed pairs included.
    pub rates: Rows<'s, (Pair, Rate)>,
}

impl<'s> Holdings<'s> {
    /// From all that is known.
    pub(crate) fn of(known: &Rows<'s, Known>) -> Holdings<'s> {
        let held = known.clone().flat_map(|known| match known {
            Known::Position(c, i, quantity) => Some(((c, i), quantity)),
            _ => None,
        });
        let balances = known.clone().flat_map(|known| match known {
            Known::Cash(c, currency, amount) => Some(((c, currency), amount)),
            _ => None,
        });
        let bases = known.clone().flat_map(|known| match known {
            Known::Base(c, base) => Some((c, base)),
            _ => None,
        });
        Holdings { held, balances, bases }
    }
}

impl<'s> Quotes<'s> {
    /// From all that is known. Every worker knows the market, but a row counts once: in the worker that speaks of it.
    pub(crate) fn of(known: &Rows<'s, Known>, market: bool) -> Quotes<'s> {
        let terms = known.clone().flat_map(move |known| match known {
            Known::Terms(i, currency, _) if market => Some((i, currency)),
            _ => None,
        });
        let prices = known.clone().flat_map(move |known| match known {
            Known::Price(i, price) if market => Some((i, price)),
            _ => None,
        });
        let rates = known.clone().flat_map(move |known| match known {
            Known::Conversion(pair, rate) if market => Some((pair, rate)),
            _ => None,
        });
        Quotes { terms, prices, rates }
    }
}

/// What [`valuations`] maintains.
pub struct Valuations<'s> {
    /// Worth by customer.
    pub worths: Rows<'s, (CustomerId, Worth)>,
    /// Market value by customer and instrument.
    pub values: Rows<'s, (CustomerId, (InstrumentId, Value))>,
    /// What keeps a customer from being valued.
    pub gaps: Rows<'s, (CustomerId, AnomalyKind)>,
}

/// Maintains market values and NAV.
pub fn valuations<'s>(holdings: Holdings<'s>, quotes: Quotes<'s>) -> Valuations<'s> {
    let Holdings { held, balances, bases } = holdings;
    let Quotes { terms, prices, rates } = quotes;
    let par = present(bases.clone().map(|(_, base)| (Pair { base, quote: base }, Rate::PAR)));
    let rates = rates.concat(par);

    let based =
        held.map(|((c, i), q)| (c, (i, q))).join_map(bases.clone(), |c, (i, q), base| (*i, (*c, *base, *q)));
    let priced = terms.clone().join_map(prices, |i, ccy, price| (*i, (*ccy, *price)));
    let unpriced = based
        .clone()
        .map(|(i, (c, _, _))| (i, c))
        .antijoin(present(priced.clone().map(|(i, _)| i)))
        .map(|(i, c)| (c, AnomalyKind::Unpriced(i)));
    let positions = based
        .clone()
        .join_map(priced, |i, (c, base, q), (ccy, price)| {
            (Pair { base: *ccy, quote: *base }, (*c, *i, *q, *price))
        })
        .join_map(rates.clone(), |_, (c, i, q, price), rate| (*c, position_line(*i, *q, *price, *rate)));

    let money = balances
        .map(|((c, ccy), amount)| (c, (ccy, amount)))
        .join_map(bases.clone(), |c, (ccy, amount), base| (Pair { base: *ccy, quote: *base }, (*c, *amount)));
    let cash = money
        .clone()
        .join_map(rates.clone(), |pair, (c, amount), rate| (*c, cash_line(pair.base, *amount, *rate)));

    let pairs_held = based.join_map(terms, |_, (c, base, _), ccy| (Pair { base: *ccy, quote: *base }, *c));
    let pairs_needed = present(pairs_held.concat(money.map(|(pair, (c, _))| (pair, c))));
    let no_rate = pairs_needed
        .antijoin(present(rates.map(|(pair, _)| pair)))
        .map(|(pair, c)| (c, AnomalyKind::NoRate(pair)));
    let gaps = unpriced.concat(no_rate);

    let appraised = positions
        .clone()
        .concat(cash)
        .concat(bases.map(|(c, base)| (c, Line::Base(base))))
        .concat(gaps.clone().map(|(c, _)| (c, Line::Gap)))
        .reduce_named("worth", |_, lines, out: &mut Vec<(Option<Worth>, isize)>| {
            match worth(lines.iter().map(|(line, _)| *line)) {
                Ok(worth) => out.push((Some(worth), 1)),
                Err(Unvalued::OutOfRange) => out.push((None, 1)),
                Err(Unvalued::Silent) => {}
            }
        });
    let worths = appraised.clone().flat_map(|(c, worth)| Some((c, worth?)));
    let out_of_range =
        appraised.filter(|(_, worth)| worth.is_none()).map(|(c, _)| (c, AnomalyKind::OutOfRange));
    let values = positions.flat_map(|(c, line)| match line {
        Line::Position(instrument, value) => Some((c, (instrument, value))),
        _ => None,
    });
    Valuations { worths, values, gaps: gaps.concat(out_of_range) }
}
