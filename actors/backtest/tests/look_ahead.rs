//! Shuffling the future changes nothing in the past.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{checked, id, n, sample, settings};
use evenkeel_backtest::{
    Aim, Backtest, CashFlow, Fixed, History, Model, Past, Payment, Split, Targets, Taxes, WalkForward, When,
    backtest,
};
use evenkeel_estimates::Mark;
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{InstrumentId, Money, Price, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const NAMES: [&str; 4] = ["NDQ", "VAP", "IVV", "VGE"];
/// Half a year, and the months of the sample that the law at hand covers.
const SPANS: [(&str, &str); 2] = [("2017-06-01", "2017-12-29"), ("2019-07-01", "2019-10-11")];

/// Four funds up to a day, with distributions made up.
fn history(to: &str) -> History {
    let mut history = sample();
    let kept: Vec<InstrumentId> = NAMES.iter().map(|name| id(&history, name)).collect();
    history.instruments.retain(|one| kept.contains(&one.instrument));
    history.marks.retain(|mark| kept.contains(&mark.instrument) && mark.date <= n(to));
    for month in ["2017-07", "2017-10", "2019-08"] {
        history.payments.push(Payment {
            instrument: kept[1],
            ex_date: n(&format!("{month}-05")),
            pay_date: n(&format!("{month}-19")),
            amount: n("0.4"),
            franked_fraction: n("0.2"),
        });
    }
    history
}

/// Everything after a day in another order and of another size: marks of an instrument swapped between days,
/// distributions dropped, a split and flows that were not there.
fn shuffled(history: &History, cut: TradeDate, seed: u64) -> History {
    let mut other = history.clone();
    let later: Vec<usize> = (0..other.marks.len()).filter(|at| other.marks[*at].date > cut).collect();
    let of_one = |one: &evenkeel_backtest::Listed| -> Vec<usize> {
        later.iter().copied().filter(|at| history.marks[*at].instrument == one.instrument).collect()
    };
    let by_instrument: Vec<Vec<usize>> = history.instruments.iter().map(of_one).collect();
    let mut state = seed;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most.max(1)
    };
    for places in by_instrument {
        for at in (1..places.len()).rev() {
            let (a, b) = (places[at], places[below(at + 1)]);
            let price = other.marks[a].price;
            other.marks[a].price = other.marks[b].price;
            other.marks[b].price = price;
        }
    }
    let mut gone = Vec::new();
    for at in later {
        let price = other.marks[at].price.raw();
        other.marks[at].price = Price::from_raw(price / 100 * (95 + below(10) as i64) + 1);
        if below(10) == 0 {
            gone.push(at);
        }
    }
    let mut at = 0;
    other.marks.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    other.payments.retain(|payment| payment.ex_date <= cut);
    if let Some(last) = other.marks.iter().map(|mark| mark.date).filter(|date| *date > cut).min() {
        let instrument = other.instruments[0].instrument;
        other.splits.push(Split { instrument, ex_date: last, new: n("3"), old: n("2") });
    }
    other.marks.reverse();
    other
}

/// What of a backtest is of a day or before.
fn upto(found: &Backtest, cut: TradeDate) -> (String, String, String, String) {
    let text = |value: serde_json::Value| value.to_string();
    let days: Vec<_> = found.days.iter().filter(|day| day.date <= cut).collect();
    let trades: Vec<_> = found.trades.iter().filter(|trade| trade.date <= cut).collect();
    let reviews: Vec<_> = found.reviews.iter().filter(|review| review.date <= cut).collect();
    let notes: Vec<_> = found.notes.iter().filter(|note| note.date <= cut).collect();
    (
        text(serde_json::to_value(days).unwrap()),
        text(serde_json::to_value(trades).unwrap()),
        text(serde_json::to_value(reviews).unwrap()),
        text(serde_json::to_value(notes).unwrap()),
    )
}

fn walk_forward(history: &History) -> WalkForward {
    WalkForward {
        instruments: history.instruments.iter().map(|one| one.instrument).collect(),
        window: 60,
        observations_min: 40,
        aim: Aim::MinimumVariance,
        weight_max: 0.6,
        invested: 0.98,
        risk_free: 0.0,
    }
}

