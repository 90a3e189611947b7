use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{
    Currency, CustomerId, Instant, InstrumentId, Label, Labels, LotRow, Measure, Money, Pair, Price, Rate,
    Ratio, TradeDate,
};

use super::books::Books;
use super::{Change, Harvest};
use crate::epochwise::Changes;
use crate::facts::{HarvestPolicy, Version};
use crate::known::Known;

const CUSTOMER: CustomerId = CustomerId(7);
const HELD: InstrumentId = InstrumentId(1);
/// Moves almost as the one held does.
const ALIKE: InstrumentId = InstrumentId(2);
/// Moves as the one held does.
const TWIN: InstrumentId = InstrumentId(3);
/// Of another bucket.
const OTHER: InstrumentId = InstrumentId(4);

fn version(number: u64) -> Version {
    Version { at: Instant::from_micros(0), number }
}

fn day(number: i64) -> TradeDate {
    Instant::from_micros(number * 86_400_000_000).date()
}

/// Seventy closes of each. The twin moves as the held one does; the one alike does so on six days of seven.
fn closes() -> Vec<Change> {
    let mut closes = Vec::new();
    for (instrument, seventh) in [(HELD, 1), (ALIKE, -1), (TWIN, 1), (OTHER, 1)] {
        let mut price = 100_000_000_i64;
        for number in 0..70 {
            closes.push(Change::Close(instrument, day(number), version(0), Price::from_raw(price)));
            let step = if number % 2 == 0 { price / 100 } else { -price / 100 };
            price += if number % 7 == 0 { seventh * step } else { step };
        }
    }
    closes
}

fn policy() -> HarvestPolicy {
    HarvestPolicy {
        rate: "0.3".parse().unwrap(),
        threshold: "100".parse().unwrap(),
        commission: "10".parse().unwrap(),
        trade_cost: "0.001".parse().unwrap(),
        tracking_aversion: Ratio::ZERO,
        correlation_max: "0.99".parse().unwrap(),
    }
}

fn lot(instrument: InstrumentId, name: &str, acquired: i64, quantity: &str, cost_base: &str) -> Change {
    let (quantity, cost_base) = (quantity.parse().unwrap(), cost_base.parse().unwrap());
    Change::Lot(Box::new(LotRow {
        customer: CUSTOMER,
        instrument,
        lot: name.into(),
        acquired: day(acquired),
        quantity,
        cost_base,
    }))
}

fn price(text: &str) -> Change {
    Change::Known(Known::Price(HELD, text.parse().unwrap()))
}

struct House {
    books: Books,
    last: Option<Change>,
}

impl House {
    /// A hundred units that cost 10,000, in AUD, with a policy and no price.
    fn new() -> House {
        let mut house = House { books: Books::default(), last: None };
        let (equity, bond) = (Label(1), Label(2));
        let mut changes = closes();
        for (instrument, label) in [(HELD, equity), (ALIKE, equity), (TWIN, equity), (OTHER, bond)] {
            let labels = Labels([label, Label::NONE, Label::NONE]);
            changes.push(Change::Known(Known::Terms(instrument, Currency::AUD, labels)));
        }
        changes.push(Change::Known(Known::Base(CUSTOMER, Currency::AUD)));
        changes.push(Change::Policy(CUSTOMER, version(1), policy()));
        changes.push(lot(HELD, "old", -400, "100", "10000"));
        assert!(house.step(changes.into_iter().map(|change| (change, 1)).collect()).is_empty());
        house
    }

    fn step(&mut self, changes: Changes<Change>) -> Changes<Harvest> {
        let mut out = Vec::new();
        self.books.step(changes, &mut out);
        out
    }

    fn come(&mut self, change: Change) -> Changes<Harvest> {
        self.step(vec![(change, 1)])
    }

    /// The price moves.
    fn price(&mut self, text: &str) -> Vec<(String, isize)> {
        let mut changes: Changes<Change> = self.last.take().map(|last| (last, -1)).into_iter().collect();
        changes.push((price(text), 1));
        self.last = Some(price(text));
        words(self.step(changes))
    }
}

