//! The local search of a search: neighbours of the best holdings, as long as one of them is better.

use super::model::{Choice, Choices};
use super::search::{Searcher, WHOLE};
use crate::SolverFailure;

/// Instruments that a swap may bring in: the largest shares of the root's relaxation; and take out: the
/// smallest ones.
const SWAPS_IN: usize = 8;
const SWAPS_OUT: usize = 6;
/// Rounds of swaps.
const SWAP_ROUNDS: usize = 30;

impl Searcher<'_, '_> {
    /// Swaps one instrument for another, adds one, drops one, or changes whether one is traded, as long as
    /// that helps.
    pub fn swap(&mut self, shares: &[f64]) -> Result<(), SolverFailure> {
        let root = Choices::root(self.task);
        let mut promising: Vec<usize> =
            (0..shares.len()).filter(|at| root.held[*at] == Choice::Free && shares[*at] > WHOLE).collect();
        promising.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]).then(a.cmp(b)));
        for _ in 0..SWAP_ROUNDS {
            let Some((_, now)) = self.best.clone() else { return Ok(()) };
            let moves = self.moves(&now, &root, &promising, shares);
            let mut better = false;
            for choices in moves {
                if self.seconds >= self.limits.time_max.as_secs_f64() {
                    return Ok(());
                }
                better = self.attempt(choices, f64::INFINITY)?;
                if better {
                    break;
                }
            }
            if !better {
                return Ok(());
            }
        }
        Ok(())
    }

    fn moves(&self, now: &Choices, root: &Choices, promising: &[usize], shares: &[f64]) -> Vec<Choices> {
        let mut moves = Vec::new();
        if let Some((_, most, _)) = self.task.names_rule() {
            let is_in = |at: &usize| now.held[*at] == Choice::In;
            let mut leaving: Vec<usize> =
                (0..now.held.len()).filter(|at| root.held[*at] == Choice::Free && is_in(at)).collect();
            leaving.sort_by(|a, b| shares[*a].total_cmp(&shares[*b]).then(a.cmp(b)));
            leaving.truncate(SWAPS_OUT);
            let coming: Vec<usize> =
                promising.iter().copied().filter(|at| !is_in(at)).take(SWAPS_IN).collect();
            let full = now.held.iter().filter(|choice| **choice == Choice::In).count() >= most;
            let mut with = |out: Option<usize>, come: Option<usize>| {
                let mut choices = now.clone();
                out.into_iter().for_each(|at| choices.held[at] = Choice::Out);
                come.into_iter().for_each(|at| choices.held[at] = Choice::In);
                // Who leaves has to be sold, who comes to be bought.
                let traded = out.into_iter().chain(come).filter(|at| root.traded[*at] == Choice::Free);
                traded.for_each(|at| choices.traded[at] = Choice::In);
                moves.push(choices);
            };
            for come in &coming {
                if !full {
                    with(None, Some(*come));
                }
                leaving.iter().for_each(|out| with(Some(*out), Some(*come)));
            }
            leaving.iter().for_each(|out| with(Some(*out), None));
        }
        for at in (0..now.traded.len()).filter(|at| root.traded[*at] == Choice::Free) {
            let mut choices = now.clone();
            let other = if now.traded[at] == Choice::In { Choice::Out } else { Choice::In };
            choices.traded[at] = other;
            moves.push(choices);
        }
        moves
    }
}
