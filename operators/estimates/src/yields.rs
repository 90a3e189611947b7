//! What an instrument pays: twelve months of distributions over its price, with franking credits.
//!
//! Exact, in fixed point: amounts per unit are carried at 10⁻¹⁵ and rounded half-even at each step there.

use evenkeel_schemas::{Price, Quantity, Ratio, TradeDate, div_half_even};

use crate::error::EstimateError;

/// A distribution, per unit of its ex date.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// First day that trades without it.
    pub ex_date: TradeDate,
    /// Money per unit.
    pub amount: Price,
    /// The share of it that is franked.
    pub franked_fraction: Ratio,
}

/// `old` units became `new` ones.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SplitRatio {
    /// First day that trades on the new basis.
    pub ex_date: TradeDate,
    /// Units after.
    pub new: Quantity,
    /// Units before.
    pub old: Quantity,
}

/// Income of the twelve months to a day, per unit of that day.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Income {
    /// The day.
    pub as_of: TradeDate,
    /// The first day that counts: the one after the same day of the year before, or later if the instrument
    /// is younger.
    pub from: TradeDate,
    /// Whether these are twelve months. Of fewer the income is what it is: it is not scaled up.
    pub whole_year: bool,
    /// 10⁻¹⁵ per unit.
    distributions: i128,
    credits: i128,
    price: Price,
}

/// Raw units of 10⁻¹⁵ in one of a price.
const PER_PRICE: i128 = 1_000_000_000;

/// Distributions whose ex date is within the twelve months that end on `as_of`, that day included, over a
/// price of that day. Older units are counted in those of the day: a distribution before a split is
/// multiplied by `old / new`; on one ex date the split comes first. A franking credit is `amount · franked ·
/// rate / (1 − rate)`, at 30% the 30/70 of the franked part.
///
/// `known_since` is the first day from which distributions would be known, such as the day of listing.
///
/// # Errors
/// [`EstimateError::Setting`] for a price of nothing or below, a negative distribution, a franked share or
/// tax rate outside 0 to 1, a split without units, an instrument younger than the day;
/// [`EstimateError::Range`].
pub fn trailing_income(
    price: Price,
    as_of: TradeDate,
    known_since: TradeDate,
    (payments, splits): (&[Payment], &[SplitRatio]),
    company_rate: Ratio,
) -> Result<Income, EstimateError> {
    if price <= Price::ZERO {
        return Err(EstimateError::setting("a price", "more than zero", price));
    }
    let kept = Ratio::ONE - company_rate.raw();
    if company_rate < Ratio::ZERO || kept <= 0 {
        return Err(EstimateError::setting("a company tax rate", "0 to less than 1", company_rate));
    }
    if known_since > as_of {
        return Err(EstimateError::setting(
            "the first day known",
            "the day asked for or before",
            known_since,
        ));
    }
    let year = year_to(as_of)?;
    let from = year.max(known_since);
    let counted = payments.iter().filter(|payment| (from..=as_of).contains(&payment.ex_date));
    let (mut distributions, mut credits) = (0_i128, 0_i128);
    for payment in counted {
        let amount = in_units_of(as_of, payment, splits)?;
        let franked = payment.franked_fraction;
        if !(0..=Ratio::ONE).contains(&franked.raw()) {
            return Err(EstimateError::setting("a franked fraction", "0 to 1", franked));
        }
        let franked = scaled(amount, i128::from(franked.raw()), i128::from(Ratio::ONE))?;
        let credit = scaled(franked, i128::from(company_rate.raw()), i128::from(kept))?;
        // Each is below 2⁹⁴.
        distributions += amount;
        credits += credit;
    }
    Ok(Income { as_of, from, whole_year: from == year, distributions, credits, price })
}

/// Yield, and the share of it that is franked: of the last twelve months' distributions where they are known for so
/// long and there is a price, else as listed. A distribution that is announced does not count before its ex date.
pub fn yield_and_franked(
    as_listed: (Ratio, Ratio),
    price: Option<Price>,
    as_of: TradeDate,
    (payments, splits): (&[Payment], &[SplitRatio]),
    company_rate: Ratio,
) -> (Ratio, Ratio) {
    let trailing = || {
        let since = payments.iter().map(|payment| payment.ex_date).min()?.min(as_of);
        let income = trailing_income(price?, as_of, since, (payments, splits), company_rate).ok()?;
        let paid = income.distribution_yield().ok().filter(|_| income.whole_year)?;
        // credits = paid · franked · rate / (1 − rate)
        let credits = income.franking_yield().ok()?.to_f64();
        let rate = company_rate.to_f64();
        let franked = credits * (1.0 - rate) / (rate * paid.to_f64());
        let franked = Ratio::from_wide((franked * Ratio::ONE as f64).round_ties_even() as i128)?;
        Some((paid, franked.clamp(Ratio::ZERO, Ratio::from_raw(Ratio::ONE))))
    };
    trailing().unwrap_or(as_listed)
}

