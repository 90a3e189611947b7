//! The tax report of a customer's financial year, and of years in a row.

use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

use crate::amount::{not_negative, sum};
use crate::assess::{Assessment, Position, assess};
use crate::disposals::{Disposals, GainRow, disposals};
use crate::distributions::{Distribution, Distributions, distributions};
use crate::error::TaxError;
use crate::franking::gross_up;
use crate::holding::Trade;
use crate::interest::{Interest, interest};
use crate::law::{GainKind, Law, YearLaw};
use crate::profile::{CostMethod, Entity, Profile};
use crate::regime::Cpi;
use crate::sheet::{Line, Sheet, input};
use crate::year::FinancialYear;

/// What a customer did, over all years. Rows of other years than the one reported do no harm; trades must go
/// back to the first purchase of what is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The customer's name.
    pub customer: String,
    /// Who is taxed, and how.
    pub profile: Profile,
    /// Realised gains, assessed in the year of disposal.
    #[serde(default)]
    pub gains: Vec<GainRow>,
    /// Distributions received, assessed in the year of [`Distribution::year`].
    #[serde(default)]
    pub distributions: Vec<Distribution>,
    /// Interest received, assessed when credited.
    #[serde(default)]
    pub interest: Vec<Interest>,
    /// Buys and sells, for the holding period rule.
    #[serde(default)]
    pub trades: Vec<Trade>,
}

/// What is known of a year beside what the customer did here. AUD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearFacts {
    /// The year.
    pub year: FinancialYear,
    /// Other assessable income less deductions; with tax losses of earlier years as a deduction, it may be
    /// negative.
    pub other_income: Money,
    /// Franking credits received elsewhere, which count towards the small shareholder's limit. They and their
    /// dividends are not assessed here: what is to be taxed of them is part of `other_income`.
    #[serde(default)]
    pub other_franking_credits: Money,
}

/// The tax report of a customer's financial year. AUD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The customer's name.
    pub customer: String,
    /// The year.
    pub year: FinancialYear,
    /// Who was taxed, and how.
    pub profile: Profile,
    /// Every figure with its rule and what it comes from; a line names only events, input and earlier lines.
    pub lines: Vec<Line>,
    /// What the assessment was made of: the starting point of [`crate::saving_of_loss`].
    pub position: Position,
    /// What is assessed and due.
    pub assessment: Assessment,
    /// Capital losses for the next year.
    pub losses_carried_forward: Money,
    /// What an adviser should look at.
    pub notes: Vec<String>,
}

impl Report {
    /// The amount of a line.
    pub fn amount(&self, id: &str) -> Option<Money> {
        self.lines.iter().find(|line| line.id == id).map(|line| line.amount)
    }
}

/// The lines that [`position_of`] reads.
pub const POSITION_LINES: [&str; 9] = [
    "other_income",
    "distributions_grossed_up",
    "interest",
    "franking_credits",
    "gains_ordinary",
    "gains_discount",
    "gains_accrued",
    "losses",
    "losses_brought_forward",
];

/// What an assessment was made of, read back from the lines of its report; others do no harm.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn position_of<'a>(lines: impl Iterator<Item = (&'a str, Money)>) -> Result<Position, TaxError> {
    let mut read = Position::default();
    for (line, amount) in lines {
        match line {
            "other_income" | "distributions_grossed_up" | "interest" => {
                read.income = sum([read.income, amount])?;
            }
            "franking_credits" => read.franking_credits = amount,
            "gains_ordinary" => read.gains.ordinary = amount,
            "gains_discount" => read.gains.discount = amount,
            "gains_accrued" => read.gains.accrued = amount,
            "losses" => read.losses_current = amount,
            "losses_brought_forward" => read.losses_prior = amount,
            _ => {}
        }
    }
    Ok(read)
}

