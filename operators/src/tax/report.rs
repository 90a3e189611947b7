//! One customer's years.

use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_schemas::{
    AnomalyKind, Currency, CustomerId, InstrumentId, Money, Quantity, RealisedGainRow, Row, TaxRow, TradeDate,
};
use evenkeel_tax::{
    CostMethod, Customer, Distribution, Entity, FinancialYear, GainRow, Interest, Law, Profile, Report,
    TaxError, Trade, YearFacts, report,
};

use super::account::Account;
use super::books::{HOME, Market};
use super::trades::trades_for;
use crate::dated::translated;
use crate::facts::{Corporate, CorporateAction, Income, TaxFact, Taxpayer, YearInput};
use crate::told::Told;

/// Of a year with foreign amounts.
const TRANSLATED: &str = "foreign amounts are translated at the official rates of their days: income when it is paid, \
    cost bases when acquired, proceeds when disposed of (ITAA 1997 s 960-50)";

/// The rows of all years that can be worked out, and what stands in the way, in order.
pub(super) fn outcomes(customer: CustomerId, account: &Account, market: &Market) -> Vec<Told> {
    let (Some(law), Some(first)) = (&market.law, years(account).first().copied()) else { return Vec::new() };
    let mut told = BTreeSet::new();
    let mut year = first;
    let last = years(account).last().copied().unwrap_or(first);
    if let Some(start) = law.first().filter(|start| first < *start) {
        told.insert(fault(
            customer,
            first,
            &format!("no law at hand before {start}: years before are left out"),
        ));
        year = start;
    }
    let mut all: Option<Customer> = None;
    let mut losses = Money::ZERO;
    while year <= last {
        if let Some(taxpayer) = taxpayer(account, year) {
            let one = all.get_or_insert_with(|| everything(account, market));
            one.profile = profile(account, &taxpayer, year);
            match of_year(account, market, law, one, (year, &taxpayer), losses) {
                Ok(report) => {
                    losses = report.losses_carried_forward;
                    told.extend(rows(customer, &report).map(|row| Told::Row(Row::Tax(Box::new(row)))));
                }
                Err(reason) => {
                    told.insert(fault(customer, year, &reason));
                    break;
                }
            }
        }
        year = year.next();
    }
    told.into_iter().collect()
}

fn fault(customer: CustomerId, year: FinancialYear, reason: &str) -> Told {
    // Details of anomalies are written between quotes.
    let reason = reason.replace('"', "'").replace('\\', "/");
    Told::Fault(customer, AnomalyKind::Tax(year.to_string().into(), reason.into()))
}

/// The years in which anything happened, none for who is no taxpayer.
fn years(account: &Account) -> BTreeSet<FinancialYear> {
    let statements = || account.statements.standing().map(Arc::as_ref);
    if !statements().any(|statement| matches!(statement, TaxFact::Taxpayer(..))) {
        return BTreeSet::new();
    }
    let said = statements().filter_map(|statement| match statement {
        TaxFact::Year(year, ..) => Some(*year),
        TaxFact::Received(_, received) => Some(FinancialYear::of(received.date)),
        TaxFact::Taxpayer(..) => None,
    });
    let gains = account.gains.standing().map(|gain| FinancialYear::of(gain.disposed));
    let paid = account.paid.standing().map(|paid| FinancialYear::of(paid.pay_date));
    said.chain(gains).chain(paid).collect()
}

/// Who is taxed in a year: the latest statement at or before its end.
fn taxpayer(account: &Account, year: FinancialYear) -> Option<Taxpayer> {
    let statements = account.statements.standing().filter_map(|statement| match statement.as_ref() {
        TaxFact::Taxpayer(from, version, taxpayer) if FinancialYear::of(*from) <= year => {
            Some((*from, *version, *taxpayer))
        }
        _ => None,
    });
    statements.max_by_key(|(from, version, _)| (*from, *version)).map(|(.., taxpayer)| taxpayer)
}

fn input(account: &Account, year: FinancialYear) -> Option<YearInput> {
    let statements = account.statements.standing().filter_map(|statement| match statement.as_ref() {
        TaxFact::Year(of, version, input) if *of == year => Some((*version, *input)),
        _ => None,
    });
    statements.max_by_key(|(version, _)| *version).map(|(_, input)| input)
}

fn profile(account: &Account, taxpayer: &Taxpayer, year: FinancialYear) -> Profile {
    let mut sold = account.gains.standing().filter(|gain| FinancialYear::of(gain.disposed) == year);
    let average = sold.any(|gain| account.averaged(gain.disposed));
    Profile {
        entity: taxpayer.entity.into(),
        resident: taxpayer.resident,
        // The others are all by parcels.
        cost_method: if average { CostMethod::Average } else { CostMethod::Fifo },
        income_support: taxpayer.income_support,
        taxable_australian_property: taxpayer.taxable_australian_property,
    }
}

