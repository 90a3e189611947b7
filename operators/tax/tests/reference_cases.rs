//! The reference cases of `tests/cases/tax-*.json`, reproduced by the functions of production.
//!
//! [`reproduce`] turns a case's inputs into the answer in the form of its `expected`; the comparison is the
//! same for all. Numbers are read as decimals from their text, never as floats.
#![allow(clippy::unwrap_used, reason = "a case that cannot be read fails the test")]

use std::collections::BTreeMap;

use evenkeel_schemas::{Money, Quantity, Ratio, TradeDate};
use evenkeel_tax::{
    Bracket, Entity, Fraction, GainKind, Gains, Law, Rounding, Trade, days_at_risk, franking_credit,
    gross_up, held_clear_year, holding_test, income_tax, match_last_in_first_out, net_capital_gain, settle,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const CASES: [(&str, &str); 6] = [
    ("tax-01", include_str!("../../../tests/cases/tax-01-ato-rodney.json")),
    ("tax-02", include_str!("../../../tests/cases/tax-02-ato-john-2020.json")),
    ("tax-03", include_str!("../../../tests/cases/tax-03-ato-susan-45day.json")),
    ("tax-04", include_str!("../../../tests/cases/tax-04-ato-kathleen.json")),
    ("tax-05", include_str!("../../../tests/cases/tax-05-discount-clear-year.json")),
    ("tax-07", include_str!("../../../tests/cases/tax-07-45day-lifo.json")),
];

/// What a case says, field by field; numbers are taken from their text.
struct Inputs<'a>(&'a Value);

impl Inputs<'_> {
    fn get(&self, name: &str) -> Result<&Value, String> {
        self.0.get(name).ok_or_else(|| format!("no field {name}"))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        read(self.get(name)?).map_err(|error| format!("{name}: {error}"))
    }

    fn list(&self, name: &str) -> Result<Vec<Inputs<'_>>, String> {
        let list = self.get(name)?.as_array().ok_or_else(|| format!("{name} is no list"))?;
        Ok(list.iter().map(Inputs).collect())
    }
}

/// A value whose numbers, if it is one, may be written as JSON numbers.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    let value = match value {
        Value::Number(number) => Value::String(number.to_string()),
        other => other.clone(),
    };
    serde_json::from_value(value).map_err(|error| error.to_string())
}

type Answer = Result<Value, String>;

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// The answer of production to a case, in the form of its `expected`.
fn reproduce(case: &Value) -> Answer {
    let inputs = Inputs(case.get("inputs").ok_or("no inputs")?);
    match case["id"].as_str().ok_or("no id")?.get(..6) {
        Some("tax-01") => refund(&inputs),
        Some("tax-02") => dividend_income(&inputs),
        Some("tax-03") => boundary_dates(&inputs),
        Some("tax-04") => loss_order(&inputs),
        Some("tax-05") => clear_year(&inputs),
        Some("tax-07") => last_in_first_out(&inputs),
        _ => Err("no such case".to_owned()),
    }
}

fn refund(inputs: &Inputs) -> Answer {
    let credit: Money = inputs.read("franking_credit")?;
    let entity: Entity = inputs.read("entity")?;
    let tax = inputs.read("tax_liability_before_offset")?;
    let settled = settle(tax, credit, entity.refunds_excess_credits()).map_err(text)?;
    Ok(json!({
        "assessable_amount": gross_up(inputs.read("franked_dividend")?, credit).map_err(text)?,
        "tax_offset": credit,
        "tax_payable": settled.payable,
        "refund": settled.refund,
    }))
}

