//! The holding period rule: franking credits only for shares held at risk for 45 days around the ex date.
//!
//! For this test alone sales are matched last in, first out over the whole holding of an instrument, whatever
//! parcels capital gains tax takes. Shares count as held at risk while they are held: hedges are not known
//! here, nor are related payments, which have a test of their own (s 160APHN).
//! Units bought after the ex date are part of the holding that sales are matched with; the Act's text can be
//! read to leave them out, which would deny more.
//! Source: ITAA 1936 (as in force 30 June 2002) s 160APHI, s 160APHO(2); ATO, Last-in first-out method for
//! the holding period requirement.

use evenkeel_schemas::{Quantity, TradeDate};
use serde::{Deserialize, Serialize};

use crate::error::TaxError;
use crate::year::day_number;

/// A buy or a sell of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// The event's id.
    pub event: String,
    /// The instrument.
    pub instrument: String,
    /// Trade date (of the contract).
    pub date: TradeDate,
    /// Units, a buy is positive, a sell negative; restated for splits. A transfer in is a buy when it was
    /// acquired.
    pub quantity: Quantity,
}

/// Part of a parcel, as last-in-first-out matching cuts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// The buy's event.
    pub parcel: String,
    /// When it was bought.
    pub acquired: TradeDate,
    /// When it was sold, if it was.
    pub disposed: Option<TradeDate>,
    /// Units.
    pub quantity: Quantity,
}

/// A fragment that carries a distribution, with what the rule makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualified {
    /// The fragment.
    pub fragment: Fragment,
    /// Days at risk inside the qualification period.
    pub days_held: i64,
    /// Whether they are enough.
    pub qualified: bool,
}

/// What the rule makes of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingTest {
    /// The fragments that carry the distribution: sold ones in order of sale, then what is still held.
    pub fragments: Vec<Qualified>,
    /// Units that carry the distribution.
    pub entitled: Quantity,
    /// Of them, units held for long enough.
    pub qualified: Quantity,
}

/// Days held at risk inside the qualification period, which runs from the day after acquisition to `required`
/// days after the ex date; neither the day of acquisition nor that of disposal counts.
///
/// Source: ITAA 1936 s 160APHD (primary qualification period), s 160APHO(2), (3).
pub fn days_at_risk(
    acquired: TradeDate,
    disposed: Option<TradeDate>,
    ex_date: TradeDate,
    required: i64,
) -> i64 {
    let last = day_number(ex_date) + required;
    let last_held = disposed.map_or(last, |date| day_number(date) - 1);
    (last_held.min(last) - day_number(acquired)).max(0)
}

/// Matches sells with buys of one instrument, last in first out: fragments sold in order of sale, then those
/// still held, last bought first. Trades may come in any order; of a day, buys come before sells.
///
/// # Errors
/// [`TaxError::Oversold`] for a sell of more than was held.
pub fn match_last_in_first_out(trades: &[Trade]) -> Result<Vec<Fragment>, TaxError> {
    let mut ordered: Vec<&Trade> = trades.iter().filter(|trade| trade.quantity != Quantity::ZERO).collect();
    ordered.sort_by_key(|trade| (trade.date, trade.quantity < Quantity::ZERO));
    let (mut held, mut fragments): (Vec<Fragment>, Vec<Fragment>) = (Vec::new(), Vec::new());
    for trade in ordered {
        if trade.quantity > Quantity::ZERO {
            let (parcel, quantity) = (trade.event.clone(), trade.quantity);
            held.push(Fragment { parcel, acquired: trade.date, disposed: None, quantity });
            continue;
        }
        // Wide, as the least number has no opposite.
        let mut left = -i128::from(trade.quantity.raw());
        while left > 0 {
            let Some(top) = held.last_mut() else {
                let missing = Quantity::from_wide(left).ok_or(TaxError::Range("a quantity"))?.to_string();
                return Err(TaxError::Oversold { event: trade.event.clone(), date: trade.date, missing });
            };
            let sold = left.min(i128::from(top.quantity.raw()));
            let quantity = Quantity::from_wide(sold).ok_or(TaxError::Range("a quantity"))?;
            fragments.push(Fragment { disposed: Some(trade.date), quantity, ..top.clone() });
            left -= sold;
            top.quantity = top.quantity.checked_sub(quantity).ok_or(TaxError::Range("a quantity"))?;
            if top.quantity == Quantity::ZERO {
                held.pop();
            }
        }
    }
    fragments.extend(held.into_iter().rev());
    Ok(fragments)
}

