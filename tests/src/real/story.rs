//! What both scenarios are told with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_feeds::import::{ImportOptions, Report, import_file};
use evenkeel_schemas::events::{Event, Side, parse_event};
use evenkeel_schemas::{Currency, Instant, Money, Price, Quantity};

/// Events in the making: they may be told in any order and come out by time.
#[derive(Default)]
pub(super) struct Story {
    told: Vec<(Instant, Event)>,
    prices: BTreeMap<String, Vec<(Instant, Price)>>,
    currencies: BTreeMap<String, Currency>,
    ids: u64,
}

/// A fill as it is told, so that it can be amended later.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub id: String,
    pub customer: String,
    pub instrument: String,
    pub side: Side,
    pub units: i64,
    pub price: Price,
    pub at: Instant,
}

/// The first of these names that is a file in `dir` or one of its folders.
pub(super) fn find(dir: &Path, names: &[&str]) -> Option<PathBuf> {
    let folders = ["", "ticks", "daily_asx", "daily_us", "fx"];
    let all = names.iter().flat_map(|name| folders.iter().map(move |folder| dir.join(folder).join(name)));
    all.into_iter().find(|path| path.is_file())
}

pub(super) fn instant(text: &str) -> Result<Instant, String> {
    text.parse().map_err(|error| format!("{error}"))
}

pub(super) fn later(at: Instant, millis: i64) -> Instant {
    Instant::from_micros(at.micros() + millis * 1_000)
}

impl Story {
    /// Takes in a file of market data; the first of `names` that is there.
    pub fn market(&mut self, dir: &Path, names: &[&str], options: &ImportOptions) -> Result<Report, String> {
        let path = find(dir, names)
            .ok_or_else(|| format!("expected {} in {}", names.join(" or "), dir.display()))?;
        let mut events = Vec::new();
        let mut keep = |event| {
            events.push(event);
            Ok(())
        };
        let mut report = Report::default();
        import_file(&path, options, &mut keep, &mut report).map_err(|error| error.to_string())?;
        for event in events {
            match &event {
                Event::InstrumentListed(e) => {
                    self.currencies.insert(e.instrument.to_string(), e.currency);
                }
                Event::Tick(e) => self.saw(e.instrument.as_str(), e.at, e.price),
                Event::Close(e) => self.saw(e.instrument.as_str(), e.at, e.price),
                _ => {}
            }
            self.told.push((event.at(), event));
        }
        Ok(report)
    }

    fn saw(&mut self, instrument: &str, at: Instant, price: Price) {
        self.prices.entry(instrument.to_owned()).or_default().push((at, price));
    }

    /// The last price at a time.
    pub fn price(&self, instrument: &str, at: Instant) -> Option<Price> {
        let series = self.prices.get(instrument)?;
        let after = series.partition_point(|(when, _)| *when <= at);
        series.get(after.checked_sub(1)?).map(|(_, price)| *price)
    }

    /// The first price there is.
    pub fn first_price(&self, instrument: &str) -> Option<Price> {
        self.prices.get(instrument)?.first().map(|(_, price)| *price)
    }

    /// Instruments with prices, in order of name.
    pub fn instruments(&self) -> Vec<String> {
        self.prices.keys().cloned().collect()
    }

    pub fn currency(&self, instrument: &str) -> Currency {
        self.currencies.get(instrument).copied().unwrap_or(Currency::AUD)
    }

    /// An event of its type and the rest of its fields as JSON.
    pub fn tell(&mut self, at: Instant, kind: &str, fields: &str) -> Result<(), String> {
        let line = format!("{{\"type\":\"{kind}\",\"at\":\"{at}\",{fields}}}");
        let event = parse_event(line.as_bytes()).map_err(|refusal| format!("{line}: {refusal}"))?;
        self.told.push((at, event));
        Ok(())
    }

    /// As [`Story::tell`], with an id, which it returns.
    pub fn tell_with_id(&mut self, at: Instant, kind: &str, fields: &str) -> Result<String, String> {
        let id = self.next_id();
        self.tell(at, kind, &format!("\"id\":\"{id}\",{fields}"))?;
        Ok(id)
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("S-{:06}", self.ids)
    }

