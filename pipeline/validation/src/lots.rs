//! Family `lots`: trades of one instrument, under each method of choosing lots.
//!
//! Inputs    `trades`: id, date, side (buy, sell), qty, price, fee (if any), lots (those that a sale names, as
//!           pairs of id and units); in the order in which those of one day count. `ticker` is only a name
//! Expected  by method (fifo, lifo, hifo, average, specific) any of the fields that [`Answered::fields`] gives.
//!           `anomalies`, what does not add up in the trades, is expected to be empty
//! Lots that sales name count under `specific` only.

use std::collections::BTreeMap;

use evenkeel_lots::{Choice, Entry, EventId, LotId, RealisedGain, Trouble, What};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Money, Price, Quantity, TradeDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::{Answer, named};
use crate::case::{Case, Fault};
use crate::inputs::Node;
use crate::ledger::{INSTRUMENT, Outcome, by_lot, entry, total};

const METHODS: [CostBasis; 5] =
    [CostBasis::Fifo, CostBasis::Lifo, CostBasis::Hifo, CostBasis::Average, CostBasis::Specific];

/// What production gives, by method.
pub(crate) fn answer(case: &Case<'_>) -> Result<Answer, Fault> {
    case.inputs.only(&["trades", "ticker"])?;
    let trades = trades(&case.inputs.get("trades")?)?;
    let mut methods = BTreeMap::new();
    for method in METHODS {
        let entries = trades.iter().enumerate().map(|(number, trade)| trade.entry(number, method));
        // From the start of the first day, before its trades.
        let first = trades.iter().map(|trade| trade.date).min();
        let election = first.map(|first| entry(first, 0, What::Election { method }));
        let outcome = Outcome::of(election.into_iter().chain(entries));
        let answered = Answered { trades: &trades, outcome };
        methods.insert(method.to_string(), answered.fields(&case.expected[method.as_str()]));
    }
    Ok(Answer::Fields(methods))
}

/// What is expected, with what every case implies: trades that add up.
pub(crate) fn expected(mut expected: Value) -> Value {
    for method in METHODS {
        if let Some(fields) = expected.get_mut(method.as_str()).and_then(Value::as_object_mut) {
            fields.entry("anomalies").or_insert(json!([]));
        }
    }
    expected
}

struct Trade<'a> {
    id: &'a str,
    date: TradeDate,
    quantity: Quantity,
    kind: Kind,
}

enum Kind {
    Buy { cost_base: Money },
    Sell { proceeds: Money, fee: Money, lots: Box<[Choice]> },
}

fn trades<'a>(node: &Node<'a>) -> Result<Vec<Trade<'a>>, Fault> {
    let nodes = node.list()?;
    let mut buys: BTreeMap<&str, LotId> = BTreeMap::new();
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        let id = node.get("id")?;
        if let Some(first) = ids.insert(id.text()?, number) {
            return Err(id.fault(format_args!("also the id of trades[{first}]")));
        }
        if node.get("side")?.text()? == "buy" {
            buys.insert(id.text()?, LotId(number as u64));
        }
    }
    nodes.iter().map(|node| trade(node, &buys)).collect()
}

fn trade<'a>(node: &Node<'a>, buys: &BTreeMap<&str, LotId>) -> Result<Trade<'a>, Fault> {
    node.only(&["id", "date", "side", "qty", "price", "fee", "lots"])?;
    let quantity: Quantity = node.get("qty")?.positive()?;
    let price: Price = node.get("price")?.amount()?;
    let fee: Money = node.find("fee")?.map_or(Ok(Money::ZERO), |fee| fee.amount())?;
    let out_of_range = || node.fault("quantity, price and fee come to more money than the product holds");
    let value = quantity.notional(price).ok_or_else(out_of_range)?;
    let named = node.find("lots")?;
    let side = node.get("side")?;
    let kind = match side.text()? {
        "buy" if named.is_some() => return Err(node.get("lots")?.fault("only a sale names lots")),
        "buy" => Kind::Buy { cost_base: value.checked_add(fee).ok_or_else(out_of_range)? },
        "sell" => {
            let proceeds = value.checked_sub(fee).ok_or_else(out_of_range)?;
            let lots = named.map_or(Ok(Vec::new()), |lots| lots.list())?;
            let lots = lots.iter().map(|pair| choice(pair, buys)).collect::<Result<_, _>>()?;
            Kind::Sell { proceeds, fee, lots }
        }
        other => return Err(side.fault(format_args!("expected buy or sell, got {other:?}"))),
    };
    Ok(Trade { id: node.get("id")?.text()?, date: node.get("date")?.parsed()?, quantity, kind })
}

fn choice(pair: &Node<'_>, buys: &BTreeMap<&str, LotId>) -> Result<Choice, Fault> {
    let [id, units] = &pair.list()?[..] else {
        return Err(pair.fault("expected a pair of a buy's id and units"));
    };
    let missing = || id.fault("expected the id of a buy");
    Ok(Choice { lot: *buys.get(id.text()?).ok_or_else(missing)?, quantity: units.positive()? })
}