/// The holding period rule for one distribution. Units carry it that were bought before the ex date and not
/// sold before it.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of quantities.
pub fn holding_test(
    fragments: &[Fragment],
    ex_date: TradeDate,
    required: i64,
) -> Result<HoldingTest, TaxError> {
    let carries = |f: &&Fragment| f.acquired < ex_date && f.disposed.is_none_or(|sold| sold >= ex_date);
    let (mut entitled, mut qualified) = (Quantity::ZERO, Quantity::ZERO);
    let mut tested = Vec::new();
    for fragment in fragments.iter().filter(carries) {
        let days_held = days_at_risk(fragment.acquired, fragment.disposed, ex_date, required);
        let enough = days_held >= required;
        let plus = |sum: Quantity| sum.checked_add(fragment.quantity).ok_or(TaxError::Range("units"));
        entitled = plus(entitled)?;
        if enough {
            qualified = plus(qualified)?;
        }
        tested.push(Qualified { fragment: fragment.clone(), days_held, qualified: enough });
    }
    Ok(HoldingTest { fragments: tested, entitled, qualified })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trade(event: &str, day: u32, units: i64) -> Trade {
        let date = format!("2026-{:02}-{:02}", day / 28 + 1, day % 28 + 1).parse().unwrap();
        let quantity = Quantity::from_whole(units).unwrap();
        Trade { event: event.to_owned(), instrument: "VAS".to_owned(), date, quantity }
    }

    #[test]
    fn selling_what_is_not_there_is_an_error() {
        let error = match_last_in_first_out(&[trade("b", 1, 10), trade("s", 3, -12)]).unwrap_err();
        assert_eq!(error.to_string(), "sell s: 2 units more than were held on 2026-01-04");
    }

    #[test]
    fn units_bought_on_the_ex_date_or_sold_before_it_carry_nothing() {
        let trades = [trade("a", 1, 10), trade("s", 5, -4), trade("b", 9, 7), trade("t", 9, -1)];
        let fragments = match_last_in_first_out(&trades).unwrap();
        let test = holding_test(&fragments, trades[2].date, 45).unwrap();
        assert_eq!((test.entitled.to_string(), test.qualified.to_string()), ("6".to_owned(), "6".to_owned()));
    }

    /// Unit by unit: a stack of days; each day counted by hand.
    fn unit_by_unit(trades: &[Trade], ex: TradeDate, required: i64) -> (i64, i64) {
        let mut ordered = trades.to_vec();
        ordered.sort_by_key(|trade| (trade.date, trade.quantity < Quantity::ZERO));
        let (mut stack, mut units) = (Vec::new(), Vec::new());
        for trade in &ordered {
            for _ in 0..trade.quantity.raw() / Quantity::ONE {
                stack.push(trade.date);
            }
            for _ in 0..-trade.quantity.raw() / Quantity::ONE {
                units.push((stack.pop().unwrap(), Some(trade.date)));
            }
        }
        units.extend(stack.into_iter().map(|date| (date, None)));
        let mut counts = (0, 0);
        for (bought, sold) in units {
            if bought >= ex || sold.is_some_and(|sold: TradeDate| sold < ex) {
                continue;
            }
            let last = day_number(ex) + required;
            let days = (day_number(bought) + 1..=last)
                .filter(|day| sold.is_none_or(|sold| *day < day_number(sold)))
                .count();
            counts.0 += 1;
            counts.1 += i64::from(days as i64 >= required);
        }
        counts
    }

    proptest! {
        #[test]
        fn matching_equals_a_stack_of_single_units(
            moves in prop::collection::vec((0_u32..200, -8_i64..9), 1..14), ex in 0_u32..200,
        ) {
            let mut moves = moves;
            moves.sort_by_key(|(day, units)| (*day, *units < 0));
            let mut held = 0;
            let mut trades = Vec::new();
            for (n, (day, units)) in moves.into_iter().enumerate() {
                let units = units.max(-held);
                held += units;
                trades.push(trade(&format!("t{n}"), day, units));
            }
            let ex = trade("ex", ex, 0).date;
            let test = holding_test(&match_last_in_first_out(&trades).unwrap(), ex, 45).unwrap();
            let units = |quantity: Quantity| quantity.raw() / Quantity::ONE;
            prop_assert_eq!((units(test.entitled), units(test.qualified)), unit_by_unit(&trades, ex, 45));
        }
    }
}
