//! Reference cases as entries of a ledger, and what the ledger gives beside what is expected.

use std::str::FromStr;

use evenkeel_lots::{Choice, Entry, EventId, GainKind, Ledger, LotId, RealisedGain, Row, What};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, TradeDate};
use serde_json::Value;

/// One number of a case.
pub struct Check {
    pub name: String,
    pub expected: f64,
    pub got: f64,
}

/// What a case lacks, or has in a form that is not known.
#[derive(Debug)]
pub struct CaseError(pub String);

type Result<T> = std::result::Result<T, CaseError>;

const INSTRUMENT: InstrumentId = InstrumentId(0);

const METHODS: [CostBasis; 5] =
    [CostBasis::Fifo, CostBasis::Lifo, CostBasis::Hifo, CostBasis::Average, CostBasis::Specific];

/// Family `lots`: trades of one instrument under each method that the case has an answer for.
pub fn lots_checks(case: &Value) -> Result<Vec<Check>> {
    let trades = array(case, "/inputs/trades")?;
    let mut checks = Vec::new();
    for method in METHODS {
        if let Some(expected) = case.pointer(&format!("/expected/{method}")) {
            let outcome = settled(trade_entries(trades, method)?);
            Comparison { method, trades, outcome: &outcome, checks: &mut checks }.run(expected)?;
        }
    }
    Ok(checks)
}

/// Family `tax-au`, AMIT: cost bases and excess gains after each yearly adjustment.
pub fn amit_checks(case: &Value) -> Result<Vec<Check>> {
    let parcels = array(case, "/inputs/parcels")?;
    let mut entries = Vec::new();
    for (number, parcel) in parcels.iter().enumerate() {
        let acquired = date("2020-01-01")?;
        let (quantity, cost_base) = (number_at(parcel, "units")?, number_at(parcel, "cost_base")?);
        let lot = LotId(number as u64);
        let what = What::Acquire { instrument: INSTRUMENT, lot, quantity, cost_base, acquired };
        entries.push(entry(acquired, number, what));
    }
    let mut checks = Vec::new();
    for adjustment in array(case, "/inputs/adjustments")? {
        let year = text(adjustment, "year")?;
        let change: Price = number_at(adjustment, "net_amount_per_unit")?;
        let lowers = text(adjustment, "kind")? == "excess";
        let per_unit = Price::from_raw(if lowers { -change.raw() } else { change.raw() });
        // The adjustment of 2020-21 is of units held at the end of 30 June 2021, the start of 1 July.
        let held = date(&format!("20{}-07-01", &year[5..]))?;
        let event = EventId(entries.len() as u64);
        entries.push(entry(held, entries.len(), What::CostBase { instrument: INSTRUMENT, event, per_unit }));
        let outcome = settled(entries.clone());
        let expected = array(case, "/expected/results")?
            .iter()
            .find(|result| result["year"] == *year)
            .ok_or_else(|| CaseError(format!("no expected result for {year}")))?;
        for (number, parcel) in parcels.iter().enumerate() {
            let (id, lot) = (text(parcel, "id")?, LotId(number as u64));
            let cost: i64 = raw_sum(outcome.lots.iter().filter(|(l, ..)| *l == lot).map(|(.., cost)| *cost));
            let gains = outcome.gains.iter().filter(|gain| {
                gain.lot == lot && gain.disposal == event && gain.kind == GainKind::CostBaseExcess
            });
            let gain = raw_sum(gains.map(|gain| gain.gain));
            for (what, got) in [("cost_base", cost), ("e10_gain", gain)] {
                let expected = figure(&expected[what], id)?;
                checks.push(Check { name: format!("{year} {id} {what}"), expected, got: whole(got) });
            }
        }
    }
    Ok(checks)
}

