//! Who is held and what is traded, when that is counted: best-first branch and bound over the conic relaxation
//! (Land and Doig 1960; relaxation in `model`), with rounding at every node and a local search that swaps
//! instruments at the root. The bound is the smallest dual objective among what is open or was cut off, so that
//! the gap is proved.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

use super::answer::Search;
use super::model::{Choice, Choices, Model, Solved};
use super::perspective::spare_diagonal;
use super::problem::SearchLimits;
use super::task::Task;
use super::tighten::tighten;
use crate::SolverFailure;

/// Shares nearer to 0 or 1 than this count as decided.
pub(crate) const WHOLE: f64 = 1e-5;
/// Instruments of which the tree is searched at once, without a local search before.
const FEW: usize = 32;
/// Relaxations of the root while each tightens the next.
const LOOKS: u32 = 3;
/// How far a weight that is not traded may be outside its bounds.
const FIXED: f64 = 1e-12;

/// What a search came to.
pub(crate) enum Found {
    /// The best choices; their program is to be solved once more at full accuracy.
    Best(Best),
    /// Nothing satisfies the constraints.
    Nothing,
}

/// The best that was found.
pub(crate) struct Best {
    pub choices: Choices,
    /// Of the program's objective.
    pub bound: f64,
    pub proved: bool,
    pub iterations: u32,
    pub nodes: u32,
    pub tried: u32,
}

/// A set of choices to be divided.
struct Node {
    bound: f64,
    number: u32,
    choices: Choices,
    /// Greatest weights that are enough.
    enough: Vec<f64>,
    branch: Branch,
}

#[derive(Copy, Clone)]
enum Branch {
    Held(usize),
    Traded(usize),
}

/// The lowest bound first, then the oldest.
impl Ord for Node {
    fn cmp(&self, other: &Node) -> Ordering {
        other.bound.total_cmp(&self.bound).then(other.number.cmp(&self.number))
    }
}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Node) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}

pub(crate) struct Searcher<'t, 'a> {
    pub task: &'t Task<'a>,
    pub limits: &'t SearchLimits,
    diagonal: Vec<f64>,
    pub best: Option<(f64, Choices)>,
    tried: BTreeSet<Choices>,
    open: BinaryHeap<Node>,
    /// The lowest bound among what was cut off.
    floor: f64,
    nodes: u32,
    iterations: u32,
    pub seconds: f64,
}

/// Searches for the best choices; with `any`, for any that satisfy the constraints.
///
/// # Errors
/// [`SolverFailure`] when a limit came before anything was found.
pub(crate) fn search(task: &Task<'_>, limits: &SearchLimits, any: bool) -> Result<Found, SolverFailure> {
    let none = || vec![0.0; task.problem.names.len()];
    let diagonal = (!any).then(|| task.problem.covariance.as_ref().map_or_else(none, spare_diagonal));
    let mut searcher = Searcher {
        task,
        limits,
        diagonal: diagonal.unwrap_or_default(),
        best: None,
        tried: BTreeSet::new(),
        open: BinaryHeap::new(),
        floor: f64::INFINITY,
        nodes: 0,
        iterations: 0,
        seconds: 0.0,
    };
    let enough = vec![f64::INFINITY; task.problem.names.len()];
    let Some(root) = searcher.visit(Choices::root(task), f64::NEG_INFINITY, enough)? else {
        return Ok(searcher.found(true));
    };
    if any && searcher.best.is_some() {
        return Ok(searcher.found(true));
    }
    // Rounding may have closed the gap at once.
    let closed = searcher.open.peek().is_none_or(|root| root.bound >= searcher.cutoff());
    if !any && !closed && !searcher.few() {
        searcher.swap(&root)?;
        searcher.again()?;
    }
    while let Some(node) = searcher.open.pop() {
        if node.bound >= searcher.cutoff() {
            searcher.floor = searcher.floor.min(node.bound);
            searcher.open.clear();
            break;
        }
        let stop = searcher.nodes >= limits.nodes_max || searcher.seconds >= limits.time_max.as_secs_f64();
        if stop || any && searcher.best.is_some() {
            searcher.open.push(node);
            break;
        }
        for choice in [Choice::In, Choice::Out] {
            let mut choices = node.choices.clone();
            match node.branch {
                Branch::Held(at) => choices.held[at] = choice,
                Branch::Traded(at) => choices.traded[at] = choice,
            }
            searcher.visit(choices, node.bound, node.enough.clone())?;
        }
    }
    let proved = searcher.open.is_empty();
    if searcher.best.is_none() && !proved {
        let words = format!("the search found no portfolio in its {} nodes", searcher.nodes);
        return Err(SolverFailure::Refused(words));
    }
    Ok(searcher.found(proved))
}

