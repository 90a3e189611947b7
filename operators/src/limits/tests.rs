use std::collections::BTreeMap;

use differential_dataflow::input::Input;
use evenkeel_monitor::{Choice, Monitor, Options};
use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{
    CovarianceRow, Currency, CustomerId, EstimateModel, EstimateRow, InstrumentId, Labels, Measure, Money,
    PeakRow, Price, Quantity, Ratio, Row,
};

use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use super::{Guard, textbook};
use crate::epochwise::Changes;
use crate::facts::{Flow, RiskLimits};
use crate::known::Known;
use crate::monitoring::{Outcome, tell};
use crate::triggers::Crossed;
use crate::valuations::{Holdings, Quotes, Valuations, valuations};

const ANN: CustomerId = CustomerId(7);
const BOB: CustomerId = CustomerId(8);
const VAS: InstrumentId = InstrumentId(1);
const VGS: InstrumentId = InstrumentId(2);

fn concentration(limit: &str) -> RiskLimits {
    RiskLimits { concentration: Some(limit.parse().unwrap()), ..RiskLimits::default() }
}

fn stop(limit: &str) -> RiskLimits {
    RiskLimits { stop_loss: Some(limit.parse().unwrap()), ..RiskLimits::default() }
}

/// A guard beside the monitor of everybody.
struct House {
    main: Monitor,
    guard: Guard,
}

impl House {
    /// Ann and Bob have 400 AUD, 6 VAS and 2 VGS, at 100 each.
    fn new() -> House {
        let choice = Choice::Auto;
        let mut house = House { main: Monitor::new(Options { choice }), guard: Guard::new(choice) };
        for instrument in [VAS, VGS] {
            house.tell(Known::Terms(instrument, Currency::AUD, Labels::default()));
            house.price(instrument, "100");
        }
        for customer in [ANN, BOB] {
            house.tell(Known::Base(customer, Currency::AUD));
            house.tell(Known::Cash(customer, Currency::AUD, Money::from_whole(200).unwrap()));
            house.tell(Known::Position(customer, VAS, Quantity::from_whole(6).unwrap()));
            house.tell(Known::Position(customer, VGS, Quantity::from_whole(2).unwrap()));
        }
        house
    }

    fn tell(&mut self, known: Known) {
        tell(&known, true, &mut self.main);
        self.guard.tell(&known, true, &self.main);
    }

    fn price(&mut self, instrument: InstrumentId, text: &str) {
        self.tell(Known::Price(instrument, text.parse::<Price>().unwrap()));
    }

    fn limit(&mut self, customer: CustomerId, limits: RiskLimits) {
        self.tell(Known::Limits(customer, limits.into()));
    }

    fn close(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.guard.close(&mut out);
        let word = |((customer, crossed), diff): &((CustomerId, crate::triggers::Crossed), isize)| {
            let of = crossed.of.map_or("portfolio".to_owned(), |of| of.0.to_string());
            assert!(matches!(crossed.measure, Measure::Share(_)));
            format!("{diff:+} {} {} {of} {} of {}", customer.0, crossed.kind, crossed.measure, crossed.limit)
        };
        out.iter().map(word).collect()
    }
}

#[test]
fn an_instrument_is_concentrated_above_its_limit_and_not_at_it() {
    let mut house = House::new();
    assert!(house.close().is_empty());
    // 600 of 1,000, of Ann and of Bob, who has no limit.
    house.limit(ANN, concentration("0.6"));
    assert!(house.close().is_empty());
    // 606 of 1,006.
    house.price(VAS, "101");
    assert_eq!(house.close(), ["+1 7 concentration 1 0.602385686 of 0.6"]);
    house.price(VAS, "150");
    assert!(house.close().is_empty(), "further away is the same");
    // 900 of 1,500 by a deposit of 200.
    house.tell(Known::Cash(ANN, Currency::AUD, Money::from_whole(400).unwrap()));
    assert_eq!(house.close(), ["-1 7 concentration 1 0.602385686 of 0.6"]);
}

