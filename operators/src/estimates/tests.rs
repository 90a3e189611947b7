use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_estimates::{Action, Adjustment, Mark, ReturnRule, daily_returns};
use evenkeel_schemas::{Currency, Instant, InstrumentId, Price, Quantity, Ratio, Row, TradeDate};
use proptest::prelude::*;

use super::books::Books;
use super::ratio;
use crate::epochwise::Changes;
use crate::facts::{Corporate, CorporateAction, Fact, Figures, Version};

const DAYS: i64 = 75;

fn day(number: i64) -> TradeDate {
    Instant::from_micros(number * 86_400_000_000).date()
}

fn usd() -> Currency {
    "USD".parse().unwrap()
}

fn version(number: u64) -> Version {
    Version { at: Instant::from_micros(0), number }
}

fn close(instrument: u32, number: i64, version_: u64, price: &str) -> Fact {
    Fact::Close(InstrumentId(instrument), day(number), version(version_), price.parse().unwrap())
}

fn listed(instrument: u32, number: u64, currency: Currency) -> Fact {
    let figures = Figures {
        currency,
        daily_value: Some(format!("{}", 1_000 * (instrument + 1)).parse().unwrap()),
        distribution_yield: Some("0.04".parse().unwrap()),
        franked_fraction: None,
    };
    Fact::Listed(InstrumentId(instrument), version(number), Box::new(figures))
}

fn action(instrument: u32, number: i64, what: Corporate) -> Fact {
    let action = CorporateAction {
        date: day(number),
        number: number as u64,
        name: "it".into(),
        currency: Currency::AUD,
        what,
    };
    Fact::Corporate(InstrumentId(instrument), Arc::new(action))
}

fn split(instrument: u32, number: i64, new: &str, old: &str) -> Fact {
    let (new, old) = (new.parse().unwrap(), old.parse().unwrap());
    action(instrument, number, Corporate::Split { new, old, in_lieu: None })
}

fn distribution(instrument: u32, number: i64, amount: &str) -> Fact {
    let what = Corporate::Distribution {
        amount: amount.parse().unwrap(),
        franked_fraction: "0.5".parse().unwrap(),
        pay_date: day(number),
        reinvestment_price: None,
        lots: false,
    };
    action(instrument, number, what)
}

#[derive(Default)]
struct House {
    books: Books,
    standing: BTreeMap<Row, isize>,
}

impl House {
    fn mark(&mut self, changes: Changes<Fact>) -> Changes<Row> {
        let mut out = Vec::new();
        self.books.step(changes, &mut out);
        for (row, diff) in &out {
            let count = self.standing.entry(row.clone()).or_default();
            *count += diff;
            if *count == 0 {
                self.standing.remove(row);
            }
        }
        assert!(self.standing.values().all(|count| *count == 1), "each row once");
        out
    }

    fn come(&mut self, facts: impl IntoIterator<Item = Fact>) -> Changes<Row> {
        self.mark(facts.into_iter().map(|fact| (fact, 1)).collect())
    }

    fn returns(&self, of: u32) -> Vec<(i64, String)> {
        let rows = self.standing.keys().filter_map(|row| match row {
            Row::Return(row) if row.instrument.0 == of => {
                Some((i64::from(row.date.days()), row.price_return.to_string()))
            }
            _ => None,
        });
        rows.collect()
    }
}

fn told(of: &[(i64, &str)]) -> Vec<(i64, String)> {
    of.iter().map(|(day, value)| (*day, (*value).to_owned())).collect()
}

/// 10, 11, then two for one and 6, then 5.40: +10%, 2 · 6 / 11 − 1, −10%.
#[test]
fn returns_by_pencil() {
    let mut house = House::default();
    house.come([listed(1, 1, Currency::AUD), close(1, 0, 2, "10"), close(1, 1, 3, "11")]);
    assert_eq!(house.returns(1), told(&[(1, "0.1")]));
    house.come([split(1, 2, "2", "1"), close(1, 2, 4, "6"), close(1, 3, 5, "5.4")]);
    assert_eq!(house.returns(1), told(&[(1, "0.1"), (2, "0.090909091"), (3, "-0.1")]));
    // A correction restates the days beside it and no other.
    let changed = house.mark(vec![(close(1, 1, 3, "11"), -1), (close(1, 1, 6, "12"), 1)]);
    assert_eq!(house.returns(1), told(&[(1, "0.2"), (2, "0"), (3, "-0.1")]));
    assert_eq!(changed.len(), 4);
    // Without the split the price has halved.
    let changed = house.mark(vec![(split(1, 2, "2", "1"), -1)]);
    assert_eq!((house.returns(1)[1].1.as_str(), changed.len()), ("-0.5", 2));
    // A second statement of a close counts while it is the latest.
    house.come([close(1, 3, 9, "9"), close(1, 3, 1, "1")]);
    assert_eq!(house.returns(1)[2], (3, "0.5".to_owned()));
}