    /// A deposit or withdrawal of whole units of money.
    pub fn flow(
        &mut self,
        at: Instant,
        kind: &str,
        customer: &str,
        whole: i64,
        currency: &str,
    ) -> Result<String, String> {
        let fields =
            format!("\"customer\":\"{customer}\",\"amount\":\"{whole}\",\"currency\":\"{currency}\"");
        self.tell_with_id(at, kind, &fields)
    }

    /// An execution with a fee of 1.25.
    pub fn fill(
        &mut self,
        at: Instant,
        customer: &str,
        instrument: &str,
        side: Side,
        units: i64,
        price: Price,
    ) -> Result<Told, String> {
        let id = self.next_id();
        let (customer, instrument) = (customer.to_owned(), instrument.to_owned());
        let told = Told { id, customer, instrument, side, units, price, at };
        let fields = self.fill_fields(&told);
        self.tell(at, "fill", &fields)?;
        Ok(told)
    }

    fn fill_fields(&self, fill: &Told) -> String {
        let Told { id, customer, instrument, side, units, price, at } = fill;
        let (currency, date) = (self.currency(instrument), at.date());
        format!(
            "\"id\":\"{id}\",\"customer\":\"{customer}\",\"instrument\":\"{instrument}\",\"side\":\"{side}\",\
             \"quantity\":\"{units}\",\"price\":\"{price}\",\"fee\":\"1.25\",\"currency\":\"{currency}\",\
             \"trade_date\":\"{date}\""
        )
    }

    /// The fill never was.
    pub fn bust(&mut self, at: Instant, of: &str) -> Result<String, String> {
        self.tell_with_id(at, "correction", &format!("\"of\":\"{of}\",\"with\":null,\"reason\":\"busted\""))
    }

    /// The fill was for other units or another price; the replacement has an id of its own.
    pub fn amend(&mut self, at: Instant, fill: &Told, units: i64, price: Price) -> Result<Told, String> {
        let changed = Told { id: self.next_id(), units, price, ..fill.clone() };
        let with = format!("{{\"type\":\"fill\",\"at\":\"{}\",{}}}", changed.at, self.fill_fields(&changed));
        let fields = format!("\"of\":\"{}\",\"with\":{with},\"reason\":\"amended\"", fill.id);
        self.tell_with_id(at, "correction", &fields)?;
        Ok(changed)
    }

    /// Gives every `every`th tick of an instrument an id and corrects it a little later: in turn by
    /// another price and by nothing.
    pub fn correct_ticks(&mut self, instrument: &str, every: usize, after_millis: i64) -> Result<(), String> {
        let mut corrections = Vec::new();
        let ticks = self.told.iter_mut().filter_map(|(_, event)| match event {
            Event::Tick(tick) if tick.instrument.as_str() == instrument => Some(tick),
            _ => None,
        });
        for (number, tick) in ticks.enumerate().filter(|(number, _)| number % every == every - 1) {
            let id = format!("tick-{instrument}-{number}");
            tick.id = id.parse().ok();
            let right = Price::from_raw(tick.price.raw() + 120_000);
            let with = match corrections.len() % 2 {
                0 => format!(
                    "{{\"type\":\"tick\",\"at\":\"{}\",\"instrument\":\"{instrument}\",\"price\":\"{right}\"}}",
                    tick.at
                ),
                _ => "null".to_owned(),
            };
            let fields = format!("\"of\":\"{id}\",\"with\":{with},\"reason\":\"exchange\"");
            corrections.push((later(tick.at, after_millis), fields));
        }
        for (at, fields) in corrections {
            self.tell_with_id(at, "correction", &fields)?;
        }
        Ok(())
    }

    /// All events by time; at one time in the order told.
    pub fn events(mut self) -> Vec<Event> {
        self.told.sort_by_key(|(at, _)| *at);
        self.told.into_iter().map(|(_, event)| event).collect()
    }
}

/// Whole units for a whole amount of money at a price.
pub(super) fn units_for(whole: i64, price: Price) -> i64 {
    let raw =
        i128::from(whole) * i128::from(Money::ONE) * i128::from(Quantity::ONE) / i128::from(price.raw());
    (raw / i128::from(Quantity::ONE)) as i64
}
