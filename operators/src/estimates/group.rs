//! The instruments of one currency: their calendar, and what is estimated of them together.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_estimates::{
    DAYS_PER_YEAR, DayMarks, EstimateError, PAIRS_MOST, Returns, Risk, RiskModel, SESSIONS, majority,
    market_risk, yield_and_franked,
};
use evenkeel_schemas::{
    CovarianceRow, Currency, EstimateModel, EstimateRow, FactorLoadingRow, InstrumentId, Money, Price, Ratio,
    Row, TradeDate,
};
use evenkeel_tax::{FinancialYear, Law};

use super::instrument::Instrument;
use super::ratio;
use crate::epochwise::{Changes, difference};

#[derive(Default)]
pub(super) struct Group {
    pub members: BTreeSet<InstrumentId>,
    days: BTreeMap<TradeDate, DayMarks>,
    pub calendar: Vec<TradeDate>,
    /// In order.
    told: Vec<Row>,
}

/// What a day loses or gains.
fn shift(count: &mut usize, comes: bool) {
    *count = if comes { *count + 1 } else { count.saturating_sub(1) };
}

impl Group {
    /// Counts a mark of a day in, or out.
    pub fn mark(&mut self, date: TradeDate, comes: bool) {
        self.change(date, |day| shift(&mut day.marks, comes));
    }

    /// Counts the first and the last day of an instrument in, or out.
    pub fn ends(&mut self, marks: &BTreeMap<TradeDate, Price>, comes: bool) {
        if let Some((&first, &last)) = marks.keys().next().zip(marks.keys().next_back()) {
            self.change(first, |day| shift(&mut day.begin, comes));
            self.change(last, |day| shift(&mut day.end, comes));
        }
    }

    fn change(&mut self, date: TradeDate, change: impl FnOnce(&mut DayMarks)) {
        let day = self.days.entry(date).or_default();
        change(day);
        if *day == DayMarks::default() {
            self.days.remove(&date);
        }
    }

    /// Works out the calendar; gives the days whose returns may be others because of it.
    pub fn settle(&mut self) -> BTreeSet<TradeDate> {
        let before = std::mem::replace(&mut self.calendar, majority(&self.days));
        let (old, new): (BTreeSet<_>, BTreeSet<_>) =
            (before.into_iter().collect(), self.calendar.iter().copied().collect());
        let mut affected = BTreeSet::new();
        for date in old.symmetric_difference(&new) {
            affected.insert(*date);
            affected.extend(self.after(*date));
        }
        affected
    }

    /// The first day of the calendar after a date.
    pub fn after(&self, date: TradeDate) -> Option<TradeDate> {
        self.calendar.get(self.calendar.partition_point(|day| *day <= date)).copied()
    }

    /// The first day of the calendar from a date on.
    pub fn from(&self, date: TradeDate) -> Option<TradeDate> {
        self.calendar.get(self.calendar.partition_point(|day| *day < date)).copied()
    }

    /// The day of the calendar before one of its days.
    pub fn before(&self, date: TradeDate) -> Option<TradeDate> {
        let place = self.calendar.binary_search(&date).ok()?;
        self.calendar.get(place.checked_sub(1)?).copied()
    }

    /// Works out the estimates anew; gives out what changed of them.
    pub fn tell(
        &mut self,
        currency: Currency,
        instruments: &BTreeMap<InstrumentId, Instrument>,
        law: Option<&Law>,
        out: &mut Changes<Row>,
    ) {
        // What cannot be estimated has no row.
        let mut now = self.rows(currency, instruments, law).unwrap_or_default();
        now.sort_unstable();
        difference(&self.told, &now, out);
        self.told = now;
    }

