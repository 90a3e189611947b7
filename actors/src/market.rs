//! Listings and closing marks, and the market state that portfolios are constructed in.
//!
//! Returns are daily and of prices, splits taken out; risk is by [`market_risk`], the function of the collections
//! `estimates` and `covariances`; expected returns are as the policy wants them. A close that is corrected changes all of
//! it from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use evenkeel_advice::pods_on;
use evenkeel_construction::{Listing, MarketData, MarketState};
use evenkeel_estimates::{
    Action, Adjustment, DAYS_PER_YEAR, DAYS_STALE, EstimateError, Mark, OBSERVATIONS_MIN, PAIRS_MOST,
    Payment, ReturnRule, Returns, Risk, SESSIONS, SplitRatio, daily_returns, market_risk, yield_and_franked,
};
use evenkeel_optimizer::portfolio::Covariance as CovarianceOf;
use evenkeel_schemas::events::{Correction, Event, InstrumentListed};
use evenkeel_schemas::{Currency, Epoch, Instant, InstrumentId, Money, Name, Price, Ratio, TradeDate};
use evenkeel_tax::{FinancialYear, Law};

use crate::policy::{ExpectedReturns, OnboardingPolicy};
use crate::snapshot::Snapshot;

/// Days with closing marks that are kept: the returns' and some to spare, for days on which few have one.
const DAYS_KEPT: usize = 300;

/// One statement of a closing price. The greatest holds: what is official before what was frozen, then the latest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    official: bool,
    at: Instant,
    number: u64,
    price: Price,
    id: Option<Name>,
}

/// What an event with an id said, so that a correction can take it back.
#[derive(Clone, Debug)]
enum Said {
    Close(TradeDate, Name),
    Listing(Name),
    Split(Name),
    Distribution(Name),
}

/// A market as of its last day, with what it was estimated from.
#[derive(Clone, Debug)]
pub struct MarketLook {
    /// Listings, expected returns, covariance.
    pub state: MarketState,
    /// The listings, in the order of their numbers in `returns`.
    pub listings: Vec<InstrumentListed>,
    /// Daily returns of prices.
    pub returns: Returns,
    /// How risk was estimated: the word of the collection `estimates`.
    pub model: &'static str,
    /// The fewest returns that any instrument's risk is from.
    pub observations: usize,
    /// The first and the last day of them all.
    pub days: (TradeDate, TradeDate),
}

/// The market that onboarding keeps, for others to look at: between epochs only, so that nobody sees a part of one.
#[derive(Clone)]
pub struct SharedMarket {
    book: Arc<Mutex<MarketBook>>,
    between: Arc<RwLock<()>>,
}

impl SharedMarket {
    pub(crate) fn new(book: MarketBook) -> SharedMarket {
        SharedMarket { book: Arc::new(Mutex::new(book)), between: Arc::new(RwLock::new(())) }
    }

    /// To change it, or to look at it on the thread that does.
    pub(crate) fn book(&self) -> MutexGuard<'_, MarketBook> {
        // What was changed when somebody panicked is at worst worked out anew.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody else looks while this is held: an epoch's events are coming in.
    pub(crate) fn epoch(&self) -> RwLockWriteGuard<'_, ()> {
        self.between.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The market of some instruments of a currency, or of all that are listed in it.
    ///
    /// # Errors
    /// In words, what is missing: an instrument that is not listed, closing marks.
    pub fn look(&self, currency: Currency, instruments: Option<&[Name]>) -> Result<MarketLook, String> {
        let _between = self.between.read().unwrap_or_else(PoisonError::into_inner);
        let book = self.book();
        let listed: Vec<&InstrumentListed> = match instruments {
            None => book.listings.keys().filter_map(|name| book.listed(name)).collect(),
            Some(names) => {
                let one = |name: &Name| book.listed(name).ok_or_else(|| format!("{name} is not listed"));
                names.iter().map(one).collect::<Result<_, String>>()?
            }
        };
        book.look(currency, &listed)
    }

    /// The covariance, a year, of what a portfolio holds or targets, in the order of its holdings; `None` unless all of it
    /// is of the base currency and can be estimated.
    pub fn risk(&self, snapshot: &Snapshot) -> Option<Arc<CovarianceOf>> {
        let at_home = snapshot.holdings.iter().all(|holding| holding.currency == snapshot.base);
        if !at_home || snapshot.holdings.is_empty() {
            return None;
        }
        let names: Vec<Name> = snapshot.holdings.iter().map(|holding| holding.name.clone()).collect();
        let _between = self.between.read().unwrap_or_else(PoisonError::into_inner);
        self.book().risk(snapshot.base, &names)
    }
}