/// The trades of a case; lots and sales are numbered by their place among them.
fn trade_entries(trades: &[Value], method: CostBasis) -> Result<Vec<Entry>> {
    let place = |id: &Value| {
        let place = trades.iter().position(|trade| trade["id"] == *id);
        place.ok_or_else(|| CaseError(format!("no trade {id}")))
    };
    let mut entries = vec![entry(date("1900-01-01")?, 0, What::Election { method })];
    for (number, trade) in trades.iter().enumerate() {
        let on = date(text(trade, "date")?)?;
        let (quantity, price): (Quantity, Price) = (number_at(trade, "qty")?, number_at(trade, "price")?);
        let fee = if trade["fee"].is_null() { Money::ZERO } else { number_at(trade, "fee")? };
        let out_of_range = || CaseError(format!("trade {number} is out of range"));
        let value = quantity.notional(price).ok_or_else(out_of_range)?;
        let what = match text(trade, "side")? {
            "buy" => What::Acquire {
                instrument: INSTRUMENT,
                lot: LotId(number as u64),
                quantity,
                cost_base: value.checked_add(fee).ok_or_else(out_of_range)?,
                acquired: on,
            },
            "sell" => {
                let named = trade["lots"].as_array().filter(|_| method == CostBasis::Specific);
                let choices = named.into_iter().flatten().map(|choice| {
                    Ok(Choice { lot: LotId(place(&choice[0])? as u64), quantity: parsed(&choice[1])? })
                });
                What::Dispose {
                    instrument: INSTRUMENT,
                    disposal: EventId(number as u64),
                    quantity,
                    proceeds: value.checked_sub(fee).ok_or_else(out_of_range)?,
                    fee,
                    lots: choices.collect::<Result<_>>()?,
                }
            }
            side => return Err(CaseError(format!("side {side:?} of trade {number}"))),
        };
        entries.push(entry(on, number, what));
    }
    Ok(entries)
}

/// What a ledger holds of some entries.
struct Outcome {
    lots: Vec<(LotId, Quantity, Money)>,
    gains: Vec<RealisedGain>,
    anomalies: usize,
}

fn settled(entries: Vec<Entry>) -> Outcome {
    let mut ledger = Ledger::default();
    entries.into_iter().for_each(|entry| ledger.insert(entry));
    let mut changes = Vec::new();
    ledger.settle(&mut changes);
    let mut outcome = Outcome { lots: Vec::new(), gains: Vec::new(), anomalies: 0 };
    for (row, _) in changes {
        match row {
            Row::Lot(lot) => outcome.lots.push((lot.lot, lot.quantity, lot.cost_base)),
            Row::Gain(gain) => outcome.gains.push(gain),
            Row::Anomaly(_) => outcome.anomalies += 1,
        }
    }
    outcome
}

/// What a ledger gave under one method, beside what is expected of it.
struct Comparison<'a> {
    method: CostBasis,
    trades: &'a [Value],
    outcome: &'a Outcome,
    checks: &'a mut Vec<Check>,
}

impl<'a> Comparison<'a> {
    fn run(&mut self, expected: &Value) -> Result<()> {
        let outcome = self.outcome;
        self.check("anomalies", 0.0, outcome.anomalies as f64);
        let sales = self.trades.iter().filter(|trade| trade["side"] == "sell");
        let sales: Vec<&str> = sales.filter_map(|trade| trade["id"].as_str()).collect();
        let totals = [
            ("realised_gain_total", whole(raw_sum(outcome.gains.iter().map(|gain| gain.gain)))),
            ("remaining_qty", whole(outcome.lots.iter().map(|(_, quantity, _)| quantity.raw()).sum())),
            ("remaining_cost_base", whole(raw_sum(outcome.lots.iter().map(|(.., cost)| *cost)))),
            ("number_of_sales", sales.len() as f64),
            ("number_of_parcel_matches", outcome.gains.len() as f64),
        ];
        for (what, got) in totals {
            if !expected[what].is_null() {
                self.check(what, figure(expected, what)?, got);
            }
        }
        for sale in expected["sales"].as_array().into_iter().flatten() {
            self.sale(sale)?;
        }
        let first = expected["gain_first_20_sales"].as_array().into_iter().flatten();
        for (sale, gain) in sales.iter().zip(first) {
            let expected = gain.as_f64().ok_or_else(|| CaseError(format!("{gain} is no number")))?;
            self.check(&format!("{sale} gain"), expected, whole(self.sum(sale, |gain| gain.gain)));
        }
        if let Some(used) = expected["lots_used"].as_array() {
            let got: Vec<_> = outcome.gains.iter().map(|gain| (gain.lot, gain.quantity)).collect();
            self.lots("used", used, &got)?;
        }
        if let Some(remaining) = expected["remaining"].as_array() {
            let got: Vec<_> = outcome.lots.iter().map(|(lot, quantity, _)| (*lot, *quantity)).collect();
            self.lots("remaining", remaining, &got)?;
        }
        Ok(())
    }

