//! Purchases and sales of a model: `w = current + bought − sold`, costs, parcels and the taxed gain.

use super::model::{Choice, Choices, Model};
use super::problem::{CapitalGainsTax, Paid, TaxLot};
use crate::conic::Affine;

/// Columns of the trades.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trades {
    pub bought: Vec<Option<usize>>,
    /// Sales of an instrument outside its parcels.
    pub sold: Vec<Option<usize>>,
    /// Sales by parcel.
    pub lots: Vec<Option<usize>>,
    /// The instrument of each parcel.
    instruments: Vec<usize>,
    /// Columns of δ, 1 if an instrument is traded, where that is not decided.
    pub traded: Vec<Option<usize>>,
    /// Linear and fixed costs.
    pub cost: Affine,
    /// Whether the portfolio pays them.
    pub paid: bool,
    /// The taxed gain.
    pub gain: Option<usize>,
}

impl Trades {
    /// Bought and sold of each instrument.
    pub fn each(&self) -> impl Iterator<Item = Affine> + '_ {
        (0..self.bought.len()).map(|at| {
            let lots = self.lots.iter().zip(&self.instruments).filter(move |(_, of)| **of == at);
            let columns = lots.filter_map(|(column, _)| *column).chain(self.bought[at]).chain(self.sold[at]);
            Affine { terms: columns.map(|column| (column, 1.0)).collect(), constant: 0.0 }
        })
    }
}

impl Trades {
    /// Columns of what is sold of an instrument.
    pub fn sales(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let lots = self.lots.iter().zip(&self.instruments).filter(move |(_, of)| **of == at);
        lots.filter_map(|(column, _)| *column).chain(self.sold[at])
    }
}

impl Model<'_> {
    /// Adds the columns and rows of the trades.
    pub fn trade(&mut self, choices: &Choices) {
        let problem = self.task.problem;
        let n = problem.names.len();
        let current = problem.current.as_deref().unwrap_or_default();
        let tax = problem.tax.as_ref();
        let lots = tax.map_or(&[][..], |tax| &tax.lots);
        let mut trades = Trades {
            bought: vec![None; n],
            sold: vec![None; n],
            lots: vec![None; lots.len()],
            instruments: lots.iter().map(|lot| lot.instrument).collect(),
            traded: vec![None; n],
            ..Trades::default()
        };
        for at in 0..n {
            let start = current.get(at).copied().unwrap_or(0.0);
            if start == 0.0 && self.task.lower(at) >= 0.0 && choices.traded[at] == Choice::In {
                // Of what is not held and may not be short, the weight is what is bought.
                trades.bought[at] = self.weight[at];
                continue;
            }
            if choices.traded[at] != Choice::Out {
                self.trade_one(at, start, lots, choices, &mut trades);
            }
            // w − bought + sold − current = 0.
            let mut balance = self.of(at);
            balance.constant = -start;
            balance.terms.extend(trades.bought[at].map(|column| (column, -1.0)));
            let sales = lots.iter().zip(&trades.lots).filter(|(lot, _)| lot.instrument == at);
            let sales = sales.filter_map(|(_, column)| *column).chain(trades.sold[at]);
            balance.terms.extend(sales.map(|column| (column, 1.0)));
            if !balance.terms.is_empty() || balance.constant != 0.0 {
                self.equal(None, balance);
            }
        }
        self.cost(choices, &mut trades);
        if let Some(tax) = tax {
            trades.gain = Some(self.taxed_gain(tax, &trades));
        }
        self.trades = Some(trades);
    }

    fn trade_one(&mut self, at: usize, start: f64, lots: &[TaxLot], choices: &Choices, trades: &mut Trades) {
        let (lower, upper) = (self.task.lower(at), self.task.upper(at));
        let mut parcels = Affine::default();
        for (number, lot) in lots.iter().enumerate().filter(|(_, lot)| lot.instrument == at) {
            let column = self.positive(Some(lot.value));
            trades.lots[number] = Some(column);
            parcels.terms.push((column, 1.0));
        }
        // Sales beyond what is held need a short position.
        let most = if lower.is_finite() { start - lower.min(0.0) } else { f64::INFINITY };
        if parcels.terms.is_empty() && most > 0.0 || lower < 0.0 {
            trades.sold[at] = Some(self.positive(most.is_finite().then_some(most.max(0.0))));
        }
        if self.weight[at].is_some() {
            trades.bought[at] = Some(self.positive(None));
        }
        if choices.traded[at] == Choice::Free {
            let indicator = self.positive(Some(1.0));
            trades.traded[at] = Some(indicator);
            // What is sold can be bought back, when parcels are at a loss.
            let again = if parcels.terms.is_empty() { start } else { 0.0 };
            let buys = trades.bought[at].map(Affine::column);
            let mut sales = parcels;
            sales.terms.extend(trades.sold[at].map(|column| (column, 1.0)));
            for (traded, most) in [(buys, upper - again), (Some(sales), start - lower.min(0.0))] {
                if let Some(mut traded) = traded.filter(|_| most.is_finite()) {
                    traded.terms.push((indicator, -most.max(0.0)));
                    self.at_most(None, traded);
                }
            }
        }
    }

    /// A column from zero to a limit (a multiple of κ).
    fn positive(&mut self, most: Option<f64>) -> usize {
        let column = self.program.column(0.0);
        self.at_most(None, Affine::column(column).times(-1.0));
        if let Some(most) = most {
            let mut row = Affine::column(column);
            row.constant = -most;
            self.at_most(None, row);
        }
        column
    }

    fn cost(&mut self, choices: &Choices, trades: &mut Trades) {
        let Some(costs) = &self.task.problem.costs else { return };
        trades.paid = costs.paid == Paid::FromPortfolio;
        let mut cost = Affine::default();
        for (traded, rate) in trades.each().zip(&costs.linear) {
            cost.add(*rate, &traded);
        }
        for (at, fixed) in costs.fixed.iter().enumerate().filter(|(_, fixed)| **fixed > 0.0) {
            match (choices.traded[at], trades.traded[at]) {
                (Choice::In, _) => cost.constant += fixed,
                (Choice::Free, Some(column)) => cost.terms.push((column, *fixed)),
                _ => {}
            }
        }
        trades.cost = cost;
    }

    /// The column of `max(0, (1 − δ)(D + O − L), O − L + (1 − δ) D)`.
    fn taxed_gain(&mut self, tax: &CapitalGainsTax, trades: &Trades) -> usize {
        let (mut discounted, mut others) = (Affine::default(), Affine::constant(-tax.prior_losses));
        for (lot, column) in tax.lots.iter().zip(&trades.lots) {
            let (Some(column), ratio) = (column, lot.gain_ratio()) else { continue };
            let gains = if lot.discounted && ratio > 0.0 { &mut discounted } else { &mut others };
            gains.terms.push((*column, ratio));
        }
        let kept = 1.0 - tax.discount;
        let gain = self.positive(None);
        for share in [kept, 1.0] {
            let mut row = others.times(share);
            row.add(kept, &discounted);
            row.terms.push((gain, -1.0));
            self.at_most(None, row);
        }
        gain
    }
}

