//! Step 5, second half: one portfolio that serves all pods.
//!
//! With c the pods' shares of the capital, x their own solutions, h what is held now, all as shares of the
//! capital, the master portfolio w minimises `0.6 P + 0.2 D + 0.1 C + 0.1 T` over
//!
//! `Σ w = 1`, at most 12 of them held, each held one from 2% to 30% (ruling 4: hard).
//!
//! Each term is convex in w and at most about one:
//!
//! | term | is | 0 is | 1 is |
//! |---|---|---|---|
//! | P pods | `min Σ loss_p(v_p)` over all sleeves v with `Σ v_p = w`, `1ᵀv_p = c_p`, v_p of the pod's own universe | every pod as good as alone | every pod as bad as the worst single instrument of its universe |
//! | D duplication | `Σ q w²`, `q = 1 − Σ a² / (Σ a)²`, a what each pod by itself wants of the instrument | nothing wanted twice | all in one instrument that ever more pods want |
//! | C cost | `½ Σ abs(w − h)`, the turnover; times what trading costs it is money | nothing traded | all sold, all bought |
//! | T tax | (tax on a year's income, less franking credits, beyond that of what is taxed least + tax on gains that selling realises) / s | all in what is taxed least, no gains | all in what is taxed most |
//!
//! *P.* A pod's loss is what it gives up of its own objective (0 where it is better off than alone, so that one pod's
//! luck does not make up for another's loss), divided by the range R from its best to the worst single instrument of its
//! universe (at least 0.001), plus 50 for each unit by which a limit (as it was in force alone) is exceeded. With σ(v) =
//! √(vᵀCv), μ expected returns, y yields after tax, rf the risk-free rate and * marking the value alone:
//!
//! | objective | loss · R |
//! |---|---|
//! | least volatility | `σ(v) − c σ*` |
//! | most yield after tax | `c y* − yᵀv` |
//! | most Sharpe | `S* σ(v) − (μ − rf)ᵀv`: what the best ratio would have paid for this volatility, less what v pays |
//! | most return | `c μ* − μᵀv` |
//!
//! *D.* If pods share an instrument as they wanted it, `q w²` is the sum of the products of their parts with each
//! other's: the chance that two dollars drawn from the portfolio are in one instrument for different pods.
//!
//! *T.* s is the range of the tax on a year's income of a unit of money among what the pods may hold, at least 0.01:
//! tax on gains of one point of the capital counts about as much as a year's income from the worst taxed instead of the
//! best taxed. Gains follow the legal order, by lot, with the losses of this and of earlier years. A lot at a loss counts
//! as one without a gain and is sold before those with one: if its loss counted, selling it and buying the same back would
//! pay, which is a wash sale (ruling 5). The tax step has the loss.
//!
//! Source: the optimization flow, step 5, which names terms and weights but not their form.

mod answer;
mod candidates;
mod problem;
mod report;
mod room;
mod sleeves;

pub use answer::{MasterError, MasterHolding, MasterPortfolio, MasterTerm, PodKept, SoldLot, TermKind};
pub(crate) use problem::taxpayer;
pub use problem::{MasterProblem, MasterRules, PodPart, solve_master};