impl Income {
    /// Distributions per unit, rounded to 10⁻⁶.
    ///
    /// # Errors
    /// [`EstimateError::Range`] beyond the range of prices.
    pub fn distributions(&self) -> Result<Price, EstimateError> {
        per_unit(self.distributions)
    }

    /// Franking credits per unit, rounded to 10⁻⁶.
    ///
    /// # Errors
    /// [`EstimateError::Range`] beyond the range of prices.
    pub fn franking_credits(&self) -> Result<Price, EstimateError> {
        per_unit(self.credits)
    }

    /// Distributions over price.
    ///
    /// # Errors
    /// [`EstimateError::Range`] beyond the range of ratios.
    pub fn distribution_yield(&self) -> Result<Ratio, EstimateError> {
        self.over_price(self.distributions)
    }

    /// Franking credits over price.
    ///
    /// # Errors
    /// [`EstimateError::Range`] beyond the range of ratios.
    pub fn franking_yield(&self) -> Result<Ratio, EstimateError> {
        self.over_price(self.credits)
    }

    /// What is left of distributions and credits, over price, for a resident taxed at a marginal rate to whom
    /// excess credits are refunded: `(distributions + credits) · (1 − rate)`. Not for a holder who fails the
    /// 45-day rule.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for a rate outside 0 to 1, [`EstimateError::Range`].
    pub fn after_tax_yield(&self, marginal_rate: Ratio) -> Result<Ratio, EstimateError> {
        if !(0..=Ratio::ONE).contains(&marginal_rate.raw()) {
            return Err(EstimateError::setting("a marginal tax rate", "0 to 1", marginal_rate));
        }
        let gross = self.distributions + self.credits;
        let left = i128::from(Ratio::ONE - marginal_rate.raw());
        self.over_price(scaled(gross, left, i128::from(Ratio::ONE))?)
    }

    fn over_price(&self, amount: i128) -> Result<Ratio, EstimateError> {
        // 10⁻¹⁵ over 10⁻⁶ is 10⁻⁹, the unit of ratios.
        let yielded = Ratio::from_wide(div_half_even(amount, i128::from(self.price.raw())));
        yielded.ok_or(EstimateError::Range("a yield"))
    }
}

/// A payment in units of the day, in 10⁻¹⁵.
fn in_units_of(as_of: TradeDate, payment: &Payment, splits: &[SplitRatio]) -> Result<i128, EstimateError> {
    if payment.amount < Price::ZERO {
        return Err(EstimateError::setting("a distribution", "zero or more", payment.amount));
    }
    let mut later: Vec<&SplitRatio> =
        splits.iter().filter(|split| split.ex_date > payment.ex_date && split.ex_date <= as_of).collect();
    later.sort_by_key(|split| (split.ex_date, split.new, split.old));
    later.into_iter().try_fold(i128::from(payment.amount.raw()) * PER_PRICE, |amount, split| {
        let (new, old) = (i128::from(split.new.raw()), i128::from(split.old.raw()));
        if new <= 0 || old <= 0 {
            return Err(EstimateError::setting(
                "a split's units",
                "more than zero",
                split.new.min(split.old),
            ));
        }
        scaled(amount, old, new)
    })
}

/// `amount · part / whole`, of numbers that are not negative. An amount stays below 2⁹³, that of the largest
/// price.
fn scaled(amount: i128, part: i128, whole: i128) -> Result<i128, EstimateError> {
    let product = amount.checked_mul(part).ok_or(EstimateError::Range("a distribution"))?;
    let scaled = div_half_even(product, whole);
    let most = i128::from(Price::MAX.raw()) * PER_PRICE;
    if scaled <= most { Ok(scaled) } else { Err(EstimateError::Range("a distribution")) }
}

fn per_unit(amount: i128) -> Result<Price, EstimateError> {
    Price::from_wide(div_half_even(amount, PER_PRICE)).ok_or(EstimateError::Range("a distribution"))
}