/// The report of one year. Capital losses brought forward are zero or more.
///
/// # Errors [`TaxError::AverageCost`] for a resident who sold at average cost; [`TaxError::NoLaw`] for a year
/// without law; otherwise what is wrong with the row, by its event.
pub fn report(
    law: &Law,
    cpi: &Cpi,
    customer: &Customer,
    facts: &YearFacts,
    losses_brought_forward: Money,
) -> Result<Report, TaxError> {
    let (profile, law) = (&customer.profile, law.of(facts.year)?);
    if profile.resident && profile.cost_method == CostMethod::Average {
        return Err(TaxError::AverageCost);
    }
    not_negative("other franking credits", facts.other_franking_credits)?;
    let mut sheet = Sheet::default();
    let income = write_income(customer, facts, law, &mut sheet)?;
    let gains = write_disposals(customer, facts, law, cpi, &mut sheet)?;
    let position = Position {
        income: income.amount,
        franking_credits: income.credits,
        gains: gains.gains,
        losses_current: gains.losses,
        losses_prior: losses_brought_forward,
    };
    let assessment = assess(law, profile, &position)?;
    write_capital(&gains, &position, &assessment, &mut sheet)?;
    write_tax(facts, law, profile, &income.lines, &assessment, &mut sheet);
    let mut notes = income.notes;
    if profile.entity == Entity::Individual && assessment.income_tax > Money::ZERO {
        notes.push("offsets other than franking credits are not taken into account".to_owned());
    }
    Ok(Report {
        customer: customer.customer.clone(),
        year: facts.year,
        profile: profile.clone(),
        lines: sheet.into_lines(),
        position,
        assessment,
        losses_carried_forward: assessment.capital.carried_forward,
        notes,
    })
}

/// The reports of years in a row: what one carries forward, the next brings forward.
///
/// # Errors
/// [`TaxError::Years`] when a year is left out or repeated; otherwise as [`report`].
pub fn reports(
    law: &Law,
    cpi: &Cpi,
    customer: &Customer,
    years: &[YearFacts],
    losses_brought_forward: Money,
) -> Result<Vec<Report>, TaxError> {
    let mut done: Vec<Report> = Vec::with_capacity(years.len());
    let mut losses = losses_brought_forward;
    for facts in years {
        if let Some(before) = done.last()
            && before.year.next() != facts.year
        {
            return Err(TaxError::Years { before: before.year, after: facts.year });
        }
        let one = report(law, cpi, customer, facts, losses)?;
        losses = one.losses_carried_forward;
        done.push(one);
    }
    Ok(done)
}

/// Assessable income without capital gains.
struct Income {
    amount: Money,
    credits: Money,
    lines: Vec<String>,
    notes: Vec<String>,
}

fn write_income(
    customer: &Customer,
    facts: &YearFacts,
    law: &YearLaw,
    sheet: &mut Sheet,
) -> Result<Income, TaxError> {
    let other = sheet.line(
        "other_income",
        "other assessable income less deductions",
        facts.other_income,
        "as given",
        vec![input("other_income")],
    );
    let (credited, credits) = interest(&customer.interest, facts.year, sheet)?;
    let received: Vec<&Distribution> =
        customer.distributions.iter().filter(|one| one.year() == facts.year).collect();
    if !customer.profile.resident {
        let from = received.iter().map(|one| crate::sheet::event(&one.event)).collect();
        let rule = "not assessed for a foreign resident: franked parts are exempt, on the rest the payer \
                    withholds final tax; no credit or refund (ITAA 1936 s 128B, s 128D; ITAA 1997 s 207-70)";
        let amount = sum(received.iter().map(|one| one.amount).chain([credited]))?;
        let from = [from, credits].concat();
        sheet.line(
            "distributions_not_assessed",
            "distributions and interest, not assessed",
            amount,
            rule,
            from,
        );
        let (lines, notes) = (vec![other], Vec::new());
        return Ok(Income { amount: facts.other_income, credits: Money::ZERO, lines, notes });
    }
    let others = facts.other_franking_credits;
    let all = distributions(&received, &customer.trades, others, law, &customer.profile, sheet)?;
    let Distributions { cash, cash_lines, allowed, allowed_lines, denied, denied_lines, notes } = all;
    let rule = "sum of the lines named";
    let cash_line = sheet.line("distributions", "distributions received", cash, rule, cash_lines);
    let allowed_line =
        sheet.line("franking_credits", "franking credits that may be used", allowed, rule, allowed_lines);
    if denied > Money::ZERO {
        let label = "franking credits denied: neither assessed nor offset";
        sheet.line("franking_credits_denied", label, denied, rule, denied_lines);
    }
    let grossed = gross_up(cash, allowed)?;
    let rule = "cash and the credits that may be used (ITAA 1997 s 207-20(1))";
    let line = sheet.line(
        "distributions_grossed_up",
        "distributions, grossed up",
        grossed,
        rule,
        vec![cash_line, allowed_line],
    );
    let mut lines = vec![other, line];
    if !credits.is_empty() {
        lines.push(sheet.line("interest", "interest received", credited, "sum of the lines named", credits));
    }
    let amount = sum([facts.other_income, grossed, credited])?;
    Ok(Income { amount, credits: allowed, lines, notes })
}

