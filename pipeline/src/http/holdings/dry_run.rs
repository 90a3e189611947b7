//! A sale that is only worked out: which lots would go, and what each would gain, by the ledger of
//! production.
//!
//! The ledger is given the open lots, in the order in which they were entered, and one sale of today. So the
//! answer is what a real sale with the same terms realises, as long as nothing else comes between.

use actix_web::web::{self, Json};
use evenkeel_lots::{Choice, Entry, EventId, Ledger, LotId, OpenLot, RealisedGain, Row, Trouble, What};
use evenkeel_schemas::events::{CostBasis, LotChoice};
use evenkeel_schemas::{Instant, Money, Price, Quantity, TradeDate};
use serde::Deserialize;
use serde_json::{Map, Value as Json_, json};

use super::entry_order::in_order;
use super::lots::{Term, sum};
use super::trade::check_choices;
use super::{Answer, Context, Problem, lots_kept, of_subject, text};
use crate::http::read::{Body, body};
use crate::view::HeldLot;

/// What would be sold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    client_id: String,
    quantity: Quantity,
    price: Price,
    #[serde(default)]
    fee: Money,
    method: Option<CostBasis>,
    #[serde(default)]
    lots: Vec<LotChoice>,
}

/// The methods that are put side by side.
const METHODS: [CostBasis; 5] =
    [CostBasis::Fifo, CostBasis::Lifo, CostBasis::Hifo, CostBasis::Average, CostBasis::Specific];

/// What a sale brings.
#[derive(Copy, Clone)]
struct Terms {
    quantity: Quantity,
    proceeds: Money,
    fee: Money,
    date: TradeDate,
}

/// `POST /cost-basis/{ticker}/sell`.
pub(super) async fn sell(context: web::Data<Context>, path: web::Path<String>, bytes: Body) -> Answer {
    lots_kept(&context)?;
    let wanted: Wanted = body(bytes)?;
    let (lots, in_force, date, currency, epoch) =
        of_subject(&context, &wanted.client_id, &path, |subject| {
            check_choices(subject, &wanted.lots, wanted.quantity)?;
            let date = subject.client.today();
            let method = subject.client.customer.method_on(date);
            let epoch = subject.client.view.epoch();
            Ok((subject.lots().to_vec(), method, date, subject.terms.currency, epoch))
        })?;
    let terms = check(&wanted, date)?;
    let lots = in_order(&context, &wanted.client_id, &path, lots).await?;
    let method = wanted.method.unwrap_or(in_force);
    let sale = outcome(&lots, method, terms, &wanted.lots)?;
    let mut methods = Map::new();
    for each in METHODS {
        let named = if each == CostBasis::Specific { &wanted.lots[..] } else { &[] };
        methods.insert(each.as_str().to_owned(), outcome(&lots, each, terms, named)?);
    }
    Ok(Json(json!({
        "client_id": wanted.client_id,
        "ticker": path.as_str(),
        "epoch": epoch,
        "trade_date": date,
        "currency": currency.to_string(),
        "quantity": wanted.quantity.to_string(),
        "price": wanted.price.to_string(),
        "fee": wanted.fee.to_string(),
        "method_in_force": in_force.as_str(),
        "method": method.as_str(),
        "sale": sale,
        "methods": methods,
    })))
}

fn check(wanted: &Wanted, date: TradeDate) -> Result<Terms, Problem> {
    let above = |field: &str, positive: bool| {
        if positive { Ok(()) } else { Err(Problem::unprocessable(field, "expected a number above 0")) }
    };
    above("quantity", wanted.quantity > Quantity::ZERO)?;
    above("price", wanted.price > Price::ZERO)?;
    if wanted.fee < Money::ZERO {
        return Err(Problem::unprocessable("fee", "expected 0 or more"));
    }
    let proceeds = wanted.quantity.notional(wanted.price).and_then(|amount| amount.checked_sub(wanted.fee));
    let out_of_range =
        || Problem::unprocessable("quantity", "expected quantity × price within the range of money");
    let proceeds = proceeds.ok_or_else(out_of_range)?;
    Ok(Terms { quantity: wanted.quantity, proceeds, fee: wanted.fee, date })
}

/// What a sale under a method realises of these lots.
fn realised(
    lots: &[OpenLot],
    method: CostBasis,
    terms: Terms,
    named: Vec<Choice>,
) -> Result<Vec<RealisedGain>, Trouble> {
    let Some(instrument) = lots.first().map(|lot| lot.instrument) else {
        return Err(Trouble::Oversold { missing: terms.quantity });
    };
    let mut ledger = Ledger::default();
    let entry = |date: TradeDate, at: Instant, number: u64, what: What| Entry { date, at, number, what };
    ledger.insert(entry(terms.date, terms.date.start(), 0, What::Election { method }));
    for (number, lot) in (0_u64..).zip(lots) {
        let OpenLot { lot, quantity, cost_base, acquired, .. } = *lot;
        let what = What::Acquire { instrument, lot, quantity, cost_base, acquired };
        ledger.insert(entry(acquired, acquired.start(), number, what));
    }
    let what = What::Dispose {
        instrument,
        disposal: EventId(u64::MAX),
        quantity: terms.quantity,
        proceeds: terms.proceeds,
        fee: terms.fee,
        lots: named.into(),
    };
    // Behind whatever was acquired on the same day.
    ledger.insert(entry(terms.date, Instant::from_micros(i64::MAX), u64::MAX, what));
    let (mut rows, mut gains) = (Vec::new(), Vec::new());
    ledger.settle(&mut rows);
    for (row, _) in rows {
        match row {
            Row::Gain(gain) => gains.push(gain),
            Row::Anomaly(anomaly) => return Err(anomaly.trouble),
            Row::Lot(_) => {}
        }
    }
    Ok(gains)
}