/// The first day of the twelve months that end on a day: the day after the same one of the year before (the
/// 28th for 29 February).
fn year_to(as_of: TradeDate) -> Result<TradeDate, EstimateError> {
    let first = as_of.plus_months(-12).and_then(|before| before.plus_days(1));
    first.ok_or(EstimateError::Range("the year before a day"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> TradeDate {
        text.parse().unwrap()
    }

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    fn paid(ex_date: &str, amount: &str, franked: &str) -> Payment {
        Payment {
            ex_date: date(ex_date),
            amount: amount.parse().unwrap(),
            franked_fraction: franked.parse().unwrap(),
        }
    }

    fn income(payments: &[Payment], splits: &[SplitRatio]) -> Result<Income, EstimateError> {
        let (price, day, since) = ("50".parse().unwrap(), date("2026-06-30"), date("2020-01-01"));
        trailing_income(price, day, since, (payments, splits), ratio("0.3"))
    }

    /// 1.40 wholly and 0.70 half franked: credits 0.60 and 0.15; 2.10 and 0.75 over 50 are 4.2% and 1.5%; at
    /// a marginal rate of 39% 61% of 5.7% are left, 3.477%.
    #[test]
    fn yields_by_pencil() {
        let payments = [
            paid("2025-06-30", "9", "1"),
            paid("2025-07-01", "1.4", "1"),
            paid("2026-06-30", "0.7", "0.5"),
            paid("2026-07-01", "9", "1"),
        ];
        let found = income(&payments, &[]).unwrap();
        assert_eq!(found.distributions().unwrap(), "2.1".parse().unwrap());
        assert_eq!(found.franking_credits().unwrap(), "0.75".parse().unwrap());
        assert_eq!(found.distribution_yield(), Ok(ratio("0.042")));
        assert_eq!(found.franking_yield(), Ok(ratio("0.015")));
        assert_eq!(found.after_tax_yield(ratio("0.39")), Ok(ratio("0.03477")));
        assert_eq!(found.after_tax_yield(ratio("0")), Ok(ratio("0.057")));
        assert!(found.whole_year && found.from == date("2025-07-01"));
    }

    /// Three for one after the first payment: 0.90 per old unit are 0.30 per new one. On its ex date a
    /// payment is per new unit already.
    #[test]
    fn older_payments_are_counted_in_units_of_today() {
        let split =
            SplitRatio { ex_date: date("2026-03-02"), new: "3".parse().unwrap(), old: "1".parse().unwrap() };
        let payments = [paid("2026-01-05", "0.9", "0"), paid("2026-03-02", "0.4", "0")];
        let found = income(&payments, &[split]).unwrap();
        assert_eq!(found.distributions().unwrap(), "0.7".parse().unwrap());
        let none = SplitRatio { old: Quantity::ZERO, ..split };
        assert!(matches!(income(&payments, &[none]), Err(EstimateError::Setting { .. })));
    }

    #[test]
    fn a_young_instrument_is_not_scaled_up() {
        let price = "10".parse().unwrap();
        let payments = [paid("2025-12-01", "0.9", "0"), paid("2026-03-02", "0.5", "0")];
        let since = date("2026-01-05");
        let found =
            trailing_income(price, date("2026-06-30"), since, (&payments, &[]), ratio("0.3")).unwrap();
        assert_eq!(found.distribution_yield(), Ok(ratio("0.05")));
        assert!(!found.whole_year && found.from == since);
        assert_eq!(year_to(date("2024-02-29")), Ok(date("2023-03-01")));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused =
            |payment: Payment| matches!(income(&[payment], &[]), Err(EstimateError::Setting { .. }));
        assert!(refused(paid("2026-01-05", "-1", "0")));
        assert!(refused(paid("2026-01-05", "1", "1.1")));
        let (day, one) = (date("2026-06-30"), "1".parse().unwrap());
        for (price, since, rate) in
            [("0", day, "0.3"), ("1", date("2026-07-01"), "0.3"), ("1", day, "1"), ("1", day, "-0.1")]
        {
            let found = trailing_income(price.parse().unwrap(), day, since, (&[], &[]), ratio(rate));
            assert!(matches!(found, Err(EstimateError::Setting { .. })), "{price} {since} {rate}");
        }
        let none = trailing_income(one, day, date("2020-01-01"), (&[], &[]), ratio("0.3")).unwrap();
        assert_eq!(none.distribution_yield(), Ok(Ratio::ZERO));
        assert!(none.after_tax_yield(ratio("1.5")).is_err());
    }
}
