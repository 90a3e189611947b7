//! The master portfolio: answers by pencil, and markets that leave little to hold.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::time::Duration;

use common::{date, investor, market_data, name};
use evenkeel_advice::{Pod, PodId, PodObjective, pods_on};
use evenkeel_construction::{
    HeldLot, MarketData, MarketState, MasterError, MasterPortfolio, MasterProblem, MasterRules, PodPart,
    PodProblem, PodSolution, TermKind, consolidate, search_limits, solve_master, solve_pod,
};
use evenkeel_optimizer::portfolio::Standing;
use evenkeel_schemas::{Money, Ratio};
use evenkeel_tax::Law;

/// A pod that wants return, of these instruments.
fn wants_return(pod: PodId, universe: &[&str]) -> Pod {
    let table = pods_on(date("2025-11-15")).unwrap();
    Pod {
        objective: PodObjective::MaximiseReturn,
        volatility_max: Ratio::from_raw(Ratio::ONE),
        liquidity_min: None,
        yield_min: None,
        universe: universe.iter().map(|of| name(of)).collect(),
        ..table.pod(pod).unwrap().clone()
    }
}

/// Instruments A, B, … with these returns, a volatility of 10% each, no yield and nothing in common.
fn plain_market(returns: &[f64]) -> MarketData {
    let mut data = market_data();
    data.listings.truncate(returns.len());
    for ((listing, mu), letter) in data.listings.iter_mut().zip(returns).zip('A'..) {
        listing.name = name(&letter.to_string());
        listing.expected_return = Some(*mu);
        listing.distribution_yield = Ratio::ZERO;
        listing.price = Some("10".parse().unwrap());
    }
    data.estimated = data.listings.iter().map(|listing| listing.name.clone()).collect();
    let n = returns.len();
    data.covariance = (0..n).map(|a| (0..n).map(|b| if a == b { 0.01 } else { 0.0 }).collect()).collect();
    data
}

struct Case {
    pods: Vec<(Pod, &'static str)>,
    market: MarketData,
    held: Vec<HeldLot>,
    rate: &'static str,
}

impl Case {
    fn solve(&self) -> Result<MasterPortfolio, MasterError> {
        self.solve_with(&MasterRules::default())
    }