fn dividend_income(inputs: &Inputs) -> Answer {
    let money = |name| inputs.read::<Money>(name);
    let credit = money("franking_credit")?;
    let mut taxable = gross_up(money("franked_dividend")?, credit).map_err(text)?;
    for name in ["unfranked_dividend", "other_income"] {
        taxable = taxable.checked_add(money(name)?).ok_or("out of range")?;
    }
    let scale: Vec<Bracket> = inputs
        .list("brackets")?
        .iter()
        .map(|bracket| Ok(Bracket { over: bracket.read("over")?, rate: bracket.read("rate")? }))
        .collect::<Result<_, String>>()?;
    let rounding = Rounding { truncate_income: true, truncate_tax: true };
    let gross = income_tax(taxable, &scale, rounding).map_err(text)?;
    // The case's brackets are those of the year's law.
    let law = Law::built_in().map_err(text)?;
    let law = law.of(inputs.read("year")?).map_err(text)?;
    if law.scale(true) != scale {
        return Err("the brackets differ from the law of the year".to_owned());
    }
    let settled = settle(gross, credit, true).map_err(text)?;
    Ok(json!({
        "taxable_income": taxable,
        "gross_tax": gross,
        "franking_offset": credit,
        "tax_payable": settled.payable,
    }))
}

fn boundary_dates(inputs: &Inputs) -> Answer {
    let (acquired, ex_date) = (inputs.read("acquired")?, inputs.read("ex_dividend")?);
    let required: i64 = inputs.get("required_days")?.as_i64().ok_or("required_days")?;
    let disposals: Vec<Option<TradeDate>> = inputs.read("disposals")?;
    let days = |sold| days_at_risk(acquired, sold, ex_date, required);
    let results = disposals.iter().map(
        |sold| json!({ "disposal": sold, "days_held": days(*sold), "qualified": days(*sold) >= required }),
    );
    let earliest = disposals.iter().flatten().filter(|sold| days(Some(**sold)) >= required).min();
    Ok(json!({ "results": results.collect::<Vec<_>>(), "earliest_qualifying_disposal": earliest }))
}

fn loss_order(inputs: &Inputs) -> Answer {
    let mut gains = Gains::default();
    for gain in inputs.list("capital_gains")? {
        let amount: Money = gain.read("amount")?;
        let eligible: bool = gain.read("discount_eligible")?;
        let sum = if eligible { &mut gains.discount } else { &mut gains.ordinary };
        *sum = sum.checked_add(amount).ok_or("out of range")?;
    }
    let discount: Fraction = inputs.read("discount")?;
    let (current, prior) = (inputs.read("current_year_losses")?, inputs.read("prior_year_losses")?);
    let net = net_capital_gain(&gains, current, prior, discount, &GainKind::ALL).map_err(text)?;
    Ok(json!({
        "after_current_losses_non_discount": net.after_current.ordinary,
        "after_current_losses_discount": net.after_current.discount,
        "after_prior_losses_discount": net.after_prior.discount,
        "net_capital_gain": net.net,
        "losses_carried_forward": net.carried_forward,
    }))
}

fn clear_year(inputs: &Inputs) -> Answer {
    let mut results = Vec::new();
    for pair in inputs.list("pairs")? {
        let (acquired, event) = (pair.read("acquired")?, pair.read("cgt_event")?);
        let eligible = held_clear_year(acquired, event);
        results.push(json!({ "acquired": acquired, "cgt_event": event, "discount_eligible": eligible }));
    }
    Ok(json!({ "results": results }))
}