fn words(out: Changes<Harvest>) -> Vec<(String, isize)> {
    let word = |harvest: Harvest| match harvest {
        Harvest::Candidate(row) => {
            format!("candidate, {} for {}, {}", row.replacement.0, row.instrument.0, row.flag())
        }
        Harvest::Crossed(_, crossed) => {
            assert_eq!(crossed.kind, TriggerKind::TaxOpportunity);
            assert_eq!(crossed.limit, Measure::Amount("100".parse::<Money>().unwrap()));
            format!("leaves {}", crossed.measure)
        }
    };
    out.into_iter().map(|(harvest, diff)| (word(harvest), diff)).collect()
}

fn expect(found: &[(String, isize)], expected: &[(&str, isize)]) {
    let found: Vec<(&str, isize)> = found.iter().map(|(word, diff)| (word.as_str(), *diff)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_candidate_enters_and_leaves_at_its_price() {
    let mut house = House::new();
    // 3,000 − 30.2 p > 120  ⇔  p < 95.36…
    assert!(house.price("95.37").is_empty());
    let entered = ["candidate, 2 for 1, clear", "leaves 100.128"];
    expect(&house.price("95.36"), &[(entered[0], 1), (entered[1], 1)]);
    assert!(house.price("80").is_empty(), "further down is the same candidate");
    expect(&house.price("96"), &[(entered[1], -1), (entered[0], -1)]);
}

#[test]
fn what_is_near_identical_replaces_nothing_and_is_evidence() {
    let mut house = House::new();
    house.price("80");
    // Bought on the day before the last close: 30/31 of a correlation of one.
    let words = words(house.come(lot(TWIN, "new", 68, "1", "1")));
    expect(&words, &[("candidate, 2 for 1, clear", -1), ("candidate, 2 for 1, wash_sale", 1)]);
    let row = house.step(vec![(lot(TWIN, "new", 68, "1", "1"), -1), (lot(TWIN, "new", 9, "1", "1"), 1)]);
    let Some((Harvest::Candidate(row), 1)) = row.into_iter().last() else { panic!("no candidate") };
    // Sixty days: a third.
    assert_eq!((row.wash_score.to_string().as_str(), row.flag()), ("0.333333333", "clear"));
    assert_eq!(row.purchase, Some((TWIN, day(9), "new".into())));
}

#[test]
fn a_lot_that_is_sold_itself_is_no_purchase() {
    let mut house = House::new();
    house.price("80");
    assert!(
        house.come(lot(HELD, "late", 69, "1", "100")).is_empty(),
        "it is at a loss and goes with the others"
    );
    let words = words(house.come(lot(HELD, "cheap", 69, "1", "70")));
    expect(&words, &[("candidate, 2 for 1, clear", -1), ("candidate, 2 for 1, wash_sale", 1)]);
}

#[test]
fn without_a_replacement_there_is_no_candidate() {
    let mut house = House::new();
    house.price("80");
    let strict = HarvestPolicy { correlation_max: "0.5".parse().unwrap(), ..policy() };
    let gone = words(house.step(vec![(Change::Policy(CUSTOMER, version(2), strict), 1)]));
    expect(&gone, &[("leaves 564", -1), ("candidate, 2 for 1, clear", -1)]);
    let back = words(house.step(vec![(Change::Policy(CUSTOMER, version(2), strict), -1)]));
    expect(&back, &[("candidate, 2 for 1, clear", 1), ("leaves 564", 1)]);
}

#[test]
fn tracking_costs_and_rates_count() {
    let mut house = House::new();
    house.price("90");
    // An aversion of 4 and a tracking variance of a seventh of 252 × 0.02², which is 1.44%: 2.9% of 9,000 are 259.
    let averse = HarvestPolicy { tracking_aversion: "4".parse().unwrap(), ..policy() };
    let gone = words(house.step(vec![(Change::Policy(CUSTOMER, version(2), averse), 1)]));
    expect(&gone, &[("leaves 262", -1), ("candidate, 2 for 1, clear", -1)]);
    // In a base currency that the instrument's is worth 0.4 of, 262 + 20 are 112.8 less 20.
    let mut house = House::new();
    house.price("90");
    let usd: Currency = "USD".parse().unwrap();
    let moved = house.step(vec![
        (Change::Known(Known::Base(CUSTOMER, Currency::AUD)), -1),
        (Change::Known(Known::Base(CUSTOMER, usd)), 1),
    ]);
    expect(&words(moved), &[("leaves 262", -1), ("candidate, 2 for 1, clear", -1)]);
    let rate = |text: &str| {
        let pair = Pair { base: Currency::AUD, quote: usd };
        Change::Known(Known::Conversion(pair, text.parse::<Rate>().unwrap()))
    };
    assert!(house.come(rate("0.4")).is_empty());
    let moved = house.step(vec![(rate("0.4"), -1), (rate("0.5"), 1)]);
    expect(&words(moved), &[("candidate, 2 for 1, clear", 1), ("leaves 121", 1)]);
}

/// A change by chance, with what it takes the place of.
fn replaced(state: &mut [Option<Change>], at: usize, change: Option<Change>) -> Changes<Change> {
    let old = std::mem::replace(&mut state[at], change.clone());
    old.into_iter().map(|old| (old, -1)).chain(change.into_iter().map(|new| (new, 1))).collect()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn what_was_told_along_the_way_is_what_a_fresh_look_tells(
        steps in proptest::collection::vec((0_usize..10, 0_i64..60, 0_i64..4), 1..60),
    ) {
        let mut house = House::new();
        // The twin is listed from the beginning.
        let mut state: Vec<Option<Change>> = vec![None; 10];
        let listed = |currency| {
            Change::Known(Known::Terms(TWIN, currency, Labels([Label(1), Label::NONE, Label::NONE])))
        };
        state[8] = Some(listed(Currency::AUD));
        let mut told: Vec<(Harvest, isize)> = Vec::new();
        let usd: Currency = "USD".parse().unwrap();
        for (what, number, kind) in steps {
            let units = format!("{}", number + 1);
            let change = match (what, kind) {
                (8, 0) => Some(listed(Currency::AUD)),
                (_, 0) => None,
                (0..=3, _) => Some(price(&format!("{}.5", 50 + number))),
                (4, _) => Some(lot(HELD, "one", number, &units, &format!("{}", 80 * (number + 1)))),
                (5, _) => Some(lot(HELD, "two", 69 - number, &units, &format!("{}", 110 * (number + 1)))),
                (6, _) => Some(lot(TWIN, "twin", number, "1", "1")),
                (7, 1) => Some(Change::Policy(CUSTOMER, version(2), HarvestPolicy { rate: Ratio::ZERO, ..policy() })),
                (7, _) => Some(Change::Policy(CUSTOMER, version(3), HarvestPolicy {
                    threshold: Money::from_whole(number * 20).unwrap(), ..policy()
                })),
                (8, _) => Some(listed(usd)),
                _ => Some(Change::Close(HELD, day(70), version(1), Price::from_raw(100_000_000 + number))),
            };
            // Prices share a place: of one thing at most one holds.
            let at = if what <= 3 { 0 } else { what };
            let changes = replaced(&mut state, at, change);
            told.extend(house.step(changes));
        }
        let mut fresh = House::new();
        let mut all: Changes<Change> = state.into_iter().flatten().map(|change| (change, 1)).collect();
        all.push((listed(Currency::AUD), -1));
        let mut expected = fresh.step(all);
        differential_dataflow::consolidation::consolidate(&mut told);
        expected.sort();
        // A reason keeps what it measured at its entry; which holdings are reasons is the same.
        let rows = |told: &[(Harvest, isize)]| -> Vec<(Harvest, isize)> {
            told.iter().filter(|(harvest, _)| matches!(harvest, Harvest::Candidate(_))).cloned().collect()
        };
        proptest::prop_assert_eq!(rows(&told), rows(&expected));
        proptest::prop_assert_eq!(told.len(), expected.len());
    }
}
