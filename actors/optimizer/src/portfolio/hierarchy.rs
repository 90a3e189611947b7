//! Hierarchical risk parity (M. Lopez de Prado, "Building Diversified Portfolios that Outperform Out of Sample",
//! Journal of Portfolio Management 42, 2016): cluster by correlation, order the leaves, split the weight
//! between halves by the inverse of their variance.
//!
//! Conventions that differ between implementations are named: [`Distance`], [`Linkage`]. Leaves come in
//! pre-order, the child with the smaller cluster number on the left (single instruments are numbered before
//! clusters, clusters in the order of their making), without optimal leaf ordering; halves split at ⌊n/2⌋.

use ndarray::Array2;

/// What instruments are told apart by, ρ their correlation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Distance {
    /// `√((1 − ρ) / 2)` itself.
    Correlation,
    /// The Euclidean distance between the columns of the matrix of those, as the paper has it.
    Columns,
}

/// How far clusters are from each other.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// As their nearest members (the paper).
    Single,
    /// As their farthest members.
    Complete,
    /// As their members on average.
    Average,
}

/// The conventions of a hierarchy.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Between instruments.
    pub distance: Distance,
    /// Between clusters.
    pub linkage: Linkage,
}

/// Weights and the order of leaves that they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct HierarchicalWeights {
    /// In the order of the covariance, positive, with the sum of one.
    pub weights: Vec<f64>,
    /// Places of the instruments, leaf by leaf.
    pub leaves: Vec<usize>,
}

/// The weights of a covariance; nothing if an instrument has no variance, or there is none.
pub fn hierarchical_weights(
    covariance: &super::Covariance,
    hierarchy: Hierarchy,
) -> Option<HierarchicalWeights> {
    let matrix = covariance.entries();
    let n = matrix.nrows();
    if n == 0 || matrix.diag().iter().any(|variance| *variance <= 0.0) {
        return None;
    }
    let leaves = leaves(&distances(&matrix, hierarchy.distance), hierarchy.linkage);
    let mut weights = vec![1.0; n];
    let mut clusters = vec![leaves.as_slice()];
    while let Some(cluster) = clusters.pop() {
        if cluster.len() < 2 {
            continue;
        }
        let (left, right) = cluster.split_at(cluster.len() / 2);
        let (left_variance, right_variance) = (variance(&matrix, left), variance(&matrix, right));
        let both = left_variance + right_variance;
        let share = if both > 0.0 { 1.0 - left_variance / both } else { 0.5 };
        left.iter().for_each(|at| weights[*at] *= share);
        right.iter().for_each(|at| weights[*at] *= 1.0 - share);
        clusters.extend([left, right]);
    }
    Some(HierarchicalWeights { weights, leaves })
}

/// The variance of a cluster weighted by inverse variances.
fn variance(matrix: &Array2<f64>, cluster: &[usize]) -> f64 {
    let total: f64 = cluster.iter().map(|at| 1.0 / matrix[[*at, *at]]).sum();
    let weight = |at: &usize| 1.0 / matrix[[*at, *at]] / total;
    let row = |a: &usize| cluster.iter().map(|b| matrix[[*a, *b]] * weight(b)).sum::<f64>();
    cluster.iter().map(|a| weight(a) * row(a)).sum::<f64>().max(0.0)
}

fn distances(matrix: &Array2<f64>, distance: Distance) -> Array2<f64> {
    let n = matrix.nrows();
    let direct = Array2::from_shape_fn((n, n), |(a, b)| {
        let correlation = matrix[[a, b]] / (matrix[[a, a]] * matrix[[b, b]]).sqrt();
        if a == b { 0.0 } else { ((1.0 - correlation) / 2.0).max(0.0).sqrt() }
    });
    match distance {
        Distance::Correlation => direct,
        Distance::Columns => Array2::from_shape_fn((n, n), |(a, b)| {
            let (a, b) = (direct.column(a), direct.column(b));
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        }),
    }
}

/// A cluster: its number, and its leaves in order.
struct Cluster {
    number: usize,
    leaves: Vec<usize>,
}

