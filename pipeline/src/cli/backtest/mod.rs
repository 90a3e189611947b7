//! `evenkeel backtest`: what strategies would have come to over closing marks of the past.

mod data;
mod period;
mod print;

use std::path::PathBuf;

use clap::{CommandFactory, ValueEnum};
use evenkeel_backtest::{
    Aim, Backtest, CashFlow, Fixed, Model, Past, Settings, Targets, Taxes, WalkForward, When, backtest,
};
use evenkeel_optimizer::Costs;
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{Currency, Money, Name, Ratio, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};

use crate::error::Error;
use crate::progress::Progress;
use data::{Known, Universe};
use period::Period;

/// What strategies would have come to: returns, risk, costs, taxes and trades over closing marks of the past.
#[derive(clap::Args)]
#[command(
    group = clap::ArgGroup::new("input").required(true).multiple(true).args(["events", "bars"]),
    group = clap::ArgGroup::new("targets").required(true).multiple(true).args(["weights", "optimise"]),
    after_help = "\
Of events instrument_listed, close, split, distribution and corrections of them are taken; others are passed over and
counted. Every --weights and --optimise with every --when is a strategy, a column of the table.

Targets are traded to at the closes, in whole lots, with half the spread against us and commission, where it is worth
its cost. Optimised weights are estimated from the sessions before a review, never from what comes after. Measures are
of daily time-weighted returns, 252 sessions a year. What is simulated, and what is not: docs/backtest.md.

  evenkeel backtest --bars prices.csv.gz --weights VAS=0.6,VGS=0.4 --when once --when quarterly --when bands
  evenkeel backtest --events day.ndjson.zst --optimise min-variance --optimise max-sharpe --window 252 --json
  evenkeel backtest --events day.ndjson --weights VAS=1 --flow 1000 --every monthly --tax individual \\
      --other-income 90000 --out days.csv

Status 0: done. 1: the events do not give what is asked. 2: the flags make no sense.")]
pub(super) struct Args {
    /// Files of events (NDJSON, also .zst and .gz; - is stdin), read one after the other
    #[arg(long, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    /// Files of daily bars, as `evenkeel import` takes them without further flags
    #[arg(long, num_args = 1.., value_name = "FILE")]
    bars: Vec<PathBuf>,
    /// Target weights, 0 to 1, together at most 1; the rest stays cash
    #[arg(long, value_name = "A=0.6,B=0.4", value_parser = weights)]
    weights: Option<Weights>,
    /// Targets that are the best of a trailing window, asked for anew at each review; may be repeated
    #[arg(long, value_enum, alias = "optimize", value_name = "AIM")]
    optimise: Vec<AimWord>,
    /// What --optimise may hold [default: every instrument of the input that has a close]
    #[arg(long, value_delimiter = ',', value_name = "A,B,…", requires = "optimise")]
    instruments: Vec<Name>,
    /// Sessions that --optimise estimates from; an instrument needs returns on half of them
    #[arg(long, default_value_t = 252, value_name = "SESSIONS",
        value_parser = clap::value_parser!(u32).range(4..=25_200))]
    window: u32,
    /// Greatest weight of one instrument that --optimise gives
    #[arg(long, default_value = "1", value_name = "RATIO", value_parser = share)]
    weight_max: Ratio,
    /// When targets are traded to; may be repeated
    #[arg(long, value_enum, default_value = "quarterly")]
    when: Vec<WhenWord>,
    /// With --when bands: how far a weight may be from its target
    #[arg(long, default_value = "0.05", value_name = "RATIO", value_parser = share)]
    band: Ratio,
    /// With --when bands: trade back to the edge of the band, not to the target
    #[arg(long)]
    to_edge: bool,
    /// With --when bands and --optimise: when targets are asked for again
    #[arg(long, value_enum, default_value = "quarterly")]
    review: Often,
    /// First day [default: the first on which all that is asked for can be done]
    #[arg(long, value_name = "DATE")]
    from: Option<TradeDate>,
    /// Last day [default: that of the last close]
    #[arg(long, value_name = "DATE")]
    to: Option<TradeDate>,
    /// Cash at the start, in the currency of the instruments
    #[arg(long, default_value = "100000", value_name = "AMOUNT")]
    capital: Money,
    /// What comes in later, every so often; negative is taken out
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    flow: Option<Money>,
    /// How often --flow comes, first after one such time
    #[arg(long, value_enum, default_value = "monthly")]
    every: Often,
    /// Let distributions wait as cash for the next trade, instead of investing them when they are paid
    #[arg(long)]
    no_reinvest: bool,
    /// Half of the spread between bid and ask, of the price
    #[arg(long, default_value = "0.001", value_name = "RATIO", value_parser = share)]
    half_spread: Ratio,
    /// Commission, of what is traded
    #[arg(long, default_value = "0.0005", value_name = "RATIO", value_parser = share)]
    commission: Ratio,
    /// Least commission of an order
    #[arg(long, default_value = "0", value_name = "AMOUNT")]
    commission_min: Money,
    /// Least order
    #[arg(long, default_value = "100", value_name = "AMOUNT")]
    trade_min: Money,
    /// Least first buy of an instrument
    #[arg(long, default_value = "500", value_name = "AMOUNT")]
    first_parcel_min: Money,
    /// Whose Australian tax is paid after each financial year, from 2019-20 on
    #[arg(long, value_enum, default_value = "none")]
    tax: TaxWord,
    /// With --tax: assessable income of each year from elsewhere
    #[arg(long, default_value = "0", value_name = "AMOUNT")]
    other_income: Money,
    /// Annual rate without risk, for Sharpe, Sortino and max-sharpe
    #[arg(long, default_value = "0", value_name = "RATIO", allow_hyphen_values = true)]
    risk_free: Ratio,
    /// Market whose trading days count (MIC) [default: that of the instruments]
    #[arg(long, value_name = "MIC")]
    market: Option<Name>,
    /// One JSON object instead of the table, with every trade, review, tax year and note
    #[arg(long)]
    json: bool,
    /// File for the daily series of every strategy, as CSV (.zst and .gz are packed)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Weights as asked for, by name.
