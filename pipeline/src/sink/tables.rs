//! Rows by table, as ClickHouse stores them.

use evenkeel_actors::BlockRow as DeskBlock;
use evenkeel_clickhouse::{
    AccrualRow, AllocationRow, Amount, AnomalyRow, BlockRow, BreachRow, CashLadderRow, CashRow,
    CovarianceRow, DecisionRow, DistributionRow, DriftRow, EstimateRow, EventRow, ExposureRow,
    FactorLoadingRow, FxRateRow, HarvestCandidateRow, LotRow, Measure as MeasureColumn, OrderRow,
    OrderStateRow, PeakRow, PositionRow, PriceRow, Rate as RateColumn, RealisedGainRow, RejectedRow,
    Residual, ReturnRow, TaxRow, Text, TickRow, TriggerRow, ValuationRow,
};
use evenkeel_schemas::events::{Decision, Event, OrderState, Tick, Topic};
use evenkeel_schemas::{
    AnomalySource, CustomerId, Epoch, InstrumentId, Measure, Money, Name, Names, Price, Quantity, Rate,
    Ratio, Row, Valuation, ValuationChange,
};

use crate::door::Rejected;
use crate::engine::Closed;
use crate::live::Logged;
use crate::names::SharedNames;

/// Bytes of a row's names, about: mostly two, each in memory of its own.
const NAMES: usize = 96;

macro_rules! tables {
    ($($field:ident: $row:ty,)*) => {
        /// Rows by table, in order of epochs.
        #[derive(Clone, Debug, Default)]
        #[allow(missing_docs, reason = "one field a table, named as the table")]
        pub struct Tables {
            $(pub $field: Vec<$row>,)*
            /// Rows of valuations, many at once; [`Tables::unfold`] makes single ones of them.
            folded: Vec<(Epoch, Row, isize)>,
        }

        impl Tables {
            /// Rows over all tables.
            pub fn len(&self) -> usize {
                let folded: usize = self.folded.iter().map(|(_, row, _)| row.singles()).sum();
                folded $(+ self.$field.len())*
            }

            /// About how many bytes they take while they wait, with their names and what events say, those of many at
            /// once as single ones.
            pub fn bytes(&self) -> usize {
                let folded: usize = self.folded.iter().map(|(_, row, _)| row.singles()).sum();
                let said: usize = self.events.iter().map(|row| row.payload.len() + row.id.len()).sum();
                let fixed = 0 $(+ self.$field.len() * (size_of::<$row>() + NAMES))*;
                fixed + said + folded * (size_of::<ValuationRow>() + NAMES)
            }

            /// Whether there is no row.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Adds later rows.
            pub fn extend(&mut self, later: Tables) {
                $(self.$field.extend(later.$field);)*
                self.folded.extend(later.folded);
            }
        }

        /// Runs a statement for the rows of every table.
        macro_rules! each_table {
            ($tables:expr, $rows:ident => $body:expr) => { $({ let $rows = &$tables.$field; $body })* };
        }
        pub(crate) use each_table;
    };
}

tables! {
    positions: PositionRow,
    cash: CashRow,
    prices: PriceRow,
    fx_rates: FxRateRow,
    valuations: ValuationRow,
    drift: DriftRow,
    exposures: ExposureRow,
    breaches: BreachRow,
    triggers: TriggerRow,
    orders: OrderRow,
    allocations: AllocationRow,
    lots: LotRow,
    realised_gains: RealisedGainRow,
    cash_ladder: CashLadderRow,
    distributions: DistributionRow,
    tax: TaxRow,
    accruals: AccrualRow,
    harvest_candidates: HarvestCandidateRow,
    peaks: PeakRow,
    returns: ReturnRow,
    estimates: EstimateRow,
    covariances: CovarianceRow,
    factor_loadings: FactorLoadingRow,
    anomalies: AnomalyRow,
    events: EventRow,
    ticks: TickRow,
    rejected: RejectedRow,
    decisions: DecisionRow,
    order_states: OrderStateRow,
    blocks: BlockRow,
}

fn amount(raw: i64) -> Amount {
    Amount::from_units(raw.into())
}

fn money(value: Money) -> Amount {
    amount(value.raw())
}

