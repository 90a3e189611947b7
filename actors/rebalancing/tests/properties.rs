//! What holds for every portfolio.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::BTreeSet;

use common::{Taxpayer, asx, n, parcel, portfolio, position};
use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_optimizer::{Costs, Side};
use evenkeel_rebalancing::{
    Cadence, Destination, Group, Outcome, Plan, PlanError, Policy, Portfolio, Reason, ReasonKind, Risk,
    Snapshot, Strategy as Way, Subject, Taxonomy, Tilt, plan,
};
use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn per_mille(value: i64) -> Ratio {
    Ratio::from_raw(value * 1_000_000)
}

/// Up to eight instruments, some without units, price or target, with parcels that add up.
fn any_portfolio() -> impl Strategy<Value = Portfolio> {
    let one = (0_i64..400, 1_i64..20_000, 0_i64..300, 0_i64..120, 0_u8..12, 0_i64..40, any::<u8>());
    let groups = prop::option::of((0_i64..=1_000, 0_i64..300, any::<u8>()));
    (prop::collection::vec(one, 1..8), -3_000_i64..40_000, groups).prop_map(|(ones, cash, groups)| {
        let sum: i64 = ones.iter().map(|one| one.2).sum::<i64>().max(1);
        let mut positions = Vec::new();
        for (at, (units, cents, target, band, odd, daily, days)) in ones.into_iter().enumerate() {
            let units = if units % 4 == 0 { 0 } else { units };
            let mut held = position(at as u32 + 1, &units.to_string(), "1", "0");
            held.price = (odd != 0).then(|| n(&format!("{}.{:02}", cents / 100, cents % 100)));
            held.target = (odd != 1).then(|| Ratio::from_raw(target * 1_000_000_000 / sum));
            held.band = per_mille(band);
            held.tradable = odd != 2;
            held.weight_max = if odd == 3 { per_mille(400) } else { n("1") };
            held.lot = if odd == 4 { n("10") } else { n("1") };
            held.average_daily_value = (odd > 8).then(|| Money::from_raw(daily * 100_000_000));
            held.replacement = (odd == 5 && at > 0).then_some(InstrumentId(1));
            if units > 0 {
                let (old, new) = (units / 2, units - units / 2);
                let cost = |units: i64| (units * cents * i64::from(days) / 12_800).to_string();
                let bought = format!("2025-{:02}-{:02}", 1 + days % 12, 1 + days % 28);
                held.parcels = vec![parcel(at as u64 * 2, &bought, &new.to_string(), &cost(new))];
                if old > 0 {
                    held.parcels.push(parcel(at as u64 * 2 + 1, "2019-03-04", &old.to_string(), &cost(old)));
                }
            }
            positions.push(held);
        }
        let mut book = portfolio(positions, "0");
        book.cash = Money::from_raw(cash * 1_000_000);
        if let Some((target, band, mask)) = groups {
            let of = |fits: &dyn Fn(u32) -> bool| {
                let all = book.positions.iter().map(|position| position.instrument);
                all.filter(|instrument| fits(instrument.0)).collect::<Vec<_>>()
            };
            let group = |name: &str, members, target| Group {
                name: name.to_owned(),
                members,
                target: per_mille(target),
                band: per_mille(band),
            };
            let inside = |i: u32| mask >> (i % 8) & 1 == 1;
            let (one, other) = (of(&inside), of(&|i| !inside(i)));
            let groups = vec![group("one", one, target), group("other", other, 1_000 - target)];
            book.taxonomies = vec![Taxonomy { name: "by chance".to_owned(), groups }];
        }
        book
    })
}

fn any_reasons() -> impl Strategy<Value = Vec<Reason>> {
    let one = (0_usize..ReasonKind::ALL.len(), 1_u32..9, -9_000_i64..9_000, any::<bool>(), 1_i64..300);
    prop::collection::vec(one, 1..4).prop_map(|ones| {
        let reason = |(kind, instrument, amount, booked, measure): (usize, u32, i64, bool, i64)| {
            let kind = ReasonKind::ALL[kind];
            if kind == ReasonKind::CashFlow {
                return Reason::cash_flow(Money::from_raw(amount * 1_000_000), booked);
            }
            let subject = match kind {
                ReasonKind::StopLoss | ReasonKind::Concentration => {
                    Subject::Instrument(InstrumentId(instrument))
                }
                _ => Subject::Portfolio,
            };
            Reason::beyond(kind, subject, per_mille(measure), per_mille(100))
        };
        ones.into_iter().map(reason).collect()
    })
}

