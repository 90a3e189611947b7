//! A taxpayer's year in one function: what is assessed, what is due.
//!
//! The report of a year and the estimate of what a loss saves are both made of [`assess`].

use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

use crate::amount::{add, positive, sum};
use crate::error::TaxError;
use crate::franking::{Settlement, loss_of_excess, settle};
use crate::gains::{Gains, NetGain, net_capital_gain};
use crate::law::YearLaw;
use crate::profile::{Entity, Profile};
use crate::regime::minimum_tax;
use crate::scale::{flat_tax, income_tax, medicare_levy, taxable};

/// What a taxpayer's year comes to before tax. Home currency (AUD).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Assessable income less deductions, without capital gains, with the franking credits that are
    /// assessable. May be negative.
    pub income: Money,
    /// Franking credits that may be used.
    pub franking_credits: Money,
    /// Capital gains of the year.
    pub gains: Gains,
    /// Capital losses of the year, not negative.
    pub losses_current: Money,
    /// Capital losses brought forward, not negative.
    pub losses_prior: Money,
}

/// What is assessed and due. AUD.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The net capital gain and how it comes about.
    pub capital: NetGain,
    /// Taxable income, in whole dollars where the law truncates.
    pub taxable_income: Money,
    /// Deductions beyond income, as a positive amount: a tax loss, not carried on here.
    pub tax_loss: Money,
    /// By brackets, or at the entity's rate.
    pub income_tax: Money,
    /// Extra tax on accrued gains, under the regime of 1 July 2027.
    pub minimum_tax: Money,
    /// Of resident individuals.
    pub medicare_levy: Money,
    /// The three together.
    pub liability: Money,
    /// The liability against franking credits.
    pub settlement: Settlement,
    /// The tax loss that a company's excess credits become.
    pub loss_of_excess: Money,
}

impl Assessment {
    /// What the year costs: payable less refunded, negative for a refund.
    ///
    /// # Errors
    /// [`TaxError::Range`] beyond the range of money.
    pub fn net_tax(&self) -> Result<Money, TaxError> {
        crate::amount::sub(self.settlement.payable, self.settlement.refund)
    }
}