/// A day of which most have no mark is none of the calendar; an instrument without a mark has no return over the gap.
#[test]
fn gaps_and_strange_prices_give_no_return() {
    let mut house = House::default();
    house.come((0..3).map(|of| listed(of, 1, Currency::AUD)));
    house.come((0..3).flat_map(|of| (0..4).map(move |number| close(of, number, 2, "10"))));
    house.mark(vec![(close(0, 2, 2, "10"), -1)]);
    assert_eq!(house.returns(0), told(&[(1, "0")]));
    assert_eq!(house.returns(1), told(&[(1, "0"), (2, "0"), (3, "0")]));
    // Now day 2 has one mark of three: the returns of day 3 are from day 1 on.
    house.mark(vec![(close(1, 2, 2, "10"), -1)]);
    for of in 0..3 {
        assert_eq!(house.returns(of), told(&[(1, "0"), (3, "0")]));
    }
    // More than three times the close before is a mistake, or a split that nobody has told.
    house.come([close(2, 3, 7, "31")]);
    assert_eq!(house.returns(2), told(&[(1, "0")]));
    // What is not listed has no returns; what is listed in another currency has a calendar of its own.
    house.mark(vec![(listed(0, 1, Currency::AUD), -1), (listed(1, 8, usd()), 1)]);
    assert_eq!(house.returns(0), []);
    assert_eq!(house.returns(1), told(&[(1, "0"), (3, "0")]));
}

fn price(of: u32, number: i64) -> String {
    let mixed =
        (number as u64 * 7_919 + u64::from(of) * 104_729 + 17).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    format!("{}.{:02}", 20 + of, mixed % 100)
}

fn year(instruments: u32) -> Vec<Fact> {
    let mut facts: Vec<Fact> = (0..instruments).map(|of| listed(of, 1, Currency::AUD)).collect();
    facts.extend(
        (0..DAYS).flat_map(|number| (0..instruments).map(move |of| close(of, number, 2, &price(of, number)))),
    );
    facts
}

fn count(house: &House, is: impl Fn(&Row) -> bool) -> usize {
    house.standing.keys().filter(|row| is(row)).count()
}

#[test]
fn estimates_begin_with_sixty_returns() {
    let mut house = House::default();
    let early = |fact: &Fact| !matches!(fact, Fact::Close(_, date, ..) if date.days() > 59);
    house.come(year(3).into_iter().filter(early));
    assert_eq!(count(&house, |row| !matches!(row, Row::Return(_))), 0);
    house.come((0..3).map(|of| close(of, 60, 2, &price(of, 60))));
    assert_eq!(count(&house, |row| matches!(row, Row::Estimate(_))), 3);
    assert_eq!(count(&house, |row| matches!(row, Row::Covariance(_))), 6);
    for row in house.standing.keys() {
        if let Row::Estimate(row) = row {
            assert_eq!((row.observations, row.as_of, row.first_day), (60, day(60), day(1)));
            assert_eq!(row.distribution_yield, "0.04".parse().unwrap(), "as listed");
            let own = |other: &Row| match other {
                Row::Covariance(own) if (own.instrument, own.other) == (row.instrument, row.instrument) => {
                    Some((own.covariance.to_f64(), own.covariance_ewma.to_f64()))
                }
                _ => None,
            };
            let (variance, ewma) = house.standing.keys().find_map(own).unwrap();
            assert!((row.volatility.to_f64().powi(2) - variance).abs() < 1e-6);
            assert!((row.volatility_ewma.to_f64().powi(2) - ewma).abs() < 1e-6);
        }
    }
    // Nothing changed, nothing is told.
    assert!(house.come([]).is_empty());
    // The market's beta, by what is traded, is 1.
    let betas = house.standing.keys().filter_map(|row| match row {
        Row::Estimate(row) => Some(row.beta.to_f64() * f64::from(row.instrument.0 + 1) / 6.0),
        _ => None,
    });
    assert!((betas.sum::<f64>() - 1.0).abs() < 1e-8);
}

/// More instruments than pairs are kept of: loadings, and what is left of the variance.
#[test]
fn many_instruments_are_told_by_factors() {
    let mut house = House::default();
    house.come(year(101));
    assert_eq!(count(&house, |row| matches!(row, Row::Covariance(_))), 0);
    let mut explained: BTreeMap<InstrumentId, f64> = BTreeMap::new();
    for row in house.standing.keys() {
        if let Row::FactorLoading(row) = row {
            *explained.entry(row.instrument).or_default() += row.loading.to_f64().powi(2);
        }
    }
    assert_eq!(explained.len(), 101);
    for row in house.standing.keys() {
        if let Row::Estimate(row) = row {
            let variance = explained[&row.instrument] + row.specific_variance.to_f64();
            assert!((row.volatility.to_f64().powi(2) - variance).abs() < 1e-6, "{row:?}");
        }
    }
    // One is delisted: pairs again.
    let before = house.standing.len();
    house.mark(vec![(listed(100, 1, Currency::AUD), -1)]);
    assert_eq!(count(&house, |row| matches!(row, Row::Covariance(_))), 5_050);
    assert_eq!(count(&house, |row| matches!(row, Row::FactorLoading(_))), 0);
    house.come([listed(100, 1, Currency::AUD)]);
    assert_eq!(house.standing.len(), before);
}