fn quantity(value: Quantity) -> Amount {
    amount(value.raw())
}

fn price(value: Price) -> Amount {
    amount(value.raw())
}

fn ratio(value: Ratio) -> RateColumn {
    RateColumn::from_units(value.raw())
}

fn rate(value: Rate) -> RateColumn {
    RateColumn::from_units(value.raw())
}

/// Shares are held to nine decimals, amounts to six: both fit nine.
fn measure(value: Measure) -> MeasureColumn {
    match value {
        Measure::Share(share) => MeasureColumn::from_units(share.raw().into()),
        Measure::Amount(amount) => MeasureColumn::from_units(i128::from(amount.raw()) * 1000),
    }
}

/// What goes and what comes of a customer.
fn valuations(
    epoch: Epoch,
    diff: isize,
    change: &ValuationChange,
    names: &SharedNames,
) -> impl Iterator<Item = ValuationRow> + Clone + use<> {
    let customer: Text = names.read().customer(change.customer).into();
    let row = |valuation: &Valuation, diff: isize| ValuationRow {
        epoch,
        diff: diff.signum() as i8,
        customer: customer.clone(),
        currency: valuation.currency.as_str().into(),
        nav: money(valuation.nav),
        market_value: money(valuation.market_value),
        cash: money(valuation.cash),
    };
    let before = change.before.as_ref().map(|before| row(before, -diff));
    let now = change.now.as_ref().map(|now| row(now, diff));
    before.into_iter().chain(now)
}

impl Tables {
    /// Adds the changes of an epoch.
    pub fn add_rows(&mut self, closed: &Closed, names: &Names) {
        for (row, diff) in &closed.changes {
            if matches!(row, Row::Valuations(_)) {
                self.folded.push((closed.epoch, row.clone(), *diff));
                continue;
            }
            // Consolidated rows are facts that hold or not: +1 or −1; more would be a fault upstream.
            debug_assert!(diff.abs() == 1, "Invariant: a consolidated row changes by one: {row:?} {diff}");
            self.add_row(closed.epoch, diff.signum() as i8, row, names);
        }
    }

    /// Whether there are rows that stand for many, and no single ones beside them.
    pub fn is_folded(&self) -> bool {
        !self.folded.is_empty() && self.valuations.is_empty()
    }

    /// Of rows that stand for many and are of an epoch after one: the first and the last epoch, and how many single rows.
    pub fn folded(&self, after: Option<Epoch>) -> Option<(Epoch, Epoch, usize)> {
        let fresh = || self.folded.iter().filter(move |(epoch, ..)| after.is_none_or(|after| *epoch > after));
        let ends = fresh().next().zip(fresh().next_back());
        ends.map(|((first, ..), (last, ..))| (*first, *last, fresh().map(|(_, row, _)| row.singles()).sum()))
    }