#[test]
fn limits_are_replaced_whole_and_leave_with_their_setting() {
    let mut house = House::new();
    house.limit(ANN, concentration("0.5"));
    house.limit(BOB, concentration("0.7"));
    assert_eq!(house.close(), ["+1 7 concentration 1 0.6 of 0.5"]);
    house.limit(ANN, concentration("0.55"));
    assert!(house.close().is_empty(), "it is still beyond: what it measured at entry stands");
    house.limit(ANN, stop("0.5"));
    assert_eq!(house.close(), ["-1 7 concentration 1 0.6 of 0.5"]);
    house.limit(ANN, concentration("0.55"));
    assert_eq!(house.close(), ["+1 7 concentration 1 0.6 of 0.55"]);
    let limits = Known::Limits(ANN, concentration("0.55").into());
    house.guard.tell(&limits, false, &house.main);
    assert_eq!(house.close(), ["-1 7 concentration 1 0.6 of 0.55"]);
    house.price(VAS, "500");
    assert_eq!(house.close(), ["+1 8 concentration 1 0.882352941 of 0.7"]);
}

#[test]
fn a_portfolio_without_a_worth_is_not_concentrated() {
    let mut house = House::new();
    house.limit(ANN, concentration("0.5"));
    assert_eq!(house.close().len(), 1);
    let price = Known::Price(VGS, "100".parse().unwrap());
    tell(&price, false, &mut house.main);
    house.guard.tell(&price, false, &house.main);
    assert_eq!(house.close(), ["-1 7 concentration 1 0.6 of 0.5"], "what of it is VGS nobody knows");
    house.price(VGS, "100");
    assert_eq!(house.close(), ["+1 7 concentration 1 0.6 of 0.5"]);
    // 800 less 900 of debt.
    house.tell(Known::Cash(ANN, Currency::AUD, Money::from_whole(-900).unwrap()));
    assert_eq!(house.close(), ["-1 7 concentration 1 0.6 of 0.5"]);
}

#[test]
fn a_stop_is_reached_at_its_price() {
    let mut house = House::new();
    house.limit(ANN, stop("0.1"));
    house.tell(Known::Cost(ANN, VAS, Box::new(("6".parse().unwrap(), "600".parse().unwrap()))));
    house.tell(Known::Cost(ANN, VGS, Box::new(("2".parse().unwrap(), "400".parse().unwrap()))));
    assert_eq!(house.close(), ["+1 7 stop_loss 2 0.5 of 0.1"]);
    house.price(VAS, "90.000001");
    assert!(house.close().is_empty());
    house.price(VAS, "90");
    assert_eq!(house.close(), ["+1 7 stop_loss 1 0.1 of 0.1"]);
    house.price(VAS, "1");
    assert!(house.close().is_empty());
    // Ten at 560 in all: 54.4 · 10 <= 504 is wrong.
    house.price(VAS, "54.4");
    house.tell(Known::Cost(ANN, VAS, Box::new(("10".parse().unwrap(), "560".parse().unwrap()))));
    assert_eq!(house.close(), ["-1 7 stop_loss 1 0.1 of 0.1"]);
    house.limit(ANN, stop("0.02"));
    assert_eq!(house.close(), ["+1 7 stop_loss 1 0.028571429 of 0.02"]);
    let gone = Known::Cost(ANN, VAS, Box::new(("10".parse().unwrap(), "560".parse().unwrap())));
    house.guard.tell(&gone, false, &house.main);
    assert_eq!(house.close(), ["-1 7 stop_loss 1 0.028571429 of 0.02"]);
}

fn drawdown(limit: &str) -> RiskLimits {
    RiskLimits { drawdown: Some(limit.parse().unwrap()), ..RiskLimits::default() }
}

impl House {
    /// A mark, and what it says of peaks.
    fn mark(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.guard.report(&mut out);
        let word = |(outcome, diff)| match outcome {
            Outcome::Reported(Row::Peak(row)) => format!("{diff:+} {} {}", row.customer.0, row.peak),
            Outcome::Breaching(customer, crossed) => {
                format!("{diff:+} {} {} {}", customer.0, crossed.kind.as_str(), crossed.measure)
            }
            outcome => panic!("{outcome:?}"),
        };
        out.into_iter().map(word).collect()
    }

    /// Money comes in, or goes out, and Ann has so much after that.
    fn flow(&mut self, number: u64, amount: &str, cash: &str) {
        let amount = Flow::Cash(Currency::AUD, amount.parse().unwrap());
        self.tell(Known::Flow(ANN, number, amount.into()));
        self.tell(Known::Cash(ANN, Currency::AUD, cash.parse().unwrap()));
    }
}