/// What is known of the market.
#[derive(Debug)]
pub(crate) struct MarketBook {
    policy: OnboardingPolicy,
    law: Arc<Law>,
    listings: BTreeMap<Name, Vec<(Option<Name>, InstrumentListed)>>,
    closes: BTreeMap<TradeDate, BTreeMap<Name, Vec<Told>>>,
    splits: BTreeMap<Name, Vec<(Option<Name>, SplitRatio)>>,
    payments: BTreeMap<Name, Vec<(Option<Name>, Payment)>>,
    said: BTreeMap<Name, Said>,
    number: u64,
    epoch: Epoch,
    /// Worked out when asked for, until something changes.
    states: BTreeMap<Currency, Result<Arc<MarketState>, String>>,
    /// The same, of everything that is listed in a currency; none where nothing can be estimated.
    wholes: BTreeMap<Currency, Option<Arc<MarketState>>>,
}

impl MarketBook {
    pub fn new(policy: OnboardingPolicy, law: Arc<Law>) -> MarketBook {
        MarketBook {
            policy,
            law,
            listings: BTreeMap::new(),
            closes: BTreeMap::new(),
            splits: BTreeMap::new(),
            payments: BTreeMap::new(),
            said: BTreeMap::new(),
            number: 0,
            epoch: 0,
            states: BTreeMap::new(),
            wholes: BTreeMap::new(),
        }
    }

    /// Takes note of a committed event.
    pub fn apply(&mut self, epoch: Epoch, event: &Event) {
        let id = event.id().cloned();
        match event {
            Event::InstrumentListed(e) => {
                let listings = self.listings.entry(e.instrument.clone()).or_default();
                listings.push((id.clone(), e.as_ref().clone()));
                listings.sort_by_key(|(_, listed)| listed.at);
                self.note(id, Said::Listing(e.instrument.clone()));
            }
            Event::Close(e) => self.close(epoch, (true, e.at), &e.instrument, e.date, e.price, id),
            Event::ClosingMark(e) => {
                let (Some(instrument), Some(price)) = (&e.instrument, e.price) else { return };
                self.close(epoch, (false, e.at), instrument, e.date, price, id);
            }
            Event::Split(e) => {
                let split = SplitRatio { ex_date: e.ex_date, new: e.new, old: e.old };
                self.splits.entry(e.instrument.clone()).or_default().push((id.clone(), split));
                self.note(id, Said::Split(e.instrument.clone()));
            }
            Event::Distribution(e) => {
                let (ex_date, amount, franked_fraction) = (e.ex_date, e.amount, e.franked_fraction);
                let payment = Payment { ex_date, amount, franked_fraction };
                self.payments.entry(e.instrument.clone()).or_default().push((id.clone(), payment));
                self.note(id, Said::Distribution(e.instrument.clone()));
            }
            Event::Correction(correction) => self.correct(epoch, correction),
            _ => {}
        }
    }

    fn changed(&mut self) {
        self.states.clear();
        self.wholes.clear();
    }

    fn note(&mut self, id: Option<Name>, said: Said) {
        self.changed();
        if let Some(id) = id {
            self.said.insert(id, said);
        }
    }

    fn close(
        &mut self,
        epoch: Epoch,
        (official, at): (bool, Instant),
        instrument: &Name,
        date: TradeDate,
        price: Price,
        id: Option<Name>,
    ) {
        self.number += 1;
        self.epoch = epoch;
        let told = Told { official, at, number: self.number, price, id: id.clone() };
        self.closes.entry(date).or_default().entry(instrument.clone()).or_default().push(told);
        self.note(id, Said::Close(date, instrument.clone()));
        while self.closes.len() > DAYS_KEPT {
            let Some((_, day)) = self.closes.pop_first() else { return };
            for id in day.into_values().flatten().filter_map(|told| told.id) {
                self.said.remove(&id);
            }
        }
    }

    fn correct(&mut self, epoch: Epoch, correction: &Correction) {
        let of = Some(&correction.of);
        let said = self.said.remove(&correction.of);
        let of_market = said.is_some();
        match said {
            Some(Said::Close(date, instrument)) => {
                if let Some(day) = self.closes.get_mut(&date)
                    && let Some(told) = day.get_mut(&instrument)
                {
                    told.retain(|told| told.id.as_ref() != of);
                    day.retain(|_, told| !told.is_empty());
                }
                self.closes.retain(|_, day| !day.is_empty());
                self.epoch = epoch;
            }
            Some(Said::Listing(name)) => keep_others(&mut self.listings, &name, of),
            Some(Said::Split(name)) => keep_others(&mut self.splits, &name, of),
            Some(Said::Distribution(name)) => keep_others(&mut self.payments, &name, of),
            None => {}
        }
        // A corrected fill changes nothing of the market.
        if of_market {
            self.changed();
        }
        if let Some(with) = &correction.with {
            self.apply(epoch, with);
        }
    }