fn last_in_first_out(inputs: &Inputs) -> Answer {
    let trade = |event: String, date, quantity| Trade { event, instrument: "it".to_owned(), date, quantity };
    let mut trades = Vec::new();
    for buy in inputs.list("buys")? {
        trades.push(trade(buy.read("id")?, buy.read("date")?, buy.read("qty")?));
    }
    for (n, sell) in inputs.list("sells")?.iter().enumerate() {
        let quantity = sell.read::<Quantity>("qty")?.checked_neg().ok_or("out of range")?;
        trades.push(trade(format!("sell{n}"), sell.read("date")?, quantity));
    }
    let required: i64 = inputs.get("required_days")?.as_i64().ok_or("required_days")?;
    let fragments = match_last_in_first_out(&trades).map_err(text)?;
    let test = holding_test(&fragments, inputs.read("ex_dividend")?, required).map_err(text)?;
    let credit = |units: Quantity| {
        let cash = units.notional(inputs.read("dividend_per_share")?).ok_or("out of range")?;
        let (franked, rate) = (inputs.read::<Ratio>("franked_fraction")?, inputs.read("company_tax_rate")?);
        franking_credit(cash, franked, rate).map_err(text)
    };
    let law = Law::built_in().map_err(text)?;
    let limit = law.of("2022-23".parse()?).map_err(text)?.franking.small_shareholder_limit;
    let attached = credit(test.entitled)?;
    let of_year: Money = inputs.read("other_franking_credits_of_year")?;
    let total = attached.checked_add(of_year).ok_or("out of range")?;
    let exempt = inputs.read::<Entity>("entity")? == Entity::Individual && total <= limit;
    let allowed = if exempt { attached } else { credit(test.qualified)? };
    let fragments = test.fragments.iter().map(|tested| {
        json!({
            "parcel": tested.fragment.parcel,
            "qty": tested.fragment.quantity,
            "disposed": tested.fragment.disposed,
            "days_held": tested.days_held,
            "qualified": tested.qualified,
        })
    });
    Ok(json!({
        "entitled_shares": test.entitled,
        "qualified_shares": test.qualified,
        "denied_shares": test.entitled.checked_sub(test.qualified),
        "fragments": fragments.collect::<Vec<_>>(),
        "total_credits_before_rule": total,
        "small_shareholder_exemption": exempt,
        "franking_credits_attached": attached,
        "franking_credits_allowed": allowed,
        "franking_credits_denied": attached.checked_sub(allowed),
    }))
}

/// Where an answer differs from what is expected by more than the tolerance, field by field.
fn differences(path: &str, expected: &Value, got: &Value, tolerance: Money, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for name in expected.keys().chain(got.keys().filter(|name| !expected.contains_key(*name))) {
                let field = |of: &Map<String, Value>| of.get(name).cloned().unwrap_or(json!("missing"));
                differences(&format!("{path}.{name}"), &field(expected), &field(got), tolerance, found);
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (n, (expected, got)) in expected.iter().zip(got).enumerate() {
                differences(&format!("{path}[{n}]"), expected, got, tolerance, found);
            }
        }
        _ => {
            let near = || {
                let (a, b) = (read::<Money>(expected).ok()?, read::<Money>(got).ok()?);
                Some((a.raw() - b.raw()).abs() <= tolerance.raw())
            };
            if expected != got && near() != Some(true) {
                found.push(format!("{path}: expected {expected}, got {got}"));
            }
        }
    }
}

#[test]
fn every_case_is_reproduced() {
    let mut found = BTreeMap::new();
    for (id, text) in CASES {
        let case: Value = serde_json::from_str(text).unwrap();
        let got = reproduce(&case).unwrap_or_else(|error| panic!("{id}: {error}"));
        let tolerance = read(&case["tolerance"]["abs"]).unwrap();
        let mut differing = Vec::new();
        differences("expected", &case["expected"], &got, tolerance, &mut differing);
        if !differing.is_empty() {
            found.insert(id, differing);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_comparison_sees_what_differs() {
    let differ = |expected: Value, got: Value| {
        let mut found = Vec::new();
        differences("x", &expected, &got, "0.005".parse().unwrap(), &mut found);
        found.len()
    };
    assert_eq!(differ(json!({ "a": [1, 2.004] }), json!({ "a": ["1", "2"] })), 0);
    assert_eq!(differ(json!({ "a": [1, 2.006] }), json!({ "a": ["1", "2"] })), 1);
    assert_eq!(differ(json!({ "a": 1 }), json!({ "a": 1, "b": 2 })), 1);
    assert_eq!(differ(json!({ "a": true }), json!({})), 1);
    assert_eq!(differ(json!([1]), json!([1, 2])), 1);
}
