use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::events::TaxEntity;
use evenkeel_schemas::{
    AnomalyKind, Currency, CustomerId, GainKind, Instant, InstrumentId, Money, Quantity, RealisedGainRow, Row,
};

use super::books::Books;
use super::trades::{Trade, trades_for};
use crate::facts::{
    Corporate, CorporateAction, Fact, Income, Received, TaxFact, Taxpayer, Version, YearInput,
};
use crate::told::Told;

const ANN: CustomerId = CustomerId(1);
const VAS: InstrumentId = InstrumentId(1);
const NEW: InstrumentId = InstrumentId(2);

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn version(number: u64) -> Version {
    Version { at: Instant::from_micros(0), number }
}

fn taxpayer(from: &str, other_income: &str) -> Told {
    let taxpayer = Taxpayer {
        entity: TaxEntity::Individual,
        resident: true,
        income_support: false,
        taxable_australian_property: false,
        other_income: Some(money(other_income)),
    };
    statement(TaxFact::Taxpayer(from.parse().unwrap(), version(1), taxpayer))
}

fn statement(statement: TaxFact) -> Told {
    Told::Follows(Fact::Tax(ANN, Arc::new(statement)))
}

fn listed(currency: &str) -> Told {
    Told::Follows(Fact::Ticker(VAS, version(0), "VAS".into(), currency.parse().unwrap()))
}

fn gain(disposal: &str, acquired: &str, disposed: &str, proceeds: &str, cost_base: &str) -> Told {
    let (proceeds, cost_base) = (money(proceeds), money(cost_base));
    Told::Row(Row::RealisedGain(Box::new(RealisedGainRow {
        customer: ANN,
        instrument: VAS,
        lot: "b1".into(),
        acquired: acquired.parse().unwrap(),
        disposed: disposed.parse().unwrap(),
        quantity: Quantity::from_whole(1).unwrap(),
        proceeds,
        cost_base,
        gain: proceeds.checked_sub(cost_base).unwrap(),
        days_held: 0,
        fee: Money::ZERO,
        kind: GainKind::Sale,
        disposal: disposal.into(),
    })))
}

/// The lines asked for that hold after all marks, and anomalies, in words.
fn after(marks: &[&[(Told, isize)]], lines: &[&str]) -> Vec<String> {
    let mut books = Books::default();
    let mut holds: BTreeMap<String, isize> = BTreeMap::new();
    for mark in marks {
        let mut out = Vec::new();
        books.step(mark.to_vec(), &mut out);
        for (told, diff) in out {
            let words = match told {
                Told::Row(Row::Tax(row)) if lines.contains(&row.line.as_ref()) => {
                    format!("{} {} {}", row.year, row.line, row.amount)
                }
                Told::Row(_) => continue,
                Told::Fault(_, AnomalyKind::Tax(year, reason)) => format!("{year}: {reason}"),
                other => panic!("{other:?}"),
            };
            *holds.entry(words).or_default() += diff;
        }
    }
    assert!(holds.values().all(|times| [0, 1].contains(times)), "{holds:?}");
    holds.into_iter().filter(|(_, times)| *times == 1).map(|(words, _)| words).collect()
}

#[test]
fn a_year_is_assessed_and_a_late_loss_restates_it() {
    let year = [
        (listed("AUD"), 1),
        (taxpayer("2020-07-01", "100000"), 1),
        (gain("s1", "2022-01-10", "2024-09-10", "30000", "20000"), 1),
    ];
    let lines = ["net_capital_gain", "taxable_income", "income_tax", "medicare_levy"];
    // Half of 10,000; 4,288 + 30% of 60,000; 2%.
    assert_eq!(
        after(&[&year], &lines),
        [
            "2024-25 income_tax 22288",
            "2024-25 medicare_levy 2100",
            "2024-25 net_capital_gain 5000",
            "2024-25 taxable_income 105000"
        ]
    );
    // A loss of 4,000 comes off first: half of 6,000.
    let late = [(gain("s2", "2024-07-10", "2024-10-10", "1000", "5000"), 1)];
    let restated = after(&[&year, &late], &lines);
    assert_eq!(restated[2..], ["2024-25 net_capital_gain 3000", "2024-25 taxable_income 103000"]);
    // And when all of it is taken back, nothing is left.
    let back: Vec<(Told, isize)> =
        year.iter().chain(&late).map(|(told, diff)| (told.clone(), -diff)).collect();
    assert!(after(&[&year, &late, &back], &lines).is_empty());
}

