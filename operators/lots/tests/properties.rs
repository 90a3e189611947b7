//! What holds for any history.

mod common;

use std::collections::BTreeMap;

use common::Told;
use common::drawn::{Flavour, history};
use evenkeel_lots::{Entry, GainKind, Trouble, What};
use evenkeel_schemas::{InstrumentId, Quantity, div_half_even};
use proptest::prelude::*;

const ONE: i128 = Quantity::ONE as i128;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the order of arrival, the corrections on the way and the calls between them, what was told
    /// adds up to what a ledger tells that is given the surviving entries in their order.
    #[test]
    fn the_path_does_not_matter(
        entries in history(Flavour::Anything, 40),
        steps in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 1..120),
    ) {
        let mut told = Told::default();
        let mut present: Vec<Entry> = Vec::new();
        for (index, settle) in steps {
            let entry = index.get(&entries);
            match present.iter().position(|other| other == entry) {
                Some(at) => {
                    prop_assert!(told.ledger.remove(entry));
                    present.remove(at);
                }
                None => {
                    prop_assert!(!told.ledger.remove(entry));
                    told.ledger.insert(entry.clone());
                    present.push(entry.clone());
                }
            }
            if settle == 0 {
                told.settle();
                present.sort();
                prop_assert_eq!(&told.rows, &Told::of(&present).rows);
            }
        }
        told.settle();
        present.sort();
        prop_assert_eq!(&told.rows, &Told::of(&present).rows);
        for entry in &present {
            prop_assert!(told.ledger.remove(entry));
        }
        told.settle();
        prop_assert!(told.rows.is_empty());
        prop_assert!(told.ledger.is_empty());
    }

    /// One entry after the other in their order, each told at once, is the same as all at once.
    #[test]
    fn appending_is_the_same_as_loading(mut entries in history(Flavour::Anything, 40)) {
        entries.sort();
        let mut told = Told::default();
        for entry in &entries {
            told.ledger.insert(entry.clone());
            told.settle();
        }
        prop_assert_eq!(&told.rows, &Told::of(&entries).rows);
    }

    /// The lots are the position, and cost, proceeds and fees go somewhere to the last unit.
    #[test]
    fn nothing_is_lost(
        entries in prop_oneof![history(Flavour::Whole, 30), history(Flavour::Fractions, 30)],
    ) {
        let told = Told::of(&entries);
        let (held, changed) = positions(&entries);
        for (instrument, units) in held {
            let lots = told.lots().into_iter().filter(|lot| lot.instrument == instrument);
            let sum: i128 = lots.map(|lot| i128::from(lot.quantity.raw())).sum();
            prop_assert_eq!(sum, units, "units of {:?}", instrument);
        }
        prop_assert!(told.lots().iter().all(|lot| lot.quantity.raw() > 0 && lot.cost_base.raw() >= 0));
        let paid: i128 = entries.iter().map(|entry| match &entry.what {
            What::Acquire { cost_base, .. } => i128::from(cost_base.raw()),
            _ => 0,
        }).sum();
        let open: i128 = told.lots().iter().map(|lot| i128::from(lot.cost_base.raw())).sum();
        let gains = told.gains();
        let realised: i128 = gains.iter().map(|gain| i128::from(gain.cost_base.raw())).sum();
        let excess = gains.iter().filter(|gain| gain.kind == GainKind::CostBaseExcess);
        let excess: i128 = excess.map(|gain| i128::from(gain.gain.raw())).sum();
        prop_assert_eq!(open + realised, paid + changed + excess, "cost");
        prop_assert!(gains.iter().all(|g| g.gain.raw() == g.proceeds.raw() - g.cost_base.raw()));
        for entry in &entries {
            let What::Dispose { quantity, proceeds, fee, .. } = &entry.what else { continue };
            let mine = || gains.iter().filter(|gain| gain.disposal.0 == entry.number);
            let missing: i64 = told.troubles().iter().map(|(number, trouble)| match trouble {
                Trouble::Oversold { missing } if *number == entry.number => missing.raw(),
                _ => 0,
            }).sum();
            let matched: i64 = mine().map(|gain| gain.quantity.raw()).sum();
            prop_assert_eq!(matched + missing, quantity.raw());
            let share = |total: i64| {
                div_half_even(i128::from(total) * i128::from(matched), i128::from(quantity.raw()))
            };
            let brought: i128 = mine().map(|gain| i128::from(gain.proceeds.raw())).sum();
            let charged: i128 = mine().map(|gain| i128::from(gain.fee.raw())).sum();
            prop_assert_eq!(brought, share(proceeds.raw()), "proceeds");
            prop_assert_eq!(charged, share(fee.raw()), "fee");
        }
    }
}

/// Units held by instrument after a history, and by how much changes of cost base changed what was held,
/// had they not stopped at nil. Knows no lots.
fn positions(entries: &[Entry]) -> (BTreeMap<InstrumentId, i128>, i128) {
    let mut entries = entries.to_vec();
    entries.sort();
    let mut held: BTreeMap<InstrumentId, i128> = BTreeMap::new();
    let mut changed = 0;
    for entry in entries {
        let Some(instrument) = entry.instrument() else { continue };
        let units = *held.entry(instrument).or_default();
        let after = match entry.what {
            What::Election { .. } => units,
            What::Acquire { quantity, .. } => units + i128::from(quantity.raw()),
            What::Dispose { quantity, .. } => (units - i128::from(quantity.raw())).max(0),
            What::Split { new, old, in_lieu, .. } => {
                let units = units * i128::from(new.raw()) / i128::from(old.raw());
                if in_lieu.is_some() { units - units % ONE } else { units }
            }
            What::CostBase { per_unit, .. } => {
                changed += units / ONE * i128::from(per_unit.raw());
                units
            }
            What::Delist { .. } => 0,
            What::Replace(terms) if terms.from == terms.into => units,
            What::Replace(terms) => {
                *held.entry(terms.into).or_default() +=
                    units * i128::from(terms.new.raw()) / i128::from(terms.old.raw());
                0
            }
        };
        held.insert(instrument, after);
    }
    (held, changed)
}