    /// Single rows, made one by one, of those that stand for many and are of an epoch after one: those of a mark of a
    /// million customers are not there all at once.
    pub fn unfolded<'a>(
        &'a self,
        after: Option<Epoch>,
        names: &'a SharedNames,
    ) -> impl Iterator<Item = ValuationRow> + Clone + 'a {
        let fresh = self.folded.iter().filter(move |(epoch, ..)| after.is_none_or(|after| *epoch > after));
        fresh.flat_map(move |(epoch, row, diff)| {
            let changes: &[ValuationChange] = if let Row::Valuations(changes) = row { changes } else { &[] };
            changes.iter().flat_map(move |change| valuations(*epoch, *diff, change, names))
        })
    }

    /// Makes single rows of all there are.
    pub fn unfold(&mut self, names: &SharedNames) {
        let singles: Vec<ValuationRow> = self.unfolded(None, names).collect();
        self.folded.clear();
        if !singles.is_empty() {
            self.valuations.extend(singles);
            self.valuations.sort_by_key(|row| row.epoch);
        }
    }

    fn add_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        let customer = |id: &CustomerId| -> Text { names.customer(*id).into() };
        let instrument = |id: &InstrumentId| -> Text { names.instrument(*id).into() };
        match row {
            Row::Position { customer: c, instrument: i, quantity: q } => self.positions.push(PositionRow {
                epoch,
                diff,
                customer: customer(c),
                instrument: instrument(i),
                quantity: quantity(*q),
            }),
            Row::Cash { customer: c, currency, amount } => self.cash.push(CashRow {
                epoch,
                diff,
                customer: customer(c),
                currency: currency.as_str().into(),
                amount: money(*amount),
            }),
            Row::Price { instrument: i, price: p } => {
                self.prices.push(PriceRow { epoch, diff, instrument: instrument(i), price: price(*p) });
            }
            Row::FxRate { pair, rate: r } => {
                self.fx_rates.push(FxRateRow { epoch, diff, pair: pair.to_string().into(), rate: rate(*r) });
            }
            Row::Valuation { customer: c, currency, nav, market_value, cash } => {
                self.valuations.push(ValuationRow {
                    epoch,
                    diff,
                    customer: customer(c),
                    currency: currency.as_str().into(),
                    nav: money(*nav),
                    market_value: money(*market_value),
                    cash: money(*cash),
                })
            }
            Row::Drift { customer: c, instrument: i, weight, target, drift } => self.drift.push(DriftRow {
                epoch,
                diff,
                customer: customer(c),
                instrument: instrument(i),
                weight: ratio(*weight),
                target: ratio(*target),
                drift: ratio(*drift),
            }),
            Row::Breach { .. } | Row::Trigger { .. } => self.add_watched_row(epoch, diff, row, names),
            Row::Valuations(_) => {}
            Row::Exposure(row) => self.exposures.push(ExposureRow {
                epoch,
                diff,
                base_currency: row.base_currency.as_str().into(),
                kind: row.holding.kind().into(),
                holding: row.holding.name(names).into(),
                customers: row.customers,
                quantity: Amount::from_units(row.quantity.raw()),
                value: Amount::from_units(row.value.raw()),
            }),
            Row::Lot(_) | Row::RealisedGain(_) => self.add_lot_row(epoch, diff, row, names),
            Row::CashLadder(_) | Row::Distribution(_) | Row::Accrual(_) | Row::Peak(_) => {
                self.add_income_row(epoch, diff, row, names)
            }
            Row::Tax(_) | Row::HarvestCandidate(_) => self.add_tax_row(epoch, diff, row, names),
            Row::Return(_) | Row::Estimate(_) | Row::Covariance(_) | Row::FactorLoading(_) => {
                self.add_estimate_row(epoch, diff, row, names)
            }
            Row::Order(_) | Row::Allocation(_) | Row::Anomaly { .. } => {
                self.add_trading_row(epoch, diff, row, names)
            }
        }
    }

    fn add_watched_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        match row {
            Row::Breach { customer: c, instrument: i, side } => self.breaches.push(BreachRow {
                epoch,
                diff,
                customer: names.customer(*c).into(),
                instrument: names.instrument(*i).into(),
                side: side.as_str().into(),
            }),
            Row::Trigger { key, measure: m, limit } => self.triggers.push(TriggerRow {
                epoch,
                diff,
                trigger: key.id(names).as_str().into(),
                customer: names.customer(key.customer).into(),
                kind: key.kind.as_str().into(),
                subject: key.subject_name(names).into(),
                measure: measure(*m),
                limit: measure(*limit),
            }),
            _ => {}
        }
    }

    fn add_lot_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        match row {
            Row::Lot(row) => self.lots.push(LotRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                instrument: names.instrument(row.instrument).into(),
                lot: row.lot.clone(),
                acquired: row.acquired.days(),
                quantity: quantity(row.quantity),
                cost_base: money(row.cost_base),
            }),
            Row::RealisedGain(row) => self.realised_gains.push(RealisedGainRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                instrument: names.instrument(row.instrument).into(),
                lot: row.lot.clone(),
                acquired: row.acquired.days(),
                disposed: row.disposed.days(),
                quantity: quantity(row.quantity),
                proceeds: money(row.proceeds),
                cost_base: money(row.cost_base),
                gain: money(row.gain),
                days_held: row.days_held,
                fee: money(row.fee),
                kind: row.kind.as_str().into(),
                disposal: row.disposal.clone(),
            }),
            _ => {}
        }
    }

    fn add_income_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        match row {
            Row::CashLadder(row) => self.cash_ladder.push(CashLadderRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                currency: row.currency.as_str().into(),
                value_date: row.value_date.days(),
                kind: row.kind.as_str().into(),
                amount: money(row.amount),
            }),
            Row::Peak(row) => self.peaks.push(PeakRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                currency: row.currency.as_str().into(),
                peak: money(row.peak),
            }),
            Row::Distribution(row) => self.distributions.push(DistributionRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                instrument: names.instrument(row.instrument).into(),
                distribution: row.distribution.clone(),
                ex_date: row.ex_date.days(),
                pay_date: row.pay_date.days(),
                currency: row.currency.as_str().into(),
                quantity: quantity(row.quantity),
                amount: money(row.amount),
                franked_fraction: ratio(row.franked_fraction),
                reinvested: quantity(row.reinvested),
                status: row.status.as_str().into(),
            }),
            Row::Accrual(row) => self.accruals.push(AccrualRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                kind: row.kind.as_str().into(),
                currency: row.currency.as_str().into(),
                from: row.from.days(),
                until: row.until.days(),
                amount: money(row.amount),
                pay_date: row.pay_date.days(),
                status: row.status.as_str().into(),
            }),
            _ => {}
        }
    }

    fn add_tax_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        match row {
            Row::HarvestCandidate(row) => {
                let (purchase, purchase_lot, purchase_date) = match &row.purchase {
                    Some((of, date, lot)) => {
                        (names.instrument(*of).into(), lot.clone(), date.to_string().into())
                    }
                    None => ("".into(), "".into(), "".into()),
                };
                self.harvest_candidates.push(HarvestCandidateRow {
                    epoch,
                    diff,
                    customer: names.customer(row.customer).into(),
                    instrument: names.instrument(row.instrument).into(),
                    as_of: row.as_of.days(),
                    replacement: names.instrument(row.replacement).into(),
                    correlation: ratio(row.correlation),
                    tracking_error: ratio(row.tracking_error),
                    wash: row.flag().into(),
                    wash_score: ratio(row.wash_score),
                    purchase,
                    purchase_lot,
                    purchase_date,
                });
            }
            Row::Tax(row) => self.tax.push(TaxRow {
                epoch,
                diff,
                customer: names.customer(row.customer).into(),
                year: row.year.clone(),
                line: row.line.clone(),
                label: row.label.clone(),
                amount: money(row.amount),
                rule: row.rule.clone(),
                sources: row.sources.clone(),
            }),
            _ => {}
        }
    }

    fn add_estimate_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        let instrument = |id: InstrumentId| -> Text { names.instrument(id).into() };
        match row {
            Row::Return(row) => self.returns.push(ReturnRow {
                epoch,
                diff,
                instrument: instrument(row.instrument),
                date: row.date.days(),
                price_return: ratio(row.price_return),
            }),
            Row::Estimate(row) => self.estimates.push(EstimateRow {
                epoch,
                diff,
                instrument: instrument(row.instrument),
                currency: row.currency.as_str().into(),
                as_of: row.as_of.days(),
                model: row.model.as_str().into(),
                observations: row.observations,
                first_day: row.first_day.days(),
                last_day: row.last_day.days(),
                volatility: ratio(row.volatility),
                volatility_ewma: ratio(row.volatility_ewma),
                specific_variance: ratio(row.specific_variance),
                beta: ratio(row.beta),
                mean_return: ratio(row.mean_return),
                distribution_yield: ratio(row.distribution_yield),
                franked_fraction: ratio(row.franked_fraction),
            }),
            Row::Covariance(row) => self.covariances.push(CovarianceRow {
                epoch,
                diff,
                instrument: instrument(row.instrument),
                other: instrument(row.other),
                covariance: ratio(row.covariance),
                covariance_ewma: ratio(row.covariance_ewma),
            }),
            Row::FactorLoading(row) => self.factor_loadings.push(FactorLoadingRow {
                epoch,
                diff,
                instrument: instrument(row.instrument),
                factor: row.factor,
                loading: ratio(row.loading),
            }),
            _ => {}
        }
    }

    fn add_trading_row(&mut self, epoch: Epoch, diff: i8, row: &Row, names: &Names) {
        match row {
            Row::Order(row) => self.orders.push(OrderRow {
                epoch,
                diff,
                order: row.order.clone(),
                block: row.block.clone(),
                decision: row.decision.clone(),
                customer: names.customer(row.customer).into(),
                instrument: names.instrument(row.instrument).into(),
                side: row.side.as_str().into(),
                quantity: quantity(row.quantity),
                state: row.state.as_str().into(),
            }),
            Row::Allocation(row) => self.allocations.push(AllocationRow {
                epoch,
                diff,
                block: row.block.clone(),
                order: row.order.clone(),
                customer: names.customer(row.customer).into(),
                instrument: names.instrument(row.instrument).into(),
                side: row.side.as_str().into(),
                quantity: quantity(row.quantity),
                price: price(row.price),
                fee: money(row.fee),
            }),
            Row::Anomaly { source, kind } => self.anomalies.push(AnomalyRow {
                epoch,
                diff,
                source: match source {
                    AnomalySource::Customer(id) => names.customer(*id).into(),
                    AnomalySource::Instrument(id) => names.instrument(*id).into(),
                },
                kind: kind.as_str().into(),
                detail: kind.detail(names),
            }),
            _ => {}
        }
    }

    /// Adds an accepted event.
    pub fn add_event(&mut self, epoch: Epoch, logged: &Logged) {
        match &logged.event {
            Event::Tick(tick) => self.ticks.push(tick_row(epoch, logged.offset, tick)),
            event => {
                let (customer, instrument) = parties(event);
                self.events.push(EventRow {
                    epoch,
                    topic: topic(event.event_type().topic()).into(),
                    offset: logged.offset,
                    id: event.id().map(ToString::to_string).unwrap_or_default(),
                    event_type: event.event_type().as_str().into(),
                    at: event.at().micros(),
                    customer: customer.into(),
                    instrument: instrument.into(),
                    payload: String::from_utf8_lossy(&logged.payload).into_owned(),
                });
                match event {
                    Event::Decision(decision) => self.decisions.push(decision_row(epoch, decision)),
                    Event::OrderState(state) => self.order_states.push(order_state_row(epoch, state)),
                    _ => {}
                }
            }
        }
    }

    /// Adds a refused line.
    pub fn add_rejected(&mut self, epoch: Epoch, offset: u64, rejected: &Rejected) {
        self.rejected.push(RejectedRow {
            epoch,
            offset,
            source: rejected.file.as_str().into(),
            line: rejected.line,
            field: rejected.field.as_str().into(),
            reason: rejected.reason.clone(),
            payload: rejected.payload.clone(),
        });
    }

    /// Adds a block that has ended.
    pub fn add_block(&mut self, epoch: Epoch, block: &DeskBlock) {
        self.blocks.push(BlockRow {
            epoch,
            block: block.block.as_str().into(),
            instrument: block.instrument.as_str().into(),
            side: block.side.as_str().into(),
            quantity: quantity(block.quantity),
            filled_quantity: quantity(block.filled),
            average_price: price(block.average_price.unwrap_or_default()),
            residual: Residual::from_units(block.residual),
            state: block.state.as_str().into(),
        });
    }
}

