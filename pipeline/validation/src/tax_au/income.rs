//! Tax of a resident individual on dividends and other income.

use evenkeel_schemas::Money;
use evenkeel_tax::{Bracket, FinancialYear, Law, Rounding, gross_up, income_tax, settle};

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// Tax by brackets less franking credits. Brackets given beside a year have to be those of the
/// product's law.
///
/// The convention of these cases is that of the tax office's printed examples: income and tax in whole
/// dollars, truncated; no Medicare levy.
pub(super) fn dividend_income(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let money = |name| inputs.get(name)?.amount::<Money>();
    let credit = money("franking_credit")?;
    let mut taxable = gross_up(money("franked_dividend")?, credit).map_err(|error| inputs.fault(error))?;
    for name in ["unfranked_dividend", "other_income"] {
        let more = taxable.checked_add(money(name)?);
        taxable = more.ok_or_else(|| inputs.fault("the income is beyond the range of money"))?;
    }
    let scale = scale(inputs)?;
    let rounding = Rounding { truncate_income: true, truncate_tax: true };
    let gross = income_tax(taxable, &scale, rounding).map_err(|error| inputs.fault(error))?;
    let settled = settle(gross, credit, true).map_err(|error| inputs.fault(error))?;
    Ok(Answer::fields([
        ("taxable_income", taxable.into()),
        ("gross_tax", gross.into()),
        ("franking_offset", credit.into()),
        ("tax_payable", settled.payable.into()),
        ("refund", settled.refund.into()),
    ]))
}

/// The product's scale of the year, the one given if it is the same; without a year, the one given.
fn scale(inputs: &Node<'_>) -> Result<Vec<Bracket>, Fault> {
    let given = inputs.find("brackets")?;
    let brackets = given.as_ref().map(brackets).transpose()?;
    let (None, Some(brackets)) = (inputs.find("year")?, &brackets) else {
        return of_year(&inputs.get("year")?, given.as_ref().zip(brackets));
    };
    Ok(brackets.clone())
}

fn of_year(year: &Node<'_>, given: Option<(&Node<'_>, Vec<Bracket>)>) -> Result<Vec<Bracket>, Fault> {
    let law = Law::built_in().map_err(|error| year.fault(error))?;
    let law = law.of(year.parsed::<FinancialYear>()?).map_err(|error| year.fault(error))?;
    let scale = law.scale(true).to_vec();
    match given.filter(|(_, brackets)| *brackets != scale) {
        None => Ok(scale),
        Some((node, _)) => {
            let words = scale.iter().map(|bracket| format!("{} over {}", bracket.rate, bracket.over));
            let words = words.collect::<Vec<_>>().join(", ");
            Err(node.fault(format_args!("the product's law of {} has others: {words}", year.text()?)))
        }
    }
}

fn brackets(node: &Node<'_>) -> Result<Vec<Bracket>, Fault> {
    let bracket = |node: &Node<'_>| {
        node.only(&["over", "rate"])?;
        Ok(Bracket { over: node.get("over")?.amount()?, rate: node.get("rate")?.amount()? })
    };
    let brackets: Vec<Bracket> = node.list()?.iter().map(bracket).collect::<Result<_, Fault>>()?;
    if brackets.is_empty() || !brackets.is_sorted_by(|one, next| one.over < next.over) {
        return Err(node.fault("expected brackets from the lowest to the highest"));
    }
    Ok(brackets)
}
