//! `evenkeel backtest`: what strategies would have come to over closing marks of the past.

mod args;
mod data;
mod period;
mod print;

use evenkeel_backtest::{
    Aim, Backtest, CashFlow, Fixed, Model, Past, Settings, Targets, Taxes, WalkForward, When, backtest,
};
use evenkeel_optimizer::Costs;
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{Currency, Money, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};

use crate::error::Error;
use crate::progress::Progress;
pub(super) use args::Args;
use args::{AimWord, Often, WhenWord, refuse_nonsense, word};
use data::{Known, Universe};
use period::Period;

/// One column.
struct Strategy {
    /// Weights, or what is optimised.
    targets: String,
    /// When it trades.
    when: String,
    found: Backtest,
}

/// Where to.
#[derive(Copy, Clone)]
enum Wanted {
    /// Which --weights.
    Weights(usize),
    Optimised(AimWord),
}

impl Wanted {
    fn name(self, universe: &Universe) -> String {
        match self {
            Wanted::Weights(at) if universe.targets.len() > 1 => format!("weights {}", at + 1),
            Wanted::Weights(_) => "weights".to_owned(),
            Wanted::Optimised(aim) => word(&aim),
        }
    }
}

/// A model that tells how far it is: reviews are what takes time.
struct Watched<'a> {
    inner: Box<dyn Model>,
    progress: &'a mut Progress,
    done: u64,
}

impl Model for Watched<'_> {
    fn targets(&mut self, past: &Past<'_>) -> Result<Targets, String> {
        let at = past.dates().last().map(TradeDate::to_string).unwrap_or_default();
        self.progress.look(self.done, || format!("strategy {}, {at}", self.done + 1));
        self.inner.targets(past)
    }
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    refuse_nonsense(args);
    let known = data::read(&args.events, &args.bars)?;
    tell(&known);
    let universe = known.universe(args)?;
    let period = Period::of(args, &universe)?;
    let strategies = all(args, &universe, &period)?;
    if let Some(path) = &args.out {
        print::days(path, &strategies)?;
    }
    print::notes(&strategies);
    if args.json {
        print::json(args, &known, &universe, &period, &strategies)
    } else {
        print::table(&universe, &period, &strategies)
    }
}

/// The most lines of a kind that are told to people.
const TOLD_MOST: usize = 10;

/// What was read that is not market data.
fn tell(known: &Known) {
    for line in known.refused.iter().take(TOLD_MOST) {
        eprintln!("refused: {}, line {}, {}: {}", line.file, line.line, line.field, line.reason);
    }
    let more = "and {} more lines refused; replay --out DIR lists them in rejected.ndjson";
    tell_more(known.refused.len(), more);
    for (word, problems) in [("skipped", &known.skipped), ("suspect", &known.suspects)] {
        problems.iter().take(TOLD_MOST).for_each(|problem| eprintln!("{word}: {problem}"));
        tell_more(problems.len(), &format!("and {{}} more rows {word}; import lists them"));
    }
    if !known.facts.passed_over.is_empty() {
        let kinds: Vec<String> =
            known.facts.passed_over.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        eprintln!("passed over: {}", kinds.join(", "));
    }
}

fn tell_more(count: usize, words: &str) {
    if count > TOLD_MOST {
        eprintln!("{}", words.replace("{}", &(count - TOLD_MOST).to_string()));
    }
}

/// Runs every strategy.
fn all(args: &Args, universe: &Universe, period: &Period) -> Result<Vec<Strategy>, Error> {
    let failed = |error: evenkeel_tax::TaxError| Error::Input(error.to_string());
    let (law, cpi) = (Law::built_in().map_err(failed)?, Cpi::new([]));
    let entity: Option<Entity> = args.tax.into();
    if entity.is_some() && universe.currency != Currency::AUD {
        let reason = format!("--tax: Australian tax is in AUD; the instruments are in {}", universe.currency);
        return Err(Error::Input(reason));
    }
    let flows = flows(args, period);
    let weighted = (0..universe.targets.len()).map(Wanted::Weights);
    let wanted: Vec<Wanted> = weighted.chain(args.optimise.iter().copied().map(Wanted::Optimised)).collect();
    let mut progress = Progress::new("backtesting", Some((wanted.len() * args.when.len()) as u64));
    let mut strategies = Vec::new();
    for wanted in &wanted {
        for when in &args.when {
            let settings = Settings {
                from: period.from,
                to: period.to,
                cash: args.capital,
                flows: flows.clone(),
                when: timing(args, *when, matches!(wanted, Wanted::Optimised(_))),
                reinvest: !args.no_reinvest,
                policy: policy(args),
                market: universe.market,
                taxes: entity.map(|entity| Taxes {
                    law: &law,
                    cpi: &cpi,
                    profile: Profile::resident(entity),
                    other_income: args.other_income,
                    losses_brought_forward: Money::ZERO,
                }),
                risk_free: args.risk_free.to_f64(),
            };
            let done = strategies.len() as u64;
            let mut model = Watched { inner: model(args, universe, *wanted), progress: &mut progress, done };
            let (targets, when) = (wanted.name(universe), described(args, *when));
            let found = backtest(&universe.history, &mut model, &settings)
                .map_err(|error| Error::Input(format!("{targets}, {when}: {error}")))?;
            strategies.push(Strategy { targets, when, found });
        }
    }
    progress.done();
    Ok(strategies)
}

