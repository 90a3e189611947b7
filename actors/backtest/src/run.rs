//! The run, session by session: the year's tax, splits, entitlements, payments, flows; then the closes, the
//! plan at the closes, and its trades at the closes with half the spread.

use std::collections::BTreeMap;

use evenkeel_lots::Choice;
use evenkeel_rebalancing::{
    Destination, Outcome, Parcel, ParcelOrder, Plan, Portfolio, Position, Reason, ReasonKind, Snapshot,
    Strategy, TaxYear, plan,
};
use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Rate, Ratio, TradeDate, Value};
use evenkeel_tax::FinancialYear;

use crate::account::Account;
use crate::data::{History, Table};
use crate::error::BacktestError;
use crate::metrics::measured;
use crate::model::{Model, Past, Targets};
use crate::result::{Backtest, Day, Note, Review, Trade, YearTax};
use crate::settings::{CashFlow, Settings, When};
use crate::years::{Names, Years};

/// Runs a strategy over a history: `model` says where to, `settings.when` when.
///
/// The same input gives the same bytes, and nothing before a day depends on what comes after it.
///
/// # Errors
/// [`BacktestError`]: input that makes no sense, a calendar or law that does not cover the days, a portfolio
/// of which nothing is left. What a plan or a model could not do is a note, and the portfolio is left as it
/// is.
pub fn backtest(
    history: &History,
    model: &mut dyn Model,
    settings: &Settings<'_>,
) -> Result<Backtest, BacktestError> {
    let problems = settings.problems();
    if !problems.is_empty() {
        return Err(BacktestError::Invalid(problems));
    }
    if let Some(taxes) = &settings.taxes {
        let (mut year, last) = (FinancialYear::of(settings.from), FinancialYear::of(settings.to));
        while year <= last {
            taxes.law.of(year)?;
            year = year.next();
        }
    }
    let table = Table::new(history, settings.market, settings.from, settings.to)?;
    let first = table.first(settings.from);
    let names: Names = table.listed.iter().map(|one| (one.instrument, one.name.to_string())).collect();
    let mut flows = settings.flows.clone();
    flows.sort_unstable();
    let mut run = Run {
        table: &table,
        settings,
        names,
        flows,
        account: Account::default(),
        years: settings.taxes.as_ref().map(|taxes| Years::new(taxes, table.dates[first])),
        last: vec![None; table.listed.len()],
        targets: None,
        due: None,
        pending: false,
        nav: Money::ZERO,
        days: Vec::with_capacity(table.dates.len() - first),
        trades: Vec::new(),
        closed: Vec::new(),
        reviews: Vec::new(),
        notes: Vec::new(),
    };
    for session in first..table.dates.len() {
        run.session(session, session == first, model)?;
    }
    run.finish()
}

/// The state between sessions.
struct Run<'a> {
    table: &'a Table,
    settings: &'a Settings<'a>,
    names: Names,
    /// Those to come, by date.
    flows: Vec<CashFlow>,
    account: Account,
    years: Option<Years<'a>>,
    /// The last close of each instrument, restated through splits.
    last: Vec<Option<Price>>,
    targets: Option<Targets>,
    /// When targets are asked for again.
    due: Option<TradeDate>,
    /// Whether an earlier plan has slices left.
    pending: bool,
    nav: Money,
    days: Vec<Day>,
    trades: Vec<Trade>,
    closed: Vec<YearTax>,
    reviews: Vec<Review>,
    notes: Vec<Note>,
}

