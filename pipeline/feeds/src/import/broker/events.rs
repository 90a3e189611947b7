//! Rows as events.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::{
    CashKind, CashPosted, CustomerOnboarded, DepositOrWithdrawal, Event, EventType, Fill, FxConversion,
    InstrumentKind, Side,
};
use evenkeel_schemas::{Currency, Instant, Money, Name, Price, Quantity};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::Broker;
use super::number::six;
use super::row::{Class, Flow, Part, Row, Rows, Stamp, Symbol, Trade};
use super::table::{Fault, fault, short};
use crate::import::{ImportError, Job, Problem, listed};

/// What stands first when several events have one effective time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Onboarding,
    Listing,
    Movement,
}

/// An instrument that events name.
struct Held {
    isin: String,
    currency: Currency,
    /// Units bought less units sold.
    units: i128,
    /// Whether it was told that more is sold than was bought.
    short: bool,
}

/// A file's events while they are made.
struct Booking<'j, 'a, 'o> {
    job: &'j mut Job<'a, 'o>,
    broker: Broker,
    customer: Name,
    instruments: BTreeMap<Name, Held>,
    /// How many rows had the same content so far.
    occurrences: BTreeMap<String, u32>,
    events: Vec<(Instant, Rank, Event)>,
}

/// Gives the events of all rows in order of effective time, and tells what came of the others.
pub(super) fn emit(job: &mut Job<'_, '_>, broker: Broker, mut rows: Rows) -> Result<(), ImportError> {
    pair_legs(&mut rows);
    let (told, accounts) = (std::mem::take(&mut rows.told), std::mem::take(&mut rows.accounts));
    for (class, line, fault) in told {
        tell(job, class, line, &fault);
    }
    let mut rows = in_order(rows.rows);
    rows.retain(|row| job.options.takes(row.stamp.date));
    let Some(first) = rows.first() else { return Ok(()) };
    let begin = first.stamp.at.date().start();
    let asked = "expected --customer NAME: the file does not say whose account it is";
    let customer = job.options.customer.clone().ok_or_else(|| job.form(1, "customer", asked))?;
    let base = base_currency(job, accounts, &rows)?;
    let (instruments, occurrences, events) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    let mut booking = Booking { job, broker, customer, instruments, occurrences, events };
    booking.onboard(begin, base);
    for row in &rows {
        if let Err(fault) = booking.book(row) {
            tell(booking.job, Class::Skip, row.stamp.line, &fault);
        }
    }
    let mut events = booking.events;
    // A stable sort: rows of one time stay in the order in which they happened.
    events.sort_by_key(|(at, rank, _)| (*at, *rank));
    events.into_iter().try_for_each(|(_, _, event)| job.emit(event))
}

fn tell(job: &mut Job<'_, '_>, class: Class, line: u64, fault: &Fault) {
    let problem = Problem::new(job.file, line, &fault.field, fault.reason.clone());
    match class {
        Class::Skip => job.report.skip(problem),
        Class::Ignored => job.report.ignore(problem),
        Class::Assumed => job.report.assume(problem),
        Class::Suspect => job.report.suspect(problem),
    }
}

/// Rows by effective time. Most exports have the newest row first: rows of one time are then turned round.
fn in_order(mut rows: Vec<Row>) -> Vec<Row> {
    let steps = rows.windows(2).map(|pair| pair[0].stamp.at.cmp(&pair[1].stamp.at) as i64);
    if steps.sum::<i64>() > 0 {
        rows.reverse();
    }
    rows.sort_by_key(|row| row.stamp.at);
    rows
}

/// Joins the two sides of each exchange of currencies; a side alone is told.
fn pair_legs(rows: &mut Rows) {
    let mut sides: BTreeMap<String, Vec<(Stamp, Decimal, Currency)>> = BTreeMap::new();
    rows.rows.retain(|row| match &row.part {
        Part::Leg(key, amount, currency) => {
            sides.entry(key.clone()).or_default().push((row.stamp.clone(), *amount, *currency));
            false
        }
        _ => true,
    });
    for mut legs in sides.into_values() {
        legs.sort_by_key(|(_, amount, _)| *amount);
        if let [(stamp, out, from), (_, inn, to)] = legs.as_slice()
            && out.is_sign_negative()
            && inn.is_sign_positive()
            && from != to
        {
            rows.push(&stamp.clone(), Part::Conversion(Some((-*out, *from)), Some((*inn, *to))));
            continue;
        }
        for (stamp, amount, currency) in legs {
            let reason = format!(
                "expected the other side of {amount} {currency} with the same time and order: enter the \
                exchange by hand"
            );
            rows.tell(Class::Skip, stamp.line, fault("conversion", reason));
        }
    }
}

