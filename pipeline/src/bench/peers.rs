//! The workload of the comparison with other engines: binary files of positions, cash, ticks and account events, and
//! the changes that every engine writes.
//!
//! All numbers are little-endian. `pos_N.bin`: u32 customers, u32 rows; rows of u32 customer, instrument, units,
//! target in basis points; then an i64 of cents for each customer. `prices0.csv`: first prices in cents. `ticks.bin`:
//! u32 instrument, u32 cents. `events_N.bin`: u32 epoch (of 1,000 ticks), customer, instrument, i32 units, i64 cents.
//! Changes: u32 epoch, customer, instrument, i32 +1 when a weight leaves its band, −1 when it is back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_operators::facts::{
    Booked, Fact, Feed, Input, Observation, TargetLine, TargetSet, Terms, Version,
};
use evenkeel_schemas::{
    Currency, CustomerId, Instant, InstrumentId, Labels, Money, Price, Quantity, Ratio, Row, TradeDate,
};

use crate::admission::Inputs;
use crate::error::Error;

/// Raw units of money and prices in a cent.
const CENT: i64 = 10_000;
/// Raw units of a quantity in one.
const ONE: i64 = Quantity::ONE;
/// The band around each target.
const BAND_BPS: i64 = 500;

struct Holding {
    instrument: u32,
    units: i64,
    target_bps: i64,
}

struct AccountEvent {
    customer: u32,
    instrument: u32,
    units: i64,
    cents: i64,
}

/// The files of one size.
pub(super) struct PeerFiles {
    holdings: Vec<Vec<Holding>>,
    cash: Vec<i64>,
    prices: Vec<i64>,
    ticks: Vec<(u32, i64)>,
    /// Each hundred ticks bring one.
    events: Vec<AccountEvent>,
    number: u64,
    day: TradeDate,
}

