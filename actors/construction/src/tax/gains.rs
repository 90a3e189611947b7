//! Gains of lots at the mark, and what realising them costs on the margin.

use evenkeel_schemas::{Money, Ratio, div_half_even};
use evenkeel_tax::{GainKind, Gains, TaxError, YearLaw, held_clear_year, net_capital_gain, to_cents};

use super::analysis::{TaxProblem, TaxYear};
use crate::holdings::HeldLot;
use crate::master::taxpayer;

/// A part of an amount, half-even to 10⁻⁶.
pub(super) fn times(amount: Money, ratio: Ratio) -> Money {
    let raw = div_half_even(i128::from(amount.raw()) * i128::from(ratio.raw()), i128::from(Ratio::ONE));
    Money::from_wide(raw).unwrap_or(Money::ZERO)
}

/// A year's gains and losses with more of them realised.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Realised {
    pub gains: Gains,
    pub losses: Money,
}

impl Realised {
    /// Adds the gain of (a part of) a lot sold on the day.
    pub fn add(&mut self, gain: Money, discounted: bool) -> Result<(), TaxError> {
        let to = match (gain < Money::ZERO, discounted) {
            (true, _) => &mut self.losses,
            (false, true) => &mut self.gains.discount,
            (false, false) => &mut self.gains.ordinary,
        };
        let size = if gain < Money::ZERO { gain.checked_neg() } else { Some(gain) };
        *to = size.and_then(|size| to.checked_add(size)).ok_or(TaxError::Range("a sum of gains"))?;
        Ok(())
    }
}

/// Tax at the margin.
#[derive(Copy, Clone, Debug)]
pub(super) struct Margin<'a> {
    pub law: &'a YearLaw,
    pub year: TaxYear,
    /// 0 for who is not taxed on gains.
    pub rate: Ratio,
    pub discount: evenkeel_tax::Fraction,
}

impl<'a> Margin<'a> {
    pub fn of(problem: &TaxProblem<'a>) -> Margin<'a> {
        let profile = taxpayer(&problem.investor);
        let rate = if profile.gains_are_taxed() { problem.investor.marginal_rate } else { Ratio::ZERO };
        let discount = problem.law.discount_of(&profile);
        Margin { law: problem.law, year: problem.year, rate, discount }
    }

    /// The year's net capital gain with more realised.
    pub fn net(&self, more: &Realised) -> Result<Money, TaxError> {
        let sum = |a: Money, b: Money| a.checked_add(b).ok_or(TaxError::Range("a sum of gains"));
        let mut gains = self.year.gains;
        gains.ordinary = sum(gains.ordinary, more.gains.of(GainKind::Ordinary))?;
        gains.discount = sum(gains.discount, more.gains.of(GainKind::Discount))?;
        let losses = sum(self.year.losses_current, more.losses)?;
        let order = &self.law.losses.order;
        Ok(net_capital_gain(&gains, losses, self.year.losses_prior, self.discount, order)?.net)
    }

    /// What the tax of the year grows by; negative where it shrinks.
    pub fn tax(&self, before: &Realised, after: &Realised) -> Result<Money, TaxError> {
        let grown = self.net(after)?.checked_sub(self.net(before)?).ok_or(TaxError::Range("a gain"))?;
        Ok(to_cents(times(grown, self.rate)))
    }
}

/// A lot at the mark.
#[derive(Clone, Debug)]
pub(super) struct AtMark<'a> {
    pub lot: &'a HeldLot,
    pub value: Money,
    pub gain: Money,
    pub discounted: bool,
}

/// All lots at the mark.
///
/// # Errors
/// [`TaxError::Range`] for a lot without a price or a value beyond money.
pub(super) fn at_mark<'a>(problem: &TaxProblem<'a>) -> Result<Vec<AtMark<'a>>, TaxError> {
    let lots = problem.held.iter().map(|lot| {
        // The master portfolio has refused lots without a price.
        let price = problem.market.listing(&lot.instrument).and_then(|listing| listing.price);
        let value = price.and_then(|price| lot.value(price)).ok_or(TaxError::Range("the value of a lot"))?;
        let gain = value.checked_sub(lot.cost_base).ok_or(TaxError::Range("a gain"))?;
        Ok(AtMark { lot, value, gain, discounted: held_clear_year(lot.acquired, problem.on) })
    });
    lots.collect()
}
