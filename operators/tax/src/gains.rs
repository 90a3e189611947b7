//! Capital gains of a year: losses, their order, the discount, what is carried forward.

use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

use crate::amount::{Fraction, add, not_negative, sub, sum, to_cents};
use crate::error::TaxError;
use crate::law::GainKind;

/// Capital gains of a year by kind, before losses; each is a sum of gains, never negative. Home currency.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gains {
    /// Not held for 12 months.
    pub ordinary: Money,
    /// Held for 12 months, to be discounted.
    pub discount: Money,
    /// Accrued under the regime of 1 July 2027.
    pub accrued: Money,
}

impl Gains {
    /// Those of a kind.
    pub fn of(&self, kind: GainKind) -> Money {
        match kind {
            GainKind::Ordinary => self.ordinary,
            GainKind::Discount => self.discount,
            GainKind::Accrued => self.accrued,
        }
    }

    pub(crate) fn of_mut(&mut self, kind: GainKind) -> &mut Money {
        match kind {
            GainKind::Ordinary => &mut self.ordinary,
            GainKind::Discount => &mut self.discount,
            GainKind::Accrued => &mut self.accrued,
        }
    }

    /// All kinds together.
    ///
    /// # Errors
    /// [`TaxError::Range`] beyond the range of money.
    pub fn total(&self) -> Result<Money, TaxError> {
        sum(GainKind::ALL.map(|kind| self.of(kind)))
    }
}

/// How the net capital gain of a year comes about. Home currency.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetGain {
    /// As they were made.
    pub gross: Gains,
    /// After losses of the year.
    pub after_current: Gains,
    /// After losses of earlier years too.
    pub after_prior: Gains,
    /// Losses of the year that were used.
    pub current_used: Money,
    /// Losses of earlier years that were used.
    pub prior_used: Money,
    /// What the discount takes off.
    pub discount: Money,
    /// The net capital gain, assessable; of it, [`Gains::accrued`] of `after_prior` is subject to the minimum
    /// tax.
    pub net: Money,
    /// Losses left for later years.
    pub carried_forward: Money,
}

/// The net capital gain: losses of the year, then those of earlier years, reduce gains in the order given;
/// what is left of discount gains is discounted.
///
/// `net = Σ gains left − discount · discount gains left`; the discount is rounded once, half-even to cents.
/// Losses are amounts of zero or more. Losses in = used + carried forward.
/// Source: ITAA 1997 s 102-5(1) method statement, s 102-10, s 102-15 (losses in the order they were made).
///
/// # Errors
/// [`TaxError::Negative`] for a negative gain or loss, [`TaxError::Range`] beyond the range of money.
pub fn net_capital_gain(
    gains: &Gains,
    losses_current: Money,
    losses_prior: Money,
    discount: Fraction,
    order: &[GainKind],
) -> Result<NetGain, TaxError> {
    for kind in GainKind::ALL {
        not_negative("capital gains", gains.of(kind))?;
    }
    let mut left = *gains;
    let current_unused = reduce(&mut left, not_negative("losses of the year", losses_current)?, order)?;
    let after_current = left;
    let prior_unused = reduce(&mut left, not_negative("losses brought forward", losses_prior)?, order)?;
    let discount = to_cents(discount.of(left.discount)?);
    Ok(NetGain {
        gross: *gains,
        after_current,
        after_prior: left,
        current_used: sub(losses_current, current_unused)?,
        prior_used: sub(losses_prior, prior_unused)?,
        discount,
        net: sub(left.total()?, discount)?,
        carried_forward: add(current_unused, prior_unused)?,
    })
}

/// Reduces gains by losses in order; gives the losses that are left.
fn reduce(gains: &mut Gains, mut losses: Money, order: &[GainKind]) -> Result<Money, TaxError> {
    for kind in order {
        let gain = gains.of_mut(*kind);
        let used = losses.min(*gain);
        *gain = sub(*gain, used)?;
        losses = sub(losses, used)?;
    }
    Ok(losses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(whole: i64) -> Money {
        Money::from_whole(whole).unwrap()
    }

    fn gains(ordinary: i64, discount: i64, accrued: i64) -> Gains {
        Gains { ordinary: money(ordinary), discount: money(discount), accrued: money(accrued) }
    }

    #[test]
    fn losses_beyond_all_gains_are_carried_on() {
        let net =
            net_capital_gain(&gains(100, 200, 50), money(300), money(80), Fraction::HALF, &GainKind::ALL);
        let net = net.unwrap();
        assert_eq!(net.net, Money::ZERO);
        assert_eq!((net.current_used, net.prior_used), (money(300), money(50)));
        assert_eq!(net.carried_forward, money(30));
    }

    #[test]
    fn a_super_fund_keeps_two_thirds() {
        let third: Fraction = "1/3".parse().unwrap();
        let net = net_capital_gain(&gains(0, 100, 0), money(0), money(0), third, &GainKind::ALL).unwrap();
        assert_eq!((net.discount.to_string(), net.net.to_string()), ("33.33".to_owned(), "66.67".to_owned()));
    }

    #[test]
    fn a_negative_loss_is_refused() {
        let net = net_capital_gain(&gains(0, 0, 0), money(-1), money(0), Fraction::ZERO, &GainKind::ALL);
        assert_eq!(net.unwrap_err().to_string(), "losses of the year must not be negative, got -1");
    }

    /// Every order in which each loss dollar can be put against one of the gains, dollar by dollar.
    fn least_net(gains: Gains, losses: i64, discount: Fraction) -> Money {
        if losses == 0 || gains.total().unwrap() == Money::ZERO {
            return sub(gains.total().unwrap(), discount.of(gains.discount).unwrap()).unwrap();
        }
        let mut least = Money::MAX;
        for kind in GainKind::ALL {
            let mut next = gains;
            if next.of(kind) > Money::ZERO {
                *next.of_mut(kind) = sub(next.of(kind), money(1)).unwrap();
                least = least.min(least_net(next, losses - 1, discount));
            }
        }
        least
    }

    proptest! {
        #[test]
        fn without_accrued_gains_the_order_is_the_best_of_all(
            o in 0_i64..6, d in 0_i64..6, current in 0_i64..5, prior in 0_i64..5,
        ) {
            let gains = gains(o, d, 0);
            let net = net_capital_gain(&gains, money(current), money(prior), Fraction::HALF, &GainKind::ALL);
            prop_assert_eq!(net.unwrap().net, least_net(gains, current + prior, Fraction::HALF));
        }

        #[test]
        fn no_loss_is_lost(
            o in 0_i64..999, d in 0_i64..999, a in 0_i64..999, c in 0_i64..2999, p in 0_i64..2999,
        ) {
            let net = net_capital_gain(&gains(o, d, a), money(c), money(p), Fraction::HALF, &GainKind::ALL);
            let net = net.unwrap();
            let used = net.current_used.raw() + net.prior_used.raw();
            prop_assert_eq!(used + net.carried_forward.raw(), (c + p) * Money::ONE);
            prop_assert_eq!(used + net.after_prior.total().unwrap().raw(), (o + d + a) * Money::ONE);
            prop_assert!(net.carried_forward == Money::ZERO || net.net == Money::ZERO);
        }
    }
}