#[test]
fn losses_carry_over_the_years_between_and_who_is_no_taxpayer_has_no_report() {
    let known = [
        (listed("AUD"), 1),
        (gain("s1", "2020-08-10", "2021-01-10", "1000", "9000"), 1),
        (gain("s2", "2023-07-10", "2023-09-10", "11000", "1000"), 1),
    ];
    assert!(after(&[&known], &["net_capital_gain"]).is_empty());
    let taxed = [(taxpayer("2020-07-01", "0"), 1)];
    assert_eq!(
        after(&[&known, &taxed], &["net_capital_gain", "losses_carried_forward"]),
        [
            "2020-21 losses_carried_forward 8000",
            "2020-21 net_capital_gain 0",
            "2021-22 losses_carried_forward 8000",
            "2021-22 net_capital_gain 0",
            "2022-23 losses_carried_forward 8000",
            "2022-23 net_capital_gain 0",
            "2023-24 losses_carried_forward 0",
            "2023-24 net_capital_gain 2000",
        ]
    );
    // What is said of a year replaces what was carried.
    let input = YearInput {
        other_income: Money::ZERO,
        other_franking_credits: Money::ZERO,
        losses_brought_forward: Some(money("500")),
    };
    let said = [(statement(TaxFact::Year("2023-24".parse().unwrap(), version(2), input)), 1)];
    let gains = after(&[&known, &taxed, &said], &["net_capital_gain"]);
    assert_eq!(gains.last().unwrap(), "2023-24 net_capital_gain 9500");
}

#[test]
fn posted_income_counts_and_other_currencies_are_not_guessed() {
    let received = |event: &str, currency: &str, kind| {
        let (date, amount) = ("2024-09-10".parse().unwrap(), money("700"));
        let received = Received { date, currency: currency.parse().unwrap(), amount, kind };
        (statement(TaxFact::Received(event.into(), received)), 1)
    };
    let franked = Income::Distribution(Some(VAS), "1".parse().unwrap(), "2024-08-20".parse().unwrap());
    let year = [
        (listed("AUD"), 1),
        (taxpayer("2020-07-01", "50000"), 1),
        received("i1", "AUD", Income::Interest),
        received("d1", "AUD", franked),
    ];
    // 700 of interest, 700 of dividend and 300 of credit.
    assert_eq!(
        after(&[&year], &["interest", "franking_credits", "taxable_income"]),
        ["2024-25 franking_credits 300", "2024-25 interest 700", "2024-25 taxable_income 51700"]
    );
    let foreign = [received("i2", "USD", Income::Interest)];
    assert_eq!(
        after(&[&year, &foreign], &["taxable_income"]),
        [
            "2024-25: the income of i2 is in USD: expected an fx_close of USD/AUD of 2024-09-10 or the week before"
        ]
    );
    // At 1.5 of the week before, 1,050 more.
    let rate = |day: &str| {
        let pair = evenkeel_schemas::Pair { base: "USD".parse().unwrap(), quote: Currency::AUD };
        let rate = Fact::FxClose(pair, day.parse().unwrap(), version(0), "1.5".parse().unwrap());
        (Told::Follows(rate), 1)
    };
    let taxable = ["taxable_income"];
    assert_eq!(after(&[&year, &foreign, &[rate("2024-09-04")]], &taxable), ["2024-25 taxable_income 52750"]);
    assert_eq!(after(&[&year, &foreign, &[rate("2024-09-02")]], &taxable).len(), 1, "that is too long ago");
    assert!(after(&[&year, &foreign, &[rate("2024-09-02")]], &taxable)[0].contains("fx_close"));
}

#[test]
fn a_foreign_gain_is_translated_at_the_rates_of_its_days() {
    let rate = |day: &str, rate: &str| {
        let pair = evenkeel_schemas::Pair { base: "USD".parse().unwrap(), quote: Currency::AUD };
        let fact = Fact::FxClose(pair, day.parse().unwrap(), version(0), rate.parse().unwrap());
        (Told::Follows(fact), 1)
    };
    let known = [
        (listed("USD"), 1),
        (taxpayer("2020-07-01", "50000"), 1),
        (gain("s1", "2024-07-10", "2024-09-10", "2000", "1000"), 1),
        rate("2024-07-10", "1.4"),
    ];
    // 2,000 at 1.6 less 1,000 at 1.4.
    let sold = [rate("2024-09-10", "1.6")];
    assert_eq!(after(&[&known, &sold], &["net_capital_gain"]), ["2024-25 net_capital_gain 1800"]);
    assert!(after(&[&known], &["net_capital_gain"])[0].contains("of 2024-09-10"));
}

#[test]
fn a_year_before_the_law_is_left_out_with_a_word() {
    let known = [
        (listed("AUD"), 1),
        (taxpayer("2010-07-01", "0"), 1),
        (gain("s1", "2010-08-10", "2011-01-10", "1000", "9000"), 1),
        (gain("s2", "2019-07-10", "2019-09-10", "11000", "1000"), 1),
    ];
    assert_eq!(
        after(&[&known], &["net_capital_gain"]),
        [
            "2010-11: no law at hand before 2019-20: years before are left out",
            "2019-20 net_capital_gain 10000"
        ]
    );
}

