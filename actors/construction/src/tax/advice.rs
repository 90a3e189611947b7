//! Recommendations, each with the money it is about.

use evenkeel_advice::PodObjective;
use evenkeel_schemas::events::TaxAdvice;
use evenkeel_schemas::{Money, Name, Ratio};
use evenkeel_tax::{TaxError, held_clear_year_from};

use super::analysis::{TaxProblem, difference, income_of};
use super::gains::{AtMark, Margin, Realised};
use crate::pod::{Universe, title};
use crate::words::percent;

/// The step that is priced when income could move to a better taxed holding.
const STEP: i64 = Ratio::ONE / 100;

/// What to do: wait for the discount, move income to where it is taxed less, realise losses.
pub(super) fn advice(
    problem: &TaxProblem<'_>,
    margin: &Margin<'_>,
    lots: &[AtMark<'_>],
    sold: &Realised,
) -> Result<Vec<TaxAdvice>, TaxError> {
    let mut all = Vec::new();
    for lot in lots.iter().filter(|lot| lot.gain > Money::ZERO && !lot.discounted) {
        all.extend(wait(problem, margin, lot)?);
    }
    all.extend(franked(problem)?);
    for lot in lots.iter().filter(|lot| lot.gain < Money::ZERO) {
        all.extend(harvest(problem, margin, lot, sold)?);
    }
    Ok(all)
}

fn part_sold(problem: &TaxProblem<'_>, lot: &AtMark<'_>) -> Ratio {
    let found = problem.portfolio.sold.iter().find(|sold| sold.lot == lot.lot.lot);
    found.map_or(Ratio::ZERO, |sold| sold.part)
}

/// Hold a lot until its gain is discounted.
fn wait(
    problem: &TaxProblem<'_>,
    margin: &Margin<'_>,
    lot: &AtMark<'_>,
) -> Result<Option<TaxAdvice>, TaxError> {
    let Some(from) = held_clear_year_from(lot.lot.acquired) else { return Ok(None) };
    // The discount is of the law of the day of sale; a law that has replaced it by then gives no such advice.
    if problem.regime_from.is_some_and(|start| from >= start) {
        return Ok(None);
    }
    let (mut now, mut then) = (Realised::default(), Realised::default());
    now.add(lot.gain, false)?;
    then.add(lot.gain, true)?;
    let saving = margin.tax(&then, &now)?;
    if saving <= Money::ZERO {
        return Ok(None);
    }
    let instrument = &lot.lot.instrument;
    let sells = match part_sold(problem, lot) {
        Ratio::ZERO => String::new(),
        part => format!(" The portfolio sells {} of it now.", percent(part.to_f64())),
    };
    let text = format!(
        "Hold {instrument} (lot {}, bought on {}, gain {}) until {from}: sold from then on, its gain has the discount of \
         12 months, and {saving} less is paid in tax at {}.{sells}",
        lot.lot.lot,
        lot.lot.acquired,
        lot.gain,
        percent(margin.rate.to_f64()),
    );
    Ok(Some(TaxAdvice { instrument: Some(instrument.clone()), saving, text }))
}

/// Of each pod that wants income after tax: the holding to overweight, and at whose expense.
fn franked(problem: &TaxProblem<'_>) -> Result<Vec<TaxAdvice>, TaxError> {
    let mut all = Vec::new();
    let wanting = |pod: &&crate::PodPart<'_>| {
        pod.terms.objective == PodObjective::MaximiseAfterTaxYield && pod.capital > Money::ZERO
    };
    let step = super::gains::times(problem.capital, Ratio::from_raw(STEP));
    for pod in problem.pods.iter().filter(wanting) {
        let kept = |name: &Name| -> Result<Money, TaxError> {
            let line = income_of(problem, name, step)?;
            difference(line.gross, line.income_tax)
        };
        let weight = |name: &Name| {
            let holding = problem.portfolio.holdings.iter().find(|holding| holding.instrument == *name);
            holding.map_or(Ratio::ZERO, |holding| holding.weight)
        };
        let mut rated = Vec::new();
        for member in &Universe::of(pod.terms, problem.market).members {
            rated.push((kept(member.name())?, member.name().clone(), member.listing.franked_fraction));
        }
        // The best that is franked and has room for a step; the worst that this pod holds.
        let room = |name: &Name| weight(name).raw() + STEP <= problem.weight_most.raw();
        let best = rated.iter().filter(|(_, name, franked)| *franked > Ratio::ZERO && room(name));
        let best = best.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let holds = |name: &Name| {
            let holding = problem.portfolio.holdings.iter().find(|holding| holding.instrument == *name);
            holding.is_some_and(|holding| holding.pods.contains_key(&pod.terms.pod))
        };
        let worst = rated.iter().filter(|(_, name, _)| holds(name));
        let worst = worst.min_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
        let (Some((most, to, _)), Some((least, from, _))) = (best, worst) else { continue };
        let saving = difference(*most, *least)?;
        if saving <= Money::ZERO || to == from {
            continue;
        }
        let credits = income_of(problem, to, step)?.franking_credits;
        let text = format!(
            "Overweight {to} in {}: each 1% of the capital ({step}) that moves there from {from} keeps {saving} more a \
             year after tax; it comes with franking credits of {credits}.",
            title(pod.terms.pod),
        );
        all.push(TaxAdvice { instrument: Some(to.clone()), saving, text });
    }
    Ok(all)
}

/// Realise a loss.
fn harvest(
    problem: &TaxProblem<'_>,
    margin: &Margin<'_>,
    lot: &AtMark<'_>,
    sold: &Realised,
) -> Result<Option<TaxAdvice>, TaxError> {
    let part = part_sold(problem, lot);
    let kept = Ratio::from_raw(Ratio::ONE - part.raw());
    let loss = super::gains::times(lot.gain, kept);
    if loss >= Money::ZERO || margin.rate == Ratio::ZERO {
        return Ok(None);
    }
    let mut with = *sold;
    with.add(loss, lot.discounted)?;
    let saving = margin.tax(&with, sold)?;
    let (instrument, size) = (&lot.lot.instrument, difference(Money::ZERO, loss)?);
    let effect = if saving > Money::ZERO {
        format!("saves {saving} of this year's tax on gains")
    } else {
        "saves nothing this year, for want of gains, and is carried forward".to_owned()
    };
    let text = format!(
        "Consider realising the loss of {size} in {instrument} (lot {}, bought on {}): it {effect}. Buying the same or \
         nearly the same back may be a wash sale.",
        lot.lot.lot, lot.lot.acquired
    );
    Ok(Some(TaxAdvice { instrument: Some(instrument.clone()), saving, text }))
}