impl Trade<'_> {
    /// Lots, sales and entries are numbered by their place among the trades.
    fn entry(&self, number: usize, method: CostBasis) -> Entry {
        let what = match &self.kind {
            Kind::Buy { cost_base } => What::Acquire {
                instrument: INSTRUMENT,
                lot: LotId(number as u64),
                quantity: self.quantity,
                cost_base: *cost_base,
                acquired: self.date,
            },
            Kind::Sell { proceeds, fee, lots } => What::Dispose {
                instrument: INSTRUMENT,
                disposal: EventId(number as u64),
                quantity: self.quantity,
                proceeds: *proceeds,
                fee: *fee,
                lots: if method == CostBasis::Specific { lots.clone() } else { Box::default() },
            },
        };
        entry(self.date, number, what)
    }
}

/// What the ledger told under one method.
struct Answered<'a> {
    trades: &'a [Trade<'a>],
    outcome: Outcome,
}

impl Answered<'_> {
    /// Every figure; `gain_first_N_sales` for the numbers N that are asked for.
    fn fields(&self, asked: &Value) -> Answer {
        let Outcome { lots, gains, anomalies } = &self.outcome;
        let mut sales: Vec<usize> = (0..self.trades.len()).collect();
        sales.retain(|number| matches!(self.trades[*number].kind, Kind::Sell { .. }));
        sales.sort_by_key(|number| self.trades[*number].date);
        let rows = sales.iter().map(|number| (self.trades[*number].id.to_owned(), self.sale(*number)));
        let anomalies = anomalies.iter().map(|anomaly| self.anomaly(anomaly.number, anomaly.trouble).into());
        let remaining = lots.iter().map(|lot| (lot.lot, lot.quantity.to_decimal()));
        let mut fields = named([
            ("anomalies", Answer::List(anomalies.collect())),
            ("realised_gain_total", total(gains.iter().map(|gain| gain.gain)).into()),
            ("remaining_qty", remaining.clone().map(|(_, quantity)| quantity).sum::<Decimal>().into()),
            ("remaining_cost_base", total(lots.iter().map(|lot| lot.cost_base)).into()),
            ("remaining", Answer::Pairs(by_lot(remaining, |lot| self.name(lot.0)))),
            ("number_of_sales", sales.len().into()),
            ("number_of_parcel_matches", gains.len().into()),
            ("lots_used", self.used(gains.iter())),
            ("sales", Answer::Keyed { key: "sale", rows: rows.collect() }),
        ]);
        for name in asked.as_object().into_iter().flat_map(|asked| asked.keys()) {
            let count = name.strip_prefix("gain_first_").and_then(|rest| rest.strip_suffix("_sales"));
            if let Some(count) = count.and_then(|count| count.parse().ok()) {
                let gain = |number: &usize| total(self.of(*number).map(|gain| gain.gain)).into();
                fields.insert(name.clone(), Answer::List(sales.iter().take(count).map(gain).collect()));
            }
        }
        Answer::Fields(fields)
    }

    fn sale(&self, number: usize) -> Answer {
        let sum = |amount: fn(&RealisedGain) -> Money| Answer::from(total(self.of(number).map(amount)));
        Answer::fields([
            ("sale", self.trades[number].id.to_owned().into()),
            ("proceeds", sum(|gain| gain.proceeds)),
            ("cost_base", sum(|gain| gain.cost_base)),
            ("gain", sum(|gain| gain.gain)),
            ("lots_used", self.used(self.of(number))),
        ])
    }

    fn of(&self, number: usize) -> impl Iterator<Item = &RealisedGain> {
        self.outcome.gains.iter().filter(move |gain| gain.disposal == EventId(number as u64))
    }

    fn used<'g>(&self, gains: impl Iterator<Item = &'g RealisedGain>) -> Answer {
        let units = gains.map(|gain| (gain.lot, gain.quantity.to_decimal()));
        Answer::Pairs(by_lot(units, |lot| self.name(lot.0)))
    }

    fn name(&self, number: u64) -> &str {
        usize::try_from(number).ok().and_then(|number| self.trades.get(number)).map_or("?", |trade| trade.id)
    }

    fn anomaly(&self, number: u64, trouble: Trouble) -> String {
        let trade = self.name(number);
        match trouble {
            Trouble::Oversold { missing } => format!("trade {trade}: {missing} units more than were held"),
            Trouble::LotShort { lot, missing } => {
                format!("trade {trade}: lot {} has {missing} units too few", self.name(lot.0))
            }
            Trouble::SelectionMismatch { named } => {
                format!("trade {trade}: the lots named have {named} units")
            }
            Trouble::Invalid => format!("trade {trade}: a quantity or price that is not valid"),
            Trouble::OutOfRange => format!("trade {trade}: beyond the range of money"),
        }
    }
}