    /// The last day with a closing mark.
    pub fn as_of(&self) -> Option<TradeDate> {
        self.closes.keys().next_back().copied()
    }

    /// The market of a currency, for what the pods may hold.
    ///
    /// # Errors
    /// In words, what is missing.
    pub fn state(&mut self, currency: Currency) -> Result<Arc<MarketState>, String> {
        if let Some(known) = self.states.get(&currency) {
            return known.clone();
        }
        let state = self.work_out(currency).map(Arc::new);
        self.states.insert(currency, state.clone());
        state
    }

    fn work_out(&self, currency: Currency) -> Result<MarketState, String> {
        let as_of = self.as_of().ok_or("there are no closing marks yet")?;
        let table = pods_on(as_of).map_err(|error| error.to_string())?;
        let universe: BTreeSet<&Name> = table.pods.iter().flat_map(|pod| &pod.universe).collect();
        let listed: Vec<&InstrumentListed> =
            universe.into_iter().filter_map(|name| self.listed(name)).collect();
        Ok(self.look(currency, &listed)?.state)
    }

    fn listed(&self, name: &Name) -> Option<&InstrumentListed> {
        Some(&self.listings.get(name)?.last()?.1)
    }

    /// The market of some instruments, those of another currency left out.
    fn look(&self, currency: Currency, listed: &[&InstrumentListed]) -> Result<MarketLook, String> {
        let as_of = self.as_of().ok_or("there are no closing marks yet")?;
        let listed: Vec<&InstrumentListed> =
            listed.iter().copied().filter(|listed| listed.currency == currency).collect();
        if listed.is_empty() {
            return Err(format!("nothing that may be held is listed in {currency}"));
        }
        let law = self.law.of(FinancialYear::of(as_of)).map_err(|error| error.to_string())?;
        let company_rate = law.franking.company_rate;
        let returns = self.returns(&listed).map_err(|error| lacking(&error))?;
        let risk = market_risk(&returns, PAIRS_MOST).map_err(|error| lacking(&error))?;
        let income: Vec<(Ratio, Ratio)> =
            listed.iter().map(|listed| self.income(listed, as_of, company_rate)).collect();
        let expected = self.expected(&listed, &risk, &income).map_err(|error| lacking(&error))?;
        let number = |at: usize| InstrumentId(u32::try_from(at).unwrap_or(u32::MAX));
        let listing = |(at, listed): (usize, &&InstrumentListed)| {
            let (distribution_yield, franked_fraction) = income[at];
            Listing {
                id: number(at),
                name: listed.instrument.clone(),
                price: self.price(&listed.instrument, as_of),
                expected_return: expected.get(&number(at)).copied(),
                distribution_yield,
                franked_fraction,
                average_daily_value: listed.average_daily_value.unwrap_or(Money::ZERO),
                lot: listed.lot_size,
                tick: listed.tick_size,
            }
        };
        let data = MarketData {
            epoch: self.epoch,
            as_of,
            risk_free: self.policy.risk_free.to_f64(),
            company_rate,
            listings: listed.iter().enumerate().map(listing).collect(),
            estimated: Vec::new(),
            covariance: Vec::new(),
            factors: None,
        };
        let data = data.with_risk(&risk, DAYS_PER_YEAR);
        let state = MarketState::new(data).map_err(|error| error.to_string())?;
        let listings = listed.into_iter().cloned().collect();
        let observations = risk.observations.iter().copied().min().unwrap_or(0);
        let first = risk.days.iter().map(|(first, _)| *first).min().unwrap_or(as_of);
        let last = risk.days.iter().map(|(_, last)| *last).max().unwrap_or(as_of);
        let model = risk.model.as_str();
        Ok(MarketLook { state, listings, returns, model, observations, days: (first, last) })
    }

