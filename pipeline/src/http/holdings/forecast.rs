//! What becomes of a customer's cash in the next days.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_operators::facts::PlannedFlow;
use evenkeel_schemas::events::FlowInterval;
use evenkeel_schemas::{AccrualKind, Currency, DueKind, Money, TradeDate};
use serde_json::{Value as Json_, json};

use super::cash::Sum;
use super::{Client, text};

/// How many days a forecast looks ahead.
const AHEAD_DAYS: i32 = 90;

/// Why money moves, in the order in which a day tells it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Settlement,
    Distribution,
    Interest,
    Fee,
    Scheduled,
}

impl Why {
    const ALL: [Why; 5] = [Why::Settlement, Why::Distribution, Why::Interest, Why::Fee, Why::Scheduled];

    fn name(self) -> &'static str {
        match self {
            Why::Settlement => "settlement",
            Why::Distribution => "distribution",
            Why::Interest => "interest",
            Why::Fee => "fee",
            Why::Scheduled => "scheduled",
        }
    }
}

/// Sums by day and reason.
type Days = BTreeMap<TradeDate, BTreeMap<Why, Sum>>;

/// What is settled now, and by value date what becomes of it: one running balance a currency. What is known: settlements,
/// distributions announced, fees and interest accrued so far, and flows that the customer has planned. Nothing is
/// invested, spent or converted.
pub(super) fn forecast(client: &Client<'_>) -> Json_ {
    let today = client.today();
    let until = today.plus_days(AHEAD_DAYS).unwrap_or(today);
    let mut by_currency: BTreeMap<Currency, Days> = BTreeMap::new();
    let mut add = |currency: Currency, date: TradeDate, why: Why, amount: Money| {
        let days = by_currency.entry(currency).or_default();
        days.entry(date).or_default().entry(why).or_default().add(Some(amount));
    };
    for ((date, currency, kind), amount) in &client.customer.due {
        let why = if *kind == DueKind::Settlement { Why::Settlement } else { Why::Distribution };
        add(*currency, *date, why, *amount);
    }
    for row in client.accruals() {
        match row.kind {
            AccrualKind::Interest => add(row.currency, row.pay_date, Why::Interest, row.amount),
            AccrualKind::Fee => {
                let charged = Money::from_raw(row.amount.raw().saturating_neg());
                add(row.currency, row.pay_date, Why::Fee, charged);
            }
        }
    }
    for flow in client.planned() {
        for date in days_of(flow, today, until) {
            add(flow.currency, date, Why::Scheduled, flow.amount);
        }
    }
    for (currency, _) in client.customer.cash.iter() {
        by_currency.entry(*currency).or_default();
    }
    let currencies: BTreeSet<Currency> = by_currency.keys().copied().collect();
    let of = |currency: Currency| forecast_of(client, currency, &by_currency[&currency], (today, until));
    let currencies: Vec<Json_> = currencies.into_iter().map(of).collect();
    json!({ "from": today, "until": until, "currencies": currencies })
}

fn forecast_of(
    client: &Client<'_>,
    currency: Currency,
    days: &Days,
    (today, until): (TradeDate, TradeDate),
) -> Json_ {
    let balance = client.customer.cash.get(&currency).copied().unwrap_or_default();
    let mut unsettled = Sum::default();
    let settlements = days.values().filter_map(|day| day.get(&Why::Settlement));
    settlements.for_each(|sum| unsettled.add(sum.0));
    let opening = unsettled.0.and_then(|unsettled| balance.checked_sub(unsettled));
    let (mut running, mut later) = (Sum(opening), Sum::default());
    let mut lowest = (opening, today);
    let mut told = Vec::new();
    for (date, day) in days {
        if *date > until {
            day.values().for_each(|sum| later.add(sum.0));
            continue;
        }
        day.values().for_each(|sum| running.add(sum.0));
        if running.0 < lowest.0 {
            lowest = (running.0, *date);
        }
        let mut line = json!({ "value_date": date });
        if let Json_::Object(fields) = &mut line {
            for why in Why::ALL {
                let sum = day.get(&why).map(|sum| text(sum.0));
                fields.insert(why.name().to_owned(), json!(sum.flatten()));
            }
            fields.insert("balance".to_owned(), json!(text(running.0)));
        }
        told.push(line);
    }
    json!({
        "currency": currency.to_string(),
        "opening": text(opening),
        "days": told,
        "closing": text(running.0),
        "lowest": { "balance": text(lowest.0), "value_date": lowest.1 },
        "due_later": text(later.0),
    })
}

/// The days of a planned flow after one day and up to another.
fn days_of(flow: &PlannedFlow, after: TradeDate, until: TradeDate) -> Vec<TradeDate> {
    let until = flow.until.map_or(until, |end| end.min(until));
    let nth = |number: i32| match flow.every {
        FlowInterval::Once => (number == 0).then_some(flow.first),
        FlowInterval::Weekly => flow.first.plus_days(number.checked_mul(7)?),
        FlowInterval::Monthly => flow.first.plus_months(number),
        FlowInterval::Quarterly => flow.first.plus_months(number.checked_mul(3)?),
        FlowInterval::Yearly => flow.first.plus_months(number.checked_mul(12)?),
    };
    let days = (0..).map_while(nth).take_while(|date| *date <= until);
    days.filter(|date| *date > after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(first: &str, every: FlowInterval, until: Option<&str>) -> Vec<String> {
        let flow = PlannedFlow {
            flow: "savings".into(),
            amount: Money::from_raw(1),
            currency: Currency::AUD,
            first: first.parse().unwrap(),
            every,
            until: until.map(|until| until.parse().unwrap()),
        };
        let days = days_of(&flow, "2026-01-05".parse().unwrap(), "2026-04-05".parse().unwrap());
        days.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn planned_flows_come_on_their_days() {
        assert_eq!(days("2026-02-01", FlowInterval::Once, None), ["2026-02-01"]);
        assert!(days("2026-01-05", FlowInterval::Once, None).is_empty(), "today's is made today");
        // A month without a 31st has its last day.
        assert_eq!(
            days("2025-12-31", FlowInterval::Monthly, None),
            ["2026-01-31", "2026-02-28", "2026-03-31"]
        );
        assert_eq!(days("2024-02-29", FlowInterval::Yearly, None), ["2026-02-28"]);
        assert_eq!(
            days("2026-01-01", FlowInterval::Weekly, Some("2026-01-22")),
            ["2026-01-08", "2026-01-15", "2026-01-22"]
        );
        assert_eq!(days("2025-10-31", FlowInterval::Quarterly, None), ["2026-01-31"]);
    }
}
