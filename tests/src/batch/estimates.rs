//! Returns and estimates at a mark: all closes anew, from a whole table. Shares `market_risk` with the program.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_estimates::{
    Action, Adjustment, DAYS_PER_YEAR, DAYS_STALE, Mark, PAIRS_MOST, Payment, ReturnRule, RiskModel,
    SESSIONS, SplitRatio, daily_returns, market_risk, yield_and_franked,
};
use evenkeel_schemas::events::Event;
use evenkeel_schemas::{
    CovarianceRow, Currency, EstimateModel, EstimateRow, FactorLoadingRow, InstrumentId, Money, Name, Price,
    Ratio, ReturnRow, Row, TradeDate,
};
use evenkeel_tax::{FinancialYear, Law};

use super::facts::{Key, Order};

/// What an event says of the market as a whole.
#[derive(Clone, Debug)]
pub enum MarketFact {
    /// What an instrument is listed with.
    Listed(InstrumentId, Key, Listed),
    /// A close of a day.
    Close(InstrumentId, TradeDate, Key, Price),
    /// Units became others.
    Split(InstrumentId, Order, SplitRatio),
    /// Something was paid.
    Payment(InstrumentId, Order, Payment),
}

/// What an instrument is listed with.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Listed {
    currency: Currency,
    traded: f64,
    income: (Ratio, Ratio),
}

impl MarketFact {
    /// The instrument that an event is about, if it says anything of the market as a whole.
    pub fn about(event: &Event) -> Option<&Name> {
        match event {
            Event::InstrumentListed(e) => Some(&e.instrument),
            Event::Close(e) => Some(&e.instrument),
            Event::ClosingMark(e) => e.instrument.as_ref(),
            Event::Split(e) => Some(&e.instrument),
            Event::Distribution(e) => Some(&e.instrument),
            _ => None,
        }
    }

    /// What an event says of an instrument; `None` when it says nothing of the market as a whole.
    pub fn of(event: &Event, id: InstrumentId, key: Key) -> Option<MarketFact> {
        Some(match event {
            Event::InstrumentListed(e) => {
                let income = (e.distribution_yield.unwrap_or_default(), e.franking_rate.unwrap_or_default());
                let traded = e.average_daily_value.map_or(0.0, Money::to_f64);
                MarketFact::Listed(id, key, Listed { currency: e.currency, traded, income })
            }
            Event::Close(e) => MarketFact::Close(id, e.date, key, e.price),
            Event::ClosingMark(e) => {
                let before = e.date.plus_days(-1).expect("a day within range");
                MarketFact::Close(id, e.date, (before.start(), key.1), e.price?)
            }
            Event::Split(e) => {
                MarketFact::Split(id, key.1, SplitRatio { ex_date: e.ex_date, new: e.new, old: e.old })
            }
            Event::Distribution(e) => {
                let (ex_date, amount, franked_fraction) = (e.ex_date, e.amount, e.franked_fraction);
                MarketFact::Payment(id, key.1, Payment { ex_date, amount, franked_fraction })
            }
            _ => return None,
        })
    }
}

/// What stands, and the rows of the last mark.
#[derive(Default)]
pub struct Estimates {
    listed: BTreeMap<InstrumentId, BTreeMap<Key, Listed>>,
    closes: BTreeMap<(InstrumentId, TradeDate), BTreeMap<Key, Price>>,
    splits: BTreeMap<(InstrumentId, Order), SplitRatio>,
    payments: BTreeMap<(InstrumentId, Order), Payment>,
    changed: bool,
    told: BTreeSet<Row>,
}

impl Estimates {
    /// Something begins (`live`) or ends to stand.
    pub fn apply(&mut self, fact: &MarketFact, live: bool) {
        self.changed = true;
        match (fact, live) {
            (MarketFact::Listed(i, key, listed), true) => {
                self.listed.entry(*i).or_default().insert(*key, *listed);
            }
            (MarketFact::Listed(i, key, _), false) => drop(self.listed.entry(*i).or_default().remove(key)),
            (MarketFact::Close(i, date, key, price), true) => {
                self.closes.entry((*i, *date)).or_default().insert(*key, *price);
            }
            (MarketFact::Close(i, date, key, _), false) => {
                self.closes.entry((*i, *date)).or_default().remove(key);
            }
            (MarketFact::Split(i, order, split), true) => drop(self.splits.insert((*i, *order), *split)),
            (MarketFact::Split(i, order, _), false) => drop(self.splits.remove(&(*i, *order))),
            (MarketFact::Payment(i, order, paid), true) => drop(self.payments.insert((*i, *order), *paid)),
            (MarketFact::Payment(i, order, _), false) => drop(self.payments.remove(&(*i, *order))),
        }
    }

