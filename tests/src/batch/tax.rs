//! Tax reports, worked out again from a customer's rows with the same law. Only for who needs not hold for 45 days:
//! individuals with small credits. The holding period rule has tests of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_schemas::events::{CashKind, Event, TaxEntity};
use evenkeel_schemas::{
    AnomalyKind, AnomalySource, Currency, CustomerId, Instant, Money, Names, PaymentStatus, Quantity, Rate,
    Ratio, RealisedGainRow, Row, TaxRow, TradeDate, div_half_even,
};
use evenkeel_tax::{
    CostMethod, Cpi, Customer, Distribution, Entity, FinancialYear, GainRow, Interest, Law, Profile, Report,
    YearFacts, report,
};

use super::accruals::Accruals;
use super::facts::{Facts, Order};

/// What an event says of tax.
#[derive(Clone, Debug)]
pub struct TaxSaid {
    /// Whose.
    pub customer: CustomerId,
    key: (TradeDate, Instant, Order),
    name: Arc<str>,
    event: Event,
}

impl TaxSaid {
    /// What an event says; `None` when it says nothing of tax.
    pub fn of(event: &Event, customer: Option<CustomerId>, order: Order) -> Option<TaxSaid> {
        let said = match event {
            Event::TaxpayerSet(_) | Event::TaxYearSet(_) => true,
            Event::CashPosted(e) => matches!(e.kind, CashKind::Interest | CashKind::Distribution),
            _ => false,
        };
        let name = event.id().map_or_else(|| format!("seq:{order}").into(), |id| id.as_str().into());
        let key = (event.at().date(), event.at(), order);
        said.then_some(())?;
        Some(TaxSaid { customer: customer?, key, name, event: event.clone() })
    }
}

/// What was said of one customer, by date, effective time and file order.
type Said = BTreeMap<(TradeDate, Instant, Order), TaxSaid>;

/// What was said of tax, and the rows of the last mark.
#[derive(Default)]
pub struct Taxes {
    said: BTreeMap<CustomerId, Said>,
    told: BTreeMap<CustomerId, BTreeSet<Row>>,
}

impl Taxes {
    /// Something begins (`live`) or ends to stand.
    pub fn apply(&mut self, said: &TaxSaid, live: bool) {
        let all = self.said.entry(said.customer).or_default();
        if live {
            all.insert(said.key, said.clone());
        } else {
            all.remove(&said.key);
        }
    }

    /// Rows of every taxpayer before and after a mark; `books` are a customer's realised gains and distributions.
    pub fn report(
        &mut self,
        (facts, accruals): (&Facts, &Accruals),
        names: &Names,
        books: impl Fn(CustomerId) -> Vec<Row>,
        averaged: impl Fn(CustomerId, TradeDate) -> bool,
    ) -> Vec<(BTreeSet<Row>, BTreeSet<Row>)> {
        let mut changes = Vec::new();
        for (customer, said) in &self.said {
            let known = Known { facts, accruals, names, customer: *customer };
            let now = rows(&known, said, &books(*customer), &|day| averaged(*customer, day));
            let before = self.told.insert(*customer, now.clone()).unwrap_or_default();
            changes.push((before, now));
        }
        changes
    }
}

/// What a report looks up.
struct Known<'a> {
    facts: &'a Facts,
    accruals: &'a Accruals,
    names: &'a Names,
    customer: CustomerId,
}

impl Known<'_> {
    /// What one unit of a currency is at home on a day, by a rate of the week before it.
    fn rate(&self, currency: Currency, day: TradeDate) -> Option<Rate> {
        let (since, rate) = self.accruals.rate(currency, Currency::AUD, day)?;
        (day.days() - since.days() <= 7).then_some(rate)
    }

    /// An amount at home; what cannot be translated has no report.
    fn home(&self, amount: Money, currency: Currency, day: TradeDate) -> Money {
        let rate = self.rate(currency, day).unwrap_or(Rate::PAR);
        let product = i128::from(amount.raw()) * i128::from(rate.raw());
        Money::from_wide(div_half_even(product, 1_000_000_000)).expect("an amount in range")
    }
}

fn rows(
    known: &Known<'_>,
    said: &Said,
    books: &[Row],
    averaged: &dyn Fn(TradeDate) -> bool,
) -> BTreeSet<Row> {
    let customer = known.customer;
    let mut told = BTreeSet::new();
    let (all, foreign_years) = everything(known, said, books);
    let years = years(&all, said);
    let (Some(first), Some(last)) = (years.first(), years.last()) else { return told };
    let mut losses = Money::ZERO;
    let mut year = *first;
    while year <= *last {
        let outcome = match foreign(known, said, books, year) {
            Some(reason) => assessed(said, &all, year, losses, averaged).map(|_| Err(reason)),
            None => assessed(said, &all, year, losses, averaged),
        };
        match outcome {
            // Nobody is taxed yet.
            None => {}
            Some(Ok(mut report)) => {
                losses = report.losses_carried_forward;
                if foreign_years.contains(&year) {
                    let note = "foreign amounts are translated at the official rates of their days: income when it is \
                                paid, cost bases when acquired, proceeds when disposed of (ITAA 1997 s 960-50)";
                    report.notes.push(note.to_owned());
                }
                told.extend(lines(customer, &report));
            }
            Some(Err(reason)) => {
                let reason = reason.replace('"', "'").replace('\\', "/");
                let kind = AnomalyKind::Tax(year.to_string().into(), reason.into());
                told.insert(Row::Anomaly { source: AnomalySource::Customer(customer), kind });
                break;
            }
        }
        year = year.next();
    }
    told
}

