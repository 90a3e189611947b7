//! The flags.

use std::path::PathBuf;

use clap::{CommandFactory, ValueEnum};
use evenkeel_rebalancing::Cadence;
use evenkeel_schemas::{Money, Name, Ratio, TradeDate};
use evenkeel_tax::Entity;

/// What strategies would have come to: returns, risk, costs, taxes and trades over closing marks of the past.
#[derive(clap::Args)]
#[command(
    group = clap::ArgGroup::new("input").required(true).multiple(true).args(["events", "bars"]),
    group = clap::ArgGroup::new("targets").required(true).multiple(true).args(["weights", "optimise"]),
    after_help = "\
Of events instrument_listed, close, closing_mark, split, distribution and corrections of them are taken;
others are passed over and counted. Every --weights and --optimise with every --when is a strategy, a column of
the table.

Targets are traded to at the closes, in whole lots, with half the spread against us and commission,
where it is worth its cost. Optimised weights are estimated from the sessions before a review, never
from what comes after. Measures are of daily time-weighted returns, 252 sessions a year. What is
simulated, and what is not: docs/backtest.md.

  evenkeel backtest --bars prices.csv.gz --weights VAS=0.6,VGS=0.4 --when once --when bands
  evenkeel backtest --events day.ndjson.zst --optimise min-variance --optimise max-sharpe --json
  evenkeel backtest --events day.ndjson --weights VAS=1 --flow 1000 --every monthly \\
      --tax individual --other-income 90000 --out days.csv

Status 0: done. 1: the events do not give what is asked. 2: the flags make no sense.")]
pub(in crate::cli) struct Args {
    /// Files of events (NDJSON, also .zst and .gz; - is stdin), read one after the other
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(super) events: Vec<PathBuf>,
    /// Files of daily bars, as `evenkeel import` takes them without further flags
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(super) bars: Vec<PathBuf>,
    /// Target weights, 0 to 1, together at most 1; the rest stays cash; may be repeated
    #[arg(long, value_name = "A=0.6,B=0.4", value_parser = weights)]
    pub(super) weights: Vec<Weights>,
    /// Targets that are the best of a trailing window, asked for anew at each review; may be repeated
    #[arg(long, value_enum, alias = "optimize", value_name = "AIM")]
    pub(super) optimise: Vec<AimWord>,
    /// What --optimise may hold [default: every instrument of the input that has a close]
    #[arg(long, value_delimiter = ',', value_name = "A,B,…", requires = "optimise")]
    pub(super) instruments: Vec<Name>,
    /// Sessions that --optimise estimates from; an instrument needs returns on half of them
    #[arg(long, default_value_t = 252, value_name = "SESSIONS",
        value_parser = clap::value_parser!(u32).range(4..=25_200))]
    pub(super) window: u32,
    /// Greatest weight of one instrument that --optimise gives
    #[arg(long, default_value = "1", value_name = "RATIO", value_parser = share)]
    pub(super) weight_max: Ratio,
    /// When targets are traded to; may be repeated
    #[arg(long, value_enum, default_value = "quarterly")]
    pub(super) when: Vec<WhenWord>,
    /// With --when bands: how far a weight may be from its target
    #[arg(long, default_value = "0.05", value_name = "RATIO", value_parser = share)]
    pub(super) band: Ratio,
    /// With --when bands: trade back to the edge of the band, not to the target
    #[arg(long)]
    pub(super) to_edge: bool,
    /// With --when bands and --optimise: when targets are asked for again
    #[arg(long, value_enum, default_value = "quarterly")]
    pub(super) review: Often,
    /// First day [default: the first on which all that is asked for can be done]
    #[arg(long, value_name = "DATE")]
    pub(super) from: Option<TradeDate>,
    /// Last day [default: that of the last close]
    #[arg(long, value_name = "DATE")]
    pub(super) to: Option<TradeDate>,
    /// Cash at the start, in the currency of the instruments
    #[arg(long, default_value = "100000", value_name = "AMOUNT")]
    pub(super) capital: Money,
    /// What comes in later, every so often; negative is taken out
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(super) flow: Option<Money>,
    /// How often --flow comes, first after one such time
    #[arg(long, value_enum, default_value = "monthly")]
    pub(super) every: Often,
    /// Let distributions wait as cash for the next trade, instead of investing them when they are paid
    #[arg(long)]
    pub(super) no_reinvest: bool,
    /// Half of the spread between bid and ask, of the price
    #[arg(long, default_value = "0.001", value_name = "RATIO", value_parser = share)]
    pub(super) half_spread: Ratio,
    /// Commission, of what is traded
    #[arg(long, default_value = "0.0005", value_name = "RATIO", value_parser = share)]
    pub(super) commission: Ratio,
    /// Least commission of an order
    #[arg(long, default_value = "0", value_name = "AMOUNT")]
    pub(super) commission_min: Money,
    /// Least order
    #[arg(long, default_value = "100", value_name = "AMOUNT")]
    pub(super) trade_min: Money,
    /// Least first buy of an instrument
    #[arg(long, default_value = "500", value_name = "AMOUNT")]
    pub(super) first_parcel_min: Money,
    /// Whose Australian tax is paid after each financial year, from 2019-20 on
    #[arg(long, value_enum, default_value = "none")]
    pub(super) tax: TaxWord,
    /// With --tax: assessable income of each year from elsewhere
    #[arg(long, default_value = "0", value_name = "AMOUNT")]
    pub(super) other_income: Money,
    /// Annual rate without risk, for Sharpe, Sortino and max-sharpe
    #[arg(long, default_value = "0", value_name = "RATIO", allow_hyphen_values = true)]
    pub(super) risk_free: Ratio,
    /// Market whose trading days count (MIC) [default: that of the instruments]
    #[arg(long, value_name = "MIC")]
    pub(super) market: Option<Name>,
    /// One JSON object instead of the table, with every trade, review, tax year and note
    #[arg(long)]
    pub(super) json: bool,
    /// File for the daily series of every strategy, as CSV (.zst and .gz are packed)
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

/// Weights as asked for, by name.
#[derive(Clone, Debug)]
pub(super) struct Weights(pub Vec<(Name, Ratio)>);

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
pub(super) enum AimWord {
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
pub(super) enum Often {
    Weekly,
    Monthly,
    Quarterly,
    SemiAnnual,
    Annual,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum WhenWord {
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
pub(super) enum TaxWord {
    None,
    Individual,
    SuperFund,
    Company,
}

/// The word of a flag's value.
pub(super) fn word(value: &impl ValueEnum) -> String {
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

/// Ends with status 2 on flags that contradict each other, as the reader of flags does on the others.
pub(super) fn refuse_nonsense(args: &Args) {
    let refuse = |words: String| {
        let mut program = crate::cli::Cli::command();
        program.build();
        // The usage that is printed is the subcommand's.
        let kind = clap::error::ErrorKind::ValueValidation;
        match program.find_subcommand_mut("backtest") {
            Some(command) => command.error(kind, words).exit(),
            None => program.error(kind, words).exit(),
        }
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
    if let Some((flag, amount)) = least.iter().find(|(_, amount)| *amount < Money::ZERO) {
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
}
