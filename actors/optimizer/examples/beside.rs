//! Solves problems that `benches/compare/optimiser` writes, so that other libraries can solve the same ones: reads one
//! JSON object from stdin, writes another with weights and times in milliseconds.

use std::time::Instant;

use evenkeel_optimizer::portfolio::{
    Bounds, Constraint, Covariance, Distance, Hierarchy, Linkage, Objective, PortfolioProblem, Rule,
    SearchLimits, construct,
};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Asked {
    runs: usize,
    problems: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    name: String,
    kind: String,
    /// Instrument by factor.
    loadings: Vec<Vec<f64>>,
    /// Factor variances.
    factors: Vec<f64>,
    specific: Vec<f64>,
    expected: Vec<f64>,
    upper: f64,
    /// Day by instrument.
    #[serde(default)]
    scenarios: Vec<Vec<f64>>,
}

#[derive(Serialize)]
struct Answer {
    name: String,
    weights: Vec<f64>,
    gap: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    Array2::from_shape_fn((rows.len(), columns), |(a, b)| rows[a][b])
}

fn problem(asked: &Question) -> Result<PortfolioProblem, Box<dyn std::error::Error>> {
    let loadings = matrix(&asked.loadings);
    let factors = Array2::from_diag(&Array1::from(asked.factors.clone()));
    let covariance = Covariance::factors(&loadings, factors, Array1::from(asked.specific.clone()))?;
    let names = (0..asked.expected.len()).map(|at| at.to_string()).collect();
    let mut constraints = Vec::new();
    let objective = match asked.kind.as_str() {
        "minimum_variance" => Objective::MinimumVariance,
        "mean_variance" => Objective::MeanVariance { risk_aversion: 4.0 },
        "maximum_sharpe" => Objective::MaximumSharpe { risk_free: 0.04 },
        "equal_risk_contribution" => Objective::EqualRiskContribution,
        "hierarchical_risk_parity" => Objective::HierarchicalRiskParity(Hierarchy {
            distance: Distance::Columns,
            linkage: Linkage::Single,
        }),
        "minimum_cvar" => Objective::MinimumCvar { scenarios: matrix(&asked.scenarios), confidence: 0.95 },
        "at_most_twelve" => {
            let rule = Rule::Names { most: 12, least: 0.02 };
            constraints.push(Constraint { name: "names".to_owned(), rule });
            Objective::MeanVariance { risk_aversion: 4.0 }
        }
        other => return Err(format!("no problem of kind {other}").into()),
    };
    let mut problem = PortfolioProblem::long_only(names, objective);
    problem.bounds = vec![Bounds { lower: 0.0, upper: asked.upper }; asked.expected.len()];
    problem.covariance = Some(covariance);
    problem.expected_returns = Some(asked.expected.clone());
    problem.constraints = constraints;
    Ok(problem)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked: Asked = serde_json::from_reader(std::io::stdin().lock())?;
    let limits = SearchLimits { gap: 1e-3, ..SearchLimits::default() };
    let mut answers = Vec::new();
    for question in &asked.problems {
        let runs = if question.kind == "at_most_twelve" { asked.runs.min(5) } else { asked.runs };
        let (mut times, mut last) = (Vec::new(), None);
        for _ in 0..runs.max(1) {
            let begun = Instant::now();
            // Making the problem counts: it is what a caller has to do.
            let found = construct(&problem(question)?, &limits)?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            last = Some(found);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let found = last.ok_or("no run")?;
        answers.push(Answer {
            name: question.name.clone(),
            weights: found.weights,
            gap: found.gap,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
        });
    }
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}