/// Leaves in pre-order, merging the two nearest clusters again and again; ties go to the lower places.
fn leaves(distances: &Array2<f64>, linkage: Linkage) -> Vec<usize> {
    let n = distances.nrows();
    let mut between = distances.clone();
    let mut clusters: Vec<Option<Cluster>> =
        (0..n).map(|at| Some(Cluster { number: at, leaves: vec![at] })).collect();
    let nearest = |between: &Array2<f64>, clusters: &[Option<Cluster>], of: usize| {
        let others = (of + 1..n).filter(|other| clusters[*other].is_some());
        others
            .min_by(|a, b| between[[of, *a]].total_cmp(&between[[of, *b]]))
            .map(|at| (at, between[[of, at]]))
    };
    // The nearest cluster at a higher place, so that a merge is found without a look at every pair.
    let mut near: Vec<Option<(usize, f64)>> = (0..n).map(|at| nearest(&between, &clusters, at)).collect();
    for made in 0..n.saturating_sub(1) {
        let pairs = near.iter().enumerate().filter_map(|(a, near)| near.map(|(b, apart)| (a, b, apart)));
        let Some((a, b, _)) = pairs.min_by(|x, y| x.2.total_cmp(&y.2)) else { break };
        let (Some(one), Some(other)) = (clusters[a].take(), clusters[b].take()) else { break };
        let (size_one, size_other) = (one.leaves.len() as f64, other.leaves.len() as f64);
        let (left, right) = if one.number < other.number { (one, other) } else { (other, one) };
        let leaves = left.leaves.into_iter().chain(right.leaves).collect();
        for k in (0..n).filter(|k| clusters[*k].is_some()) {
            let (x, y) = (between[[a, k]], between[[b, k]]);
            let apart = match linkage {
                Linkage::Single => x.min(y),
                Linkage::Complete => x.max(y),
                Linkage::Average => (size_one * x + size_other * y) / (size_one + size_other),
            };
            between[[a, k]] = apart;
            between[[k, a]] = apart;
        }
        clusters[a] = Some(Cluster { number: n + made, leaves });
        near[b] = None;
        for k in (0..n).filter(|k| clusters[*k].is_some()) {
            let touched = k <= a || near[k].is_some_and(|(at, _)| at == b);
            if touched {
                near[k] = nearest(&between, &clusters, k);
            }
        }
    }
    clusters.into_iter().flatten().flat_map(|cluster| cluster.leaves).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::Covariance;
    use super::*;

    const PAPER: Hierarchy = Hierarchy { distance: Distance::Columns, linkage: Linkage::Single };

    /// Without correlation, four instruments split in halves: 1 and 4 against 9 and 16, each half by inverse
    /// variances: V(1, 4) = 4/5, V(9, 16) = 144/25; the first half gets 1 − 0.8 / 6.56. All distances are the
    /// same: the first two merge, and each single instrument stands left of the cluster.
    #[test]
    fn halves_share_by_inverse_variance() {
        let covariance = Covariance::diagonal(array![1.0, 4.0, 9.0, 16.0]).unwrap();
        let HierarchicalWeights { weights, leaves } = hierarchical_weights(&covariance, PAPER).unwrap();
        assert_eq!(leaves, [3, 2, 0, 1]);
        let left = 1.0 - 0.8 / 6.56;
        for (weight, expected) in
            weights.iter().zip([left * 0.8, left * 0.2, (1.0 - left) * 0.64, (1.0 - left) * 0.36])
        {
            assert!((weight - expected).abs() < 1e-14, "{weights:?}");
        }
    }

    /// Two pairs that move together stand beside each other, wherever they were.
    #[test]
    fn what_moves_together_stands_together() {
        let covariance = Covariance::dense(array![
            [1.0, 0.1, 0.9, 0.0],
            [0.1, 1.0, 0.0, 0.8],
            [0.9, 0.0, 1.0, 0.1],
            [0.0, 0.8, 0.1, 1.0]
        ])
        .unwrap();
        for linkage in [Linkage::Single, Linkage::Complete, Linkage::Average] {
            for distance in [Distance::Correlation, Distance::Columns] {
                let answer = hierarchical_weights(&covariance, Hierarchy { distance, linkage }).unwrap();
                assert_eq!(answer.leaves, [0, 2, 1, 3], "{distance:?} {linkage:?}");
            }
        }
        assert!(hierarchical_weights(&Covariance::diagonal(array![1.0, 0.0]).unwrap(), PAPER).is_none());
    }
}