fn of_year(
    account: &Account,
    market: &Market,
    law: &Law,
    customer: &Customer,
    (year, taxpayer): (FinancialYear, &Taxpayer),
    carried: Money,
) -> Result<Report, String> {
    foreign(account, market, year)?;
    let input = input(account, year);
    let usual = taxpayer.other_income.unwrap_or(Money::ZERO);
    let facts = YearFacts {
        year,
        other_income: input.map_or(usual, |input| input.other_income),
        other_franking_credits: input.map_or(Money::ZERO, |input| input.other_franking_credits),
    };
    let losses = input.and_then(|input| input.losses_brought_forward).unwrap_or(carried);
    let mut report =
        report(law, &market.cpi, customer, &facts, losses).map_err(|error: TaxError| error.to_string())?;
    if translates(account, market, year) {
        report.notes.push(TRANSLATED.to_owned());
    }
    Ok(report)
}

/// Why an amount of the year cannot be translated, if one cannot.
fn foreign(account: &Account, market: &Market, year: FinancialYear) -> Result<(), String> {
    for gain in account.gains.standing().filter(|gain| FinancialYear::of(gain.disposed) == year) {
        let Some(currency) = market.currency(gain.instrument) else {
            let ticker = market.ticker(gain.instrument);
            let what = format!("the gain of {} is in the currency of {ticker}", gain.disposal);
            return Err(format!("{what}, which is not listed"));
        };
        for day in [gain.acquired, gain.disposed] {
            known(market, || format!("the gain of {}", gain.disposal), currency, day)?;
        }
    }
    for paid in account.paid.standing().filter(|paid| FinancialYear::of(paid.pay_date) == year) {
        known(market, || format!("the distribution {}", paid.distribution), paid.currency, paid.pay_date)?;
    }
    for (event, received) in received(account) {
        if FinancialYear::of(received.date) == year {
            known(market, || format!("the income of {event}"), received.currency, received.date)?;
        }
    }
    Ok(())
}

fn known(
    market: &Market,
    what: impl Fn() -> String,
    currency: Currency,
    day: TradeDate,
) -> Result<(), String> {
    match market.home_rate(currency, day) {
        Some(_) => Ok(()),
        None => Err(format!(
            "{} is in {currency}: expected an fx_close of {currency}/{HOME} of {day} or the week before",
            what()
        )),
    }
}

/// Whether any amount of the year was translated.
fn translates(account: &Account, market: &Market, year: FinancialYear) -> bool {
    let of_year = |day: TradeDate| FinancialYear::of(day) == year;
    let gains = account.gains.standing().filter(|gain| of_year(gain.disposed));
    gains.filter_map(|gain| market.currency(gain.instrument)).any(|currency| currency != HOME)
        || account.paid.standing().any(|paid| of_year(paid.pay_date) && paid.currency != HOME)
        || received(account).any(|(_, received)| of_year(received.date) && received.currency != HOME)
}

/// An amount in the home currency at the rate of a day. Where there is none, its year has no report.
fn at_home(market: &Market, amount: Money, currency: Currency, day: TradeDate) -> Money {
    let rate = market.home_rate(currency, day);
    rate.and_then(|rate| translated(amount, rate)).unwrap_or(amount)
}

fn received(account: &Account) -> impl Iterator<Item = (&Arc<str>, &crate::facts::Received)> {
    account.statements.standing().filter_map(|statement| match statement.as_ref() {
        TaxFact::Received(event, received) => Some((event, received)),
        _ => None,
    })
}

/// What the customer did over all years, as the report takes it. The name is known further out only.
fn everything(account: &Account, market: &Market) -> Customer {
    let mut gains: Vec<GainRow> = account.gains.standing().map(|gain| gain_row(gain, market)).collect();
    let mut distributions: Vec<Distribution> = account
        .paid
        .standing()
        .map(|paid| Distribution {
            event: paid.distribution.to_string(),
            instrument: market.ticker(paid.instrument),
            ex_date: paid.ex_date,
            pay_date: paid.pay_date,
            units: paid.quantity,
            amount: at_home(market, paid.amount, paid.currency, paid.pay_date),
            franked_fraction: paid.franked_fraction,
            preference: false,
            entitled_in: None,
            trades: held(account, market, paid.instrument, paid.ex_date),
        })
        .collect();
    let mut interest: Vec<Interest> = Vec::new();
    for (event, one) in received(account) {
        let event = event.to_string();
        let amount = at_home(market, one.amount, one.currency, one.date);
        match one.kind {
            Income::Interest => interest.push(Interest { event, date: one.date, amount }),
            Income::Distribution(instrument, franked_fraction, ex_date) => distributions.push(Distribution {
                event,
                instrument: instrument.map_or_else(|| "unnamed".to_owned(), |i| market.ticker(i)),
                ex_date,
                pay_date: one.date,
                units: Quantity::ZERO,
                amount,
                franked_fraction,
                preference: false,
                entitled_in: None,
                trades: instrument.map_or_else(Vec::new, |i| held(account, market, i, ex_date)),
            }),
        }
    }
    // A report reads in the order of days.
    gains.sort_by(|a, b| (a.disposed, &a.disposal, &a.lot).cmp(&(b.disposed, &b.disposal, &b.lot)));
    distributions.sort_by(|a, b| (a.pay_date, &a.event).cmp(&(b.pay_date, &b.event)));
    interest.sort_by(|a, b| (a.date, &a.event).cmp(&(b.date, &b.event)));
    Customer {
        customer: String::new(),
        profile: Profile::resident(Entity::Individual),
        gains,
        distributions,
        interest,
        trades: Vec::new(),
    }
}

