//! The figures.

use evenkeel_schemas::events::TaxAdvice;
use evenkeel_schemas::{Money, Name, Ratio, TradeDate};
use evenkeel_tax::{FinancialYear, Gains, TaxError, YearLaw, franking_credit, to_cents};
use serde::{Deserialize, Serialize};

use super::advice::advice;
use super::gains::{Margin, Realised, at_mark, times};
use crate::holdings::HeldLot;
use crate::investor::Investor;
use crate::market::MarketState;
use crate::master::{MasterPortfolio, PodPart};
use crate::words::percent;

/// Gains and losses of the year so far.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxYear {
    /// Gains realised this year.
    pub gains: Gains,
    /// Losses realised this year, 0 or more.
    pub losses_current: Money,
    /// Losses of earlier years, 0 or more.
    pub losses_prior: Money,
}

impl TaxYear {
    /// Losses that meet the gains of further sales: those of this and of earlier years beyond this year's gains.
    pub fn losses_left(&self) -> Money {
        let losses = i128::from(self.losses_current.raw()) + i128::from(self.losses_prior.raw());
        let gains: i128 = [self.gains.ordinary, self.gains.discount, self.gains.accrued]
            .iter()
            .map(|g| i128::from(g.raw()))
            .sum();
        Money::from_wide((losses - gains).max(0)).unwrap_or(Money::MAX)
    }
}

/// What is analysed.
#[derive(Copy, Clone, Debug)]
pub struct TaxProblem<'a> {
    /// The portfolio to come.
    pub portfolio: &'a MasterPortfolio,
    /// The pods that it serves.
    pub pods: &'a [PodPart<'a>],
    /// The whole of which its weights are shares.
    pub capital: Money,
    /// The market.
    pub market: &'a MarketState,
    /// Who is taxed.
    pub investor: Investor,
    /// What is held now.
    pub held: &'a [HeldLot],
    /// The day of the trades.
    pub on: TradeDate,
    /// The law of its financial year.
    pub law: &'a YearLaw,
    /// The first day of a regime that replaces the discount, if the law at hand has one.
    pub regime_from: Option<TradeDate>,
    /// The year so far.
    pub year: TaxYear,
    /// The greatest weight of an instrument.
    pub weight_most: Ratio,
}

/// A year's income of a holding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncomeLine {
    /// What.
    pub instrument: Name,
    /// Distributions.
    pub gross: Money,
    /// Credits that come with them and may be used.
    pub franking_credits: Money,
    /// Tax on both, less the credits.
    pub income_tax: Money,
}

/// A lot that is held now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotTax {
    /// The event that opened it.
    pub lot: Name,
    /// What.
    pub instrument: Name,
    /// At the mark.
    pub value: Money,
    /// Value less cost base.
    pub gain: Money,
    /// Held for over twelve months.
    pub discounted: bool,
    /// The part that the portfolio sells.
    pub part_sold: Ratio,
    /// What selling it alone would add to this year's tax; negative for a saving.
    pub tax_if_sold: Money,
}

/// All lots sold today.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IfSold {
    /// The sum of gains.
    pub gains: Money,
    /// The sum of losses, 0 or more.
    pub losses: Money,
    /// What it would add to this year's tax.
    pub capital_gains_tax: Money,
}

/// What the portfolio's tax is expected to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxAnalysis {
    /// The financial year.
    pub financial_year: String,
    /// Distributions, a year.
    pub gross_income: Money,
    /// Credits that come with them and may be used.
    pub franking_credits: Money,
    /// Tax on both, less the credits; negative for a refund.
    pub income_tax: Money,
    /// Gross income less its tax.
    pub after_tax_income: Money,
    /// What the portfolio's sales add to this year's tax; negative for a saving.
    pub capital_gains_tax: Money,
    /// All lots sold today.
    pub if_sold: IfSold,
    /// Expected return a year after income tax, of the capital.
    pub after_tax_return: Ratio,
    /// What is kept of expected return and credits; nothing where there is none to keep.
    pub efficiency_score: Option<Ratio>,
    /// By holding.
    pub income: Vec<IncomeLine>,
    /// By lot.
    pub lots: Vec<LotTax>,
    /// What to do, each with what it saves.
    pub advice: Vec<TaxAdvice>,
    /// In a few sentences.
    pub explanation: String,
}

/// Analyses a master portfolio.
///
/// # Errors
/// [`TaxError`] for amounts beyond the range of money or negative ones in the year so far.
pub fn analyse_tax(problem: &TaxProblem<'_>) -> Result<TaxAnalysis, TaxError> {
    let income = income(problem)?;
    let total = |of: fn(&IncomeLine) -> Money| sum(income.iter().map(of));
    let gross_income = total(|line| line.gross)?;
    let franking_credits = total(|line| line.franking_credits)?;
    let income_tax = total(|line| line.income_tax)?;
    let lots = at_mark(problem)?;
    let margin = Margin::of(problem);
    let (nothing, mut sold, mut all) = (Realised::default(), Realised::default(), Realised::default());
    let mut rows = Vec::new();
    for lot in &lots {
        let part = problem.portfolio.sold.iter().find(|sold| sold.lot == lot.lot.lot).map(|sold| sold.part);
        let part_sold = part.unwrap_or(Ratio::ZERO);
        sold.add(times(lot.gain, part_sold), lot.discounted)?;
        all.add(lot.gain, lot.discounted)?;
        let mut alone = Realised::default();
        alone.add(lot.gain, lot.discounted)?;
        rows.push(LotTax {
            lot: lot.lot.lot.clone(),
            instrument: lot.lot.instrument.clone(),
            value: lot.value,
            gain: lot.gain,
            discounted: lot.discounted,
            part_sold,
            tax_if_sold: margin.tax(&nothing, &alone)?,
        });
    }
    let capital_gains_tax = margin.tax(&nothing, &sold)?;
    let if_sold = IfSold {
        gains: all.gains.total()?,
        losses: all.losses,
        capital_gains_tax: margin.tax(&nothing, &all)?,
    };
    let advice = advice(problem, &margin, &lots, &sold)?;
    let expected = expected_return(problem);
    let mut analysis = TaxAnalysis {
        financial_year: FinancialYear::of(problem.on).to_string(),
        gross_income,
        franking_credits,
        income_tax,
        after_tax_income: difference(gross_income, income_tax)?,
        capital_gains_tax,
        if_sold,
        after_tax_return: share(difference(expected, income_tax)?, problem.capital),
        efficiency_score: efficiency(expected, (franking_credits, income_tax, capital_gains_tax)),
        income,
        lots: rows,
        advice,
        explanation: String::new(),
    };
    analysis.explanation = explain(&analysis, problem);
    Ok(analysis)
}

