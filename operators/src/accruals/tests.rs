use std::sync::Arc;

use evenkeel_schemas::events::FeeTier;
use evenkeel_schemas::{
    Currency, CustomerId, Instant, InstrumentId, Labels, Money, Quantity, Row, TradeDate,
};

use super::Change;
use super::books::Books;
use crate::epochwise::Changes;
use crate::facts::{Booked, Corporate, CorporateAction, Fact, FeeSchedule, TaxFact, Version};
use crate::known::Known;
use crate::told::Told;

const ANN: CustomerId = CustomerId(1);
const VAS: InstrumentId = InstrumentId(1);

fn date(text: &str) -> TradeDate {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn version(number: u64) -> Version {
    Version { at: Instant::from_micros(0), number }
}

fn posted(day: &str, value_date: &str, amount: &str) -> Change {
    let booked = Booked { date: date(day), value_date: date(value_date) };
    Change::Fact(Fact::Posting(ANN, Currency::AUD, booked, money(amount)))
}

fn bought(day: &str, units: i64) -> Change {
    Change::Fact(Fact::Movement(ANN, VAS, date(day), Quantity::from_whole(units).unwrap()))
}

fn close(day: &str, price: &str) -> Change {
    Change::Fact(Fact::Close(VAS, date(day), version(0), price.parse().unwrap()))
}

fn interest(from: &str, rate: &str) -> Change {
    Change::Fact(Fact::InterestRate(Currency::AUD, date(from), version(0), rate.parse().unwrap()))
}

fn fees(from: &str, flat: &str, tiers: &[(&str, &str)]) -> Change {
    let tier = |(above, rate): &(&str, &str)| FeeTier { above: money(above), rate: rate.parse().unwrap() };
    let schedule = FeeSchedule { flat: money(flat), tiers: tiers.iter().map(tier).collect() };
    Change::Fact(Fact::FeeSchedule(ANN, date(from), version(0), Arc::new(schedule)))
}

fn known() -> [Change; 2] {
    [Known::Base(ANN, Currency::AUD), Known::Terms(VAS, Currency::AUD, Labels::default())].map(Change::Known)
}

/// All that stands after some steps, in words.
#[derive(Default)]
struct House {
    books: Books,
    told: Changes<Told>,
}

impl House {
    fn new(changes: impl IntoIterator<Item = Change>) -> House {
        let mut house = House::default();
        house.step(known().into_iter().chain(changes).map(|change| (change, 1)).collect());
        house
    }

    fn step(&mut self, changes: Changes<Change>) {
        self.books.step(changes, &mut self.told);
    }

    fn come(&mut self, change: Change) {
        self.step(vec![(change, 1)]);
    }

    fn go(&mut self, change: Change) {
        self.step(vec![(change, -1)]);
    }

    fn stands(&mut self) -> Vec<String> {
        differential_dataflow::consolidation::consolidate(&mut self.told);
        assert!(self.told.iter().all(|(_, times)| *times == 1), "{:?}", self.told);
        let word = |told: &Told| match told {
            Told::Row(Row::Accrual(row)) => {
                let (kind, status) = (row.kind.as_str(), row.status.as_str());
                format!("{kind} {} to {}: {}, {status}", row.from, row.until, row.amount)
            }
            Told::Follows(Fact::Posting(_, _, booked, amount)) => format!("{}: {amount}", booked.date),
            Told::Follows(Fact::Tax(_, fact)) => match &**fact {
                TaxFact::Received(name, received) => format!("{name} {}", received.amount),
                other => format!("{other:?}"),
            },
            Told::Fault(_, kind) => kind.as_str().to_owned(),
            other => format!("{other:?}"),
        };
        let mut words: Vec<String> = self.told.iter().map(|(told, _)| word(told)).collect();
        words.sort();
        words
    }
}

#[test]
fn settled_balances_earn_from_day_to_day_and_are_paid_on_the_first() {
    let mut house = House::new([
        interest("2026-01-01", "0.0365"),
        posted("2026-01-11", "2026-01-11", "10000"),
        // Sold on the 20th, settled on the 22nd.
        posted("2026-01-20", "2026-01-22", "5000"),
        close("2026-01-31", "1"),
    ]);
    // A day earns 1 per 10,000: 11 days of 10,000 and 10 of 15,000.
    let expected = ["interest 2026-01-11 to 2026-01-31: 26, accrued"];
    assert_eq!(house.stands(), expected);
    house.come(close("2026-02-02", "1"));
    // Two days of 15,026 follow.
    assert_eq!(
        house.stands(),
        [
            "2026-02-01: 26",
            "interest 2026-01-11 to 2026-01-31: 26, paid",
            "interest 2026-02-01 to 2026-02-02: 3.0052, accrued",
            "interest:AUD:2026-01 26",
        ]
    );
    // A late deposit, a better rate from a day on, and all of it back.
    house.come(posted("2026-01-30", "2026-01-30", "20000"));
    house.come(interest("2026-02-02", "0.073"));
    assert_eq!(house.stands()[0], "2026-02-01: 30");
    assert!(house.stands().contains(&"interest 2026-02-01 to 2026-02-02: 10.509, accrued".to_owned()));
    house.go(posted("2026-01-30", "2026-01-30", "20000"));
    house.go(interest("2026-02-02", "0.073"));
    house.go(close("2026-02-02", "1"));
    assert_eq!(house.stands(), expected);
    house.go(interest("2026-01-01", "0.0365"));
    assert!(house.stands().is_empty());
}

#[test]
fn fees_are_slices_of_nav_at_the_closing_marks() {
    // A year costs 365 and 1% of what is above 10,000 up to 20,000, and half of it beyond.
    let mut house = House::new([
        fees("2026-03-30", "365", &[("10000", "0.01"), ("20000", "0.005")]),
        posted("2026-03-01", "2026-03-01", "10000"),
        bought("2026-03-01", 100),
        close("2026-03-30", "120"),
        close("2026-04-01", "200"),
    ]);
    // On 22,000: 1 + 100/365 + 10/365 for each of the last two days of March.
    assert_eq!(
        house.stands(),
        [
            "2026-04-01: -2.6",
            "fee 2026-03-30 to 2026-03-31: 2.60274, paid",
            // On 10,000 − 2.6 + 20,000: 1 + 100/365 + 49.987/365.
            "fee 2026-04-01 to 2026-04-01: 1.410923, accrued",
        ]
    );
    // Two for one on the last day of March.
    let split = CorporateAction {
        date: date("2026-03-31"),
        number: 9,
        name: "s".into(),
        currency: Currency::AUD,
        what: Corporate::Split {
            new: Quantity::from_whole(2).unwrap(),
            old: Quantity::from_whole(1).unwrap(),
            in_lieu: None,
        },
    };
    house.come(Change::Fact(Fact::Corporate(VAS, Arc::new(split))));
    assert_eq!(house.stands()[0], "2026-04-01: -2.6", "the mark of before is restated");
    house.come(close("2026-03-31", "60"));
    assert_eq!(house.stands()[0], "2026-04-01: -2.6", "what is worth the same costs the same");
}

#[test]
fn without_a_mark_there_is_no_fee_and_a_word() {
    let mut house = House::new([
        fees("2026-03-30", "0", &[("0", "0.01")]),
        bought("2026-03-30", 100),
        close("2026-04-01", "100"),
    ]);
    assert_eq!(house.stands(), ["fee 2026-04-01 to 2026-04-01: 0.273973, accrued", "fees_unknown"]);
    house.come(close("2026-03-30", "365"));
    assert_eq!(
        house.stands(),
        [
            "2026-04-01: -2",
            "fee 2026-03-30 to 2026-03-31: 2, paid",
            "fee 2026-04-01 to 2026-04-01: 0.273918, accrued"
        ]
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]
    #[test]
    fn any_order_of_arrival_ends_at_the_same(
        days in proptest::collection::vec((0_usize..6, 1_i64..28, 1_i64..5, 0_i64..900, proptest::bool::ANY), 1..40),
    ) {
        let mut house = House::new([]);
        let mut stand: Vec<Change> = Vec::new();
        for (what, day, month, number, goes) in days {
            let day = format!("2026-{month:02}-{day:02}");
            let (from, rate) = (day.as_str(), format!("0.{number:03}"));
            let change = match what {
                0 => posted(from, from, &format!("{}.37", number - 200)),
                1 => bought(from, number - 100),
                2 => close(from, &format!("{}", number + 1)),
                3 => interest(from, &rate),
                4 => fees(from, &format!("{number}"), &[("0", "0.01"), ("5000", "0.007")]),
                _ => close(from, &format!("{}.25", number + 1)),
            };
            if goes && !stand.is_empty() {
                let gone = stand.swap_remove(number as usize % stand.len());
                house.go(gone);
            }
            // Of one day and version there is one mark.
            let same = |known: &Change| match (known, &change) {
                (Change::Fact(Fact::Close(_, a, ..)), Change::Fact(Fact::Close(_, b, ..))) => a == b,
                (Change::Fact(Fact::InterestRate(_, a, ..)), Change::Fact(Fact::InterestRate(_, b, ..))) => a == b,
                (Change::Fact(Fact::FeeSchedule(_, a, ..)), Change::Fact(Fact::FeeSchedule(_, b, ..))) => a == b,
                _ => false,
            };
            if !stand.iter().any(same) {
                house.come(change.clone());
                stand.push(change);
            }
        }
        let mut fresh = House::new(stand);
        proptest::prop_assert_eq!(house.stands(), fresh.stands());
    }
}
