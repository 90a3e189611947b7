//! How much of the capital can be invested at all.

/// A pod's share of the capital, and the instruments it may hold, by number.
pub(super) struct Reach {
    /// In units of 10⁻⁹.
    pub share: i64,
    /// Each once.
    pub members: Vec<usize>,
}

/// The most that pods can invest when no instrument takes more than `most`, in units of 10⁻⁹: the least, over all
/// sets of pods, of the other pods' shares and what the instruments within the set's reach take together. That is
/// the least cut of pods, instruments and what lies between (Ford and Fulkerson, "Maximal Flow Through a
/// Network", 1956). There are four pods, so sixteen sets.
pub(super) fn investable(pods: &[Reach], most: i64) -> i64 {
    let sets = 1_u32 << pods.len().min(16);
    let cut = |set: u32| {
        let within = |at: usize| set & (1 << at) != 0;
        let mut reached: Vec<usize> = Vec::new();
        let mut others = 0_i64;
        for (at, pod) in pods.iter().enumerate() {
            if within(at) {
                reached.extend(&pod.members);
            } else {
                others = others.saturating_add(pod.share);
            }
        }
        reached.sort_unstable();
        reached.dedup();
        others.saturating_add(most.saturating_mul(i64::try_from(reached.len()).unwrap_or(i64::MAX)))
    };
    (0..sets).map(cut).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(share: i64, members: &[usize]) -> Reach {
        Reach { share, members: members.to_vec() }
    }

    #[test]
    fn what_no_instrument_takes_stays() {
        // One pod, three instruments of 30 each.
        assert_eq!(investable(&[reach(100, &[0, 1, 2])], 30), 90);
        // The first pod reaches one instrument only; the second has room for its own money, not for the rest.
        assert_eq!(investable(&[reach(40, &[0]), reach(60, &[0, 1, 2])], 30), 90);
        assert_eq!(investable(&[reach(40, &[0]), reach(60, &[1, 2, 3])], 30), 90);
        assert_eq!(investable(&[reach(30, &[0]), reach(70, &[1, 2, 3])], 30), 100);
        assert_eq!(investable(&[], 30), 0);
    }
}
