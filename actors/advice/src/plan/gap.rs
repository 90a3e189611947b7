//! How far a goal is from being funded, and what return would fund it.
//!
//! All on one course without chance: the mix's expected return every year, savings, fee and tax as they are.
//! Because growth, fee and tax are proportional, a sum today grows by one factor `a`, so that `present value
//! = target at its date / a`, and savings have the present value that they have at the end, over `a`.

use evenkeel_schemas::{Money, Ratio};
use serde::{Deserialize, Serialize};

use crate::simulate::{Course, GoalPlan, PlanError, to_money, to_ratio};

/// The range in which a required return is looked for.
const RETURN_LEAST: f64 = -0.99;
/// See [`RETURN_LEAST`].
const RETURN_MOST: f64 = 10.0;

/// The yearly return, before fee and tax, at which a goal is just reached.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredReturn {
    /// This return, every year.
    Return(Ratio),
    /// Even a loss of 99% every year would do: savings alone come to it.
    Any,
    /// Not even 1000% a year would do.
    None,
}

/// How far a goal is from being funded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The goal's amount at its date, prices risen.
    pub target_at_date: Money,
    /// What capital and savings come to at the mix's expected return, after fee and tax.
    pub projected: Money,
    /// The sum that, today and without savings, would come to the target.
    pub present_value: Money,
    /// What savings to come are worth today.
    pub present_value_of_savings: Money,
    /// Capital / present value of the target; above 1 it is funded without savings.
    pub funded_ratio: Ratio,
    /// Projected / target, savings counted.
    pub funded_ratio_with_savings: Ratio,
    /// What is missing today: present value − capital − present value of savings. Negative is a surplus.
    pub shortfall: Money,
    /// The return that closes the gap.
    pub required_return: RequiredReturn,
    /// In words.
    pub explanation: String,
}

/// Works out the gap of a goal.
///
/// # Errors
/// An input outside its range, or amounts beyond what money holds.
pub fn gap(plan: &GoalPlan) -> Result<Gap, PlanError> {
    plan.check()?;
    let course = Course::of(&plan.funding, plan.months);
    let expected = plan.funding.mix.expected_return.to_f64();
    let (capital, saved) = (plan.funding.capital.to_f64(), plan.funding.savings.amount.to_f64());
    let target = plan.target.to_f64() * course.prices(plan.months);
    let factor = course.with_capital(1.0).end_at_return(0.0, expected);
    let projected = course.end_at_return(saved, expected);
    let present_value = target / factor;
    let of_savings = course.with_capital(0.0).end_at_return(saved, expected) / factor;
    let mut gap = Gap {
        target_at_date: to_money("the target at its date", target)?,
        projected: to_money("the projection", projected)?,
        present_value: to_money("the present value", present_value)?,
        present_value_of_savings: to_money("the present value of savings", of_savings)?,
        funded_ratio: to_ratio("the funded ratio", capital / present_value)?,
        funded_ratio_with_savings: to_ratio("the funded ratio with savings", projected / target)?,
        shortfall: to_money("the shortfall", present_value - capital - of_savings)?,
        required_return: required_return(&course, saved, target)?,
        explanation: String::new(),
    };
    gap.explanation = explain(plan, &gap);
    Ok(gap)
}

/// What capital and savings come to at one constant yearly return, after fee and tax.
///
/// # Errors
/// An input outside its range, a return outside −0.99 to 10, or amounts beyond what money holds.
pub fn projection(plan: &GoalPlan, yearly_return: Ratio) -> Result<Money, PlanError> {
    plan.check()?;
    let yearly = yearly_return.to_f64();
    if !(RETURN_LEAST..=RETURN_MOST).contains(&yearly) {
        let expected = "a yearly return from -0.99 to 10";
        return Err(PlanError::Input { field: "yearly_return", expected, got: yearly_return.to_string() });
    }
    let saved = plan.funding.savings.amount.to_f64();
    to_money("the projection", Course::of(&plan.funding, plan.months).end_at_return(saved, yearly))
}

/// Bisects: what is left at the end rises with the return.
fn required_return(course: &Course, saved: f64, target: f64) -> Result<RequiredReturn, PlanError> {
    let reached = |yearly: f64| course.end_at_return(saved, yearly) >= target;
    if reached(RETURN_LEAST) {
        return Ok(RequiredReturn::Any);
    }
    if !reached(RETURN_MOST) {
        return Ok(RequiredReturn::None);
    }
    let (mut below, mut above) = (RETURN_LEAST, RETURN_MOST);
    // 11 / 2^50 is far below the nine decimals kept.
    for _ in 0..50 {
        let middle = (below + above) / 2.0;
        if reached(middle) { above = middle } else { below = middle }
    }
    Ok(RequiredReturn::Return(to_ratio("the required return", above)?))
}

fn explain(plan: &GoalPlan, gap: &Gap) -> String {
    let Gap { target_at_date, projected, present_value, shortfall, .. } = gap;
    let mix = &plan.funding.mix;
    let stands = if *shortfall > Money::ZERO {
        format!("{shortfall} is missing today")
    } else {
        "nothing is missing".to_owned()
    };
    let required = match gap.required_return {
        RequiredReturn::Return(required) => format!("A return of {required} a year reaches it exactly"),
        RequiredReturn::Any => "Savings reach it whatever the return".to_owned(),
        RequiredReturn::None => "No return reaches it".to_owned(),
    };
    format!(
        "{target_at_date} is wanted in {} months, worth {present_value} today at {} a year before fee and \
         tax ({}). Capital of {} and savings come to {projected}: {stands}. {required}; with that return as \
         the mean, markets reach it on about every second path or fewer.",
        plan.months, mix.expected_return, mix.name, plan.funding.capital
    )
}