    /// The rows of the last mark.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.told.iter()
    }

    /// The rows before and after a mark.
    pub fn report(&mut self) -> (BTreeSet<Row>, BTreeSet<Row>) {
        if !std::mem::take(&mut self.changed) {
            return (BTreeSet::new(), BTreeSet::new());
        }
        let listed = |of: &BTreeMap<Key, Listed>| of.values().next_back().copied();
        let listed: BTreeMap<InstrumentId, Listed> =
            self.listed.iter().filter_map(|(i, of)| Some((*i, listed(of)?))).collect();
        let currencies: BTreeSet<Currency> = listed.values().map(|listed| listed.currency).collect();
        let mut rows = BTreeSet::new();
        for currency in currencies {
            let members = listed.iter().filter(|(_, listed)| listed.currency == currency);
            self.of_currency(currency, &members.map(|(i, listed)| (*i, *listed)).collect(), &mut rows);
        }
        let before = std::mem::replace(&mut self.told, rows.clone());
        (before, rows)
    }

    fn of_currency(
        &self,
        currency: Currency,
        members: &BTreeMap<InstrumentId, Listed>,
        rows: &mut BTreeSet<Row>,
    ) {
        let latest = |((instrument, date), of): (&(InstrumentId, TradeDate), &BTreeMap<Key, Price>)| {
            let price = *of.values().next_back()?;
            members.contains_key(instrument).then_some(Mark { instrument: *instrument, date: *date, price })
        };
        let marks: Vec<Mark> = self.closes.iter().filter_map(latest).collect();
        let adjustment = |((instrument, _), split): (&(InstrumentId, Order), &SplitRatio)| Adjustment {
            instrument: *instrument,
            ex_date: split.ex_date,
            action: Action::Split { new: split.new, old: split.old },
        };
        let adjustments: Vec<Adjustment> = self.splits.iter().map(adjustment).collect();
        let rule = ReturnRule { distributions: false, ..ReturnRule::default() };
        let returns = daily_returns(&marks, &adjustments, &rule).expect("the rule is in order");
        for (t, date) in returns.dates().iter().enumerate() {
            for (i, instrument) in returns.instruments().iter().enumerate() {
                rows.extend(returns.get(t, i).map(|value| {
                    let price_return = ratio(value);
                    Row::Return(ReturnRow { instrument: *instrument, date: *date, price_return })
                }));
            }
        }
        let Some(as_of) = returns.dates().last().copied() else { return };
        let Ok(risk) = market_risk(&returns.last(SESSIONS), PAIRS_MOST) else { return };
        let traded = |id| members.get(&id).map_or(0.0, |listed| listed.traded);
        let (Ok(betas), Ok(means)) = (risk.betas(traded), risk.shrunk_means()) else { return };
        for (at, id) in risk.instruments.iter().enumerate() {
            let income = self.income(*id, members[id].income, &marks, as_of);
            let (model, own) = match &risk.model {
                RiskModel::LedoitWolf { .. } => (EstimateModel::LedoitWolf, 0.0),
                RiskModel::Factors(model) => (EstimateModel::Factors, model.specific()[at]),
            };
            rows.insert(Row::Estimate(Box::new(EstimateRow {
                instrument: *id,
                currency,
                as_of,
                model,
                observations: u32::try_from(risk.observations[at]).expect("a year at most"),
                first_day: risk.days[at].0,
                last_day: risk.days[at].1,
                volatility: ratio((risk.variances()[at] * DAYS_PER_YEAR).sqrt()),
                volatility_ewma: ratio((risk.ewma[at] * DAYS_PER_YEAR).sqrt()),
                specific_variance: ratio(own * DAYS_PER_YEAR),
                beta: ratio(betas[at]),
                mean_return: ratio(means[at] * DAYS_PER_YEAR),
                distribution_yield: income.0,
                franked_fraction: income.1,
            })));
            for (to, other) in risk.instruments.iter().enumerate() {
                if let (RiskModel::LedoitWolf { covariance, ewma }, true) = (&risk.model, at <= to) {
                    rows.insert(Row::Covariance(CovarianceRow {
                        instrument: *id,
                        other: *other,
                        covariance: ratio(covariance[[at, to]] * DAYS_PER_YEAR),
                        covariance_ewma: ratio(ewma[[at, to]] * DAYS_PER_YEAR),
                    }));
                }
            }
            if let RiskModel::Factors(model) = &risk.model {
                for (f, loading) in model.loadings().row(at).iter().enumerate() {
                    rows.insert(Row::FactorLoading(FactorLoadingRow {
                        instrument: *id,
                        factor: u16::try_from(f + 1).expect("few factors"),
                        loading: ratio(loading * DAYS_PER_YEAR.sqrt()),
                    }));
                }
            }
        }
    }

    fn income(
        &self,
        id: InstrumentId,
        listed: (Ratio, Ratio),
        marks: &[Mark],
        as_of: TradeDate,
    ) -> (Ratio, Ratio) {
        let law = Law::built_in().expect("the law that comes with the program can be read");
        let Ok(year) = law.of(FinancialYear::of(as_of)) else { return listed };
        let oldest = as_of.plus_days(-DAYS_STALE).expect("a day within range");
        let recent =
            marks.iter().filter(|mark| mark.instrument == id && (oldest..=as_of).contains(&mark.date));
        let price = recent.max_by_key(|mark| mark.date).map(|mark| mark.price);
        let own = |of: InstrumentId| of == id;
        let payments: Vec<Payment> =
            self.payments.iter().filter(|((i, _), _)| own(*i)).map(|(_, payment)| *payment).collect();
        let splits: Vec<SplitRatio> =
            self.splits.iter().filter(|((i, _), _)| own(*i)).map(|(_, split)| *split).collect();
        yield_and_franked(listed, price, as_of, (&payments, &splits), year.franking.company_rate)
    }
}

fn ratio(value: f64) -> Ratio {
    Ratio::from_raw((value * Ratio::ONE as f64).round_ties_even() as i64)
}