fn asked(span: (&str, &str), when: When) -> evenkeel_backtest::Settings<'static> {
    let mut asked = settings(span.0, span.1, "100000", when);
    asked.policy = Policy { distance_rate: 20.0, ..Policy::default() };
    let date = n(&format!("{}-08-01", &span.0[..4]));
    asked.flows = vec![CashFlow { date, amount: n("5000") }];
    asked
}

/// Puts everything into what rises most on the day after: it looks ahead.
struct Peeking(History);

impl Model for Peeking {
    fn targets(&mut self, past: &Past<'_>) -> Result<Targets, String> {
        let yesterday = *past.dates().last().ok_or("no past")?;
        let close = |instrument, later: bool| {
            let of_it = |mark: &&Mark| mark.instrument == instrument && (mark.date > yesterday) == later;
            let marks = self.0.marks.iter().filter(of_it);
            let mark = if later { marks.max_by_key(|mark| mark.date) } else { marks.max_by_key(|m| m.date) };
            mark.map_or(0.0, |mark| mark.price.to_f64())
        };
        let growth = |instrument| close(instrument, true) / close(instrument, false);
        let ids = self.0.instruments.iter().map(|one| one.instrument);
        let best = ids.max_by(|a, b| growth(*a).total_cmp(&growth(*b))).ok_or("nothing")?;
        Ok(vec![(best, n("1"))])
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_past_does_not_know_the_future(cut in 1_usize..145, seed in any::<u64>(), which in 0_u8..4) {
        let span = SPANS[usize::from(which == 3)];
        let history = history(span.1);
        let mut dates: Vec<TradeDate> = history.marks.iter().map(|mark| mark.date).collect();
        dates.sort_unstable();
        dates.dedup();
        dates.retain(|date| *date >= n(span.0));
        let cut = dates[cut % dates.len()];
        let other = shuffled(&history, cut, seed);
        let (mut model, when): (Box<dyn Model>, When) = match which {
            0 => (Box::new(walk_forward(&history)), When::Every(Cadence::Weekly)),
            1 => {
                let to = Destination::BandEdge;
                let review = Some(Cadence::Monthly);
                (Box::new(walk_forward(&history)), When::Bands { band: n("0.02"), to, review })
            }
            _ => {
                let quarter = history.instruments.iter().map(|one| (one.instrument, n("0.25"))).collect();
                let to = Destination::Target;
                (Box::new(Fixed(quarter)), When::Bands { band: n("0.01"), to, review: None })
            }
        };
        let (law, cpi) = (Law::built_in().unwrap(), Cpi::default());
        let taxes = || Taxes {
            law: &law,
            cpi: &cpi,
            profile: Profile::resident(Entity::Individual),
            other_income: n("90000"),
            losses_brought_forward: Money::ZERO,
        };
        let taxed = evenkeel_backtest::Settings { taxes: (which == 3).then(taxes), ..asked(span, when) };
        let one = backtest(&history, model.as_mut(), &taxed).unwrap();
        let two = backtest(&other, model.as_mut(), &taxed).unwrap();
        checked(&one);
        checked(&two);
        prop_assert_eq!(upto(&one, cut), upto(&two, cut));
        // Targets for the first day after the cut are of the days before it: even its own closes do not
        // count.
        let next = dates.iter().copied().find(|date| *date > cut).unwrap_or(cut);
        if two.days.iter().any(|day| day.date == next) {
            prop_assert_eq!(upto(&one, next).2, upto(&two, next).2);
        }
        prop_assert!(cut >= n(span.1) || one.days != two.days, "the future did change");
        prop_assert!(!one.trades.is_empty());
    }
}

#[test]
fn a_model_that_peeks_is_seen() {
    let history = history(SPANS[0].1);
    let cut = n("2017-09-01");
    let when = When::Every(Cadence::Weekly);
    let differs = (0..5).any(|seed| {
        let other = shuffled(&history, cut, seed);
        let one = backtest(&history, &mut Peeking(history.clone()), &asked(SPANS[0], when)).unwrap();
        let two = backtest(&other, &mut Peeking(other.clone()), &asked(SPANS[0], when)).unwrap();
        upto(&one, cut) != upto(&two, cut)
    });
    assert!(differs, "the check would not see a model that looks ahead");
}