impl Searcher<'_, '_> {
    fn found(self, proved: bool) -> Found {
        let Some((objective, choices)) = self.best else { return Found::Nothing };
        let open = self.open.iter().map(|node| node.bound).fold(self.floor, f64::min);
        Found::Best(Best {
            choices,
            bound: open.min(objective),
            proved,
            iterations: self.iterations,
            nodes: self.nodes,
            tried: u32::try_from(self.tried.len()).unwrap_or(u32::MAX),
        })
    }

    /// Whether there are so few instruments that their tree is smaller than a neighbourhood. What holds of their search
    /// was measured on portfolios of sleeves, without a perspective, where shares are anything up to one.
    fn few(&self) -> bool {
        self.task.problem.names.len() <= FEW
    }

    /// What is not below this cannot matter.
    fn cutoff(&self) -> f64 {
        let gap = |best: f64| best - self.limits.gap * best.abs().max(1e-9);
        self.best.as_ref().map_or(f64::INFINITY, |(best, _)| gap(*best))
    }

    /// Solves the relaxation of some choices: rounds it, and opens it if there is more to decide.
    fn visit(
        &mut self,
        mut choices: Choices,
        mut parent: f64,
        mut enough: Vec<f64>,
    ) -> Result<Option<Vec<f64>>, SolverFailure> {
        let first = self.nodes == 0;
        for look in 1.. {
            if !self.follow(&mut choices) {
                return Ok(None);
            }
            if choices.decided() {
                self.attempt(choices, parent)?;
                return Ok(None);
            }
            let model = Model::within(self.task, &choices, &self.diagonal, &enough);
            self.nodes += 1;
            let (held, traded, weights) = match self.relax(&model)? {
                Relaxed::Infeasible => return Ok(None),
                Relaxed::Solved(solved) => {
                    parent = solved.optimum.bound.max(parent);
                    if parent >= self.cutoff() {
                        self.floor = self.floor.min(parent);
                        return Ok(None);
                    }
                    let shares = shares(&model, &solved);
                    self.round(&choices, &shares.0, &solved)?;
                    let cutoff = self.cutoff();
                    let tightened = tighten(&model, &solved, cutoff, &mut choices, &mut enough);
                    if tightened.any {
                        // What is left out by it is not better than this.
                        self.floor = self.floor.min(cutoff);
                    }
                    if tightened.much && (first && look < LOOKS || choices.decided()) {
                        continue;
                    }
                    (shares.0, shares.1, solved.weights)
                }
                Relaxed::Failed => (Vec::new(), Vec::new(), Vec::new()),
            };
            if let Some(branch) = branch(&choices, (&held, &traded), &weights, self.few()) {
                self.open.push(Node { bound: parent, number: self.nodes, choices, enough, branch });
            }
            return Ok(Some(held.into_iter().map(|share| share.unwrap_or(0.0)).collect()));
        }
        Ok(None)
    }

    /// Looks at the root once more, with the best that a local search has found.
    fn again(&mut self) -> Result<(), SolverFailure> {
        if self.open.len() == 1
            && let Some(root) = self.open.pop()
        {
            self.visit(root.choices, root.bound, root.enough)?;
        }
        Ok(())
    }