    fn rows(
        &self,
        currency: Currency,
        instruments: &BTreeMap<InstrumentId, Instrument>,
        law: Option<&Law>,
    ) -> Result<Vec<Row>, EstimateError> {
        let none = EstimateError::TooFew { what: "days", needed: 2, got: 0 };
        let as_of = *self.calendar.last().ok_or(none)?;
        let from = self.calendar.len().saturating_sub(SESSIONS).max(1);
        let dates = self.calendar.get(from..).unwrap_or_default().to_vec();
        let get = |date: TradeDate, id: InstrumentId| instruments.get(&id)?.returns.get(&date).copied();
        let returns = Returns::of(self.members.iter().copied().collect(), dates, get);
        let risk = market_risk(&returns, PAIRS_MOST)?;
        let traded = |id: InstrumentId| {
            let figures = instruments.get(&id).and_then(Instrument::figures);
            figures.and_then(|figures| figures.daily_value).map_or(0.0, Money::to_f64)
        };
        let (betas, means) = (risk.betas(traded)?, risk.shrunk_means()?);
        let company_rate = law.and_then(|law| law.of(FinancialYear::of(as_of)).ok());
        let company_rate = company_rate.map(|year| year.franking.company_rate);
        let mut rows = risk_rows(&risk);
        for (at, (id, variance)) in risk.instruments.iter().zip(risk.variances()).enumerate() {
            let Some(instrument) = instruments.get(id) else { continue };
            let (distribution_yield, franked_fraction) = income(instrument, as_of, company_rate);
            let annual = |variance: f64| (variance * DAYS_PER_YEAR).max(0.0);
            let (model, own) = match &risk.model {
                RiskModel::LedoitWolf { .. } => (EstimateModel::LedoitWolf, 0.0),
                RiskModel::Factors(model) => (EstimateModel::Factors, model.specific()[at]),
            };
            rows.push(Row::Estimate(Box::new(EstimateRow {
                instrument: *id,
                currency,
                as_of,
                model,
                observations: u32::try_from(risk.observations[at]).unwrap_or(u32::MAX),
                first_day: risk.days[at].0,
                last_day: risk.days[at].1,
                volatility: ratio(annual(variance).sqrt()),
                volatility_ewma: ratio(annual(risk.ewma[at]).sqrt()),
                specific_variance: ratio(annual(own)),
                beta: ratio(betas[at]),
                mean_return: ratio(means[at] * DAYS_PER_YEAR),
                distribution_yield,
                franked_fraction,
            })));
        }
        Ok(rows)
    }
}

/// Covariances, or loadings.
fn risk_rows(risk: &Risk) -> Vec<Row> {
    let ids = &risk.instruments;
    let mut rows = Vec::new();
    match &risk.model {
        RiskModel::LedoitWolf { covariance, ewma } => {
            for (i, instrument) in ids.iter().enumerate() {
                for (j, other) in ids.iter().enumerate().skip(i) {
                    rows.push(Row::Covariance(CovarianceRow {
                        instrument: *instrument,
                        other: *other,
                        covariance: ratio(covariance[[i, j]] * DAYS_PER_YEAR),
                        covariance_ewma: ratio(ewma[[i, j]] * DAYS_PER_YEAR),
                    }));
                }
            }
        }
        RiskModel::Factors(model) => {
            let year = DAYS_PER_YEAR.sqrt();
            for ((i, f), loading) in model.loadings().indexed_iter() {
                rows.push(Row::FactorLoading(FactorLoadingRow {
                    instrument: ids[i],
                    factor: u16::try_from(f + 1).unwrap_or(u16::MAX),
                    loading: ratio(loading * year),
                }));
            }
        }
    }
    rows
}

fn income(instrument: &Instrument, as_of: TradeDate, company_rate: Option<Ratio>) -> (Ratio, Ratio) {
    let figures = instrument.figures();
    let as_listed = (
        figures.and_then(|figures| figures.distribution_yield).unwrap_or(Ratio::ZERO),
        figures.and_then(|figures| figures.franked_fraction).unwrap_or(Ratio::ZERO),
    );
    let Some(company_rate) = company_rate else { return as_listed };
    let (payments, splits): (Vec<_>, Vec<_>) =
        (instrument.payments().collect(), instrument.splits().collect());
    yield_and_franked(as_listed, instrument.price(as_of), as_of, (&payments, &splits), company_rate)
}