#[test]
fn a_fall_is_measured_from_the_peak_of_marks() {
    let mut house = House::new();
    house.limit(ANN, drawdown("0.1"));
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["+1 7 1000"], "it begins with the NAV there is");
    house.price(VAS, "150");
    assert!(house.close().is_empty());
    house.price(VAS, "120");
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["-1 7 1000", "+1 7 1120"], "what was between two marks is no peak");
    // 1,008 is 90% of 1,120: 608 in VAS.
    house.price(VAS, "101.333334");
    assert!(house.close().is_empty());
    house.price(VAS, "101.333333");
    assert_eq!(house.close(), ["+1 7 drawdown portfolio 0.100000002 of 0.1"]);
    assert!(house.mark().is_empty());
    house.price(VAS, "101.333334");
    assert_eq!(house.close(), ["-1 7 drawdown portfolio 0.100000002 of 0.1"]);
}

#[test]
fn what_flows_is_neither_gain_nor_loss() {
    let mut house = House::new();
    house.limit(ANN, drawdown("0.1"));
    house.close();
    house.price(VAS, "85");
    // 910 of 1,000.
    assert!(house.close().is_empty());
    house.flow(1, "-455", "-255");
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["+1 7 500"], "half of it is gone");
    house.price(VAS, "84");
    // 449 of 500.
    assert_eq!(house.close(), ["+1 7 drawdown portfolio 0.102 of 0.1"]);
    house.flow(2, "449", "194");
    assert!(house.close().is_empty(), "898 of 1,000");
    assert_eq!(house.mark(), ["-1 7 500", "+1 7 1000"]);
    // Units that arrive, at their value: 84 of it.
    house.tell(Known::Flow(ANN, 3, Flow::Units(VAS, Quantity::from_whole(1).unwrap()).into()));
    house.tell(Known::Position(ANN, VAS, Quantity::from_whole(7).unwrap()));
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["-1 7 1000", "+1 7 1093.541203"], "982 of 1,000 · 982 / 898");
    // All of it goes: there is nothing to link, and what comes then begins anew.
    house.flow(4, "-982", "-788");
    assert_eq!(house.close(), ["-1 7 drawdown portfolio 0.102 of 0.1"]);
    assert_eq!(house.mark(), ["-1 7 1093.541203"]);
    house.flow(5, "300", "-488");
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["+1 7 300"]);
}

