//! Franking credits: refunds, and the holding period rule.

use std::ops::RangeInclusive;

use evenkeel_schemas::{Money, Price, Quantity, Ratio, TradeDate};
use evenkeel_tax::{
    Entity, FinancialYear, Law, Trade, days_at_risk, franking_credit, gross_up, holding_test,
    match_last_in_first_out, qualified_part, settle,
};

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// Gross-up of a dividend, and what becomes of its credit.
pub(super) fn refund(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let credit: Money = inputs.get("franking_credit")?.amount()?;
    let entity: Entity = inputs.get("entity")?.word()?;
    let tax = inputs.get("tax_liability_before_offset")?.amount()?;
    let settled =
        settle(tax, credit, entity.refunds_excess_credits()).map_err(|error| inputs.fault(error))?;
    let dividend = inputs.get("franked_dividend")?.amount()?;
    Ok(Answer::fields([
        ("assessable_amount", gross_up(dividend, credit).map_err(|error| inputs.fault(error))?.into()),
        ("tax_offset", credit.into()),
        ("tax_payable", settled.payable.into()),
        ("refund", settled.refund.into()),
    ]))
}

/// Days at risk of one parcel, for each of several days on which it may be sold; null is not at all.
pub(super) fn boundary_dates(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let (acquired, ex_date) = (inputs.get("acquired")?.parsed()?, inputs.get("ex_dividend")?.parsed()?);
    let required = required_days(inputs)?;
    let (mut results, mut earliest) = (Vec::new(), None::<TradeDate>);
    for disposal in inputs.get("disposals")?.list()? {
        let sold: Option<TradeDate> =
            if disposal.value().is_null() { None } else { Some(disposal.parsed()?) };
        let days = days_at_risk(acquired, sold, ex_date, required);
        if let Some(sold) = sold.filter(|_| days >= required) {
            earliest = Some(earliest.map_or(sold, |earliest| earliest.min(sold)));
        }
        results.push(Answer::fields([
            ("disposal", sold.into()),
            ("days_held", days.into()),
            ("qualified", (days >= required).into()),
        ]));
    }
    Ok(Answer::fields([
        ("results", Answer::List(results)),
        ("earliest_qualifying_disposal", earliest.into()),
    ]))
}

/// The holding period rule for a dividend of shares bought and sold, and the credits that it leaves.
pub(super) fn last_in_first_out(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let required = required_days(inputs)?;
    let ex_date: TradeDate = inputs.get("ex_dividend")?.parsed()?;
    let fragments = match_last_in_first_out(&trades(inputs)?).map_err(|error| inputs.fault(error))?;
    let test = holding_test(&fragments, ex_date, required).map_err(|error| inputs.fault(error))?;

    let attached = credit(inputs, test.entitled)?;
    let of_year: Money = inputs.get("other_franking_credits_of_year")?.amount()?;
    let beyond = || inputs.fault("the credits are beyond the range of money");
    let total = attached.checked_add(of_year).ok_or_else(beyond)?;
    // Only individuals have the exemption, so that others need no law of the year.
    let exempt = match inputs.get("entity")?.word()? {
        Entity::Individual => total <= small_shareholder_limit(inputs, ex_date)?,
        Entity::SuperFund | Entity::Company => false,
    };
    let allowed = if exempt || test.entitled == Quantity::ZERO {
        attached
    } else {
        let allowed = qualified_part(attached, test.qualified.raw(), test.entitled.raw());
        allowed.map_err(|error| inputs.fault(error))?
    };
    let fragments = test.fragments.iter().map(|tested| {
        Answer::fields([
            ("parcel", tested.fragment.parcel.clone().into()),
            ("qty", tested.fragment.quantity.into()),
            ("disposed", tested.fragment.disposed.into()),
            ("days_held", tested.days_held.into()),
            ("qualified", tested.qualified.into()),
        ])
    });
    Ok(Answer::fields([
        ("entitled_shares", test.entitled.into()),
        ("qualified_shares", test.qualified.into()),
        ("denied_shares", test.entitled.checked_sub(test.qualified).into()),
        ("fragments", Answer::List(fragments.collect())),
        ("total_credits_before_rule", total.into()),
        ("small_shareholder_exemption", exempt.into()),
        ("franking_credits_attached", attached.into()),
        ("franking_credits_allowed", allowed.into()),
        ("franking_credits_denied", attached.checked_sub(allowed).into()),
    ]))
}

fn trades(inputs: &Node<'_>) -> Result<Vec<Trade>, Fault> {
    let trade = |event: String, date, quantity| Trade { event, instrument: "it".to_owned(), date, quantity };
    let mut trades = Vec::new();
    for buy in inputs.get("buys")?.list()? {
        buy.only(&["id", "date", "qty"])?;
        let id = buy.get("id")?.text()?.to_owned();
        trades.push(trade(id, buy.get("date")?.parsed()?, buy.get("qty")?.positive()?));
    }
    for (number, sell) in inputs.get("sells")?.list()?.iter().enumerate() {
        sell.only(&["id", "date", "qty"])?;
        let id =
            sell.find("id")?.map_or(Ok(format!("sells[{number}]")), |id| id.text().map(str::to_owned))?;
        let quantity = Quantity::from_raw(-sell.get("qty")?.positive::<Quantity>()?.raw());
        trades.push(trade(id, sell.get("date")?.parsed()?, quantity));
    }
    Ok(trades)
}

/// The credit that comes with the dividend of some units.
fn credit(inputs: &Node<'_>, units: Quantity) -> Result<Money, Fault> {
    let per_share = inputs.get("dividend_per_share")?;
    let cash = units.notional(per_share.amount::<Price>()?);
    let cash = cash.ok_or_else(|| per_share.fault("the dividend is beyond the range of money"))?;
    let franked: Ratio = inputs.get("franked_fraction")?.number()?;
    let rate: Ratio = inputs.get("company_tax_rate")?.number()?;
    franking_credit(cash, franked, rate).map_err(|error| inputs.fault(error))
}

/// Of the year in which the dividend goes ex.
fn small_shareholder_limit(inputs: &Node<'_>, ex_date: TradeDate) -> Result<Money, Fault> {
    let law = Law::built_in().map_err(|error| inputs.fault(error))?;
    let law = law.of(FinancialYear::of(ex_date));
    law.map(|law| law.franking.small_shareholder_limit).map_err(|error| inputs.fault(error))
}

/// The days that the rule asks for: 45, or 90 for preference shares.
fn required_days(inputs: &Node<'_>) -> Result<i64, Fault> {
    const ALLOWED: RangeInclusive<i64> = 1..=3_650;
    let node = inputs.get("required_days")?;
    let days: i64 = node.number()?;
    let (first, last) = (ALLOWED.start(), ALLOWED.end());
    let bad = || node.fault(format_args!("expected {first} to {last} days, got {days}"));
    if ALLOWED.contains(&days) { Ok(days) } else { Err(bad()) }
}