/// The years in which anything happened.
fn years(all: &Customer, said: &Said) -> BTreeSet<FinancialYear> {
    let days = all.gains.iter().map(|gain| gain.disposed);
    let days = days.chain(all.distributions.iter().map(|one| one.pay_date));
    let days = days.chain(all.interest.iter().map(|one| one.date));
    let inputs = said.values().filter_map(|said| match &said.event {
        Event::TaxYearSet(e) => e.year.parse().ok(),
        _ => None,
    });
    days.map(FinancialYear::of).chain(inputs).collect()
}

/// A year's report, or why there is none; nothing while nobody is taxed.
fn assessed(
    said: &Said,
    all: &Customer,
    year: FinancialYear,
    losses: Money,
    averaged: &dyn Fn(TradeDate) -> bool,
) -> Option<Result<Report, String>> {
    let payers = said.values().rev().filter_map(|said| match &said.event {
        Event::TaxpayerSet(e) if FinancialYear::of(e.at.date()) <= year => Some(e),
        _ => None,
    });
    let payer = payers.into_iter().next()?;
    assert_eq!(payer.entity, TaxEntity::Individual, "others have to hold for 45 days");
    let inputs = said.values().filter_map(|said| match &said.event {
        Event::TaxYearSet(e) if e.year == year.to_string() => Some((said.key.1, said.key.2, e)),
        _ => None,
    });
    let input = inputs.max_by_key(|(at, order, _)| (*at, *order)).map(|(.., input)| input);
    let usual = payer.other_income.unwrap_or(Money::ZERO);
    let other = input.and_then(|input| input.other_franking_credits);
    let facts = YearFacts {
        year,
        other_income: input.map_or(usual, |input| input.other_income),
        other_franking_credits: other.unwrap_or(Money::ZERO),
    };
    let brought = input.and_then(|input| input.losses_brought_forward).unwrap_or(losses);
    let mut sold = all.gains.iter().filter(|gain| FinancialYear::of(gain.disposed) == year);
    let average = sold.any(|gain| averaged(gain.disposed));
    let cost_method = if average { CostMethod::Average } else { CostMethod::Fifo };
    let profile = Profile { resident: payer.resident, cost_method, ..Profile::resident(Entity::Individual) };
    let law = Law::built_in().expect("the law that comes with the program can be read");
    let one = Customer { profile, ..all.clone() };
    Some(report(&law, &Cpi::default(), &one, &facts, brought).map_err(|error| error.to_string()))
}

fn lines(customer: CustomerId, report: &Report) -> impl Iterator<Item = Row> {
    let year = report.year.to_string();
    let row = move |line: String, label: &str, amount: Money, rule: &str, sources: String| {
        Row::Tax(Box::new(TaxRow {
            customer,
            year: year.as_str().into(),
            line: line.into(),
            label: label.into(),
            amount,
            rule: rule.into(),
            sources: sources.into(),
        }))
    };
    let mut rows: Vec<Row> = Vec::new();
    for line in &report.lines {
        rows.push(row(line.id.clone(), &line.label, line.amount, &line.rule, line.from.join(" ")));
    }
    for (number, note) in report.notes.iter().enumerate() {
        rows.push(row(format!("note/{}", number + 1), note, Money::ZERO, "", String::new()));
    }
    rows.into_iter()
}