fn write_disposals(
    customer: &Customer,
    facts: &YearFacts,
    law: &YearLaw,
    cpi: &Cpi,
    sheet: &mut Sheet,
) -> Result<Disposals, TaxError> {
    let rows: Vec<&GainRow> =
        customer.gains.iter().filter(|row| FinancialYear::of(row.disposed) == facts.year).collect();
    if customer.profile.gains_are_taxed() {
        return disposals(&rows, law, &customer.profile, cpi, sheet);
    }
    let from = rows.iter().map(|row| crate::sheet::event(&row.disposal)).collect();
    let rule = "disregarded: a foreign resident's gains on what is not taxable Australian property \
                (ITAA 1997 s 855-10)";
    let amount = sum(rows.iter().map(|row| row.gain))?;
    sheet.line("gains_disregarded", "capital gains less losses, disregarded", amount, rule, from);
    Ok(Disposals::default())
}

/// How losses reduce gains, kind by kind.
fn write_capital(
    found: &Disposals,
    position: &Position,
    assessment: &Assessment,
    sheet: &mut Sheet,
) -> Result<(), TaxError> {
    let net = &assessment.capital;
    let rule = "sum of the lines named";
    let current =
        sheet.line("losses", "capital losses of the year", found.losses, rule, found.loss_lines.clone());
    let prior = sheet.line(
        "losses_brought_forward",
        "capital losses brought forward",
        position.losses_prior,
        "losses_carried_forward of the year before, or as given (ITAA 1997 s 102-15)",
        vec![input("losses_brought_forward")],
    );
    let mut left = Vec::new();
    for kind in GainKind::ALL {
        let (name, what) = match kind {
            GainKind::Ordinary => ("ordinary", "gains without discount"),
            GainKind::Discount => ("discount", "discount gains"),
            GainKind::Accrued => ("accrued", "gains accrued since 1 July 2027"),
        };
        let lines = found.gain_lines[kind as usize].clone();
        if lines.is_empty() {
            continue;
        }
        let gross =
            sheet.line(format!("gains_{name}"), format!("{what}, gross"), net.gross.of(kind), rule, lines);
        let rule = "losses of the year reduce gains in the order of the law (ITAA 1997 s 102-5(1) step 1)";
        let (label, amount) = (format!("{what} after losses of the year"), net.after_current.of(kind));
        let after = sheet.line(
            format!("gains_{name}_after_losses"),
            label,
            amount,
            rule,
            vec![gross, current.clone()],
        );
        let rule =
            "losses brought forward reduce what is left, in the same order (ITAA 1997 s 102-5(1) step 2)";
        let (label, amount) = (format!("{what} after all losses"), net.after_prior.of(kind));
        left.push(sheet.line(format!("gains_{name}_left"), label, amount, rule, vec![after, prior.clone()]));
    }
    let mut from = left.clone();
    if net.discount > Money::ZERO {
        let rule = "the entity's discount of discount gains left after losses (ITAA 1997 s 102-5(1) step 3, \
                    s 115-100)";
        let of = left.into_iter().filter(|id| id == "gains_discount_left").collect();
        from.push(sheet.line("discount", "discount", net.discount, rule, of));
    }
    let rule = "gains left after losses, less the discount (ITAA 1997 s 102-5(1))";
    sheet.line("net_capital_gain", "net capital gain", net.net, rule, from);
    let used = sum([net.current_used, net.prior_used])?;
    let from = vec![current, prior];
    let label = "capital losses used";
    let used = sheet.line("losses_used", label, used, "what gains were reduced by", from.clone());
    let from = from.into_iter().chain([used]).collect();
    let rule = "losses of the year and brought forward, less those used; no time limit (ITAA 1997 s 102-10, \
                s 102-15)";
    let label = "capital losses carried forward";
    sheet.line("losses_carried_forward", label, net.carried_forward, rule, from);
    Ok(())
}