#[test]
fn a_gain_under_the_regime_of_2027_is_rebased_on_the_close_of_the_day_before() {
    let known = [
        (listed("AUD"), 1),
        (taxpayer("2020-07-01", "100000"), 1),
        (gain("s1", "2026-01-10", "2027-07-10", "2000", "1000"), 1),
    ];
    let missing = after(&[&known], &["net_capital_gain"]);
    assert!(missing[0].starts_with("2027-28: ") && missing[0].contains("s1"), "{missing:?}");
    // Deferred 500, discounted; accrued 2,000 less 1,500 without a rise of the index.
    let price = "1500".parse().unwrap();
    let quarter = "2027-Q3".parse().unwrap();
    let market = [
        (Told::Follows(Fact::RebasingClose(VAS, version(5), price)), 1),
        (Told::Follows(Fact::Cpi(quarter, version(6), "150".parse().unwrap())), 1),
    ];
    assert_eq!(after(&[&known, &market], &["net_capital_gain"]), ["2027-28 net_capital_gain 750"]);
}

#[test]
fn trades_of_a_distribution_are_on_the_basis_of_its_ex_date() {
    let whole = |units: i64| Quantity::from_whole(units).unwrap();
    let trade = |of: InstrumentId, event: &str, date: &str, units: i128| Trade {
        instrument: of,
        held_from: date.parse().unwrap(),
        date: date.parse().unwrap(),
        event: event.into(),
        units: units * 1_000_000,
    };
    let action = |date: &str, number, what| {
        let date = date.parse().unwrap();
        Arc::new(CorporateAction { date, number, name: "m".into(), currency: Currency::AUD, what })
    };
    let merger = Corporate::Merger { into: NEW, new: whole(2), old: whole(1), cash: "0".parse().unwrap() };
    let split = Corporate::Split { new: whole(10), old: whole(1), in_lieu: None };
    let of_vas = BTreeMap::from([(action("2024-06-01", 1, merger), 1)]);
    let of_new = BTreeMap::from([(action("2024-08-01", 2, split), 1)]);
    let actions = BTreeMap::from([(VAS, of_vas), (NEW, of_new)]);
    let trades = vec![
        trade(VAS, "b1", "2024-01-01", 10),
        trade(VAS, "s1", "2024-02-01", -4),
        trade(NEW, "b2", "2024-03-01", 7),
        trade(NEW, "s2", "2024-09-01", -40),
    ];
    let told = |of, ex_date: &str| -> Vec<(String, i128)> {
        let all = trades_for(of, ex_date.parse().unwrap(), trades.clone(), &actions);
        all.into_iter().map(|trade| (trade.event.to_string(), trade.units / 1_000_000)).collect()
    };
    let words = |all: &[(&str, i128)]| -> Vec<(String, i128)> {
        all.iter().map(|(event, units)| ((*event).to_owned(), *units)).collect()
    };
    // Before the merger: 40 of the later one are 4 after its split and 2 of before the merger.
    assert_eq!(told(VAS, "2024-04-01"), words(&[("b1", 10), ("s1", -4), ("s2", -2)]));
    // Between merger and split: what came counts since it was bought.
    assert_eq!(told(NEW, "2024-07-01"), words(&[("b1", 20), ("s1", -8), ("b2", 7), ("s2", -4)]));
    // Of the other instrument before the merger: what was held of it, and no more than that can be sold.
    assert_eq!(told(NEW, "2024-04-01"), words(&[("b2", 7), ("s2", -4)]));
    let oversold = vec![trade(VAS, "b1", "2024-01-01", 10), trade(VAS, "s1", "2024-02-01", -40)];
    let cut = trades_for(VAS, "2024-01-10".parse().unwrap(), oversold, &BTreeMap::new());
    assert_eq!(cut[1].units, -10_000_000);
}

#[test]
fn what_is_written_between_quotes_has_none() {
    let mut books = Books::default();
    let mut out = Vec::new();
    let received = Received {
        date: "2024-09-10".parse().unwrap(),
        currency: Currency::AUD,
        amount: money("70000"),
        kind: Income::Distribution(None, "1".parse().unwrap(), "2024-08-20".parse().unwrap()),
    };
    let said = [
        listed("AUD"),
        taxpayer("2020-07-01", "200000"),
        gain("s1", "2022-01-10", "2024-09-10", "30000", "20000"),
        gain("s2", "2024-01-10", "2024-09-10", "10000", "20000"),
        statement(TaxFact::Received("d1".into(), received)),
    ];
    books.step(said.into_iter().map(|told| (told, 1)).collect(), &mut out);
    for (told, _) in &out {
        let text = match told {
            Told::Row(Row::Tax(row)) => format!("{}{}{}{}", row.line, row.label, row.rule, row.sources),
            Told::Fault(_, AnomalyKind::Tax(_, reason)) => reason.to_string(),
            _ => String::new(),
        };
        assert!(!text.contains(['"', '\\', '\n']), "{text}");
    }
    assert!(!out.is_empty());
}