#[test]
fn peaks_that_are_told_take_the_place_of_those_derived() {
    let mut house = House::new();
    house.limit(ANN, drawdown("0.1"));
    house.limit(BOB, drawdown("0.1"));
    house.close();
    let peak = PeakRow { customer: ANN, currency: Currency::AUD, peak: "1200".parse().unwrap() };
    house.tell(Known::Peaks([peak].into()));
    assert_eq!(house.close(), ["+1 7 drawdown portfolio 0.166666667 of 0.1"]);
    assert_eq!(house.mark(), ["+1 7 1200", "+1 8 1000"], "who is not among them begins anew");
    // Without a limit there is no peak, and a later one begins with the NAV of then.
    house.guard.tell(&Known::Limits(ANN, drawdown("0.1").into()), false, &house.main);
    assert_eq!(house.close(), ["-1 7 drawdown portfolio 0.166666667 of 0.1"]);
    assert_eq!(house.mark(), ["-1 7 1200"]);
    house.limit(ANN, drawdown("0.2"));
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["+1 7 1000"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    /// Prices, limits, portfolios and costs by chance: what was told along the way is what a plain look tells.
    #[test]
    fn what_was_told_along_the_way_is_what_a_plain_look_tells(
        steps in proptest::collection::vec((0_u8..8, 0_usize..2, 1_i64..40), 1..120),
    ) {
        let mut house = House::new();
        let (mut prices, mut cash) = ([100_i64; 2], [200_i64; 2]);
        let (mut units, mut costs) = ([[6_i64, 2]; 2], [[None::<(i64, i64)>; 2]; 2]);
        let mut limits = [RiskLimits::default(); 2];
        let mut told = std::collections::BTreeSet::new();
        for (what, at, number) in steps {
            let (customer, instrument) = ([ANN, BOB][number as usize % 2], [VAS, VGS][at]);
            let c = number as usize % 2;
            match what {
                0..=2 => {
                    prices[at] = 85 + number;
                    house.price(instrument, &format!("{}", prices[at]));
                }
                3 => {
                    let share = |percent: i64| Some(evenkeel_schemas::Ratio::from_raw(percent * 10_000_000));
                    let set = RiskLimits { concentration: share(30 + number), stop_loss: share(number), ..RiskLimits::default() };
                    limits[c] = set;
                    house.limit(customer, set);
                }
                4 => {
                    let gone = Known::Limits(customer, limits[c].into());
                    if limits[c] != RiskLimits::default() {
                        house.guard.tell(&gone, false, &house.main);
                    }
                    limits[c] = RiskLimits::default();
                }
                5 => {
                    cash[c] = number * 20 - 300;
                    house.tell(Known::Cash(customer, Currency::AUD, Money::from_whole(cash[c]).unwrap()));
                }
                6 => {
                    units[c][at] = number % 9;
                    let quantity = Quantity::from_whole(units[c][at]).unwrap();
                    let position = Known::Position(customer, instrument, quantity);
                    tell(&position, true, &mut house.main);
                    house.guard.tell(&position, true, &house.main);
                }
                _ => {
                    costs[c][at] = Some((number % 5 + 1, number * 17));
                    let (quantity, cost) = (Quantity::from_whole(number % 5 + 1), Money::from_whole(number * 17));
                    house.tell(Known::Cost(customer, instrument, Box::new((quantity.unwrap(), cost.unwrap()))));
                }
            }
            let mut out = Vec::new();
            house.guard.close(&mut out);
            for ((customer, crossed), diff) in out {
                let key = (customer, crossed.kind, crossed.of);
                let changed = if diff > 0 { told.insert(key) } else { told.remove(&key) };
                proptest::prop_assert!(changed, "what holds is told once");
            }
            let mut expected = std::collections::BTreeSet::new();
            for (c, customer) in [ANN, BOB].into_iter().enumerate() {
                let nav = cash[c] + units[c][0] * prices[0] + units[c][1] * prices[1];
                for (i, instrument) in [VAS, VGS].into_iter().enumerate() {
                    let limit = |limit: Option<evenkeel_schemas::Ratio>| limit.map(|limit| limit.raw() / 10_000_000);
                    if let Some(most) = limit(limits[c].concentration)
                        && nav > 0 && units[c][i] * prices[i] * 100 > most * nav
                    {
                        expected.insert((customer, TriggerKind::Concentration, Some(instrument)));
                    }
                    if let (Some(most), Some((quantity, cost))) = (limit(limits[c].stop_loss), costs[c][i])
                        && quantity * prices[i] * 100 <= (100 - most) * cost
                    {
                        expected.insert((customer, TriggerKind::StopLoss, Some(instrument)));
                    }
                }
            }
            proptest::prop_assert_eq!(&told, &expected);
        }
    }
}

/// What the textbook form tells of epochs, by epoch, as it comes out.
fn by_textbook(epochs: Vec<Changes<Known>>) -> BTreeMap<u64, Changes<(CustomerId, Crossed)>> {
    let told = timely::execute_directly(move |worker| {
        let (mut input, told) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, known) = scope.new_collection::<Known, isize>();
            let Valuations { worths, values, .. } =
                valuations(Holdings::of(&known), Quotes::of(&known, true));
            (input, textbook(&known, worths, values, true).inner.capture())
        });
        for (epoch, changes) in epochs.into_iter().enumerate() {
            input.advance_to(epoch as u64);
            changes.into_iter().for_each(|(known, diff)| input.update(known, diff));
        }
        told
    });
    let mut by_epoch: BTreeMap<u64, Changes<(CustomerId, Crossed)>> = BTreeMap::new();
    for (row, epoch, diff) in told.extract().into_iter().flat_map(|(_, rows)| rows) {
        by_epoch.entry(epoch).or_default().push((row, diff));
    }
    by_epoch
}

