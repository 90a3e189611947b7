//! The least trade that brings every weight back into its band: the nearest weights inside all bands.
//!
//! Minimises `Σ (v − w)²` subject to `lower <= v <= upper` and `Σ v = S`: `v = clamp(w − τ)` for the one τ at
//! which the sum is S (Held, Wolfe and Crowder, "Validation of subgradient optimization", 1974). S is what is
//! invested now, moved to the nearest edge of the band of cash.

use evenkeel_schemas::Ratio;

use crate::attempt::Desk;

/// Halvings of the interval of τ: from 4 to below 10⁻¹⁵.
const HALVINGS: u32 = 55;

/// Targets at the edges of bands, by row, a lot inside where the band has room for it.
pub(crate) fn edges(desk: &Desk<'_>) -> Vec<Ratio> {
    let (book, intent, policy) = (desk.book, desk.intent, desk.policy);
    let bands = narrowed(desk);
    let weights: Vec<f64> =
        book.rows.iter().map(|row| row.value.raw() as f64 / book.nav.raw() as f64).collect();
    let ranges: Vec<(f64, f64)> = book
        .rows
        .iter()
        .enumerate()
        .map(|(place, row)| {
            let (target, band) = (intent.aims.targets[place].to_f64(), bands[place].to_f64());
            if target == 0.0 {
                return (0.0, 0.0);
            }
            let unit = row.price.raw() as f64 * row.rate.raw() as f64;
            let lot = row.position.lot.raw().max(0) as f64 * unit / book.nav.raw() as f64;
            let band = (band - lot).max(0.0);
            // What is over its target is never bought, what is under it never sold.
            let (over, under) = (weights[place] > target, weights[place] < target);
            let upper = if over { target + band } else { target };
            let lower = if under { target - band } else { target };
            let most = upper.min(intent.weight_max[place].to_f64());
            (lower.max(row.position.weight_min.to_f64()).max(0.0).min(most), most)
        })
        .collect();
    let targets: f64 = intent.aims.targets.iter().map(|target| target.to_f64()).sum();
    let band = policy.cash_band.to_f64();
    let invested: f64 = weights.iter().sum();
    let sum = invested.clamp(targets - band, (targets + band).min(1.0).max(targets - band));
    project(&weights, &ranges, sum).into_iter().map(|v| Ratio::from_raw((v * 1e9).floor() as i64)).collect()
}

/// Bands by row. The members of a group outside its own are narrowed to parts of that, in proportion to their targets,
/// rounded down: the group is inside when they are, and all of them may be inside theirs while it is not.
fn narrowed(desk: &Desk<'_>) -> Vec<Ratio> {
    let (aims, mut bands) = (&desk.intent.aims, desk.intent.aims.bands.clone());
    let groups = desk.book.portfolio.taxonomies.iter().flat_map(|taxonomy| &taxonomy.groups);
    for (group, standing) in groups.zip(&desk.before.groups) {
        if standing.outside.is_none() {
            continue;
        }
        let places: Vec<usize> = group.members.iter().filter_map(|member| desk.book.at(*member)).collect();
        let sum: i128 = places.iter().map(|place| i128::from(aims.targets[*place].raw())).sum();
        for place in places {
            let part = i128::from(group.band.raw()) * i128::from(aims.targets[place].raw());
            let part = Ratio::from_wide(part.checked_div(sum).unwrap_or(0)).unwrap_or_default();
            bands[place] = bands[place].min(part.max(Ratio::ZERO));
        }
    }
    bands
}

/// The projection; where no weights inside the ranges have the sum, those that come nearest to it.
fn project(weights: &[f64], ranges: &[(f64, f64)], sum: f64) -> Vec<f64> {
    let at = |shift: f64| -> Vec<f64> {
        weights.iter().zip(ranges).map(|(w, (lower, upper))| (w - shift).clamp(*lower, *upper)).collect()
    };
    let (mut low, mut high) = (-2.0, 2.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if at(middle).iter().sum::<f64>() > sum { low = middle } else { high = middle }
    }
    at(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_point_in_a_box_with_a_sum() {
        // 0.70 comes down to 0.55, 0.03 up to 0.20; 0.27 gives the 0.02 that would be too much.
        let ranges = [(0.45, 0.55), (0.20, 0.30), (0.20, 0.30)];
        let found = project(&[0.70, 0.27, 0.03], &ranges, 1.0);
        let expected = [0.55, 0.25, 0.20];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        // Nothing moves where everything is inside.
        let inside = project(&[0.5, 0.25, 0.25], &ranges, 1.0);
        assert!(inside.iter().zip([0.5, 0.25, 0.25]).all(|(a, b)| (a - b).abs() < 1e-12), "{inside:?}");
    }
}