pub(super) fn sum(amounts: impl IntoIterator<Item = Money>) -> Result<Money, TaxError> {
    let plus = |sum: Money, amount| sum.checked_add(amount).ok_or(TaxError::Range("a sum"));
    amounts.into_iter().try_fold(Money::ZERO, plus)
}

pub(super) fn difference(a: Money, b: Money) -> Result<Money, TaxError> {
    a.checked_sub(b).ok_or(TaxError::Range("a difference"))
}

/// Nine decimals, half-even; 0 of nothing.
fn share(part: Money, whole: Money) -> Ratio {
    let raw = i128::from(part.raw()) * i128::from(Ratio::ONE);
    let whole = i128::from(whole.raw());
    if whole == 0 {
        return Ratio::ZERO;
    }
    Ratio::from_wide(evenkeel_schemas::div_half_even(raw, whole)).unwrap_or(Ratio::ZERO)
}

/// A year's income of an amount in an instrument.
pub(super) fn income_of(
    problem: &TaxProblem<'_>,
    instrument: &Name,
    value: Money,
) -> Result<IncomeLine, TaxError> {
    let mut line = IncomeLine {
        instrument: instrument.clone(),
        gross: Money::ZERO,
        franking_credits: Money::ZERO,
        income_tax: Money::ZERO,
    };
    let Some(listing) = problem.market.listing(instrument) else { return Ok(line) };
    let rate = problem.investor.marginal_rate;
    line.gross = to_cents(times(value, listing.distribution_yield));
    if problem.investor.resident {
        line.franking_credits =
            franking_credit(line.gross, listing.franked_fraction, problem.market.company_rate())?;
        let assessed = sum([line.gross, line.franking_credits])?;
        line.income_tax = difference(to_cents(times(assessed, rate)), line.franking_credits)?;
    } else {
        let unfranked = Ratio::from_raw(Ratio::ONE - listing.franked_fraction.raw());
        line.income_tax = to_cents(times(times(line.gross, unfranked), rate));
    }
    Ok(line)
}

fn income(problem: &TaxProblem<'_>) -> Result<Vec<IncomeLine>, TaxError> {
    let holdings = problem.portfolio.holdings.iter();
    holdings.map(|holding| income_of(problem, &holding.instrument, holding.value)).collect()
}

/// Expected return a year in money.
fn expected_return(problem: &TaxProblem<'_>) -> Money {
    let of = |instrument: &Name| problem.market.listing(instrument).and_then(|l| l.expected_return);
    let holdings = problem.portfolio.holdings.iter();
    let sum: f64 = holdings.map(|h| of(&h.instrument).unwrap_or(0.0) * h.value.to_f64()).sum();
    let cents = (sum * 100.0).round_ties_even() as i128;
    Money::from_wide(cents * i128::from(Money::ONE / 100)).unwrap_or(Money::ZERO)
}

fn efficiency(expected: Money, (credits, income_tax, gains_tax): (Money, Money, Money)) -> Option<Ratio> {
    let before = expected.checked_add(credits)?;
    // Tax on income and credits before the credits are taken off it.
    let taken = income_tax.checked_add(credits)?.checked_add(gains_tax)?;
    let kept = before.checked_sub(taken)?;
    (before > Money::ZERO).then(|| share(kept, before).clamp(Ratio::ZERO, Ratio::from_raw(Ratio::ONE)))
}

fn explain(analysis: &TaxAnalysis, problem: &TaxProblem<'_>) -> String {
    let rate = percent(problem.investor.marginal_rate.to_f64());
    let mut text = format!(
        "A year's income of {} comes with franking credits of {}; at a marginal rate of {rate} the tax on both, less \
         the credits, is {}, which leaves {}. The return expected after it is {} of the capital.",
        analysis.gross_income,
        analysis.franking_credits,
        analysis.income_tax,
        analysis.after_tax_income,
        percent(analysis.after_tax_return.to_f64()),
    );
    if !analysis.lots.is_empty() {
        text.push_str(&format!(
            " The sales add {} to this year's tax on gains; selling everything would add {}.",
            analysis.capital_gains_tax, analysis.if_sold.capital_gains_tax
        ));
    }
    if let Some(score) = analysis.efficiency_score {
        text.push_str(&format!(" {} of return and credits are kept after tax.", percent(score.to_f64())));
    }
    text
}
