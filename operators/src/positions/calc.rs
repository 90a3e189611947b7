use evenkeel_schemas::{Quantity, TradeDate};
use serde::{Deserialize, Serialize};

/// A split: `old` units become `new` for what was acquired before the ex date.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SplitTerms {
    /// First day on the new basis.
    pub ex_date: TradeDate,
    /// Orders splits of one day.
    pub number: u64,
    /// Units after.
    pub new: Quantity,
    /// Units before, above zero.
    pub old: Quantity,
}

/// Raw units held after walking movements and splits in date order: a movement comes before a split when
/// its trade date is before the ex date. Each split truncates towards zero to the scale of Quantity.
/// Saturates at the range of i64.
pub fn split_adjusted(movements: &mut [(TradeDate, i128)], splits: &mut [SplitTerms]) -> i128 {
    movements.sort_by_key(|(date, _)| *date);
    splits.sort_by_key(|split| (split.ex_date, split.number));
    let mut held = 0_i128;
    let mut movements = movements.iter().peekable();
    for split in splits.iter() {
        while let Some((_, units)) = movements.next_if(|(date, _)| *date < split.ex_date) {
            held = held.saturating_add(*units);
        }
        let scaled = held.saturating_mul(i128::from(split.new.raw()));
        held = scaled / i128::from(split.old.raw().max(1));
    }
    movements.fold(held, |held, (_, units)| held.saturating_add(*units))
}