#[derive(Clone, Debug)]
struct Weights(Vec<(Name, Ratio)>);

fn weights(text: &str) -> Result<Weights, String> {
    let mut found: Vec<(Name, Ratio)> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (name, weight) = part
            .rsplit_once('=')
            .ok_or_else(|| format!("expected INSTRUMENT=WEIGHT, such as VAS=0.6, got {part:?}"))?;
        let name: Name = name.trim().parse().map_err(|error| format!("{name:?}: {error}"))?;
        let weight = share(weight.trim()).map_err(|error| format!("{name}: {error}"))?;
        if found.iter().any(|(other, _)| *other == name) {
            return Err(format!("{name} has two weights; expected one"));
        }
        found.push((name, weight));
    }
    let sum: i64 = found.iter().map(|(_, weight)| weight.raw()).sum();
    if sum > Ratio::ONE {
        return Err(format!("the weights sum to {}; expected at most 1", Ratio::from_raw(sum)));
    }
    found.sort();
    Ok(Weights(found))
}

fn share(text: &str) -> Result<Ratio, String> {
    let ratio: Ratio = text.parse().map_err(|error| format!("{error}"))?;
    match (0..=Ratio::ONE).contains(&ratio.raw()) {
        true => Ok(ratio),
        false => Err(format!("expected 0 to 1, got {ratio}")),
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum AimWord {
    /// The least variance
    MinVariance,
    /// Equal contributions to risk
    EqualRisk,
    /// The greatest ratio of diversification
    MaxDiversification,
    /// The greatest ratio of Sharpe
    MaxSharpe,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum Often {
    Weekly,
    Monthly,
    Quarterly,
    SemiAnnual,
    Annual,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum WhenWord {
    /// On the first day: buy and hold
    Once,
    Weekly,
    Monthly,
    Quarterly,
    SemiAnnual,
    Annual,
    /// When a weight is outside its band
    Bands,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum TaxWord {
    None,
    Individual,
    SuperFund,
    Company,
}

/// The word of a flag's value.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl From<Often> for Cadence {
    fn from(often: Often) -> Cadence {
        match often {
            Often::Weekly => Cadence::Weekly,
            Often::Monthly => Cadence::Monthly,
            Often::Quarterly => Cadence::Quarterly,
            Often::SemiAnnual => Cadence::SemiAnnual,
            Often::Annual => Cadence::Annual,
        }
    }
}

impl From<TaxWord> for Option<Entity> {
    fn from(tax: TaxWord) -> Option<Entity> {
        match tax {
            TaxWord::None => None,
            TaxWord::Individual => Some(Entity::Individual),
            TaxWord::SuperFund => Some(Entity::SuperFund),
            TaxWord::Company => Some(Entity::Company),
        }
    }
}

/// One column.
struct Strategy {
    /// Weights, or what is optimised.
    targets: String,
    /// When it trades.
    when: String,
    found: Backtest,
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

/// Ends with status 2 on flags that contradict each other, as the reader of flags does on the others.
fn refuse_nonsense(args: &Args) {
    let refuse = |words: String| {
        let mut command = super::Cli::command();
        let _ = command.error(clap::error::ErrorKind::ValueValidation, words).exit();
    };
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        refuse(format!("--from {from} is after --to {to}: expected it on or before"));
    }
    if args.capital <= Money::ZERO {
        refuse(format!("--capital {}: expected more than 0", args.capital));
    }
    let least = [
        ("--commission-min", args.commission_min),
        ("--trade-min", args.trade_min),
        ("--first-parcel-min", args.first_parcel_min),
        ("--other-income", args.other_income),
    ];
    for (flag, amount) in least.iter().filter(|(_, amount)| *amount < Money::ZERO) {
        refuse(format!("{flag} {amount}: expected 0 or more"));
    }
    for (flag, ratio) in [("--half-spread", args.half_spread), ("--commission", args.commission)] {
        if ratio.raw() >= Ratio::ONE {
            refuse(format!("{flag} {ratio}: expected below 1"));
        }
    }
    if args.out.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        refuse("--out -: expected a file, for the table goes to stdout".to_owned());
    }
}

/// What was read that is not market data.
fn tell(known: &Known) {
    for line in &known.refused {
        eprintln!("refused: {}, line {}, {}: {}", line.file, line.line, line.field, line.reason);
    }
    for problem in &known.skipped {
        eprintln!("skipped: {problem}");
    }
    if !known.passed_over.is_empty() {
        let kinds: Vec<String> =
            known.passed_over.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        eprintln!("passed over: {}", kinds.join(", "));
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
    let aims = args.optimise.iter().map(|aim| Some(*aim));
    let wanted: Vec<Option<AimWord>> = args.weights.iter().map(|_| None).chain(aims).collect();
    let mut progress = Progress::new("backtesting", Some((wanted.len() * args.when.len()) as u64));
    let mut strategies = Vec::new();
    for aim in &wanted {
        for when in &args.when {
            let settings = Settings {
                from: period.from,
                to: period.to,
                cash: args.capital,
                flows: flows.clone(),
                when: timing(args, *when, aim.is_some()),
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
            let mut model = Watched { inner: model(args, universe, *aim), progress: &mut progress, done };
            let (targets, when) =
                (aim.as_ref().map_or_else(|| "weights".to_owned(), word), described(args, *when));
            let found = backtest(&universe.history, &mut model, &settings)
                .map_err(|error| Error::Input(format!("{targets}, {when}: {error}")))?;
            strategies.push(Strategy { targets, when, found });
        }
    }
    progress.done();
    Ok(strategies)
}

fn model(args: &Args, universe: &Universe, aim: Option<AimWord>) -> Box<dyn Model> {
    let Some(aim) = aim else { return Box::new(Fixed(universe.targets.clone())) };
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
    fn weights_are_read_or_refused_in_words() {
        let read = weights("B=0.4, A=0.6").unwrap();
        let told: Vec<String> = read.0.iter().map(|(name, weight)| format!("{name} {weight}")).collect();
        assert_eq!(told, ["A 0.6", "B 0.4"]);
        for (text, words) in [
            ("A", "expected INSTRUMENT=WEIGHT"),
            ("A=0.6,B=0.5", "the weights sum to 1.1; expected at most 1"),
            ("A=1.5", "A: expected 0 to 1, got 1.5"),
            ("A=-0.1", "A: expected 0 to 1, got -0.1"),
            ("A=0.1,A=0.2", "A has two weights"),
            ("A=half", "A: "),
            ("", "expected INSTRUMENT=WEIGHT"),
        ] {
            let refused = weights(text).unwrap_err();
            assert!(refused.contains(words), "{text}: {refused}");
        }
    }

    #[test]
    fn a_flow_of_the_31st_comes_back_to_the_31st() {
        let date = |text: &str| text.parse::<TradeDate>().unwrap();
        let told = |count| nth(Often::Monthly, date("2026-01-31"), count).unwrap().to_string();
        assert_eq!([told(1), told(2)], ["2026-02-28", "2026-03-31"]);
        assert_eq!(nth(Often::Weekly, date("2026-12-28"), 1), Some(date("2027-01-04")));
    }
}