    /// The covariance, a year, of some instruments of a currency in their order: a part of that of everything listed in it.
    /// `None` if one of them is not estimated.
    fn risk(&mut self, currency: Currency, names: &[Name]) -> Option<Arc<CovarianceOf>> {
        let whole = match self.wholes.get(&currency) {
            Some(known) => known.clone(),
            None => {
                let listed: Vec<&InstrumentListed> =
                    self.listings.keys().filter_map(|name| self.listed(name)).collect();
                let whole = self.look(currency, &listed).ok().map(|look| Arc::new(look.state));
                self.wholes.insert(currency, whole.clone());
                whole
            }
        };
        whole?.covariance(names).map(Arc::new)
    }

    /// By the risk that each adds to the market; or by last year's means, drawn together, and yields.
    fn expected(
        &self,
        listed: &[&InstrumentListed],
        risk: &Risk,
        income: &[(Ratio, Ratio)],
    ) -> Result<BTreeMap<InstrumentId, f64>, EstimateError> {
        let traded = |id: InstrumentId| {
            let value = listed.get(id.0 as usize).and_then(|listed| listed.average_daily_value);
            value.map_or(0.0, Money::to_f64)
        };
        let paid = |id: InstrumentId| income.get(id.0 as usize).map_or(0.0, |(paid, _)| paid.to_f64());
        let (risk_free, premium) = (self.policy.risk_free.to_f64(), self.policy.risk_premium.to_f64());
        let ids = risk.instruments.iter().copied();
        Ok(match self.policy.expected_returns {
            ExpectedReturns::Capm => {
                ids.zip(risk.betas(traded)?).map(|(id, beta)| (id, risk_free + beta * premium)).collect()
            }
            ExpectedReturns::Historical => {
                let means = ids.zip(risk.shrunk_means()?);
                means.map(|(id, mean)| (id, mean * DAYS_PER_YEAR + paid(id))).collect()
            }
        })
    }

    fn returns(&self, listed: &[&InstrumentListed]) -> Result<Returns, EstimateError> {
        let mut places = BTreeMap::new();
        let (mut marks, mut adjustments) = (Vec::new(), Vec::new());
        for (at, listed) in listed.iter().enumerate() {
            let instrument = InstrumentId(u32::try_from(at).unwrap_or(u32::MAX));
            places.insert(&listed.instrument, instrument);
            for (_, split) in self.splits.get(&listed.instrument).into_iter().flatten() {
                let action = Action::Split { new: split.new, old: split.old };
                adjustments.push(Adjustment { instrument, ex_date: split.ex_date, action });
            }
        }
        for (date, day) in &self.closes {
            for (name, instrument) in &places {
                let told = day.get(*name).and_then(|told| told.iter().max());
                marks.extend(told.map(|told| Mark {
                    instrument: *instrument,
                    date: *date,
                    price: told.price,
                }));
            }
        }
        let rule = ReturnRule { distributions: false, ..ReturnRule::default() };
        Ok(daily_returns(&marks, &adjustments, &rule)?.last(SESSIONS))
    }

    /// The newest mark, if it is not too old.
    fn price(&self, instrument: &Name, as_of: TradeDate) -> Option<Price> {
        let oldest = as_of.plus_days(-DAYS_STALE)?;
        let recent = self.closes.range(oldest..).rev();
        recent.filter_map(|(_, day)| day.get(instrument)?.iter().max()).map(|told| told.price).next()
    }

    /// Yield, and the share of it that is franked: of the last twelve months' distributions where they are known
    /// for so long, else as listed.
    fn income(&self, listed: &InstrumentListed, as_of: TradeDate, company_rate: Ratio) -> (Ratio, Ratio) {
        let as_listed =
            (listed.distribution_yield.unwrap_or(Ratio::ZERO), listed.franking_rate.unwrap_or(Ratio::ZERO));
        let paid = self.payments.get(&listed.instrument).into_iter().flatten();
        let paid: Vec<Payment> = paid.map(|(_, payment)| *payment).collect();
        let splits = self.splits.get(&listed.instrument).into_iter().flatten();
        let splits: Vec<SplitRatio> = splits.map(|(_, split)| *split).collect();
        let price = self.price(&listed.instrument, as_of);
        yield_and_franked(as_listed, price, as_of, (&paid, &splits), company_rate)
    }
}

fn keep_others<T>(of: &mut BTreeMap<Name, Vec<(Option<Name>, T)>>, name: &Name, id: Option<&Name>) {
    if let Some(all) = of.get_mut(name) {
        all.retain(|(other, _)| other.as_ref() != id);
    }
}

fn lacking(error: &EstimateError) -> String {
    format!(
        "the market cannot be estimated: {error}; closing marks of {OBSERVATIONS_MIN} days or more are needed"
    )
}