/// The first of a year that cannot be translated: gains, then distributions, then what was received.
fn foreign(known: &Known<'_>, said: &Said, books: &[Row], year: FinancialYear) -> Option<String> {
    let missing = |what: String, currency: Currency, day: TradeDate| {
        known.rate(currency, day).is_none().then(|| {
            format!(
                "{what} is in {currency}: expected an fx_close of {currency}/AUD of {day} or the week before"
            )
        })
    };
    let gains = books.iter().filter_map(|row| match row {
        Row::RealisedGain(gain) if FinancialYear::of(gain.disposed) == year => {
            let of = format!("the gain of {}", gain.disposal);
            match known.facts.currency(gain.instrument) {
                Some(currency) => missing(of.clone(), currency, gain.acquired)
                    .or_else(|| missing(of, currency, gain.disposed)),
                None => {
                    let ticker = known.names.instrument(gain.instrument);
                    Some(format!("{of} is in the currency of {ticker}, which is not listed"))
                }
            }
        }
        _ => None,
    });
    let paid = books.iter().filter_map(|row| match row {
        Row::Distribution(row)
            if row.status == PaymentStatus::Paid && FinancialYear::of(row.pay_date) == year =>
        {
            missing(format!("the distribution {}", row.distribution), row.currency, row.pay_date)
        }
        _ => None,
    });
    let mut received: BTreeMap<(String, TradeDate), Currency> = BTreeMap::new();
    for ((name, date), e) in posted(said) {
        received.insert((name.to_string(), date), e.currency);
    }
    for (name, date, currency, _) in known.accruals.interest_of(known.customer) {
        received.insert((name.clone(), *date), *currency);
    }
    let received = received.into_iter().filter(|((_, date), _)| FinancialYear::of(*date) == year);
    let received = received
        .filter_map(|((name, date), currency)| missing(format!("the income of {name}"), currency, date));
    gains.chain(paid).chain(received).next()
}

/// Income that was posted, by the name of its event.
fn posted(said: &Said) -> BTreeMap<(Arc<str>, TradeDate), &evenkeel_schemas::events::CashPosted> {
    let posted = said.values().filter_map(|said| match &said.event {
        Event::CashPosted(e) => Some(((said.name.clone(), e.at.date()), e.as_ref())),
        _ => None,
    });
    posted.collect()
}

/// A gain of two amounts, each at the rate of its day.
fn gain_at_home(known: &Known<'_>, gain: &RealisedGainRow, currency: Currency) -> GainRow {
    let proceeds = known.home(gain.proceeds, currency, gain.disposed);
    let cost_base = known.home(gain.cost_base, currency, gain.acquired);
    GainRow {
        instrument: known.names.instrument(gain.instrument).to_owned(),
        lot: gain.lot.to_string(),
        disposal: gain.disposal.to_string(),
        acquired: gain.acquired,
        disposed: gain.disposed,
        quantity: gain.quantity,
        proceeds,
        cost_base,
        gain: proceeds.checked_sub(cost_base).expect("a gain in range"),
        value_at_start: None,
    }
}

/// All that counts, at home, and the years in which anything did not come in Australian dollars.
fn everything(known: &Known<'_>, said: &Said, books: &[Row]) -> (Customer, BTreeSet<FinancialYear>) {
    let names = known.names;
    let mut abroad = BTreeSet::new();
    let mut note = |currency: Currency, day: TradeDate| {
        if currency != Currency::AUD {
            abroad.insert(FinancialYear::of(day));
        }
    };
    let mut all = Customer {
        customer: String::new(),
        profile: Profile::resident(Entity::Individual),
        gains: Vec::new(),
        distributions: Vec::new(),
        interest: Vec::new(),
        trades: Vec::new(),
    };
    for row in books {
        match row {
            Row::RealisedGain(gain) => {
                let currency = known.facts.currency(gain.instrument).unwrap_or(Currency::AUD);
                note(currency, gain.disposed);
                all.gains.push(gain_at_home(known, gain, currency));
            }
            Row::Distribution(row) if row.status == PaymentStatus::Paid => {
                note(row.currency, row.pay_date);
                all.distributions.push(Distribution {
                    event: row.distribution.to_string(),
                    instrument: names.instrument(row.instrument).to_owned(),
                    ex_date: row.ex_date,
                    pay_date: row.pay_date,
                    units: row.quantity,
                    amount: known.home(row.amount, row.currency, row.pay_date),
                    franked_fraction: row.franked_fraction,
                    preference: false,
                    entitled_in: None,
                    trades: Vec::new(),
                });
            }
            _ => {}
        }
    }
    for ((name, date), e) in posted(said) {
        let event = name.to_string();
        let amount = known.home(e.amount, e.currency, date);
        note(e.currency, date);
        if e.kind == CashKind::Interest {
            all.interest.push(Interest { event, date, amount });
            continue;
        }
        all.distributions.push(Distribution {
            event,
            instrument: e.instrument.as_ref().map_or("unnamed", |name| name.as_str()).to_owned(),
            ex_date: e.ex_date.unwrap_or(date),
            pay_date: date,
            units: Quantity::ZERO,
            amount,
            franked_fraction: e.franked_fraction.unwrap_or(Ratio::ZERO),
            preference: false,
            entitled_in: None,
            trades: Vec::new(),
        });
    }
    for (name, date, currency, amount) in known.accruals.interest_of(known.customer) {
        note(*currency, *date);
        let amount = known.home(*amount, *currency, *date);
        all.interest.push(Interest { event: name.clone(), date: *date, amount });
    }
    all.gains.sort_by_key(|gain| (gain.disposed, gain.disposal.clone(), gain.lot.clone()));
    all.distributions.sort_by_key(|one| (one.pay_date, one.event.clone()));
    all.interest.sort_by_key(|one| (one.date, one.event.clone()));
    (all, abroad)
}
