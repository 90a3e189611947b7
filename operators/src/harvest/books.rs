use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{
    BandSide, Currency, CustomerId, HarvestCandidateRow, InstrumentId, Labels, LotRow, Measure, Money, Pair,
    Price, Rate, Ratio, TradeDate,
};

use super::condition::{Lot, Weighing};
use super::peers::{Peer, Peers};
use super::{Change, Harvest};
use crate::counted::Counted;
use crate::epochwise::Changes;
use crate::facts::{HarvestPolicy, Version};
use crate::known::Known;
use crate::triggers::Crossed;

/// After how many days a purchase weighs half.
const HALF_WEIGHT_DAYS: i128 = 30;
/// From which score on a sale is flagged as a wash sale.
const FLAGGED: Ratio = Ratio::from_raw(Ratio::ONE / 2);

/// What is known of the market.
#[derive(Default)]
struct Market {
    terms: BTreeMap<InstrumentId, (Currency, Labels)>,
    prices: BTreeMap<InstrumentId, Price>,
    rates: BTreeMap<Pair, Rate>,
    peers: Peers,
}

impl Market {
    fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        if from == to {
            return Some(Rate::PAR);
        }
        self.rates.get(&Pair { base: from, quote: to }).copied()
    }
}

/// What is known of a customer with a policy.
#[derive(Default)]
struct Account {
    policies: Counted<(Version, HarvestPolicy)>,
    lots: BTreeMap<InstrumentId, Counted<LotRow>>,
}

/// A holding that was judged.
struct Judged {
    lots: Vec<Lot>,
    weighing: Weighing,
    /// The greatest price at which it is a candidate, raw.
    greatest: i64,
    row: HarvestCandidateRow,
    /// As it was told when it became a candidate.
    open: Option<(HarvestCandidateRow, Crossed)>,
}

/// The customers of a worker.
#[derive(Default)]
pub(super) struct Books {
    market: Market,
    bases: BTreeMap<CustomerId, Currency>,
    accounts: BTreeMap<CustomerId, Account>,
    judged: BTreeMap<(CustomerId, InstrumentId), Judged>,
    /// Closing marks, actions or terms have changed since peers were looked for.
    stale: bool,
    /// Who with a policy holds lots of what.
    holders: BTreeMap<InstrumentId, BTreeSet<CustomerId>>,
    /// By the greatest price at which each is a candidate.
    by_price: BTreeMap<InstrumentId, BTreeSet<(i64, CustomerId)>>,
}

/// What an epoch changed.
#[derive(Default)]
struct Touched {
    customers: BTreeSet<CustomerId>,
    currencies: BTreeSet<Currency>,
    /// Prices before the epoch.
    prices: BTreeMap<InstrumentId, Option<Price>>,
}

impl Books {
    /// Takes in the changes of an epoch; gives out what changed of candidates.
    pub fn step(&mut self, changes: Changes<Change>, out: &mut Changes<Harvest>) {
        let mut touched = Touched::default();
        // First what goes, then what comes: of one thing at most one of each.
        for (change, times) in &changes {
            if let (Change::Known(known), true) = (change, *times < 0) {
                self.forget(known, &mut touched);
            }
        }
        for (change, times) in changes {
            self.take(change, times, &mut touched);
        }
        // Nothing is estimated while nobody asks.
        if self.stale && !self.accounts.is_empty() {
            self.stale = false;
            let holders = &self.holders;
            self.market.peers.estimate(&self.market.terms, |instrument| holders.contains_key(&instrument));
            touched.customers.extend(self.accounts.keys());
        }
        let mut affected = self.crossed(&touched.prices);
        for holding in self.holdings_of(touched) {
            self.judge(holding, out);
            affected.insert(holding);
        }
        for holding in affected {
            self.tell(holding, out);
        }
        self.accounts.retain(|_, account| !account.policies.is_empty() || !account.lots.is_empty());
    }

    fn forget(&mut self, known: &Known, touched: &mut Touched) {
        match known {
            Known::Terms(instrument, ..) => {
                self.market.terms.remove(instrument);
                self.stale = true;
            }
            Known::Base(customer, _) => {
                self.bases.remove(customer);
                touched.customers.insert(*customer);
            }
            Known::Price(instrument, _) => {
                let before = self.market.prices.remove(instrument);
                touched.prices.entry(*instrument).or_insert(before);
            }
            Known::Conversion(pair, _) => {
                self.market.rates.remove(pair);
                touched.currencies.insert(pair.base);
            }
            _ => {}
        }
    }

