use evenkeel_schemas::{Currency, InstrumentId, Money, Price, Quantity, Rate, Value, Worth};
use serde::{Deserialize, Serialize};

/// One summand of a portfolio's worth.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Line {
    /// A holding's market value.
    Position(InstrumentId, Value),
    /// Cash of one currency, in the base currency.
    Cash(Currency, Value),
    /// The base currency; every valued customer has one.
    Base(Currency),
    /// Something held has no price or no rate.
    Gap,
    /// A product left the range of Value.
    OutOfRange,
}

/// q·p·fx.
pub fn position_line(instrument: InstrumentId, quantity: Quantity, price: Price, rate: Rate) -> Line {
    Value::of_position(quantity, price, rate)
        .map_or(Line::OutOfRange, |value| Line::Position(instrument, value))
}

/// amount·fx.
pub fn cash_line(currency: Currency, amount: Money, rate: Rate) -> Line {
    Value::of_cash(amount, rate).map_or(Line::OutOfRange, |value| Line::Cash(currency, value))
}

/// Why a portfolio has no worth.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Unvalued {
    /// Nothing is held, or something held has no price or rate; said elsewhere.
    Silent,
    /// A sum left the range of Value or Money.
    OutOfRange,
}

/// The sum of a portfolio's lines.
///
/// # Errors
/// [`Unvalued`] when a line is missing, nothing is held, or a sum leaves its range.
pub fn worth<'a>(lines: impl Iterator<Item = &'a Line>) -> Result<Worth, Unvalued> {
    let (mut base, mut held, mut gap, mut overflow) = (None, false, false, false);
    let (mut market_value, mut cash) = (Some(Value::ZERO), Some(Value::ZERO));
    for line in lines {
        match line {
            Line::Position(_, value) => {
                held = true;
                market_value = market_value.and_then(|sum| sum.checked_add(*value));
            }
            Line::Cash(_, value) => {
                held = true;
                cash = cash.and_then(|sum| sum.checked_add(*value));
            }
            Line::Base(currency) => base = Some(*currency),
            Line::Gap => gap = true,
            Line::OutOfRange => overflow = true,
        }
    }
    let Some(currency) = base.filter(|_| (held || overflow) && !gap) else { return Err(Unvalued::Silent) };
    if overflow {
        return Err(Unvalued::OutOfRange);
    }
    let sums = market_value.zip(cash).and_then(|(market_value, cash)| {
        let nav = market_value.checked_add(cash)?;
        market_value.to_money()?;
        cash.to_money()?;
        nav.to_money()?;
        Some(Worth { currency, market_value, cash, nav })
    });
    sums.ok_or(Unvalued::OutOfRange)
}