    /// Decisions that follow from others; false if they contradict each other.
    fn follow(&self, choices: &mut Choices) -> bool {
        let current = self.task.problem.current.as_deref().unwrap_or_default();
        let names = self.task.names_rule();
        let least = names.map_or(0.0, |(_, _, least)| least);
        for (at, start) in current.iter().enumerate().filter(|(at, _)| choices.traded[*at] == Choice::Out) {
            // What is not traded stays what it is.
            if choices.held[at] == Choice::Free {
                choices.held[at] = if *start == 0.0 { Choice::Out } else { Choice::In };
            }
            let low = if choices.held[at] == Choice::In { self.task.lower(at).max(least) } else { 0.0 };
            let high = if choices.held[at] == Choice::In { self.task.upper(at) } else { 0.0 };
            if *start < low - FIXED || *start > high + FIXED {
                return false;
            }
        }
        let Some((_, most, _)) = names else { return true };
        let held = choices.held.iter().filter(|choice| **choice == Choice::In).count();
        if held == most {
            let free = choices.held.iter_mut().filter(|choice| **choice == Choice::Free);
            free.for_each(|choice| *choice = Choice::Out);
        }
        held <= most
    }

    fn relax(&mut self, model: &Model<'_>) -> Result<Relaxed, SolverFailure> {
        let mut answer = model.solve(&self.limits.solver, true);
        if answer.is_err() {
            answer = model.solve(&self.limits.solver, false);
        }
        match answer {
            Ok(Ok(solved)) => {
                self.iterations += solved.optimum.iterations;
                self.seconds += solved.optimum.seconds;
                Ok(Relaxed::Solved(solved))
            }
            Ok(Err(proof)) => {
                self.seconds += proof.seconds;
                Ok(Relaxed::Infeasible)
            }
            Err(failure @ (SolverFailure::Unbounded | SolverFailure::Refused(_))) => Err(failure),
            Err(_) => Ok(Relaxed::Failed),
        }
    }

    /// The exact program of decided choices. `parent` bounds it if the solver fails; ∞ where these choices are
    /// among others that stay open.
    pub fn attempt(&mut self, mut choices: Choices, parent: f64) -> Result<bool, SolverFailure> {
        if self.tried.contains(&choices) || !self.follow(&mut choices) {
            return Ok(false);
        }
        let model = Model::new(self.task, &choices, &[]);
        match self.relax(&model)? {
            Relaxed::Solved(solved) => {
                let objective = solved.optimum.objective;
                let better = self.best.as_ref().is_none_or(|(best, _)| objective < *best);
                if better {
                    self.best = Some((objective, choices.clone()));
                }
                self.tried.insert(choices);
                Ok(better)
            }
            Relaxed::Infeasible => {
                self.tried.insert(choices);
                Ok(false)
            }
            Relaxed::Failed => {
                self.floor = self.floor.min(parent);
                Ok(false)
            }
        }
    }

    /// Holds the instruments with the largest shares, and trades what the relaxation trades.
    fn round(
        &mut self,
        choices: &Choices,
        held: &[Option<f64>],
        solved: &Solved,
    ) -> Result<(), SolverFailure> {
        let mut decided = choices.clone();
        let (names, few) = (self.task.names_rule(), self.few());
        if let Some((_, most, _)) = names {
            let sure = choices.held.iter().filter(|choice| **choice == Choice::In).count();
            let mut free: Vec<(usize, f64)> =
                held.iter().enumerate().filter_map(|(at, share)| Some((at, (*share)?))).collect();
            free.sort_by(|a, b| {
                let weight = |at: usize| solved.weights[at];
                let by_share = if few { std::cmp::Ordering::Equal } else { b.1.total_cmp(&a.1) };
                by_share.then(weight(b.0).total_cmp(&weight(a.0))).then(a.0.cmp(&b.0))
            });
            for (place, (at, share)) in free.into_iter().enumerate() {
                let room = place + sure < most && share > WHOLE;
                decided.held[at] = if room { Choice::In } else { Choice::Out };
            }
        }
        let current = self.task.problem.current.as_deref().unwrap_or_default();
        for (at, choice) in decided.traded.iter_mut().enumerate().filter(|(_, c)| **c == Choice::Free) {
            let start = current.get(at).copied().unwrap_or(0.0);
            let moved = (solved.weights[at] - start).abs() > 1e-4;
            let least = names.map_or(0.0, |(_, _, least)| least).max(self.task.lower(at));
            let out = decided.held[at] == Choice::Out && start != 0.0;
            let raised = decided.held[at] == Choice::In && start < least;
            *choice = if moved || out || raised { Choice::In } else { Choice::Out };
        }
        self.attempt(decided, f64::INFINITY)?;
        Ok(())
    }
}