#[test]
fn the_textbook_tells_only_what_held() {
    let price = |instrument, text: &str| Known::Price(instrument, text.parse::<Price>().unwrap());
    let both = RiskLimits { stop_loss: Some("0.1".parse().unwrap()), ..concentration("0.6") };
    let cost =
        |text: &str| Known::Cost(ANN, VAS, Box::new(("6".parse().unwrap(), text.parse::<Money>().unwrap())));
    let cash = |whole| Known::Cash(ANN, Currency::AUD, Money::from_whole(whole).unwrap());
    let opening = vec![
        Known::Terms(VAS, Currency::AUD, Labels::default()),
        price(VAS, "100"),
        Known::Base(ANN, Currency::AUD),
        cash(400),
        Known::Position(ANN, VAS, Quantity::from_whole(6).unwrap()),
        Known::Limits(ANN, both.into()),
        cost("600"),
    ];
    // Price, cash and cost change at once: neither 90 with the old cash or cost nor 100 with the new ones ever held.
    let moves = vec![(price(VAS, "100"), -1), (price(VAS, "90"), 1), (cash(400), -1), (cash(350), 1)];
    let costs = vec![(cost("600"), -1), (cost("590"), 1)];
    let back = vec![(price(VAS, "90"), -1), (price(VAS, "88"), 1)];
    let epochs = vec![
        opening.into_iter().map(|known| (known, 1)).collect(),
        [moves, costs].concat(),
        back,
        vec![(price(VAS, "88"), -1), (price(VAS, "100"), 1), (cash(350), -1), (cash(500), 1)],
    ];
    let told = by_textbook(epochs);
    let words = |epoch: u64| -> Vec<String> {
        let rows = told.get(&epoch).into_iter().flatten();
        let mut words: Vec<String> =
            rows.map(|((_, c), diff)| format!("{diff:+} {} {}", c.kind, c.measure)).collect();
        words.sort();
        words
    };
    assert!(words(0).is_empty(), "60% and no fall");
    // 540 of 890; 540 of 590.
    assert_eq!(words(1), ["+1 concentration 0.606741573"]);
    // 528 of 878; 528 <= 531.
    assert_eq!(
        words(2),
        ["+1 concentration 0.601366743", "+1 stop_loss 0.105084746", "-1 concentration 0.606741573"]
    );
    assert_eq!(words(3), ["-1 concentration 0.601366743", "-1 stop_loss 0.105084746"]);
}

#[test]
fn value_at_risk_is_judged_at_marks() {
    let mut house = House::new();
    let estimate = |instrument| EstimateRow {
        instrument,
        currency: Currency::AUD,
        as_of: "2026-03-09".parse().unwrap(),
        model: EstimateModel::LedoitWolf,
        observations: 60,
        first_day: "2025-12-01".parse().unwrap(),
        last_day: "2026-03-09".parse().unwrap(),
        volatility: Ratio::ZERO,
        volatility_ewma: Ratio::ZERO,
        specific_variance: Ratio::ZERO,
        beta: Ratio::ZERO,
        mean_return: Ratio::ZERO,
        distribution_yield: Ratio::ZERO,
        franked_fraction: Ratio::ZERO,
    };
    let variance = |instrument, text: &str| {
        let covariance = text.parse().unwrap();
        Row::Covariance(CovarianceRow {
            instrument,
            other: instrument,
            covariance,
            covariance_ewma: covariance,
        })
    };
    for row in [
        Row::Estimate(estimate(VAS).into()),
        Row::Estimate(estimate(VGS).into()),
        variance(VAS, "0.0252"),
        variance(VGS, "0.0252"),
    ] {
        house.tell(Known::Estimated(row.into()));
    }
    let limits = RiskLimits { value_at_risk: Some("0.011".parse().unwrap()), ..RiskLimits::default() };
    house.limit(ANN, limits);
    // 600 in VAS, 200 in VGS and 200 of money: 1.645 · 1% · √(0.36 + 0.04) = 1.04%.
    assert!(house.close().is_empty() && house.mark().is_empty());
    // 1,200 of 1,600: 1.645 · 1% · √(0.5625 + 0.015625) = 1.25%; and it is judged at the mark.
    house.price(VAS, "200");
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["+1 7 value_at_risk 0.012506568"]);
    house.price(VAS, "210");
    assert!(house.close().is_empty() && house.mark().is_empty());
    // Money of another currency moves too, by as much as nobody has estimated.
    house.tell(Known::Cash(ANN, "USD".parse().unwrap(), Money::from_whole(1).unwrap()));
    house.tell(Known::Conversion("USD/AUD".parse().unwrap(), "1.5".parse().unwrap()));
    assert!(house.close().is_empty());
    assert_eq!(house.mark(), ["-1 7 value_at_risk 0.012506568"]);
}