fn any_way() -> impl Strategy<Value = Way> {
    (0_u8..6, -90_i64..90).prop_map(|(which, by)| match which {
        0 => Way::Threshold { to: Destination::Target },
        1 => Way::Threshold { to: Destination::BandEdge },
        2 => Way::Calendar { cadence: Cadence::Monthly, last: Some(n("2026-06-30")) },
        3 => {
            let tilts = vec![Tilt { instrument: InstrumentId(1), by: per_mille(by) }];
            Way::Tactical { tilts, to: Destination::Target }
        }
        _ => Way::CashFlowFirst,
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    (0_i64..50, 0_i64..20, 0_i64..300, 0_i64..3_000, 0_u8..3).prop_map(|(bps, fee, least, cash, turnover)| {
        Policy {
            costs: Costs {
                half_spread: Ratio::from_bps(bps).unwrap(),
                commission: Ratio::from_bps(bps / 2).unwrap(),
                commission_min: Money::from_raw(fee * 1_000_000),
            },
            cash_min: Money::from_raw(cash * 1_000_000),
            trade_min: Money::from_raw(least * 1_000_000),
            first_parcel_min: Money::from_raw(least * 2_000_000),
            turnover_max: (turnover == 0).then(|| n("0.3")),
            harvest_min: n("1"),
            ..Policy::default()
        }
    })
}

/// Cash at the end and everything else that must hold of a plan to trade.
fn sound(book: &Portfolio, reasons: &[Reason], policy: &Policy, plan: &Plan) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(plan).unwrap();
    prop_assert!(!text.contains("null") || !text.contains("NaN"));
    prop_assert_eq!(&serde_json::from_str::<Plan>(&text).unwrap(), plan);
    for number in [plan.benefit.before, plan.benefit.after] {
        prop_assert!(number.is_finite() && number >= 0.0);
    }
    prop_assert!(plan.no_trade.iter().all(|(_, width)| (0.0..=1.0).contains(width)));
    if plan.outcome == Outcome::Hold {
        prop_assert!(plan.orders.is_empty() && plan.slices.is_empty());
        prop_assert_eq!(&plan.before, &plan.after);
        return Ok(());
    }
    prop_assert!(!plan.orders.is_empty());
    let duty = reasons.iter().any(|reason| reason.kind.is_duty()) || plan.before.cash < policy.cash_min;
    if !duty {
        prop_assert!(plan.benefit.amount > plan.cost.total, "{:?} {:?}", plan.benefit, plan.cost);
    }
    let out: i128 = reasons
        .iter()
        .filter_map(|reason| reason.flow)
        .filter(|flow| !flow.booked && flow.amount < Money::ZERO)
        .map(|flow| i128::from(flow.amount.raw()))
        .sum();
    let mut cash = i128::from(book.cash.raw()) + out;
    let mut seen = BTreeSet::new();
    for order in &plan.orders {
        prop_assert!(seen.insert(order.instrument), "an instrument has one order");
        let of = book.positions.iter().find(|p| p.instrument == order.instrument).unwrap();
        prop_assert!(of.tradable && order.quantity > Quantity::ZERO);
        prop_assert_eq!(order.quantity.whole_lots(of.lot), order.quantity);
        let before = plan.before.standings.iter().find(|s| s.instrument == order.instrument).unwrap();
        prop_assert!(order.side == Side::Sell || before.drift <= Ratio::ZERO, "the overweight is not bought");
        if order.side == Side::Sell {
            prop_assert!(order.quantity <= of.sellable);
            let parcels: i64 = order.parcels.iter().map(|sold| sold.quantity.raw()).sum();
            prop_assert_eq!(parcels, order.quantity.raw());
            for sold in &order.parcels {
                let parcel = of.parcels.iter().find(|parcel| parcel.lot == sold.lot).unwrap();
                prop_assert!(sold.quantity <= parcel.quantity);
            }
        }
        let sliced = plan.slices.iter().flat_map(|slice| &slice.orders);
        let of_it = sliced.filter(|one| one.instrument == order.instrument);
        let mut units = 0;
        for one in of_it {
            prop_assert_eq!(one.side, order.side);
            units += one.quantity.raw();
        }
        prop_assert_eq!(units, order.quantity.raw());
    }
    // Slice by slice, sells first: what is bought was there.
    for slice in &plan.slices {
        let before = cash;
        let mut buys = false;
        for order in &slice.orders {
            let notional = i128::from(order.quantity.notional(order.limit).unwrap().raw());
            let ratio = i128::from(policy.costs.commission.raw());
            let fee = evenkeel_schemas::div_half_even(notional * ratio, 1_000_000_000)
                .max(policy.costs.commission_min.raw().into());
            buys |= order.side == Side::Buy;
            cash += if order.side == Side::Sell { notional - fee } else { -notional - fee };
        }
        let least = i128::from(policy.cash_min.raw());
        prop_assert!(cash >= least || (!buys && cash >= before), "overdrawn: {cash} of {before}");
    }
    prop_assert_eq!(cash, i128::from(plan.after.cash.raw()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_never_overdraws_or_oversells(
        book in any_portfolio(),
        reasons in any_reasons(),
        way in any_way(),
        policy in any_policy(),
        taxed in any::<bool>(),
        risky in any::<bool>(),
    ) {
        let taxpayer = Taxpayer::new();
        let instruments: Vec<InstrumentId> = book.positions.iter().map(|position| position.instrument).collect();
        let size = instruments.len();
        let covariance =
            Covariance::dense(Array2::from_shape_fn((size, size), |(i, j)| if i == j { 0.04 } else { 0.01 })).unwrap();
        let risk = risky.then_some(Risk { instruments: &instruments, covariance: &covariance });
        let tax = taxed.then(|| taxpayer.year());
        let snapshot = Snapshot { portfolio: &book, market: asx(), risk, tax };
        match plan(&snapshot, &reasons, &way, &policy) {
            Ok(made) => {
                sound(&book, &reasons, &policy, &made)?;
                let mut turned = reasons.clone();
                turned.reverse();
                prop_assert_eq!(plan(&snapshot, &turned, &way, &policy).unwrap(), made);
            }
            Err(PlanError::Solver(failure)) => return Err(TestCaseError::fail(failure.to_string())),
            Err(PlanError::Refused(violations)) => return Err(TestCaseError::fail(violations.join("; "))),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