fn model(args: &Args, universe: &Universe, wanted: Wanted) -> Box<dyn Model> {
    let aim = match wanted {
        Wanted::Weights(at) => return Box::new(Fixed(universe.targets[at].clone())),
        Wanted::Optimised(aim) => aim,
    };
    Box::new(WalkForward {
        instruments: universe.optimised.clone(),
        window: args.window as usize,
        observations_min: args.window as usize / 2,
        aim: match aim {
            AimWord::MinVariance => Aim::MinimumVariance,
            AimWord::EqualRisk => Aim::EqualRiskContribution,
            AimWord::MaxDiversification => Aim::MaximumDiversification,
            AimWord::MaxSharpe => Aim::MaximumSharpe,
        },
        weight_max: args.weight_max.to_f64(),
        invested: 1.0,
        risk_free: args.risk_free.to_f64(),
    })
}

fn timing(args: &Args, when: WhenWord, optimised: bool) -> When {
    match when {
        WhenWord::Once => When::Once,
        WhenWord::Weekly => When::Every(Cadence::Weekly),
        WhenWord::Monthly => When::Every(Cadence::Monthly),
        WhenWord::Quarterly => When::Every(Cadence::Quarterly),
        WhenWord::SemiAnnual => When::Every(Cadence::SemiAnnual),
        WhenWord::Annual => When::Every(Cadence::Annual),
        WhenWord::Bands => When::Bands {
            band: args.band,
            to: if args.to_edge { Destination::BandEdge } else { Destination::Target },
            // Weights that are given do not change.
            review: optimised.then(|| args.review.into()),
        },
    }
}

fn described(args: &Args, when: WhenWord) -> String {
    match when {
        WhenWord::Bands => format!("bands {}", args.band),
        other => word(&other),
    }
}

fn policy(args: &Args) -> Policy {
    Policy {
        costs: Costs {
            half_spread: args.half_spread,
            commission: args.commission,
            commission_min: args.commission_min,
        },
        trade_min: args.trade_min,
        first_parcel_min: args.first_parcel_min,
        ..Policy::default()
    }
}

fn flows(args: &Args, period: &Period) -> Vec<CashFlow> {
    let mut found = Vec::new();
    if let Some(amount) = args.flow {
        let mut months = 0;
        // Counted from the start, so that a flow of the 31st comes on the 31st again after a short month.
        while let Some(date) = nth(args.every, period.from, months + 1).filter(|date| *date <= period.to) {
            found.push(CashFlow { date, amount });
            months += 1;
        }
    }
    found
}

/// The day so many times later.
fn nth(every: Often, from: TradeDate, count: i32) -> Option<TradeDate> {
    match every {
        Often::Weekly => from.plus_days(count.checked_mul(7)?),
        Often::Monthly => from.plus_months(count),
        Often::Quarterly => from.plus_months(count.checked_mul(3)?),
        Often::SemiAnnual => from.plus_months(count.checked_mul(6)?),
        Often::Annual => from.plus_months(count.checked_mul(12)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_of_the_31st_comes_back_to_the_31st() {
        let date = |text: &str| text.parse::<TradeDate>().unwrap();
        let told = |count| nth(Often::Monthly, date("2026-01-31"), count).unwrap().to_string();
        assert_eq!([told(1), told(2)], ["2026-02-28", "2026-03-31"]);
        assert_eq!(nth(Often::Weekly, date("2026-12-28"), 1), Some(date("2027-01-04")));
    }
}