fn words(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::file("read", path, error))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl PeerFiles {
    /// Reads what is needed for so many customers and ticks.
    pub fn read(folder: &Path, customers: u32, ticks: usize) -> Result<PeerFiles, Error> {
        let short = |path: &Path| Error::Input(format!("{} ends too early", path.display()));
        let path = folder.join(format!("pos_{customers}.bin"));
        let bytes = words(&path)?;
        let (mut holdings, mut cash) = (Vec::new(), Vec::new());
        let rows = u32_at(&bytes, 4).ok_or_else(|| short(&path))? as usize;
        holdings.resize_with(customers as usize, Vec::new);
        for row in 0..rows {
            let field = |n: usize| u32_at(&bytes, 8 + 16 * row + 4 * n).ok_or_else(|| short(&path));
            let (customer, instrument, units, target) = (field(0)?, field(1)?, field(2)?, field(3)?);
            let own: &mut Vec<Holding> = holdings.get_mut(customer as usize).ok_or_else(|| short(&path))?;
            own.push(Holding { instrument, units: units.into(), target_bps: target.into() });
        }
        for customer in 0..customers as usize {
            cash.push(i64_at(&bytes, 8 + 16 * rows + 8 * customer).ok_or_else(|| short(&path))?);
        }
        let path = folder.join("prices0.csv");
        let text = std::fs::read_to_string(&path).map_err(|error| Error::file("read", &path, error))?;
        let price = |line: &str| line.split(',').nth(1).and_then(|cents| cents.trim().parse().ok());
        let prices: Option<Vec<i64>> = text.lines().skip(1).map(price).collect();
        let prices =
            prices.ok_or_else(|| Error::Input(format!("{}: expected inst,cents", path.display())))?;
        let path = folder.join("ticks.bin");
        let bytes = words(&path)?;
        let tick = |n: usize| Some((u32_at(&bytes, 8 * n)?, i64::from(u32_at(&bytes, 8 * n + 4)?)));
        let ticks: Option<Vec<(u32, i64)>> = (0..ticks).map(tick).collect();
        let ticks = ticks.ok_or_else(|| short(&path))?;
        let bytes = words(&folder.join(format!("events_{customers}.bin")))?;
        let event = |n: usize| {
            let at = 24 * n;
            let (customer, instrument) = (u32_at(&bytes, at + 4)?, u32_at(&bytes, at + 8)?);
            let units = i64::from(u32_at(&bytes, at + 12)?.cast_signed());
            Some(AccountEvent { customer, instrument, units, cents: i64_at(&bytes, at + 16)? })
        };
        let events = (0..bytes.len() / 24).map_while(event).collect();
        let day = Instant::from_micros(1_767_571_200_000_000).date();
        Ok(PeerFiles { holdings, cash, prices, ticks, events, number: 0, day })
    }

    fn version(&mut self) -> Version {
        self.number += 1;
        Version { at: Instant::from_micros(self.number as i64), number: self.number }
    }

    fn observed(&mut self, instrument: u32, cents: i64) -> (Input, isize) {
        let feed = Feed::Instrument(InstrumentId(instrument));
        let version = self.version();
        (
            Input::Observation(Observation {
                feed,
                version,
                value: cents.saturating_mul(CENT),
                correctable_until: 0,
            }),
            1,
        )
    }

    /// Instruments with their first prices.
    pub fn opening(&mut self) -> Inputs {
        let terms = Terms {
            currency: Currency::AUD,
            tick: Price::from_raw(CENT),
            lot: Quantity::from_raw(ONE),
            labels: Labels::default(),
        };
        let mut inputs = Inputs::new();
        for (instrument, cents) in self.prices.clone().into_iter().enumerate() {
            let version = self.version();
            inputs.push((
                Input::Fact(Fact::Terms(InstrumentId(instrument as u32), version, Box::new(terms))),
                1,
            ));
            inputs.push(self.observed(instrument as u32, cents));
        }
        inputs
    }

    /// Customers with their positions, cash and targets.
    pub fn customers(&mut self, from: u32, to: u32) -> Inputs {
        let mut inputs = Inputs::new();
        let band = Ratio::from_bps(BAND_BPS).unwrap_or_default();
        for customer in from..to {
            let id = CustomerId(customer);
            let version = self.version();
            inputs.push((Input::Fact(Fact::Base(id, version, Currency::AUD)), 1));
            let own = &self.holdings[customer as usize];
            let line = |holding: &Holding| TargetLine {
                instrument: InstrumentId(holding.instrument),
                weight: Ratio::from_bps(holding.target_bps).unwrap_or_default(),
                band,
            };
            let set =
                TargetSet { lines: own.iter().map(line).collect(), band_default: band, buckets: Vec::new() };
            inputs.push((Input::Fact(Fact::Targets(id, version, Arc::new(set))), 1));
            for holding in own {
                let (instrument, units) = (InstrumentId(holding.instrument), holding.units * ONE);
                let quantity = Quantity::from_raw(units);
                inputs.push((Input::Fact(Fact::Movement(id, instrument, self.day, quantity)), 1));
            }
            let cash = Money::from_raw(self.cash[customer as usize].saturating_mul(CENT));
            inputs.push((Input::Fact(Fact::Posting(id, Currency::AUD, Booked::on(self.day), cash)), 1));
        }
        inputs
    }

    /// The ticks and account events of an epoch, by its number.
    pub fn ticks(&mut self, epoch: usize, count: usize) -> Inputs {
        let ticks = self.ticks[epoch * count..(epoch + 1) * count].to_vec();
        let mut inputs: Inputs =
            ticks.into_iter().map(|(instrument, cents)| self.observed(instrument, cents)).collect();
        let (from, to) = (epoch * count / 100, (epoch + 1) * count / 100);
        for event in self.events.get(from..to.min(self.events.len())).unwrap_or_default() {
            let (id, instrument) = (CustomerId(event.customer), InstrumentId(event.instrument));
            let quantity = Quantity::from_raw(event.units * ONE);
            inputs.push((Input::Fact(Fact::Movement(id, instrument, self.day, quantity)), 1));
            let cash = Money::from_raw(event.cents.saturating_mul(CENT));
            inputs.push((Input::Fact(Fact::Posting(id, Currency::AUD, Booked::on(self.day), cash)), 1));
        }
        inputs
    }
}

/// Writes changes as every engine of the comparison does.
pub(super) struct Changes {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Changes {
    pub fn create(path: &Path) -> Result<Changes, Error> {
        let file = File::create(path).map_err(|error| Error::file("write", path, error))?;
        Ok(Changes { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// A change of side is no change here.
    pub fn write(&mut self, epoch: usize, rows: &[(Row, isize)]) -> Result<(), Error> {
        let mut net: BTreeMap<(u32, u32), isize> = BTreeMap::new();
        for (row, diff) in rows {
            if let Row::Breach { customer, instrument, .. } = row {
                *net.entry((customer.0, instrument.0)).or_default() += diff;
            }
        }
        for ((customer, instrument), diff) in net.into_iter().filter(|(_, diff)| *diff != 0) {
            for word in [epoch as u32, customer, instrument, (diff.signum() as i32).cast_unsigned()] {
                let wrote = self.file.write_all(&word.to_le_bytes());
                wrote.map_err(|error| Error::file("write", &self.path, error))?;
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), Error> {
        self.file.flush().map_err(|error| Error::file("write", &self.path, error))
    }
}