fn topic(topic: Topic) -> &'static str {
    match topic {
        Topic::Market => "market",
        Topic::Accounts => "accounts",
        Topic::Decisions => "decisions",
    }
}

fn tick_row(epoch: Epoch, offset: u64, tick: &Tick) -> TickRow {
    TickRow {
        epoch,
        offset,
        id: tick.id.as_ref().map_or("", Name::as_str).into(),
        at: tick.at.micros(),
        instrument: tick.instrument.as_str().into(),
        price: price(tick.price),
        bid: tick.bid.map(price),
        ask: tick.ask.map(price),
        volume: tick.volume.map(quantity),
    }
}

fn decision_row(epoch: Epoch, decision: &Decision) -> DecisionRow {
    let json = |lines| serde_json::to_string(lines).unwrap_or_default();
    DecisionRow {
        epoch,
        decision: decision.decision.as_str().into(),
        customer: decision.customer.as_str().into(),
        outcome: decision.outcome.as_str().into(),
        reason: decision.reason.clone(),
        triggers: decision.triggers.iter().map(|t| t.trigger.as_str().into()).collect(),
        snapshot_epoch: decision.snapshot,
        nav: money(decision.nav.unwrap_or_default()),
        objective: serde_json::to_string(&decision.objective).unwrap_or_default(),
        before: json(&decision.before),
        after: json(&decision.after),
        orders: decision.orders.iter().map(|o| o.order.as_str().into()).collect(),
    }
}