fn outcome(lots: &[HeldLot], method: CostBasis, terms: Terms, named: &[LotChoice]) -> Result<Json_, Problem> {
    let numbered: Vec<OpenLot> = (0_u64..).zip(lots).map(|(number, lot)| lot.numbered(number)).collect();
    let number = |choice: &LotChoice| lots.iter().position(|lot| *lot.lot == *choice.lot.as_str());
    let chosen =
        |choice: &LotChoice| Some(Choice { lot: LotId(number(choice)? as u64), quantity: choice.quantity });
    let named = named.iter().filter_map(chosen).collect();
    let gains = realised(&numbered, method, terms, named).map_err(|trouble| match trouble {
        Trouble::Oversold { missing } => {
            let reason = format!("expected at most what open lots hold on {}: {missing} fewer", terms.date);
            Problem::unprocessable("quantity", reason)
        }
        _ => Problem::unprocessable("quantity", "expected amounts within the range of lots"),
    })?;
    let term = |gain: &RealisedGain| Term::between(gain.acquired, gain.disposed);
    let line = |gain: &RealisedGain| {
        json!({
            "lot": lots.get(gain.lot.0 as usize).map(|lot| lot.lot.as_ref()),
            "acquired": gain.acquired,
            "quantity": gain.quantity.to_string(),
            "proceeds": gain.proceeds.to_string(),
            "cost_base": gain.cost_base.to_string(),
            "fee": gain.fee.to_string(),
            "gain": gain.gain.to_string(),
            "days_held": gain.days_held,
            "term": term(gain).as_str(),
        })
    };
    let total = |of: fn(&RealisedGain) -> Money| text(sum(gains.iter().map(|gain| Some(of(gain)))));
    let of_term = |wanted: Term| {
        text(sum(gains.iter().filter(|gain| term(gain) == wanted).map(|gain| Some(gain.gain))))
    };
    Ok(json!({
        "lots": gains.iter().map(line).collect::<Vec<_>>(),
        "proceeds": total(|gain| gain.proceeds),
        "cost_base": total(|gain| gain.cost_base),
        "gain": total(|gain| gain.gain),
        "short_term_gain": of_term(Term::Short),
        "long_term_gain": of_term(Term::Long),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_schemas::InstrumentId;

    fn lot(name: &str, acquired: &str, quantity: &str, cost_base: &str) -> HeldLot {
        HeldLot {
            instrument: InstrumentId(3),
            acquired: acquired.parse().unwrap(),
            lot: name.into(),
            quantity: quantity.parse().unwrap(),
            cost_base: cost_base.parse().unwrap(),
        }
    }

    /// Two years-old units at 10, ten of March at 30, ten of October at 20; 12 are sold for 25 less a fee of
    /// 12.
    fn gains(method: CostBasis, named: &[LotChoice]) -> Vec<[String; 3]> {
        let lots = [
            lot("old", "2024-01-10", "2", "20"),
            lot("dear", "2026-03-02", "10", "300"),
            lot("new", "2026-10-01", "10", "200"),
        ];
        let (quantity, proceeds) = ("12".parse().unwrap(), "288".parse().unwrap());
        let terms =
            Terms { quantity, proceeds, fee: "12".parse().unwrap(), date: "2026-11-20".parse().unwrap() };
        let sale = outcome(&lots, method, terms, named).unwrap();
        let field = |line: &Json_, name: &str| line[name].as_str().unwrap().to_owned();
        let lines = sale["lots"].as_array().unwrap();
        let mut rows: Vec<[String; 3]> =
            lines.iter().map(|line| ["lot", "gain", "term"].map(|name| field(line, name))).collect();
        rows.sort();
        rows
    }

    #[test]
    fn each_method_takes_its_lots() {
        let rows = |rows: &[[&str; 3]]| rows.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>();
        // Net of its fee a unit brings 24.
        let fifo = rows(&[["dear", "-60", "short"], ["old", "28", "long"]]);
        assert_eq!(gains(CostBasis::Fifo, &[]), fifo);
        assert_eq!(gains(CostBasis::Specific, &[]), fifo);
        assert_eq!(gains(CostBasis::Lifo, &[]), rows(&[["dear", "-12", "short"], ["new", "40", "short"]]));
        assert_eq!(gains(CostBasis::Hifo, &[]), rows(&[["dear", "-60", "short"], ["new", "8", "short"]]));
        let named = |lot: &str, quantity: &str| LotChoice {
            lot: lot.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
        };
        let chosen = gains(CostBasis::Fifo, &[named("new", "10"), named("old", "2")]);
        assert_eq!(chosen, rows(&[["new", "40", "short"], ["old", "28", "long"]]));
        // 520 over 22 units: 283.636364 of cost leave, and nothing is lost between the lots.
        let average: i64 = gains(CostBasis::Average, &[])
            .iter()
            .map(|[_, gain, _]| gain.parse::<Money>().unwrap().raw())
            .sum();
        assert_eq!(Money::from_raw(average).to_string(), "4.363636");
    }

    #[test]
    fn more_than_lots_hold_is_refused() {
        let terms = Terms {
            quantity: "3".parse().unwrap(),
            proceeds: "30".parse().unwrap(),
            fee: Money::ZERO,
            date: "2026-11-20".parse().unwrap(),
        };
        for lots in [vec![], vec![lot("a", "2026-01-05", "2", "20")], vec![lot("b", "2026-11-21", "9", "20")]]
        {
            let refused = outcome(&lots, CostBasis::Fifo, terms, &[]).unwrap_err();
            assert!(
                refused.to_string().contains("quantity: expected at most what open lots hold"),
                "{refused}"
            );
        }
    }
}
