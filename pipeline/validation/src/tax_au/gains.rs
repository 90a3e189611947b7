//! Capital gains: losses and the discount, and the 12 months that the discount asks for.

use evenkeel_schemas::{Money, TradeDate};
use evenkeel_tax::{Fraction, GainKind, Gains, held_clear_year, net_capital_gain};

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// Losses of the year, then of earlier years, against gains without discount first; then the discount.
pub(super) fn loss_order(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let mut gains = Gains::default();
    for gain in inputs.get("capital_gains")?.list()? {
        gain.only(&["amount", "discount_eligible"])?;
        let amount: Money = gain.get("amount")?.amount()?;
        let eligible = gain.get("discount_eligible")?.flag()?;
        let sum = if eligible { &mut gains.discount } else { &mut gains.ordinary };
        *sum =
            sum.checked_add(amount).ok_or_else(|| gain.fault("the gains are beyond the range of money"))?;
    }
    let discount: Fraction = inputs.get("discount")?.number()?;
    let current = inputs.get("current_year_losses")?.amount()?;
    let prior = inputs.get("prior_year_losses")?.amount()?;
    let net = net_capital_gain(&gains, current, prior, discount, &GainKind::ALL);
    let net = net.map_err(|error| inputs.fault(error))?;
    Ok(Answer::fields([
        ("after_current_losses_non_discount", net.after_current.ordinary.into()),
        ("after_current_losses_discount", net.after_current.discount.into()),
        ("after_prior_losses_non_discount", net.after_prior.ordinary.into()),
        ("after_prior_losses_discount", net.after_prior.discount.into()),
        ("discount", net.discount.into()),
        ("net_capital_gain", net.net.into()),
        ("losses_carried_forward", net.carried_forward.into()),
    ]))
}

/// Whether assets were held for 12 months.
pub(super) fn clear_year(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let mut results = Vec::new();
    for pair in inputs.get("pairs")?.list()? {
        pair.only(&["acquired", "cgt_event"])?;
        let acquired: TradeDate = pair.get("acquired")?.parsed()?;
        let event: TradeDate = pair.get("cgt_event")?.parsed()?;
        results.push(Answer::fields([
            ("acquired", acquired.into()),
            ("cgt_event", event.into()),
            ("discount_eligible", held_clear_year(acquired, event).into()),
        ]));
    }
    Ok(Answer::fields([("results", Answer::List(results))]))
}