/// What the portfolio is valued in: as told, else the one currency of the account.
fn base_currency(
    job: &Job<'_, '_>,
    accounts: BTreeSet<Currency>,
    rows: &[Row],
) -> Result<Currency, ImportError> {
    if let Some(base) = job.options.base_currency {
        return Ok(base);
    }
    let moved = rows.iter().filter_map(|row| match &row.part {
        Part::Trade(trade) => Some(trade.currency),
        Part::Cash(_, _, currency) => Some(*currency),
        _ => None,
    });
    let found: BTreeSet<Currency> = if accounts.is_empty() { moved.collect() } else { accounts };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (first, second) => {
            let all: Vec<String> =
                first.into_iter().chain(second).chain(found).map(|currency| currency.to_string()).collect();
            let reason = format!(
                "expected --base-currency: cash is in {}, and the file does not say in which the \
                portfolio is valued",
                if all.is_empty() { "no currency".to_owned() } else { all.join(", ") }
            );
            Err(job.form(1, "base currency", reason))
        }
    }
}

/// Sixteen bytes that the same words always give.
fn hash(words: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for word in words {
        hasher.update((word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// An amount with at most six decimals, or why not.
fn money(field: &str, amount: Decimal) -> Result<Money, Fault> {
    Money::try_from(six(amount)).map_err(|error| fault(field, error.to_string()))
}

/// Quantity and price, above zero, with at most six decimals.
fn numbers(trade: &Trade) -> Result<(Quantity, Price), Fault> {
    let positive = |field: &str, number: Decimal| {
        let rounded = Some(six(number)).filter(|rounded| *rounded > Decimal::ZERO);
        rounded.ok_or_else(|| fault(field, format!("expected more than 0, got {number}")))
    };
    let quantity = Quantity::try_from(positive("quantity", trade.quantity)?);
    let price = Price::try_from(positive("price", trade.price)?);
    let quantity = quantity.map_err(|error| fault("quantity", error.to_string()))?;
    Ok((quantity, price.map_err(|error| fault("price", error.to_string()))?))
}

impl Booking<'_, '_, '_> {
    fn push(&mut self, rank: Rank, event: Event) {
        self.events.push((event.at(), rank, event));
    }

    fn onboard(&mut self, at: Instant, base_currency: Currency) {
        let customer = self.customer.clone();
        let id = Name::new(&format!("onboarded:{}", hash(&[customer.as_str()]))).ok();
        let event_type = EventType::CustomerOnboarded;
        let event =
            CustomerOnboarded { event_type, at, id, recorded: None, customer, base_currency, profile: None };
        self.push(Rank::Onboarding, Event::CustomerOnboarded(Box::new(event)));
    }

    /// The id of what a row says: from the broker's own, else from what it says and how often it was said
    /// before, so that the same row of another export has the same.
    fn id(&mut self, stamp: &Stamp, what: &str, content: &[String]) -> Result<Option<Name>, Fault> {
        let (broker, customer) = (self.broker.as_str(), self.customer.to_string());
        let text = match &stamp.unique {
            Some(unique) => hash(&[broker, &customer, "id", unique, what]),
            None => {
                let at = stamp.at.micros().to_string();
                let mut words = vec![broker, &customer, "row", what, &at, &stamp.order];
                words.extend(content.iter().map(String::as_str));
                hash(&words)
            }
        };
        let occurrence = self.occurrences.entry(text.clone()).or_default();
        *occurrence += 1;
        let again = match (*occurrence, &stamp.unique) {
            (1, _) => String::new(),
            (count, None) => format!(":{count}"),
            (_, Some(unique)) => {
                let unique = short(unique);
                return Err(fault(
                    "id",
                    format!("expected one row with the id {unique}: this one is left out"),
                ));
            }
        };
        Ok(Name::new(&format!("{broker}:{text}{again}")).ok())
    }

    fn book(&mut self, row: &Row) -> Result<(), Fault> {
        match &row.part {
            Part::Trade(trade) => self.trade(&row.stamp, trade),
            Part::Cash(flow, amount, currency) => self.cash(&row.stamp, *flow, *amount, *currency),
            Part::Conversion(Some((out, from)), Some((inn, to))) => {
                self.convert(&row.stamp, (*out, *from), (*inn, *to))
            }
            Part::Conversion(from, to) => {
                let known = from.or(*to).map_or("neither".to_owned(), |(amount, currency)| {
                    format!("{} {currency} alone", six(amount))
                });
                let reason = format!("expected both sides of an exchange of currencies, got {known}");
                Err(fault("conversion", reason))
            }
            Part::Leg(..) => Err(fault("conversion", "Invariant: sides were joined before")),
        }
    }

    fn cash(&mut self, stamp: &Stamp, flow: Flow, amount: Decimal, currency: Currency) -> Result<(), Fault> {
        let signed = money("amount", amount)?;
        let content = [amount.normalize().to_string(), currency.to_string()];
        let (at, recorded, customer) = (stamp.at, None, self.customer.clone());
        let event = match flow {
            Flow::Posted(kind) => {
                let id = self.id(stamp, kind.as_str(), &content)?;
                let event_type = EventType::CashPosted;
                let amount = signed;
                let posted = CashPosted {
                    event_type,
                    at,
                    id,
                    recorded,
                    customer,
                    amount,
                    currency,
                    kind,
                    instrument: None,
                    franked_fraction: None,
                    ex_date: None,
                };
                Event::CashPosted(Box::new(posted))
            }
            Flow::External => {
                let id = self.id(stamp, "external", &content)?;
                let amount = money("amount", amount.abs())?;
                let incoming = signed > Money::ZERO;
                let event_type = if incoming { EventType::Deposit } else { EventType::Withdrawal };
                let moved = Box::new(DepositOrWithdrawal {
                    event_type,
                    at,
                    id,
                    recorded,
                    customer,
                    amount,
                    currency,
                });
                if incoming { Event::Deposit(moved) } else { Event::Withdrawal(moved) }
            }
        };
        self.push(Rank::Movement, event);
        Ok(())
    }

    fn convert(
        &mut self,
        stamp: &Stamp,
        (out, from): (Decimal, Currency),
        (inn, to): (Decimal, Currency),
    ) -> Result<(), Fault> {
        let (sold, bought) = (money("conversion", out.abs())?, money("conversion", inn.abs())?);
        if sold <= Money::ZERO || bought <= Money::ZERO || from == to {
            let (out, inn) = (six(out), six(inn));
            let reason = format!(
                "expected an amount above 0 in each of two currencies, got {out} {from} and {inn} {to}"
            );
            return Err(fault("conversion", reason));
        }
        let words = |amount: Decimal, currency: Currency| format!("{} {currency}", amount.normalize());
        let id = self.id(stamp, "conversion", &[words(out, from), words(inn, to)])?;
        let conversion = FxConversion {
            event_type: EventType::FxConversion,
            at: stamp.at,
            id,
            recorded: None,
            customer: self.customer.clone(),
            sold,
            sold_currency: from,
            bought,
            bought_currency: to,
            // Brokers' statements give one date; the cash is there when they are written.
            settle_date: None,
        };
        self.push(Rank::Movement, Event::FxConversion(Box::new(conversion)));
        Ok(())
    }

    fn trade(&mut self, stamp: &Stamp, trade: &Trade) -> Result<(), Fault> {
        let checked = trade.check()?;
        let (quantity, price) = numbers(trade)?;
        let rebate = checked.fee < Decimal::ZERO;
        let fee = if rebate { Money::ZERO } else { money("fee", checked.fee)? };
        if quantity.notional(price).and_then(|cost| cost.checked_add(fee)).is_none() {
            return Err(fault("quantity", "expected quantity × price below 9.2 million million"));
        }
        let (instrument, kind) = self.resolve(&trade.symbol)?;
        let symbol = &trade.symbol;
        let key = [&symbol.isin, &symbol.ticker, &symbol.name].into_iter().find(|key| !key.is_empty());
        let numbers = [trade.quantity, trade.price, checked.fee].map(|n| n.normalize().to_string());
        let mut content = vec![key.cloned().unwrap_or_default(), trade.currency.to_string()];
        content.extend(numbers);
        self.known(stamp, trade, &instrument, kind)?;
        let id = self.id(stamp, trade.side.as_str(), &content)?;
        if rebate {
            let unique = stamp.unique.as_ref().map(|unique| format!("{unique} rebate"));
            let flow = Flow::Posted(CashKind::Fee);
            self.cash(&Stamp { unique, ..stamp.clone() }, flow, -checked.fee, trade.currency)?;
        }
        self.report_trade(stamp, trade, checked.assumed, checked.suspect);
        self.hold(stamp, trade.side, &instrument, quantity);
        let fill = Fill {
            event_type: EventType::Fill,
            at: stamp.at,
            id,
            recorded: None,
            customer: self.customer.clone(),
            instrument,
            side: trade.side,
            quantity,
            price,
            fee,
            currency: trade.currency,
            trade_date: stamp.date,
            // It names an order of ours; the broker's own is not one.
            order: None,
            lots: Vec::new(),
        };
        self.push(Rank::Movement, Event::Fill(Box::new(fill)));
        Ok(())
    }

    fn report_trade(
        &mut self,
        stamp: &Stamp,
        trade: &Trade,
        assumed: Option<String>,
        suspect: Option<String>,
    ) {
        if six(trade.quantity) != trade.quantity {
            let reason =
                format!("{} is rounded to {}: events have six decimals", trade.quantity, six(trade.quantity));
            tell(self.job, Class::Assumed, stamp.line, &fault("quantity", reason));
        }
        self.job.report.rounded += u64::from(six(trade.price) != trade.price);
        if let Some(reason) = assumed {
            tell(self.job, Class::Assumed, stamp.line, &fault("fee", reason));
        }
        if let Some(reason) = suspect {
            tell(self.job, Class::Suspect, stamp.line, &fault("amount", reason));
        }
    }

    /// The name of an instrument: as the symbols say, else its ticker, else its ISIN.
    fn resolve(&self, symbol: &Symbol) -> Result<(Name, Option<InstrumentKind>), Fault> {
        if let Some((name, kind)) = self.job.options.symbols.of(symbol) {
            return Ok((name.clone(), *kind));
        }
        let found = [&symbol.ticker, &symbol.isin].into_iter().find_map(|text| Name::new(text).ok());
        let reason = || {
            format!(
                "expected a ticker or an ISIN, got {:?}, {:?}, {:?}: --symbols FILE with a line \
                `name,ticker` says it",
                symbol.ticker, symbol.isin, symbol.name
            )
        };
        found.map(|name| (name, None)).ok_or_else(|| fault("symbol", reason()))
    }

    /// Lists an instrument at its first use; refuses another instrument of the same name.
    fn known(
        &mut self,
        stamp: &Stamp,
        trade: &Trade,
        name: &Name,
        kind: Option<InstrumentKind>,
    ) -> Result<(), Fault> {
        let (isin, currency) = (&trade.symbol.isin, trade.currency);
        if let Some(held) = self.instruments.get(name) {
            let other = format!("--symbols FILE gives one of the two another ticker than {name}");
            if held.currency != currency {
                return Err(fault(
                    "currency",
                    format!("expected {}, got {currency}: {other}", held.currency),
                ));
            }
            if !isin.is_empty() && !held.isin.is_empty() && *isin != held.isin {
                return Err(fault("ISIN", format!("expected {}, got {isin}: {other}", held.isin)));
            }
            return Ok(());
        }
        let held = Held { isin: isin.clone(), currency, units: 0, short: false };
        self.instruments.insert(name.clone(), held);
        let options = self.job.options;
        let mut event = listed(stamp.at, name, currency, options.venue);
        if let Event::InstrumentListed(terms) = &mut event {
            terms.id = Name::new(&format!("listed:{}", hash(&[name.as_str(), currency.as_str()]))).ok();
            terms.kind = kind.or(options.kind).unwrap_or(InstrumentKind::Stock);
            if !trade.symbol.name.is_empty() {
                terms.name.clone_from(&trade.symbol.name);
            }
        }
        if kind.or(options.kind).is_none() {
            let reason = format!(
                "{name} is listed as a stock with a price step of 0.01 and lots of 1: the export does not \
                say; --kind or a third column of --symbols does"
            );
            tell(self.job, Class::Assumed, stamp.line, &fault("kind", reason));
        }
        if trade.symbol.ticker.is_empty() && name.as_str() == isin {
            let reason =
                format!("{name} goes by its ISIN: --symbols FILE with a line `{name},ticker` gives a ticker");
            tell(self.job, Class::Assumed, stamp.line, &fault("symbol", reason));
        }
        self.job.report.listed.push(name.clone());
        self.push(Rank::Listing, event);
        Ok(())
    }

    /// Counts units, and tells once when more are sold than the file shows bought.
    fn hold(&mut self, stamp: &Stamp, side: Side, name: &Name, quantity: Quantity) {
        let Some(held) = self.instruments.get_mut(name) else { return };
        let units = i128::from(quantity.raw());
        let before = held.units;
        held.units += if side == Side::Buy { units } else { -units };
        if held.units < 0 && !held.short {
            held.short = true;
            let before = Quantity::from_wide(before).unwrap_or_default();
            let reason = format!(
                "kept, but {quantity} of {name} are sold and the file shows {before} before: what came in \
                earlier is needed, from an older export or as transfer_in"
            );
            tell(self.job, Class::Suspect, stamp.line, &fault("quantity", reason));
        }
    }
}