    fn take(&mut self, change: Change, times: isize, touched: &mut Touched) {
        match change {
            Change::Known(known) if times > 0 => self.learn(known, touched),
            Change::Known(_) => {}
            Change::Policy(customer, version, policy) => {
                self.accounts.entry(customer).or_default().policies.add((version, policy), times);
                touched.customers.insert(customer);
            }
            Change::Lot(row) => {
                let (customer, instrument) = (row.customer, row.instrument);
                let account = self.accounts.entry(customer).or_default();
                let lots = account.lots.entry(instrument).or_default();
                lots.add(*row, times);
                if lots.is_empty() {
                    account.lots.remove(&instrument);
                    if let Some(holders) = self.holders.get_mut(&instrument) {
                        holders.remove(&customer);
                        if holders.is_empty() {
                            self.holders.remove(&instrument);
                        }
                    }
                } else {
                    // What is held for the first time has no peers yet.
                    let holders = self.holders.entry(instrument).or_default();
                    self.stale |= holders.is_empty();
                    holders.insert(customer);
                }
                // Purchases of one instrument are evidence against a sale of another.
                touched.customers.insert(customer);
            }
            Change::Close(instrument, date, version, price) => {
                self.market.peers.close(instrument, date, (version, price), times);
                self.stale = true;
            }
            Change::Action(instrument, action) => {
                self.market.peers.action(instrument, action, times);
                self.stale = true;
            }
        }
    }

    fn learn(&mut self, known: Known, touched: &mut Touched) {
        match known {
            Known::Terms(instrument, currency, labels) => {
                self.market.terms.insert(instrument, (currency, labels));
                self.stale = true;
            }
            Known::Base(customer, currency) => {
                self.bases.insert(customer, currency);
                touched.customers.insert(customer);
            }
            Known::Price(instrument, price) => {
                let before = self.market.prices.insert(instrument, price);
                touched.prices.entry(instrument).or_insert(before);
            }
            Known::Conversion(pair, rate) => {
                self.market.rates.insert(pair, rate);
                touched.currencies.insert(pair.base);
            }
            _ => {}
        }
    }

    /// Holdings that a moved price may have made candidates, or may not leave them.
    fn crossed(
        &self,
        prices: &BTreeMap<InstrumentId, Option<Price>>,
    ) -> BTreeSet<(CustomerId, InstrumentId)> {
        let mut crossed = BTreeSet::new();
        for (instrument, before) in prices {
            let now = self.market.prices.get(instrument).copied();
            let Some(holders) = self.by_price.get(instrument).filter(|_| *before != now) else { continue };
            // Candidate while price <= greatest: between two prices, the greatest from the lower to below the higher.
            let raw = |price: Option<Price>| price.map_or(i64::MAX, Price::raw);
            let (from, upto) = (raw(*before).min(raw(now)), raw(*before).max(raw(now)));
            let within = holders.range((from, CustomerId(0))..=(upto, CustomerId(u32::MAX)));
            crossed.extend(within.map(|(_, customer)| (*customer, *instrument)));
        }
        crossed
    }

    /// What is to be judged anew: what is held of it, or was judged before.
    fn holdings_of(&self, touched: Touched) -> BTreeSet<(CustomerId, InstrumentId)> {
        let Touched { customers, currencies, .. } = touched;
        let mut holdings = BTreeSet::new();
        for (instrument, holders) in self.holders.iter().filter(|_| !currencies.is_empty()) {
            let currency = self.market.terms.get(instrument).map(|(currency, _)| *currency);
            let Some(currency) = currency.filter(|currency| currencies.contains(currency)) else { continue };
            let foreign = holders.iter().filter(|customer| self.bases.get(customer) != Some(&currency));
            holdings.extend(foreign.map(|customer| (*customer, *instrument)));
        }
        for customer in customers {
            let of = (customer, InstrumentId(0))..=(customer, InstrumentId(u32::MAX));
            holdings.extend(self.judged.range(of).map(|(holding, _)| *holding));
            let held = self.accounts.get(&customer).into_iter().flat_map(|account| account.lots.keys());
            holdings.extend(held.map(|instrument| (customer, *instrument)));
        }
        holdings
    }

    /// Judges a holding anew.
    fn judge(&mut self, holding: (CustomerId, InstrumentId), out: &mut Changes<Harvest>) {
        let (customer, instrument) = holding;
        let before = self.judged.remove(&holding);
        if let Some(before) = &before
            && let Some(holders) = self.by_price.get_mut(&instrument)
        {
            holders.remove(&(before.greatest, customer));
            if holders.is_empty() {
                self.by_price.remove(&instrument);
            }
        }
        let open = before.and_then(|before| before.open);
        match self.weighed(customer, instrument) {
            Some(mut judged) => {
                judged.open = open;
                self.by_price.entry(instrument).or_default().insert((judged.greatest, customer));
                self.judged.insert(holding, judged);
            }
            None => withdraw(open, out),
        }
    }