/// Shares of undecided holdings and trades.
type Shares = (Vec<Option<f64>>, Vec<Option<f64>>);

fn shares(model: &Model<'_>, solved: &Solved) -> Shares {
    let share = |column: &Option<usize>| column.map(|column| solved.optimum.primal[column] / solved.scale);
    let held = model.held.iter().map(share).collect();
    let traded = model.trades.as_ref().map(|trades| trades.traded.iter().map(share).collect());
    (held, traded.unwrap_or_default())
}

enum Relaxed {
    Solved(Solved),
    Infeasible,
    Failed,
}

/// The largest weight whose share is least decided: leaving it out costs most, so that one of the two sides is
/// cut off soon; of few instruments the share decides alone. Trades by their share.
fn branch(
    choices: &Choices,
    (held, traded): (&[Option<f64>], &[Option<f64>]),
    weights: &[f64],
    few: bool,
) -> Option<Branch> {
    let mut best: Option<(f64, Branch)> = None;
    let mut consider = |score: f64, branch: Branch| {
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, branch));
        }
    };
    let share = |shares: &[Option<f64>], at: usize| shares.get(at).copied().flatten().unwrap_or(0.0);
    let free = |choices: &[Choice]| -> Vec<usize> {
        (0..choices.len()).filter(|at| choices[*at] == Choice::Free).collect()
    };
    for at in free(&choices.held) {
        let weight = weights.get(at).map_or(0.0, |weight| weight.abs());
        let z = share(held, at);
        let score = if few { (1.0 - z).max(0.0) * z.max(0.0).sqrt() } else { (1.0 - z).max(0.0) * weight };
        consider(score, Branch::Held(at));
    }
    for at in free(&choices.traded) {
        let z = share(traded, at);
        consider(z.min(1.0 - z).max(0.0), Branch::Traded(at));
    }
    best.map(|(_, branch)| branch)
}

/// How many sets of instruments a rule about names admits: those large enough to hold what is invested and
/// small enough for the least holdings.
pub(crate) fn admitted(task: &Task<'_>) -> f64 {
    let n = task.problem.names.len();
    let Some((_, most, least)) = task.names_rule() else { return 1.0 };
    let invested = task.problem.invested;
    let forced = (0..n).filter(|at| task.lower(*at) > 0.0).count();
    let mut uppers: Vec<f64> = (0..n).map(|at| task.upper(at)).collect();
    uppers.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    let mut total = 0.0;
    for size in 1..=most.min(n) {
        sum += uppers[size - 1];
        let fits = size as f64 * least <= invested + 1e-12;
        if size >= forced && sum >= invested - 1e-12 && fits {
            total += choose(n - forced, size - forced);
        }
    }
    total
}

fn choose(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |product, at| (product * (n - at) as f64 / (at + 1) as f64).round())
}

/// The account of a search, `relaxed` in the terms of the answer.
pub(crate) fn account(task: &Task<'_>, best: &Best, relaxed: f64) -> Search {
    Search { nodes: best.nodes, holdings_tried: best.tried, holdings_admitted: admitted(task), relaxed }
}