/// The taxed gain of sales by parcel, by its definition.
pub(crate) fn net_capital_gain(tax: &CapitalGainsTax, sales: &[f64]) -> f64 {
    let (mut discounted, mut others, mut losses) = (0.0, 0.0, tax.prior_losses);
    for (lot, sold) in tax.lots.iter().zip(sales) {
        let gain = sold * lot.gain_ratio();
        match (gain > 0.0, lot.discounted) {
            (true, true) => discounted += gain,
            (true, false) => others += gain,
            (false, _) => losses -= gain,
        }
    }
    // Losses against other gains first, then against discount gains, then the discount.
    let first = losses.min(others);
    let second = (losses - first).min(discounted);
    (others - first) + (1.0 - tax.discount) * (discounted - second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tax(prior_losses: f64) -> CapitalGainsTax {
        let lot =
            |cost_base: f64, discounted: bool| TaxLot { instrument: 0, value: 0.1, cost_base, discounted };
        let lots = vec![lot(0.06, true), lot(0.09, false), lot(0.12, true)];
        CapitalGainsTax { rate: 0.45, discount: 0.5, prior_losses, lots, weight: 1.0 }
    }

    /// Gains of 4 (discounted) and 1, a loss of 2, in hundredths: the loss takes the 1 and one of the 4.
    #[test]
    fn losses_take_the_gains_without_discount_first() {
        for (prior, sales, expected) in [
            (0.0, [0.1, 0.1, 0.1], 0.015),
            (0.0, [0.1, 0.1, 0.0], 0.03),
            (0.0, [0.0, 0.0, 0.1], 0.0),
            (0.025, [0.1, 0.1, 0.1], 0.0025),
            (1.0, [0.1, 0.1, 0.1], 0.0),
        ] {
            let gain = net_capital_gain(&tax(prior), &sales);
            assert!((gain - expected).abs() < 1e-15, "{prior} {sales:?}: {gain}");
            // The convex form is the same number.
            let losses = prior + 0.2 * sales[2];
            let (discounted, others) = (0.4 * sales[0], 0.1 * sales[1]);
            let convex =
                (0.5 * (discounted + others - losses)).max(others - losses + 0.5 * discounted).max(0.0);
            assert!((gain - convex).abs() < 1e-15);
        }
    }
}