fn order_state_row(epoch: Epoch, state: &OrderState) -> OrderStateRow {
    OrderStateRow {
        epoch,
        order: state.order.as_str().into(),
        state: state.state.as_str().into(),
        quantity: quantity(state.last_quantity.unwrap_or_default()),
        cumulative_quantity: quantity(state.cumulative_quantity),
        average_price: price(state.average_price.unwrap_or_default()),
        text: state.text.clone(),
    }
}

/// The customer and the instrument that an event names; empty where it names none.
fn parties(event: &Event) -> (&str, &str) {
    match event {
        Event::InstrumentListed(e) => ("", e.instrument.as_str()),
        Event::Tick(e) => ("", e.instrument.as_str()),
        Event::Close(e) => ("", e.instrument.as_str()),
        Event::ClosingMark(e) => ("", e.instrument.as_ref().map_or("", Name::as_str)),
        Event::Split(e) => ("", e.instrument.as_str()),
        Event::Distribution(e) => ("", e.instrument.as_str()),
        Event::Merger(e) => ("", e.instrument.as_str()),
        Event::Delisting(e) => ("", e.instrument.as_str()),
        Event::CustomerOnboarded(e) => (e.customer.as_str(), ""),
        Event::QuestionnaireCompleted(e) => (e.customer.as_str(), ""),
        Event::GoalsDefined(e) => (e.customer.as_str(), ""),
        Event::TargetsSet(e) => (e.customer.as_str(), ""),
        Event::TiltsSet(e) => (e.customer.as_str(), ""),
        Event::Deposit(e) | Event::Withdrawal(e) => (e.customer.as_str(), ""),
        Event::CashPosted(e) => (e.customer.as_str(), e.instrument.as_ref().map_or("", Name::as_str)),
        Event::TaxpayerSet(e) => (e.customer.as_str(), ""),
        Event::TaxYearSet(e) => (e.customer.as_str(), ""),
        Event::FxConversion(e) => (e.customer.as_str(), ""),
        Event::FeeScheduleSet(e) => (e.customer.as_str(), ""),
        Event::HarvestSet(e) => (e.customer.as_str(), ""),
        Event::RiskLimitsSet(e) => (e.customer.as_str(), ""),
        Event::FlowScheduled(e) => (e.customer.as_str(), ""),
        Event::ReinvestmentElected(e) => (e.customer.as_str(), e.instrument.as_str()),
        Event::TransferIn(e) => (e.customer.as_str(), e.instrument.as_str()),
        Event::Fill(e) => (e.customer.as_str(), e.instrument.as_str()),
        Event::RebalanceRequested(e) => (e.customer.as_str(), ""),
        Event::Decision(e) => (e.customer.as_str(), ""),
        Event::PodAllocationCalculated(e) => (e.customer.as_str(), ""),
        Event::PodOptimized(e) => (e.customer.as_str(), ""),
        Event::MasterPortfolioOptimized(e) => (e.customer.as_str(), ""),
        Event::TaxOptimizationCompleted(e) => (e.customer.as_str(), ""),
        Event::TradesExecuted(e) => (e.customer.as_str(), ""),
        Event::PortfolioMonitoringStarted(e) => (e.customer.as_str(), ""),
        Event::ReviewDue(e) => (e.customer.as_str(), ""),
        // What the program says itself is of a customer, if it is of anybody.
        Event::Anomaly(e) => (e.source.as_str(), ""),
        Event::Order(e) => (e.customer.as_str(), e.instrument.as_str()),
        Event::Allocation(e) => (e.customer.as_str(), e.instrument.as_str()),
        Event::Correction(e) => e.with.as_ref().map_or(("", ""), parties),
        Event::FxRate(_)
        | Event::FxClose(_)
        | Event::InterestRateSet(_)
        | Event::CpiPublished(_)
        | Event::Session(_)
        | Event::BenchmarkSet(_)
        | Event::OrderState(_) => ("", ""),
    }
}
