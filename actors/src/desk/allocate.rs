//! Fills back to customers: pro rata in whole lots, remainders by largest fraction, so that nobody is favoured.

use evenkeel_schemas::{Name, Quantity};

/// What an order asked for.
#[derive(Copy, Clone, Debug)]
pub(super) struct Share<'a> {
    pub order: &'a Name,
    pub quantity: Quantity,
}

/// Divides `filled` among the orders, each getting `quantity × filled / Σ quantity` up to less than a lot.
///
/// Whole lots first, rounded down; the lots left over go one each by the largest fraction that rounding took,
/// ties by order id; what is below a lot goes the same way. Nobody gets more than was asked for. The parts sum
/// to `filled` exactly when it is at most what was asked for in total, to that total otherwise.
pub(super) fn allocate(shares: &[Share<'_>], filled: Quantity, lot: Quantity) -> Vec<Quantity> {
    let total: i128 = shares.iter().map(|share| i128::from(share.quantity.raw())).sum();
    let filled = i128::from(filled.raw()).clamp(0, total.max(0));
    let lot = i128::from(lot.raw()).max(1);
    if filled == 0 {
        return vec![Quantity::ZERO; shares.len()];
    }
    let mut parts = Vec::with_capacity(shares.len());
    let mut fractions = Vec::with_capacity(shares.len());
    for share in shares {
        // quantity × filled / total = whole + rest / total, in raw units: the numerator is below 2^126.
        let numerator = i128::from(share.quantity.raw()) * filled;
        let whole = numerator / total;
        let part = whole - whole % lot;
        parts.push(part);
        fractions.push((whole - part, numerator % total));
    }
    let mut ranks: Vec<usize> = (0..shares.len()).collect();
    ranks.sort_by(|a, b| {
        fractions[*b].cmp(&fractions[*a]).then_with(|| shares[*a].order.cmp(shares[*b].order))
    });
    let mut left = filled - parts.iter().sum::<i128>();
    // One lot each in the first round; further rounds only place what caps or odd lots left over.
    while left > 0 {
        let before = left;
        for at in &ranks {
            let room = i128::from(shares[*at].quantity.raw()) - parts[*at];
            let step = lot.min(left).min(room);
            parts[*at] += step;
            left -= step;
        }
        if left == before {
            break;
        }
    }
    parts.into_iter().map(|part| Quantity::from_wide(part).unwrap_or(Quantity::ZERO)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(quantities: &[i64], filled: i64, lot: i64) -> Vec<i64> {
        let names: Vec<Name> =
            (0..quantities.len()).map(|at| Name::new(&format!("O-{at:03}")).unwrap()).collect();
        let shares: Vec<Share<'_>> = names
            .iter()
            .zip(quantities)
            .map(|(order, quantity)| Share { order, quantity: Quantity::from_raw(*quantity) })
            .collect();
        allocate(&shares, Quantity::from_raw(filled), Quantity::from_raw(lot))
            .into_iter()
            .map(Quantity::raw)
            .collect()
    }

    #[test]
    fn largest_fractions_get_the_lots_left_over() {
        // 70 of 100: 35, 21, 14 exactly.
        assert_eq!(run(&[50, 30, 20], 70, 1), [35, 21, 14]);
        // 10 of 100: 3.3, 3.3, 3.4 -> 3, 3, 3 and one for the largest fraction.
        assert_eq!(run(&[33, 33, 34], 10, 1), [3, 3, 4]);
        // 50 of 90 in tens: 16.7 each -> 10 each, two lots over, ties by order id.
        assert_eq!(run(&[30, 30, 30], 50, 10), [20, 20, 10]);
        // An odd fill that no lot fits still goes somewhere.
        assert_eq!(run(&[30, 30], 15, 10), [10, 5]);
        assert_eq!(run(&[30, 30], 0, 10), [0, 0]);
        assert_eq!(run(&[], 0, 10), [0_i64; 0]);
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_fill_and_are_fair_within_a_lot(
            lots in proptest::collection::vec(1_i64..10_000, 1..40),
            lot in 1_i64..5_000_000,
            per_mille in 0_i64..=1000,
        ) {
            let quantities: Vec<i64> = lots.iter().map(|n| n * lot).collect();
            let total: i64 = lots.iter().sum();
            let filled = total * per_mille / 1000 * lot;
            let parts = run(&quantities, filled, lot);
            prop_assert_eq!(parts.iter().sum::<i64>(), filled);
            for (part, quantity) in parts.iter().zip(&quantities) {
                prop_assert!(part <= quantity && part % lot == 0);
                // |part − quantity·filled/total| < lot, without division.
                let all = i128::from(total * lot);
                let ideal = i128::from(*quantity) * i128::from(filled);
                let off = (i128::from(*part) * all - ideal).abs();
                prop_assert!(off < i128::from(lot) * all);
            }
        }
    }
}