/// Buys and sells that count for the holding period of a distribution.
fn held(account: &Account, market: &Market, instrument: InstrumentId, ex_date: TradeDate) -> Vec<Trade> {
    let trades = account.trades.standing().cloned().collect();
    let trades = trades_for(instrument, ex_date, trades, &market.actions).into_iter();
    let trade = |trade: super::trades::Trade| {
        Some(Trade {
            event: trade.event.to_string(),
            instrument: market.ticker(instrument),
            date: trade.held_from,
            quantity: Quantity::from_wide(trade.units)?,
        })
    };
    trades.filter_map(trade).collect()
}

fn gain_row(gain: &RealisedGainRow, market: &Market) -> GainRow {
    let currency = market.currency(gain.instrument).unwrap_or(HOME);
    let proceeds = at_home(market, gain.proceeds, currency, gain.disposed);
    let cost_base = at_home(market, gain.cost_base, currency, gain.acquired);
    GainRow {
        instrument: market.ticker(gain.instrument),
        lot: gain.lot.to_string(),
        disposal: gain.disposal.to_string(),
        acquired: gain.acquired,
        disposed: gain.disposed,
        quantity: gain.quantity,
        proceeds,
        cost_base,
        gain: proceeds.checked_sub(cost_base).unwrap_or(gain.gain),
        value_at_start: value_at_start(gain, market),
    }
}

/// What units sold under the regime of 1 July 2027 were worth when it began; splits since are undone. Nothing where a
/// merger since then may have brought them, or where cash came and units stayed: such a value is not known.
fn value_at_start(gain: &RealisedGainRow, market: &Market) -> Option<Money> {
    let start = market.law.as_ref()?.regime_start()?;
    if gain.acquired >= start || gain.disposed < start {
        return None;
    }
    if gain.quantity == Quantity::ZERO && gain.cost_base > Money::ZERO {
        return None;
    }
    let since = |action: &CorporateAction| start <= action.date && action.date <= gain.disposed;
    let standing = || {
        market.actions.iter().flat_map(|(instrument, all)| {
            let all = all.iter().filter(|(action, count)| **count > 0 && since(action));
            all.map(move |(action, _)| (*instrument, action.as_ref()))
        })
    };
    let came = |(_, action): (InstrumentId, &CorporateAction)| matches!(action.what, Corporate::Merger { into, .. } if into == gain.instrument);
    if standing().any(came) {
        return None;
    }
    let mut units = i128::from(gain.quantity.raw());
    for (_, action) in standing().filter(|(instrument, _)| *instrument == gain.instrument) {
        if let Corporate::Split { new, old, .. } = action.what {
            units = units.checked_mul(old.raw().into())?.checked_div(new.raw().into())?;
        }
    }
    let value = Quantity::from_wide(units)?.notional(market.close(gain.instrument)?)?;
    let eve = start.plus_days(-1)?;
    translated(value, market.home_rate(market.currency(gain.instrument)?, eve)?)
}

fn rows(customer: CustomerId, report: &Report) -> impl Iterator<Item = TaxRow> {
    let year: Arc<str> = report.year.to_string().into();
    let of = year.clone();
    let lines = report.lines.iter().map(move |line| TaxRow {
        customer,
        year: of.clone(),
        line: line.id.as_str().into(),
        label: line.label.as_str().into(),
        amount: line.amount,
        rule: line.rule.as_str().into(),
        sources: line.from.join(" ").into(),
    });
    let note = move |(number, note): (usize, &String)| TaxRow {
        customer,
        year: year.clone(),
        line: format!("note/{}", number + 1).into(),
        label: note.as_str().into(),
        amount: Money::ZERO,
        rule: "".into(),
        sources: "".into(),
    };
    lines.chain(report.notes.iter().enumerate().map(note))
}