/// What stands, from a whole table of marks.
fn returns_anew(standing: &[Fact]) -> Vec<Row> {
    let mut rows = Vec::new();
    for currency in [Currency::AUD, usd()] {
        let mut listings: BTreeMap<InstrumentId, (Version, Currency)> = BTreeMap::new();
        let mut closes: BTreeMap<(InstrumentId, TradeDate), (Version, Price)> = BTreeMap::new();
        for fact in standing {
            match fact {
                Fact::Listed(id, version, figures) => {
                    let now = listings.entry(*id).or_insert((*version, figures.currency));
                    *now = (*now).max((*version, figures.currency));
                }
                Fact::Close(id, date, version, price) => {
                    let now = closes.entry((*id, *date)).or_insert((*version, *price));
                    *now = (*now).max((*version, *price));
                }
                _ => {}
            }
        }
        let member = |id: &InstrumentId| listings.get(id).is_some_and(|(_, listed)| *listed == currency);
        let marks: Vec<Mark> = closes
            .into_iter()
            .filter(|((id, _), _)| member(id))
            .map(|((instrument, date), (_, price))| Mark { instrument, date, price })
            .collect();
        let adjustments: Vec<Adjustment> = standing
            .iter()
            .filter_map(|fact| match fact {
                Fact::Corporate(instrument, action) => match action.what {
                    Corporate::Split { new, old, .. } => Some(Adjustment {
                        instrument: *instrument,
                        ex_date: action.date,
                        action: Action::Split { new, old },
                    }),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let rule = ReturnRule { distributions: false, ..ReturnRule::default() };
        let Ok(table) = daily_returns(&marks, &adjustments, &rule) else { continue };
        for (t, date) in table.dates().iter().enumerate() {
            for (i, instrument) in table.instruments().iter().enumerate() {
                if let Some(value) = table.get(t, i) {
                    let price_return: Ratio = ratio(value);
                    rows.push(Row::Return(evenkeel_schemas::ReturnRow {
                        instrument: *instrument,
                        date: *date,
                        price_return,
                    }));
                }
            }
        }
    }
    rows.sort_unstable();
    rows
}

/// A fact that may come, or go if it stands.
fn fact() -> impl Strategy<Value = Fact> {
    let cents = 1_500..2_600_i64;
    let quantity = |units: i64| Quantity::from_raw(units * 1_000_000);
    prop_oneof![
        12 => (0..4_u32, 0..DAYS + 6, 0..4_u64, cents).prop_map(|(of, number, said, cents)| {
            close(of, number, said, &format!("{}.{:02}", cents / 100, cents % 100))
        }),
        2 => (0..4_u32, 0..DAYS, 1..4_i64, 1..4_i64).prop_map(move |(of, number, new, old)| {
            action(of, number, Corporate::Split { new: quantity(new), old: quantity(old), in_lieu: None })
        }),
        1 => (0..4_u32, 0..DAYS).prop_map(|(of, number)| distribution(of, number, "0.25")),
        1 => (0..4_u32, 0..4_u64, any::<bool>()).prop_map(|(of, number, far)| {
            listed(of, number, if far { usd() } else { Currency::AUD })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever comes and goes: the rows are those of everything at once, in any order; the returns those of a whole
    /// table; and nothing is left when everything is taken back.
    #[test]
    fn kept_up_is_worked_out_anew(
        skipped in proptest::collection::vec((0..4_u32, 0..DAYS), 0..40),
        facts in proptest::collection::vec((fact(), 0..5_usize), 1..40),
        turn in 0..1_000_usize,
    ) {
        let mut house = House::default();
        let there = |fact: &Fact| match fact {
            Fact::Close(of, date, ..) => !skipped.contains(&(of.0, i64::from(date.days()))),
            _ => true,
        };
        let mut standing: Vec<Fact> = year(4).into_iter().filter(there).collect();
        house.come(standing.clone());
        let mut waiting = Vec::new();
        for (fact, pace) in facts {
            match standing.iter().position(|known| *known == fact) {
                Some(at) => {
                    standing.remove(at);
                    waiting.push((fact, -1));
                }
                None => {
                    standing.push(fact.clone());
                    waiting.push((fact, 1));
                }
            }
            if pace == 0 {
                house.mark(std::mem::take(&mut waiting));
                let now: Vec<Row> =
                    house.standing.keys().filter(|row| matches!(row, Row::Return(_))).cloned().collect();
                prop_assert_eq!(now, returns_anew(&standing));
            }
        }
        waiting.reverse();
        house.mark(waiting);
        let mut anew = House::default();
        let places = standing.len();
        standing.rotate_left(turn % places);
        anew.come(standing.clone());
        prop_assert_eq!(&anew.standing, &house.standing);
        house.mark(standing.into_iter().map(|fact| (fact, -1)).collect());
        prop_assert!(house.standing.is_empty());
    }
}