    /// A holding that is a candidate at some price.
    fn weighed(&self, customer: CustomerId, instrument: InstrumentId) -> Option<Judged> {
        let account = self.accounts.get(&customer)?;
        let (_, policy) = account.policies.standing().next_back()?;
        let (currency, _) = self.market.terms.get(&instrument)?;
        let fx = self.market.rate(*currency, *self.bases.get(&customer)?)?;
        let as_of = self.market.peers.as_of()?;
        let peers = self.market.peers.of(instrument);
        let peer = peers.iter().find(|peer| peer.correlation <= policy.correlation_max)?;
        let lots: Vec<Lot> = account.lots.get(&instrument)?.standing().map(lot).collect();
        let weighing = Weighing {
            rate: policy.rate.raw().into(),
            cost: 2 * i128::from(policy.trade_cost.raw()) + tracking_cost(policy, peer),
            fixed: Money::from_raw(policy.commission.raw().saturating_mul(2)),
            threshold: policy.threshold,
            fx,
        };
        let greatest = weighing.greatest_price(&lots)?;
        let stays = |row: &LotRow| {
            row.instrument != instrument || !weighing.is_worth(&lot(row), Price::from_raw(greatest))
        };
        let evidence = evidence(account, instrument, (peers, policy.correlation_max), as_of, stays);
        let row = HarvestCandidateRow {
            customer,
            instrument,
            as_of,
            replacement: peer.instrument,
            correlation: peer.correlation,
            tracking_error: peer.tracking_error,
            wash_score: evidence.as_ref().map_or(Ratio::ZERO, |(score, _)| *score),
            wash_sale: evidence.as_ref().is_some_and(|(score, _)| *score >= FLAGGED),
            purchase: evidence.map(|(_, lot)| (lot.instrument, lot.acquired, lot.lot.clone())),
        };
        Some(Judged { lots, weighing, greatest, row, open: None })
    }

    /// Says what changed of a holding.
    fn tell(&mut self, (customer, instrument): (CustomerId, InstrumentId), out: &mut Changes<Harvest>) {
        let Some(judged) = self.judged.get_mut(&(customer, instrument)) else { return };
        let price = self.market.prices.get(&instrument).filter(|price| price.raw() <= judged.greatest);
        let net = price.and_then(|price| judged.weighing.net(&judged.lots, *price));
        let Some(net) = net else {
            withdraw(judged.open.take(), out);
            return;
        };
        let crossed = Crossed {
            kind: TriggerKind::TaxOpportunity,
            of: Some(instrument),
            side: BandSide::Over,
            measure: Measure::Amount(net),
            limit: Measure::Amount(judged.weighing.threshold),
        };
        match &mut judged.open {
            Some((row, _)) if *row == judged.row => {}
            Some((row, _)) => {
                out.push((Harvest::Candidate(Box::new(row.clone())), -1));
                out.push((Harvest::Candidate(Box::new(judged.row.clone())), 1));
                *row = judged.row.clone();
            }
            None => {
                out.push((Harvest::Candidate(Box::new(judged.row.clone())), 1));
                out.push((Harvest::Crossed(customer, crossed), 1));
                judged.open = Some((judged.row.clone(), crossed));
            }
        }
    }
}

fn withdraw(open: Option<(HarvestCandidateRow, Crossed)>, out: &mut Changes<Harvest>) {
    let Some((row, crossed)) = open else { return };
    out.push((Harvest::Crossed(row.customer, crossed), -1));
    out.push((Harvest::Candidate(Box::new(row)), -1));
}

/// aversion / 2 × σ² of the difference, over a year, as a raw share of value; rounded up.
fn tracking_cost(policy: &HarvestPolicy, peer: &Peer) -> i128 {
    let product = i128::from(policy.tracking_aversion.raw()) * i128::from(peer.tracking_variance.raw());
    let (whole, twice) = (product, 2 * i128::from(Ratio::ONE));
    (whole + twice - 1).div_euclid(twice)
}

fn lot(row: &LotRow) -> Lot {
    Lot { quantity: row.quantity, cost_base: row.cost_base }
}

/// The purchase that lies nearest, among the lots of the same and of near-identical instruments that stay, and its
/// score.
fn evidence<'a>(
    account: &'a Account,
    instrument: InstrumentId,
    (peers, correlation_max): (&[Peer], Ratio),
    as_of: TradeDate,
    stays: impl Fn(&LotRow) -> bool,
) -> Option<(Ratio, &'a LotRow)> {
    let near = peers.iter().filter(|peer| peer.correlation > correlation_max);
    let near = near.map(|peer| (peer.instrument, peer.correlation));
    let same = std::iter::once((instrument, Ratio::from_raw(Ratio::ONE)));
    let mut best: Option<(Ratio, &LotRow)> = None;
    for (of, similarity) in same.chain(near) {
        let lots = account.lots.get(&of).into_iter().flat_map(Counted::standing);
        for lot in lots.filter(|lot| stays(lot)) {
            let days = i128::from(as_of.days().saturating_sub(lot.acquired.days()).max(0));
            let score = i128::from(similarity.raw()) * HALF_WEIGHT_DAYS / (HALF_WEIGHT_DAYS + days);
            let score = Ratio::from_wide(score).unwrap_or(Ratio::ZERO);
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, lot));
            }
        }
    }
    best
}