    fn solve_with(&self, rules: &MasterRules) -> Result<MasterPortfolio, MasterError> {
        let market = MarketState::new(self.market.clone()).unwrap();
        let (investor, limits) = (investor(self.rate), search_limits(Duration::from_secs(20)));
        let solutions: Vec<PodSolution> = self
            .pods
            .iter()
            .map(|(terms, _)| solve_pod(&PodProblem { terms, market: &market, investor }, &limits).unwrap())
            .collect();
        let part = |((terms, capital), solution)| PodPart { terms, solution, capital: money(capital) };
        let pods: Vec<PodPart<'_>> =
            self.pods.iter().map(|(terms, capital)| (terms, *capital)).zip(&solutions).map(part).collect();
        let law = Law::built_in().unwrap();
        let problem = MasterProblem {
            pods: &pods,
            market: &market,
            investor,
            held: &self.held,
            on: date("2025-11-15"),
            law: law.of("2025-26".parse().unwrap()).unwrap(),
            losses: Money::ZERO,
            cost_rate: "0.002".parse().unwrap(),
        };
        solve_master(&problem, rules, &limits)
    }
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// To a tenth of a basis point: pods may hold a millionth of the capital more or less than their share.
fn weights(portfolio: &MasterPortfolio) -> Vec<(&str, f64)> {
    let line = |h: &'_ evenkeel_construction::MasterHolding| (h.weight.to_f64() * 1e5).round() / 1e5;
    portfolio.holdings.iter().map(|h| (h.instrument.as_str(), line(h))).collect()
}

fn term(portfolio: &MasterPortfolio, kind: TermKind) -> f64 {
    portfolio.terms.iter().find(|term| term.term == kind).unwrap().value
}

/// Both pods want A, which returns 10%; it may be 30% of the capital. The first has only B beside it, and loses its
/// whole range (10% to 2%) by it; the second loses an eighth by C and a quarter by D of what E would cost it. So A is
/// the first one's, which has 20% in B, and the second fills C and then D:
/// P = 0.2 · 1 + 0.3 · 1/8 + 0.2 · 1/4; q of A is 1/2, so D = 0.5 · 0.3².
#[test]
fn what_is_capped_goes_to_who_loses_most() {
    let pods = vec![
        (wants_return(PodId::Growth, &["A", "B"]), "50000"),
        (wants_return(PodId::Opportunistic, &["A", "C", "D", "E"]), "50000"),
    ];
    let market = plain_market(&[0.10, 0.02, 0.09, 0.08, 0.02]);
    let found = Case { pods, market, held: Vec::new(), rate: "0.3" }.solve().unwrap();
    assert_eq!(weights(&found), [("A", 0.3), ("B", 0.2), ("C", 0.3), ("D", 0.2)]);
    assert!((term(&found, TermKind::Pods) - (0.2 + 0.3 / 8.0 + 0.2 / 4.0)).abs() < 1e-5, "{found:?}");
    assert!((term(&found, TermKind::Duplication) - 0.5 * 0.09).abs() < 1e-9);
    assert!((term(&found, TermKind::Cost) - 0.5).abs() < 1e-12 && term(&found, TermKind::Tax) == 0.0);
    let weighted: f64 = found.terms.iter().map(|term| term.weight.to_f64() * term.value).sum();
    assert!((found.objective - weighted).abs() < 1e-12);
    // 100,000 bought at 0.2%.
    assert_eq!((found.transaction_cost, found.cash), (money("200"), Money::ZERO));
    assert_eq!((found.standing, found.gap <= 1e-3), (Standing::Optimal, true));
    assert!(found.residuals.unwrap().largest() < 1e-6);
    // The first keeps 0.3 of A and 0.2 of B: 0.6 · 10% + 0.4 · 2% = 6.8%; two fifths of its range are gone.
    let first = &found.kept[0];
    assert!((first.alone - 0.1).abs() < 1e-9 && (first.together - 0.068).abs() < 1e-6, "{first:?}");
    assert!((first.given_up - 0.4).abs() < 1e-5 && first.within_limits && !first.preserved);
    assert!(first.words.ends_with("its limits hold; its objective is not preserved."), "{}", first.words);
    assert!((found.holdings[0].pods[&PodId::Growth].to_f64() - 0.6).abs() < 1e-5);
    let cap = found.active.iter().find(|active| active.name == "greatest weight of A").unwrap();
    // One more of A saves the first 0.6 of P, less what it adds to 0.2 D: 0.2 · 0.5 · 2 · 0.3.
    assert!((cap.shadow_price - (0.6 - 0.06)).abs() < 1e-5, "{cap:?}");
}

/// The same two pods, with room for all of A's admirers: the second prefers C to an A that both have if the tenth of
/// its range that C costs, 0.6 · 0.1, is less than the duplication: with x of A in each, 0.2 · d(½ (2x)²) = 0.8 x a
/// unit of each. So A is given up where 0.2 · ½ · 2 · w > 0.06: w > 0.3.
#[test]
fn duplication_has_its_price() {
    let pods = vec![
        (wants_return(PodId::Growth, &["A", "B"]), "50000"),
        (wants_return(PodId::Opportunistic, &["A", "C", "E"]), "50000"),
    ];
    // E is the worst of the second: 10% to 0%, C costs a tenth.
    let market = plain_market(&[0.10, 0.02, 0.09, 0.0, 0.0]);
    let case = Case { pods, market, held: Vec::new(), rate: "0.3" };
    let rules = MasterRules { weight_most: Ratio::from_raw(Ratio::ONE), ..MasterRules::default() };
    let found = case.solve_with(&rules).unwrap();
    // The first needs its 0.5 of A, beyond 0.3: the second has none of it.
    assert_eq!(weights(&found), [("A", 0.5), ("C", 0.5)], "{found:?}");
    let light = MasterRules {
        objective: ["0.6", "0.02", "0.1", "0.1"].map(|weight| weight.parse().unwrap()),
        ..rules
    };
    // A tenth of that weight: 0.02 · w > 0.06 nowhere.
    assert_eq!(weights(&case.solve_with(&light).unwrap()), [("A", 1.0)]);
}

/// Thirteen wanted alike in a pod of thirteen, twelve may be held; the pod that wants least of all leaves.
#[test]
fn at_most_twelve_are_held() {
    let letters: Vec<String> = ('A'..='M').map(|letter| letter.to_string()).collect();
    let universe: Vec<&str> = letters.iter().map(String::as_str).collect();
    let pod =
        Pod { objective: PodObjective::MinimiseVolatility, ..wants_return(PodId::Preservation, &universe) };
    let mut market = plain_market(&[0.05; 13]);
    market.covariance[12][12] = 0.011;
    let found = Case { pods: vec![(pod, "100000")], market, held: Vec::new(), rate: "0.3" }.solve().unwrap();
    assert_eq!(found.holdings.len(), 12, "{found:?}");
    assert_eq!(found.left_out.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["M"]);
    assert!(found.left_out[&name("M")].ends_with("serve the pods less than the 12 that may be held"));
    assert!(found.search.unwrap().nodes > 0 && found.gap <= 1e-3);
    // Twelve twelfths: 10% / √12.
    assert!((found.kept[0].together - 0.1 / 12.0_f64.sqrt()).abs() < 1e-5);
}

#[test]
fn too_few_instruments_leave_cash_and_say_so() {
    for (count, invested) in [(1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0)] {
        let letters = ["A", "B", "C", "D"];
        let pods = vec![(wants_return(PodId::Growth, &letters[..count]), "100000")];
        let market = plain_market(&[0.10, 0.09, 0.08, 0.07][..count]);
        let found = Case { pods, market, held: Vec::new(), rate: "0.3" }.solve().unwrap();
        let sum: f64 = weights(&found).iter().map(|(_, weight)| weight).sum();
        assert!((sum - invested).abs() < 1e-9, "{found:?}");
        assert_eq!(found.cash, money(&format!("{:.0}", (1.0 - invested) * 1e5)), "{count}");
        assert_eq!(found.cash_reasons.is_empty(), count == 4);
    }
    let pods = vec![
        (wants_return(PodId::Growth, &["A"]), "50000"),
        (wants_return(PodId::Opportunistic, &["B", "C", "D"]), "50000"),
    ];
    let market = plain_market(&[0.10, 0.09, 0.08, 0.07]);
    let found = Case { pods, market, held: Vec::new(), rate: "0.3" }.solve().unwrap();
    assert_eq!(
        found.cash_reasons,
        ["at most 30% in one instrument, what the pods may hold takes 80% of the capital"]
    );
    assert!(found.explanation.contains("Some stays cash: at most 30% in one instrument"));
    assert_eq!(found.cash, money("20000"));
}

#[test]
fn a_pod_too_small_to_hold_anything_waits_in_cash() {
    let pods = vec![
        (wants_return(PodId::Growth, &["A", "B", "C", "D"]), "99000"),
        (wants_return(PodId::Opportunistic, &["E"]), "1000"),
    ];
    let market = plain_market(&[0.10, 0.09, 0.08, 0.07, 0.06]);
    let mut case = Case { pods, market, held: Vec::new(), rate: "0.3" };
    let found = case.solve().unwrap();
    assert_eq!(found.cash, money("1000"), "{found:?}");
    assert_eq!(
        found.cash_reasons,
        ["POD4 (Opportunistic) is 1% of the capital, less than the 2% that is the least to hold"]
    );
    // What it shares with another, it can hold.
    case.pods[1].0.universe.push(name("B"));
    let found = case.solve().unwrap();
    assert_eq!((found.cash, found.cash_reasons.len()), (Money::ZERO, 0), "{found:?}");
}

fn lot(lot: &str, instrument: &str, acquired: &str, quantity: &str, cost_base: &str) -> HeldLot {
    HeldLot {
        lot: name(lot),
        instrument: name(instrument),
        acquired: date(acquired),
        quantity: quantity.parse().unwrap(),
        cost_base: money(cost_base),
    }
}

fn four() -> Case {
    Case {
        pods: vec![(wants_return(PodId::Growth, &["A", "B", "C", "D"]), "100000")],
        market: plain_market(&[0.10, 0.099, 0.098, 0.097, 0.05, 0.04]),
        held: Vec::new(),
        rate: "0.4",
    }
}

/// 30, 30, 30 and 10 of A to D would be best by a hair; what is held, 10, 30, 30 and 30, is as good less two thirds of
/// the range for 20% of the capital, 0.6 · 0.2 = 0.12, against 0.1 · 0.2 of turnover.
#[test]
fn trades_have_their_price() {
    let mut case = four();
    case.held = vec![
        lot("a", "A", "2025-10-01", "1000", "10000"),
        lot("b", "B", "2025-10-01", "3000", "30000"),
        lot("c", "C", "2025-10-01", "3000", "30000"),
        lot("d", "D", "2025-10-01", "3000", "30000"),
    ];
    let found = case.solve().unwrap();
    assert!((found.turnover - 0.2).abs() < 1e-6, "{found:?}");
    assert_eq!(found.sold.len(), 1);
    assert!((found.sold[0].part.to_f64() - 2.0 / 3.0).abs() < 1e-5);
    assert_eq!(found.transaction_cost, money("80"));
    // Half of all is gain: a unit of D moved to A brings 0.6 · (0.10 − 0.097) / 0.003 less 0.1 of turnover. It is taxed
    // 0.4 · ½, and no income is, so that s is 0.01: at a weight of 0.04 that is 0.8, more than it brings.
    for lot in &mut case.held {
        lot.cost_base = Money::from_raw(lot.cost_base.raw() / 2);
    }
    let rules = MasterRules {
        objective: ["0.6", "0.2", "0.1", "0.04"].map(|weight| weight.parse().unwrap()),
        ..MasterRules::default()
    };
    let held = case.solve_with(&rules).unwrap();
    assert!(held.turnover < 1e-6 && held.sold.is_empty(), "{held:?}");
    // Over twelve months half the gain is taxed: 0.4, less than 0.5.
    case.held[3] = lot("d", "D", "2024-10-01", "3000", "15000");
    assert!((case.solve_with(&rules).unwrap().turnover - 0.2).abs() < 1e-6);
}

#[test]
fn what_no_pod_wants_is_sold() {
    let mut case = four();
    case.held =
        vec![lot("e", "E", "2025-10-01", "2000", "25000"), lot("a", "A", "2025-10-01", "3000", "20000")];
    let found = case.solve().unwrap();
    assert_eq!(weights(&found), [("A", 0.3), ("B", 0.3), ("C", 0.3), ("D", 0.1)]);
    assert_eq!(found.sold.len(), 1);
    assert_eq!((found.sold[0].lot.as_str(), found.sold[0].part), ("e", Ratio::from_raw(Ratio::ONE)));
    // 20% sold, 70% bought.
    assert!((found.turnover - 0.45).abs() < 1e-6);
    assert_eq!(found.holdings[0].current, "0.3".parse().unwrap());
}

#[test]
fn holdings_that_cannot_be_judged_are_refused() {
    let refused = |held: HeldLot, spoil: fn(&mut Case)| {
        let mut case = four();
        case.held = vec![held];
        spoil(&mut case);
        case.solve().unwrap_err().to_string()
    };
    let good = || lot("a", "A", "2025-10-01", "3000", "20000");
    let cases: [(String, &str); 6] = [
        (
            refused(lot("x", "X", "2025-10-01", "1", "1"), |_| {}),
            "X is held, but it is not listed: construct when that is known, or sell it first",
        ),
        (
            refused(lot("e", "E", "2025-10-01", "1", "1"), |case| case.market.listings[4].price = None),
            "no price",
        ),
        (
            refused(good(), |case| case.market.listings[0].expected_return = None),
            "A is held, but its return is not estimated",
        ),
        (refused(lot("a", "A", "2025-10-01", "0", "1"), |_| {}), "held.a.quantity: expected above 0"),
        (refused(lot("a", "A", "2025-10-01", "1", "-1"), |_| {}), "held.a.cost_base: expected 0 or more"),
        (refused(lot("a", "A", "2025-10-01", "10001", "1"), |_| {}), "worth no more than the capital"),
    ];
    for (got, wanted) in cases {
        assert!(got.contains(wanted), "{got}");
    }
    let mut none = four();
    none.pods[0].1 = "0";
    assert_eq!(none.solve().unwrap_err(), MasterError::NoCapital);
    let rules = MasterRules { weight_least: "0.4".parse().unwrap(), ..MasterRules::default() };
    assert!(four().solve_with(&rules).unwrap_err().to_string().contains("rules.weight_least"));
    // Three of at most 30% cannot hold all: not even with cash is that a portfolio of whole capital.
    let rules = MasterRules { names_most: 2, ..MasterRules::default() };
    let words = four().solve_with(&rules).unwrap_err().to_string();
    assert!(words.contains("at most 2 instruments"), "{words}");
}

/// The source's sample of step 5: what pods hold, in its own figures.
#[test]
fn consolidation_is_the_samples() {
    type Sample = (PodId, &'static str, &'static [(&'static str, &'static str)]);
    let samples: [Sample; 4] = [
        (PodId::Preservation, "15000", &[("BILL", "0.6"), ("VAF", "0.3"), ("VAS", "0.1")]),
        (
            PodId::Income,
            "25000",
            &[("VAF", "0.3"), ("VHY", "0.25"), ("VAP", "0.15"), ("VAS", "0.2"), ("GOLD", "0.1")],
        ),
        (
            PodId::Growth,
            "50000",
            &[
                ("VGS", "0.35"),
                ("VTS", "0.25"),
                ("VAS", "0.15"),
                ("NDQ", "0.1"),
                ("VAF", "0.1"),
                ("GOLD", "0.05"),
            ],
        ),
        (
            PodId::Opportunistic,
            "10000",
            &[("TECH", "0.25"), ("ROBO", "0.25"), ("SEMI", "0.2"), ("NDQ", "0.15"), ("ASIA", "0.15")],
        ),
    ];
    let market = common::market();
    let table = pods_on(date("2025-11-15")).unwrap();
    let solved = |(pod, capital, weights): &Sample| {
        let terms = table.pod(*pod).unwrap();
        let problem = PodProblem { terms, market: &market, investor: investor("0.3") };
        let mut solution = solve_pod(&problem, &search_limits(Duration::from_secs(20))).unwrap();
        solution.weights = weights.iter().map(|(of, weight)| (name(of), weight.parse().unwrap())).collect();
        (solution, money(capital))
    };
    let solved: Vec<(PodSolution, Money)> = samples.iter().map(solved).collect();
    let all = consolidate(solved.iter().map(|(solution, capital)| (solution, *capital))).unwrap();
    let values: Vec<(String, String)> =
        all.holdings.iter().map(|h| (h.instrument.to_string(), h.total_value.to_string())).collect();
    let expected = [
        ("ASIA", "1500"),
        ("BILL", "9000"),
        ("GOLD", "5000"),
        ("NDQ", "6500"),
        ("ROBO", "2500"),
        ("SEMI", "2000"),
        ("TECH", "2500"),
        ("VAF", "14000"),
        ("VAP", "3750"),
        ("VAS", "14000"),
        ("VGS", "17500"),
        ("VHY", "6250"),
        ("VTS", "12500"),
    ];
    // One figure is not the sample's: it has VAF at 13,500, where 30% of 15,000, 30% of 25,000 and 10% of 50,000
    // are 17,000.
    let expected: Vec<(String, String)> = expected
        .map(|(name, value)| {
            (name.to_owned(), if name == "VAF" { "17000".to_owned() } else { value.to_owned() })
        })
        .to_vec();
    assert_eq!(values, expected);
    assert_eq!(all.unique, 13);
    let duplicated: Vec<&str> = all.duplicated.iter().map(|name| name.as_str()).collect();
    assert_eq!(duplicated, ["GOLD", "NDQ", "VAF", "VAS"]);
    assert_eq!(all.total_value, money("100000"));
    let vas = all.holdings.iter().find(|holding| holding.instrument == name("VAS")).unwrap();
    assert_eq!(vas.weights_by_pod[&PodId::Income], "0.2".parse().unwrap());
    assert_eq!(vas.weight, "0.14".parse().unwrap());
}