/// Assesses a year.
///
/// Not modelled: offsets other than franking credits (low income, foreign income), Medicare levy surcharge
/// and families, pension phase and non-arm's-length income of funds, Division 293 and 296, base rate
/// entities.
/// Source: ITAA 1997 s 4-10 (tax = income × rate − offsets), s 4-15 (taxable income), s 102-5, Div 67, Div
/// 119.
///
/// # Errors
/// [`TaxError`] for negative gains, losses or credits and for amounts beyond the range of money.
pub fn assess(law: &YearLaw, profile: &Profile, position: &Position) -> Result<Assessment, TaxError> {
    let capital = net_capital_gain(
        &position.gains,
        position.losses_current,
        position.losses_prior,
        law.discount_of(profile),
        &law.losses.order,
    )?;
    let income = add(position.income, capital.net)?;
    let mut assessed = Assessment {
        capital,
        taxable_income: taxable(income, law.rounding),
        tax_loss: positive(income.checked_neg().ok_or(TaxError::Range("income"))?),
        ..Assessment::default()
    };
    match profile.entity {
        Entity::Individual => {
            let scale = law.scale(profile.resident);
            assessed.income_tax = income_tax(income, scale, law.rounding)?;
            if profile.resident {
                assessed.medicare_levy = medicare_levy(income, &law.medicare_levy, law.rounding)?;
            }
            if let Some(regime) = law.regime_of(profile).filter(|_| !profile.income_support) {
                let accrued = capital.after_prior.accrued;
                assessed.minimum_tax =
                    minimum_tax(income, accrued, regime.minimum_rate, scale, law.rounding)?;
            }
        }
        Entity::SuperFund => assessed.income_tax = flat_tax(income, law.super_fund.rate, law.rounding)?,
        Entity::Company => assessed.income_tax = flat_tax(income, law.company.rate, law.rounding)?,
    }
    assessed.liability = sum([assessed.income_tax, assessed.minimum_tax, assessed.medicare_levy])?;
    let refunds = profile.entity.refunds_excess_credits();
    assessed.settlement = settle(assessed.liability, position.franking_credits, refunds)?;
    if assessed.settlement.excess > Money::ZERO {
        assessed.loss_of_excess = loss_of_excess(assessed.settlement.excess, law.company.rate)?;
    }
    Ok(assessed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Law;
    use proptest::prelude::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn assessed(year: &str, profile: &Profile, position: &Position) -> Assessment {
        let law = Law::built_in().unwrap();
        assess(law.of(year.parse().unwrap()).unwrap(), profile, position).unwrap()
    }

    fn gain(discount: &str) -> Position {
        Position { gains: Gains { discount: money(discount), ..Gains::default() }, ..Position::default() }
    }

    #[test]
    fn the_same_gain_by_entity() {
        // 90,000 held for 12 months in 2024-25 and nothing else.
        let position = gain("90000");
        let tax = |profile: &Profile| assessed("2024-25", profile, &position).net_tax().unwrap().to_string();
        // 45,000: 4,288 and the levy of 900.
        assert_eq!(tax(&Profile::resident(Entity::Individual)), "5188");
        // 60,000 at 15%.
        assert_eq!(tax(&Profile::resident(Entity::SuperFund)), "9000");
        // 90,000 at 30%.
        assert_eq!(tax(&Profile::resident(Entity::Company)), "27000");
        let away = Profile { resident: false, ..Profile::resident(Entity::Individual) };
        assert_eq!(tax(&away), "27000");
    }

    #[test]
    fn excess_credits_by_entity() {
        let position =
            Position { income: money("1000"), franking_credits: money("300"), ..Position::default() };
        let person = assessed("2024-25", &Profile::resident(Entity::Individual), &position);
        assert_eq!(person.settlement.refund, money("300"));
        let fund = assessed("2024-25", &Profile::resident(Entity::SuperFund), &position);
        assert_eq!(fund.settlement.refund, money("150"));
        let position = Position { franking_credits: money("330"), ..position };
        let company = assessed("2024-25", &Profile::resident(Entity::Company), &position);
        assert_eq!((company.settlement.excess, company.loss_of_excess), (money("30"), money("100")));
        assert_eq!(company.net_tax().unwrap(), Money::ZERO);
    }

    #[test]
    fn the_minimum_tax_is_for_resident_individuals_without_income_support() {
        let position = Position {
            gains: Gains { accrued: money("10000"), ..Gains::default() },
            losses_prior: money("2000"),
            ..Position::default()
        };
        let person = Profile::resident(Entity::Individual);
        assert_eq!(assessed("2027-28", &person, &position).minimum_tax, money("2400"));
        let pensioner = Profile { income_support: true, ..person.clone() };
        assert_eq!(assessed("2027-28", &pensioner, &position).minimum_tax, Money::ZERO);
        assert_eq!(
            assessed("2027-28", &Profile::resident(Entity::SuperFund), &position).minimum_tax,
            Money::ZERO
        );
    }

    #[test]
    fn deductions_beyond_income_are_a_tax_loss() {
        let position = Position { income: money("-500"), ..gain("600") };
        let person = assessed("2024-25", &Profile::resident(Entity::Individual), &position);
        assert_eq!((person.taxable_income, person.tax_loss), (Money::ZERO, money("200")));
    }

    proptest! {
        #[test]
        fn more_credits_never_cost_and_more_income_never_pays(
            entity in prop_oneof![Just(Entity::Individual), Just(Entity::SuperFund), Just(Entity::Company)],
            start in 2019_i16..2029,
            income in 0_i64..300_000, more in 0_i64..50_000, credits in 0_i64..30_000,
        ) {
            let law = Law::built_in().unwrap();
            let law = law.of(crate::FinancialYear::starting(start).unwrap()).unwrap();
            let profile = Profile::resident(entity);
            let net = |income: i64, credits: i64| {
                let whole = |whole| Money::from_whole(whole).unwrap();
                let (income, franking_credits) = (whole(income), whole(credits));
                let position = Position { income, franking_credits, ..Position::default() };
                assess(law, &profile, &position).unwrap().net_tax().unwrap()
            };
            prop_assert!(net(income + more, credits) >= net(income, credits));
            prop_assert!(net(income, credits + more) <= net(income, credits));
        }
    }
}
