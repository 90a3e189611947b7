//! AMIT statements: cost bases of parcels year by year, and gains where they fall below nil.

use std::collections::BTreeMap;

use evenkeel_lots::{Entry, EventId, GainKind, LotId, What};
use evenkeel_schemas::{Price, TradeDate};
use evenkeel_tax::FinancialYear;

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;
use crate::ledger::{INSTRUMENT, Outcome, entry, total};

/// Cost bases after each year's adjustments, and the gains of CGT event E10 of that year.
///
/// Parcels are `id`, `units`, `cost_base` and perhaps `acquired`; without it they are held from the start.
/// An adjustment of 2020-21 is of the units held when 30 June 2021 ends.
pub(super) fn cost_bases(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let (names, mut entries) = parcels(inputs)?;
    let mut years: BTreeMap<FinancialYear, (TradeDate, Vec<Price>)> = BTreeMap::new();
    for adjustment in inputs.get("adjustments")?.list()? {
        adjustment.only(&["year", "kind", "net_amount_per_unit"])?;
        let year_node = adjustment.get("year")?;
        let year: FinancialYear = year_node.parsed()?;
        let held = format!("{}-07-01", year.next().start_year()).parse();
        let held = held.map_err(|error| year_node.fault(error))?;
        years.entry(year).or_insert((held, Vec::new())).1.push(per_unit(&adjustment)?);
    }
    let mut rows = BTreeMap::new();
    for (year, (held, changes)) in years {
        for per_unit in changes {
            let event = EventId(entries.len() as u64);
            entries.push(entry(
                held,
                entries.len(),
                What::CostBase { instrument: INSTRUMENT, event, per_unit },
            ));
        }
        let outcome = Outcome::of(entries.iter().cloned());
        if let Some(anomaly) = outcome.anomalies.first() {
            return Err(inputs.fault(format_args!("the lots of {year} do not add up: {:?}", anomaly.trouble)));
        }
        let excess = |gain: &&evenkeel_lots::RealisedGain| {
            gain.disposed == held && gain.kind == GainKind::CostBaseExcess
        };
        let (mut cost_bases, mut gains) = (BTreeMap::new(), BTreeMap::new());
        for (number, name) in names.iter().enumerate() {
            let lot = LotId(number as u64);
            let lots = outcome.lots.iter().filter(|open| open.lot == lot);
            cost_bases.insert(name.clone(), total(lots.map(|open| open.cost_base)).into());
            let of_lot = outcome.gains.iter().filter(excess).filter(|gain| gain.lot == lot);
            gains.insert(name.clone(), total(of_lot.map(|gain| gain.gain)).into());
        }
        let row = Answer::fields([
            ("year", year.to_string().into()),
            ("cost_base", Answer::Fields(cost_bases)),
            ("e10_gain", Answer::Fields(gains)),
        ]);
        rows.insert(year.to_string(), row);
    }
    Ok(Answer::fields([("results", Answer::Keyed { key: "year", rows })]))
}

/// The names of parcels, and what opens them.
fn parcels(inputs: &Node<'_>) -> Result<(Vec<String>, Vec<Entry>), Fault> {
    const FIRST_DAY: &str = "1900-01-01";
    let (mut names, mut entries) = (Vec::new(), Vec::new());
    for (number, parcel) in inputs.get("parcels")?.list()?.iter().enumerate() {
        parcel.only(&["id", "units", "cost_base", "acquired"])?;
        let id = parcel.get("id")?;
        let name = id.text()?.to_owned();
        if names.contains(&name) {
            return Err(id.fault("also the id of a parcel before it"));
        }
        names.push(name);
        let acquired = match parcel.find("acquired")? {
            Some(acquired) => acquired.parsed()?,
            None => FIRST_DAY.parse().map_err(|error| parcel.fault(error))?,
        };
        let what = What::Acquire {
            instrument: INSTRUMENT,
            lot: LotId(number as u64),
            quantity: parcel.get("units")?.positive()?,
            cost_base: parcel.get("cost_base")?.amount()?,
            acquired,
        };
        entries.push(entry(acquired, number, what));
    }
    Ok((names, entries))
}

/// An excess lowers the cost base, a shortfall raises it.
fn per_unit(adjustment: &Node<'_>) -> Result<Price, Fault> {
    let change: Price = adjustment.get("net_amount_per_unit")?.amount()?;
    let kind = adjustment.get("kind")?;
    match kind.text()? {
        "excess" => Ok(Price::from_raw(-change.raw())),
        "shortfall" => Ok(change),
        other => Err(kind.fault(format_args!("expected excess or shortfall, got {other:?}"))),
    }
}
