//! From an allocation and a market state to a portfolio, on a thread of the optimizer's pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_advice::{PodTable, pods_on};
use evenkeel_construction::{
    Cohort, HeldLot, Investor, MarketState, MasterRules, Origin, Request, TaxYear, Trading,
    construct_portfolio, search_limits,
};
use evenkeel_optimizer::Costs;
use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{Anomaly, Event, EventType, PodWeight, TriggerKind};
use evenkeel_schemas::{Instant, Name, TradeDate};
use evenkeel_tax::Law;

use crate::policy::Policy;
use crate::solver::Mode;

/// The kind of the anomaly that says why there is no portfolio.
pub(super) const NO_PORTFOLIO: &str = "no_portfolio";

/// Solutions of pods that are kept for customers with the same problem.
const COHORT: usize = 1_024;
/// Longest search where no clock may end one: no limit that a search can meet.
const UNLIMITED: Duration = Duration::from_secs(86_400);

/// What constructions share.
#[derive(Clone)]
pub(super) struct Workshop {
    law: Arc<Law>,
    trading: Arc<Trading>,
    cohort: Arc<Mutex<Cohort>>,
    time_max: Duration,
}

impl Workshop {
    /// Without a clock in replay mode, so that the same log gives the same portfolios.
    pub fn new(policy: &Policy, mode: Mode, law: Arc<Law>) -> Workshop {
        let trading = Trading {
            costs: Costs {
                half_spread: policy.costs.half_spread,
                commission: policy.costs.commission,
                commission_min: policy.costs.commission_min,
            },
            trade_min: policy.customer.trade_min,
            first_parcel_min: policy.customer.first_parcel_min,
            cost_aversion: policy.customer.cost_aversion,
        };
        let time_max = match mode {
            Mode::Live => Duration::from_millis(policy.solver.deadline_ms),
            Mode::Replay => UNLIMITED,
        };
        let cohort = Arc::new(Mutex::new(Cohort::new(COHORT)));
        Workshop { law, trading: Arc::new(trading), cohort, time_max }
    }
}

/// One construction.
#[derive(Clone)]
pub(super) struct Commission {
    pub customer: Name,
    /// The event with the allocation.
    pub id: Name,
    /// Why an earlier portfolio is replaced.
    pub trigger: Option<TriggerKind>,
    /// Pods with their capital at the market's marks.
    pub pods: Vec<PodWeight>,
    /// Or, in words, what the market lacks.
    pub market: Result<Arc<MarketState>, String>,
    /// The market's day.
    pub as_of: Option<TradeDate>,
    pub investor: Option<Investor>,
    pub held: Vec<HeldLot>,
    /// Gains and losses of the financial year so far.
    pub year: TaxYear,
    pub at: Instant,
}

impl Commission {
    /// The events of the portfolio, or the anomaly that says why there is none.
    pub fn carry_out(&self, workshop: &Workshop) -> Vec<Event> {
        // The cohort's solutions are only added to; what a panic leaves half done is not among them.
        let made = catch_unwind(AssertUnwindSafe(|| self.construct(workshop)));
        let made = made
            .unwrap_or_else(|_| Err("the optimizer broke down; the log of the program says where".into()));
        made.unwrap_or_else(|why| {
            vec![no_portfolio(&self.customer, (self.id.as_str(), 0), self.as_of, self.at, why)]
        })
    }

    fn construct(&self, workshop: &Workshop) -> Result<Vec<Event>, String> {
        let market = self.market.as_ref().map_err(String::clone)?;
        let table: PodTable = pods_on(self.at.date()).map_err(|error| error.to_string())?;
        let investor = self.investor.ok_or("the profile's marginal_tax_rate is outside 0 to 1")?;
        let request = Request {
            pods: &self.pods,
            table: &table,
            market,
            investor,
            on: self.at.date(),
            held: &self.held,
            law: &workshop.law,
            year: self.year,
            trading: &workshop.trading,
        };
        let limits = search_limits(workshop.time_max);
        let mut cohort = workshop.cohort.lock().unwrap_or_else(PoisonError::into_inner);
        let made = construct_portfolio(&request, &MasterRules::default(), &mut cohort, &limits);
        drop(cohort);
        let origin =
            Origin { customer: &self.customer, allocation: &self.id, at: self.at, trigger: self.trigger };
        made.map(|construction| construction.events(&origin)).map_err(|error| error.to_string())
    }
}

/// The anomaly that says why there is no portfolio, once a day of the market.
pub(super) fn no_portfolio(
    customer: &Name,
    (about, number): (&str, u64),
    as_of: Option<TradeDate>,
    at: Instant,
    why: String,
) -> Event {
    let day = as_of.map_or_else(|| "none".to_owned(), |day| day.to_string());
    Event::Anomaly(Box::new(Anomaly {
        event_type: EventType::Anomaly,
        at,
        id: Some(event_id(&format!("{about}/{day}"), NO_PORTFOLIO, number)),
        recorded: None,
        source: customer.clone(),
        kind: Name::new(NO_PORTFOLIO).expect("letters and a line are a name"),
        detail: why,
    }))
}