impl Run<'_> {
    fn session(&mut self, at: usize, first: bool, model: &mut dyn Model) -> Result<(), BacktestError> {
        let date = self.table.dates[at];
        let tax = self.years_end(date)?;
        for split in &self.table.splits[at] {
            self.account.split(split, date)?;
            self.restate(split);
        }
        for payment in &self.table.payments[at] {
            self.account.entitled(payment, date)?;
        }
        let income = self.account.receive(date)?;
        let flow = self.flow(date, first)?;
        for (last, price) in self.last.iter_mut().zip(&self.table.prices[at]) {
            *last = price.or(*last);
        }
        let before = self.worth(date)?;
        if before <= Money::ZERO {
            return Err(BacktestError::NothingLeft { date, nav: before });
        }
        self.review(at, first, model);
        self.trade(at, (flow, income), first)?;
        let nav = self.worth(date)?;
        let base = self.nav.checked_add(flow).ok_or(BacktestError::TooLarge { date })?;
        let change = if base > Money::ZERO { nav.to_f64() / base.to_f64() - 1.0 } else { 0.0 };
        self.days.push(Day {
            date,
            nav,
            cash: self.account.cash,
            flow,
            cost: before.checked_sub(nav).ok_or(BacktestError::TooLarge { date })?,
            tax,
            income,
            change,
        });
        self.nav = nav;
        Ok(())
    }

    /// Closes the financial years that ended, and pays their tax.
    fn years_end(&mut self, date: TradeDate) -> Result<Money, BacktestError> {
        let mut paid = Money::ZERO;
        while let Some(years) = self.years.as_mut().filter(|years| years.year < FinancialYear::of(date)) {
            let closed = years.close(&self.account, &self.names, true)?;
            paid = paid.checked_add(closed.tax).ok_or(BacktestError::TooLarge { date })?;
            self.closed.push(closed);
        }
        self.account.book(Money::from_raw(-paid.raw()), date)?;
        Ok(paid)
    }

    /// The last close on the basis after a split, for a day without a mark.
    fn restate(&mut self, split: &crate::data::Split) {
        let Some(at) = self.table.listed.iter().position(|one| one.instrument == split.instrument) else {
            return;
        };
        self.last[at] = self.last[at].and_then(|price| {
            let wide = i128::from(price.raw()) * i128::from(split.old.raw());
            Price::from_wide(evenkeel_schemas::div_half_even(wide, i128::from(split.new.raw())))
        });
    }

    /// Books the flows up to a day.
    fn flow(&mut self, date: TradeDate, first: bool) -> Result<Money, BacktestError> {
        let upto = self.flows.partition_point(|flow| flow.date <= date);
        let mut sum = if first { self.settings.cash } else { Money::ZERO };
        for flow in self.flows.drain(..upto) {
            sum = sum.checked_add(flow.amount).ok_or(BacktestError::TooLarge { date })?;
        }
        self.account.book(sum, date)?;
        Ok(sum)
    }

    /// Market values at the last closes, cash and what is due.
    fn worth(&self, date: TradeDate) -> Result<Money, BacktestError> {
        let large = BacktestError::TooLarge { date };
        let units = self.account.units();
        let mut sum = Value::of_cash(self.account.cash, Rate::PAR);
        sum = sum.and_then(|sum| sum.checked_add(Value::of_cash(self.account.outstanding(), Rate::PAR)?));
        for (one, price) in self.table.listed.iter().zip(&self.last) {
            let (Some(units), Some(price)) = (units.get(&one.instrument), price) else { continue };
            let value = Value::of_position(*units, *price, Rate::PAR);
            sum = sum.and_then(|sum| sum.checked_add(value?));
        }
        sum.and_then(Value::to_money).ok_or(large)
    }

    /// Asks for targets on the first session, when a review is due, and as long as there are none.
    fn review(&mut self, at: usize, first: bool, model: &mut dyn Model) {
        let date = self.table.dates[at];
        let due = self.due.is_some_and(|due| due <= date);
        if !(first || due || self.targets.is_none()) {
            return;
        }
        match model.targets(&Past::new(self.table, at)) {
            Ok(mut targets) => {
                targets.sort_unstable();
                self.reviews.push(Review { date, targets: targets.clone() });
                self.targets = Some(targets);
                self.due = self.settings.when.review().map(|cadence| cadence.next(date));
                self.pending = true;
            }
            Err(words) if first || due => {
                self.notes.push(Note { date, words: format!("no targets: {words}") });
                self.due = self.due.and(self.settings.when.review()).map(|cadence| cadence.next(date));
            }
            // Still no targets, as the note of the first day says.
            Err(_) => {}
        }
    }

    /// Trades what a plan says, if there is a reason for one.
    fn trade(&mut self, at: usize, moved: (Money, Money), first: bool) -> Result<(), BacktestError> {
        let date = self.table.dates[at];
        if self.targets.is_none() && self.account.cash >= self.settings.policy.cash_min {
            return Ok(());
        }
        let reviewed = std::mem::take(&mut self.pending);
        let reasons = self.reasons(moved, first, reviewed);
        if reasons.is_empty() {
            return Ok(());
        }
        let portfolio = self.portfolio(at, reviewed);
        let made = {
            let tax = self.settings.taxes.as_ref().zip(self.years.as_ref()).map(|(taxes, years)| TaxYear {
                law: taxes.law,
                cpi: taxes.cpi,
                profile: &taxes.profile,
                position: &years.position,
            });
            let snapshot = Snapshot { portfolio: &portfolio, market: self.settings.market, risk: None, tax };
            let to = match self.settings.when {
                // New targets are gone to, not approached.
                When::Bands { to, .. } if !reviewed => to,
                _ => Destination::Target,
            };
            plan(&snapshot, &reasons, &Strategy::Threshold { to }, &self.settings.policy)
        };
        match made {
            Ok(made) if made.outcome == Outcome::Trade => self.fill(&made, date),
            Ok(_) => Ok(()),
            Err(error) => {
                self.notes.push(Note { date, words: error.to_string() });
                Ok(())
            }
        }
    }

    /// Why a plan is to be made, given what came in or went out and what distributions were paid.
    fn reasons(&self, (flow, income): (Money, Money), first: bool, reviewed: bool) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if reviewed {
            reasons.push(Reason::of(if first { ReasonKind::Manual } else { ReasonKind::Calendar }));
        }
        if flow != Money::ZERO && !first {
            reasons.push(Reason::cash_flow(flow, true));
        }
        if income > Money::ZERO && self.settings.reinvest {
            reasons.push(Reason::cash_flow(income, true));
        }
        let short = self.account.cash.checked_sub(self.settings.policy.cash_min).unwrap_or_default();
        if short < Money::ZERO {
            reasons.push(Reason::cash_flow(short, true));
        }
        if matches!(self.settings.when, When::Bands { .. }) {
            reasons.push(Reason::of(ReasonKind::Drift));
        }
        reasons
    }

    /// The portfolio as plans see it. On a review its bands are nothing, so that it goes to target.
    fn portfolio(&self, at: usize, reviewed: bool) -> Portfolio {
        let units = self.account.units();
        let targets: BTreeMap<InstrumentId, Ratio> =
            self.targets.iter().flatten().map(|(instrument, target)| (*instrument, *target)).collect();
        let band = match self.settings.when {
            When::Bands { band, .. } => band,
            _ if reviewed => Ratio::ZERO,
            _ => Ratio::from_raw(Ratio::ONE),
        };
        let rows = self.table.listed.iter().zip(&self.last).zip(&self.table.prices[at]);
        let position = |((one, last), today): ((&crate::data::Listed, &Option<Price>), &Option<Price>)| {
            let held = units.get(&one.instrument).copied().unwrap_or_default();
            let target = targets.get(&one.instrument).copied().unwrap_or_default();
            let wanted = held > Quantity::ZERO || target > Ratio::ZERO;
            // What has no close yet is not there to be bought; its part stays cash.
            last.filter(|_| wanted).map(|price| Position {
                instrument: one.instrument,
                name: one.name.clone(),
                held,
                sellable: held,
                price: Some(price),
                rate: Some(Rate::PAR),
                lot: one.lot,
                tick: one.tick,
                target: Some(target),
                band,
                weight_min: Ratio::ZERO,
                weight_max: Ratio::from_raw(Ratio::ONE),
                tradable: today.is_some(),
                average_daily_value: one.average_daily_value,
                replacement: None,
                parcels: self.account.ledger.lots_of(one.instrument).iter().map(Parcel::from).collect(),
            })
        };
        Portfolio {
            date: self.table.dates[at],
            cash: self.account.cash,
            foreign_cash: Value::of_cash(self.account.outstanding(), Rate::PAR).unwrap_or_default(),
            positions: rows.filter_map(position).collect(),
            taxonomies: Vec::new(),
            parcel_order: ParcelOrder::Chosen,
        }
    }

    /// Fills the first slice; the rest is planned again on the next session.
    fn fill(&mut self, made: &Plan, date: TradeDate) -> Result<(), BacktestError> {
        self.pending = made.slices.len() > 1;
        for order in made.slices.first().map_or(&[][..], |slice| &slice.orders) {
            let planned = made.orders.iter().find(|planned| planned.instrument == order.instrument);
            let choices = planned.map(|planned| planned.choices()).unwrap_or_default();
            let choices = first_units(&choices, order.quantity);
            let trade = self.account.fill(order, &choices, &self.settings.policy.costs, date)?;
            self.trades.push(trade);
        }
        if let Some(years) = &mut self.years {
            years.take(&self.account)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Backtest, BacktestError> {
        if let Some(years) = &mut self.years {
            self.closed.push(years.close(&self.account, &self.names, false)?);
        }
        Ok(Backtest {
            metrics: measured(&self.days, &self.trades, self.settings.risk_free),
            days: self.days,
            trades: self.trades,
            years: self.closed,
            reviews: self.reviews,
            notes: self.notes,
            holdings: self.account.units().into_iter().collect(),
            marks_left_out: self.table.left_out,
        })
    }
}

/// The first units of a choice of lots.
fn first_units(choices: &[Choice], units: Quantity) -> Vec<Choice> {
    let mut left = units.raw();
    let mut taken = Vec::new();
    for choice in choices {
        let quantity = Quantity::from_raw(choice.quantity.raw().min(left));
        if quantity > Quantity::ZERO {
            taken.push(Choice { lot: choice.lot, quantity });
            left -= quantity.raw();
        }
    }
    taken
}