/// From taxable income to what is paid or refunded.
fn write_tax(
    facts: &YearFacts,
    law: &YearLaw,
    profile: &Profile,
    income_lines: &[String],
    assessed: &Assessment,
    sheet: &mut Sheet,
) {
    let data = format!("law:{}", FinancialYear::of(law.from));
    let named = |ids: &[&str]| -> Vec<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
    let mut from = income_lines.to_vec();
    from.extend(named(&["net_capital_gain"]));
    let rule = "income and net capital gain, whole dollars where the law truncates (ITAA 1997 s 4-15)";
    sheet.line("taxable_income", "taxable income", assessed.taxable_income, rule, from.clone());
    if assessed.tax_loss > Money::ZERO {
        let rule =
            "deductions beyond income: a tax loss, to be deducted by a later year's input (ITAA 1997 Div 36)";
        sheet.line("tax_loss", "tax loss of the year", assessed.tax_loss, rule, from);
    }
    let rule = match profile.entity {
        Entity::Individual => "by brackets (Income Tax Rates Act 1986 s 12, Sch 7)",
        Entity::SuperFund => "at the rate of complying funds (Income Tax Rates Act 1986 s 26)",
        Entity::Company => "at the company rate (Income Tax Rates Act 1986 s 23)",
    };
    let mut parts = vec![sheet.line(
        "income_tax",
        format!("income tax of {}", facts.year),
        assessed.income_tax,
        rule,
        vec!["taxable_income".to_owned(), data.clone()],
    )];
    if law.regime_of(profile).is_some() {
        let rule = "least rate x accrued gains left - the income tax they add, whole dollars (ITAA 1997 \
                    s 119-10; none with income support, s 119-15)";
        let mut from = named(&["taxable_income"]);
        if assessed.capital.gross.accrued > Money::ZERO {
            from.push("gains_accrued_left".to_owned());
        }
        from.push(data.clone());
        let label = "minimum tax on gains accrued since 1 July 2027";
        parts.push(sheet.line("minimum_tax", label, assessed.minimum_tax, rule, from));
    }
    if profile.entity == Entity::Individual && profile.resident {
        let rule = "single, without dependants (Medicare Levy Act 1986 s 6, s 7)";
        let from = vec!["taxable_income".to_owned(), data];
        parts.push(sheet.line("medicare_levy", "Medicare levy", assessed.medicare_levy, rule, from));
    }
    sheet.line("tax", "tax before credits", assessed.liability, "sum of the lines named", parts);
    let mut from = named(&["tax"]);
    if profile.resident {
        from.push("franking_credits".to_owned());
    }
    let settled = &assessed.settlement;
    let rule = "tax less franking credits (ITAA 1997 s 207-20(2), Div 63)";
    sheet.line("payable", "tax payable", settled.payable, rule, from.clone());
    let rule = "credits beyond the tax, for individuals and complying funds (ITAA 1997 s 67-25)";
    sheet.line("refund", "refund", settled.refund, rule, from.clone());
    if settled.excess > Money::ZERO {
        let rule = "credits beyond the tax / company rate: a tax loss of the company (ITAA 1997 s 36-55)";
        let label = "tax loss from excess franking credits";
        sheet.line("excess_credit_loss", label, assessed.loss_of_excess, rule, from);
    }
}