    fn sale(&mut self, expected: &Value) -> Result<()> {
        let name = text(expected, "sale")?;
        let sums = [
            ("proceeds", self.sum(name, |gain| gain.proceeds)),
            ("cost_base", self.sum(name, |gain| gain.cost_base)),
            ("gain", self.sum(name, |gain| gain.gain)),
        ];
        for (what, got) in sums {
            self.check(&format!("{name} {what}"), figure(expected, what)?, whole(got));
        }
        if let Some(used) = expected["lots_used"].as_array() {
            let got: Vec<_> = self.of(name).map(|gain| (gain.lot, gain.quantity)).collect();
            self.lots(&format!("{name} used"), used, &got)?;
        }
        Ok(())
    }

    /// Units by lot, and that there are no other lots.
    fn lots(&mut self, name: &str, expected: &[Value], got: &[(LotId, Quantity)]) -> Result<()> {
        self.check(&format!("{name} lots"), expected.len() as f64, got.len() as f64);
        for pair in expected {
            let (id, units): (_, Quantity) = (&pair[0], parsed(&pair[1])?);
            let got = got.iter().filter(|(lot, _)| self.trades[lot.0 as usize]["id"] == *id);
            let got = got.map(|(_, units)| units.raw()).sum();
            self.check(&format!("{name} {id}"), whole(units.raw()), whole(got));
        }
        Ok(())
    }

    fn of<'s>(&self, sale: &'s str) -> impl Iterator<Item = &'a RealisedGain> + use<'a, 's> {
        let (trades, outcome) = (self.trades, self.outcome);
        outcome.gains.iter().filter(move |gain| trades[gain.disposal.0 as usize]["id"] == *sale)
    }

    fn sum(&self, sale: &str, amount: impl Fn(&RealisedGain) -> Money) -> i64 {
        raw_sum(self.of(sale).map(amount))
    }

    fn check(&mut self, name: &str, expected: f64, got: f64) {
        self.checks.push(Check { name: format!("{} {name}", self.method), expected, got });
    }
}

fn entry(date: TradeDate, number: usize, what: What) -> Entry {
    Entry { date, at: date.start(), number: number as u64, what }
}

fn raw_sum(amounts: impl Iterator<Item = Money>) -> i64 {
    amounts.map(Money::raw).sum()
}

fn whole(raw: i64) -> f64 {
    Money::from_raw(raw).to_f64()
}

fn array<'a>(case: &'a Value, pointer: &str) -> Result<&'a [Value]> {
    let found = case.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| CaseError(format!("expected a list at {pointer}")))
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().ok_or_else(|| CaseError(format!("expected text in {field:?} of {value}")))
}

fn figure(value: &Value, field: &str) -> Result<f64> {
    value[field].as_f64().ok_or_else(|| CaseError(format!("expected a number in {field:?} of {value}")))
}

fn date(text: &str) -> Result<TradeDate> {
    text.parse().map_err(|error| CaseError(format!("{error}")))
}

fn number_at<T: FromStr>(value: &Value, field: &str) -> Result<T> {
    parsed(&value[field])
}

fn parsed<T: FromStr>(value: &Value) -> Result<T> {
    // Through the shortest text, not through binary fractions.
    value.to_string().parse().map_err(|_| CaseError(format!("expected a number, got {value}")))
}
