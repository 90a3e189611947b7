//! Histories made up from a seed: customers, instruments, money, trades, corporate actions, corrections, in an order that
//! nobody would choose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::Dice;
use crate::batch::Options;

/// 2026-01-05T00:00:00Z, a Monday, in milliseconds.
const START: i64 = 1_767_571_200_000;
const DAY: i64 = 86_400_000;
const CURRENCIES: [&str; 3] = ["AUD", "USD", "NZD"];

/// An event that a correction may name.
#[derive(Clone)]
struct Said {
    kind: &'static str,
    at: i64,
    /// The fields but `type`, `at`, `id` and `recorded`.
    fields: String,
}

/// A history being made up.
pub struct History {
    dice: Dice,
    /// Its events, one a line.
    pub lines: Vec<String>,
    /// Recorded time reached, in milliseconds.
    now: i64,
    ids: u32,
    /// Whether every event gets an id.
    all_named: bool,
    live: BTreeMap<String, Said>,
    instruments: Vec<(String, &'static str)>,
    customers: Vec<String>,
    /// Units bought less units sold, roughly: a sale of more is refused anyway.
    held: BTreeMap<(String, String), i64>,
    /// How it is to be replayed.
    pub options: Options,
}

fn time(millis: i64) -> String {
    evenkeel_schemas::Instant::from_micros(millis * 1000).to_string()
}

fn date(millis: i64) -> String {
    time(millis)[..10].to_owned()
}

impl History {
    /// Some hundred events; with ids all of them, if asked.
    pub fn new(seed: u64, all_named: bool) -> History {
        let mut history = History::begun(seed, all_named);
        let events = history.dice.between(60, 260);
        for _ in 0..events {
            history.happen();
        }
        history
    }

    /// Two thousand events.
    pub fn long(seed: u64) -> History {
        let mut history = History::begun(seed, false);
        while history.lines.len() < 2_000 {
            history.happen();
        }
        history
    }

    fn begun(seed: u64, all_named: bool) -> History {
        let mut dice = Dice(seed);
        let epoch_ms = *dice.one(&[1, 100, 250, 1_000, 60_000]);
        let mark_ms = epoch_ms * *dice.one(&[1, 1, 3, 10, 1_000]);
        let stale_ms = *dice.one(&[0, 0, epoch_ms * 5, 7_777]);
        let options = Options { epoch_ms, mark_ms, stale_ms };
        let empty = BTreeMap::new;
        let (instruments, customers) = (Vec::new(), Vec::new());
        let mut history = History {
            dice,
            lines: Vec::new(),
            now: START,
            ids: 0,
            all_named,
            live: empty(),
            instruments,
            customers,
            held: BTreeMap::new(),
            options,
        };
        history.open();
        history
    }

    /// Records an event; mostly its effective time is now, and its recorded time is not told.
    fn say(&mut self, kind: &'static str, at: i64, fields: String) {
        let id = (self.all_named || self.dice.percent(85)).then(|| self.next_id());
        let mut line = format!("{{\"type\":\"{kind}\",\"at\":\"{}\"", time(at));
        if let Some(id) = &id {
            let _ = write!(line, ",\"id\":\"{id}\"");
        }
        if at != self.now || self.dice.percent(30) {
            let _ = write!(line, ",\"recorded\":\"{}\"", time(self.now));
        }
        let _ = write!(line, ",{fields}}}");
        self.lines.push(line);
        if let Some(id) = id.filter(|_| kind != "correction") {
            self.live.insert(id, Said { kind, at, fields });
        }
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        // Names are not in order of time: nothing may depend on it.
        format!("{}-{}", ["e", "Z", "m"][self.ids as usize % 3], self.ids)
    }

    /// An effective time: now, or late by seconds or days, now and then early.
    fn effective(&mut self) -> i64 {
        match self.dice.roll(20) {
            0..=13 => self.now,
            14..=16 => self.now - self.dice.between(1, 20_000),
            17 | 18 => self.now - self.dice.between(1, 4 * DAY),
            _ => self.now + self.dice.between(1, DAY),
        }
    }

    /// Lists instruments and opens accounts; some come later.
    fn open(&mut self) {
        for _ in 0..self.dice.between(2, 4) {
            self.list();
        }
        for _ in 0..self.dice.between(1, 4) {
            self.onboard();
        }
        let rates = [("USD/AUD", 15), ("AUD/NZD", 11), ("NZD/USD", 6)];
        for (pair, tenths) in rates {
            // A rate that is not there makes anomalies.
            if self.dice.percent(60) {
                self.say(
                    "fx_rate",
                    self.now,
                    format!("\"pair\":\"{pair}\",\"rate\":\"{}.{}\"", tenths / 10, tenths % 10),
                );
            }
        }
    }

    fn list(&mut self) {
        let name = format!("I{}", self.instruments.len());
        let currency = *self.dice.one(&CURRENCIES[..2 + self.instruments.len() % 2]);
        let labels = self.labels();
        let fields = format!(
            "\"instrument\":\"{name}\",\"name\":\"{name}\",\"kind\":\"etf\",\"currency\":\"{currency}\",\"tick_size\":\"0.01\",\"lot_size\":\"1\"{labels}"
        );
        self.say("instrument_listed", self.now, fields);
        self.instruments.push((name, currency));
    }

    fn onboard(&mut self) {
        let name = format!("c{}", self.customers.len());
        let base = *self.dice.one(&CURRENCIES);
        self.say(
            "customer_onboarded",
            self.now,
            format!("\"customer\":\"{name}\",\"base_currency\":\"{base}\""),
        );
        self.customers.push(name.clone());
        if self.dice.percent(80) {
            let amount = self.dice.between(500, 20_000);
            self.say(
                "deposit",
                self.now,
                format!("\"customer\":\"{name}\",\"amount\":\"{amount}\",\"currency\":\"{base}\""),
            );
        }
        self.target(&name);
        self.limit(&name);
        for _ in 0..self.dice.between(0, 4) {
            self.trade(&name, true);
        }
    }

    /// Time passes: not at all, within an epoch, over some epochs or days.
    fn pass(&mut self) {
        let epoch = self.options.epoch_ms as i64;
        self.now += match self.dice.roll(20) {
            0..=7 => 0,
            8..=10 => self.dice.between(0, epoch),
            11..=16 => self.dice.between(0, 5 * epoch),
            17 | 18 => self.dice.between(0, 60 * epoch),
            _ => self.dice.between(0, DAY),
        };
        // Some are recorded a little before what was recorded last: their epoch is that of the last.
        if self.dice.percent(3) {
            self.now -= self.dice.between(0, 2 * epoch);
        }
    }

    fn happen(&mut self) {
        self.pass();
        let customer = self.dice.one(&self.customers).clone();
        match self.dice.roll(100) {
            0..=31 => self.price(),
            32 => self.agree(&customer),
            33 => self.mark(),
            34 => self.tax(&customer),
            35..=54 => self.trade(&customer, false),
            55..=62 => self.flow(&customer),
            63..=66 => self.post(&customer),
            67..=69 => self.transfer(&customer),
            70..=72 => self.split(),
            73..=76 => self.target(&customer),
            77..=80 => self.rate(),
            81 => self.say(
                "rebalance_requested",
                self.now,
                format!("\"customer\":\"{customer}\",\"by\":\"adviser\""),
            ),
            82 => self.onboard(),
            83 => self.list(),
            84 => self.relist(),
            85 | 86 => self.distribute(),
            87 | 88 => self.merge_or_delist(),
            89 => self.reinvest(&customer),
            90 => self.convert(&customer),
            91 if self.dice.percent(50) => self.tilt(&customer),
            91 => self.limit(&customer),
            _ => self.correct(),
        }
    }

    fn price(&mut self) {
        let (instrument, _) = self.dice.one(&self.instruments).clone();
        let cents =
            if self.dice.percent(90) { self.dice.between(900, 1_400) } else { self.dice.between(1, 9_000) };
        let price =
            format!("\"instrument\":\"{instrument}\",\"price\":\"{}.{:02}\"", cents / 100, cents % 100);
        let at = self.effective();
        if self.dice.percent(90) {
            self.say("tick", at, price);
        } else {
            self.say("close", at, format!("{price},\"date\":\"{}\"", date(at)));
        }
    }

    fn rate(&mut self) {
        let pair = *self.dice.one(&["USD/AUD", "AUD/NZD", "NZD/USD", "AUD/USD"]);
        let rate = self.dice.between(500_000_001, 2_000_000_000);
        let at = self.effective();
        self.say(
            "fx_rate",
            at,
            format!("\"pair\":\"{pair}\",\"rate\":\"{}.{:09}\"", rate / 1_000_000_000, rate % 1_000_000_000),
        );
    }

    fn trade(&mut self, customer: &str, buys: bool) {
        let (instrument, currency) = self.dice.one(&self.instruments).clone();
        let key = (customer.to_owned(), instrument.clone());
        let held = self.held.get(&key).copied().unwrap_or(0);
        let sells = !buys && held > 0 && self.dice.percent(50);
        let units = if sells { self.dice.between(1, held) } else { self.dice.between(1, 60) };
        *self.held.entry(key).or_default() += if sells { -units } else { units };
        let part = if sells { "" } else { *self.dice.one(&["", "", ".5", ".000001"]) };
        let (side, cents, at) =
            (if sells { "sell" } else { "buy" }, self.dice.between(900, 1_400), self.effective());
        let lots = if sells && self.dice.percent(30) { self.named_lots(units) } else { String::new() };
        let fields = format!(
            "\"customer\":\"{customer}\",\"instrument\":\"{instrument}\",\"side\":\"{side}\",\"quantity\":\"{units}{part}\",\
             \"price\":\"{}.{:02}\",\"fee\":\"{}.5\",\"currency\":\"{currency}\",\"trade_date\":\"{}\"{lots}",
            cents / 100,
            cents % 100,
            units % 4,
            date(at)
        );
        self.say("fill", at, fields);
    }

    /// Lots named at a sale, rightly or not.
    fn named_lots(&mut self, units: i64) -> String {
        let bought = |said: &Said| said.kind == "fill" || said.kind == "transfer_in";
        let known: Vec<String> =
            self.live.iter().filter(|(_, said)| bought(said)).map(|(id, _)| id.clone()).collect();
        let any = format!("seq:{}", self.dice.between(0, 60));
        let lot = if known.is_empty() || self.dice.percent(10) { any } else { self.dice.one(&known).clone() };
        let part = self.dice.between(1, units);
        format!(",\"lots\":[{{\"lot\":\"{lot}\",\"quantity\":\"{part}\"}}]")
    }

    /// A distribution, some with a change of the cost base.
    fn distribute(&mut self) {
        let (instrument, _) = self.dice.one(&self.instruments).clone();
        let ex_date = self.now + self.dice.between(-3, 2) * DAY;
        let (ex, pay) = (date(ex_date), date(ex_date + 5 * DAY));
        let change = if self.dice.percent(80) {
            let cents = self.dice.between(-1_200, 100);
            let sign = if cents < 0 { "-" } else { "" };
            format!(",\"cost_base_change\":\"{sign}{}.{:02}\"", cents.abs() / 100, cents.abs() % 100)
        } else {
            String::new()
        };
        let (cents, price) = (self.dice.between(0, 400), self.dice.between(50, 1_500));
        let units = if self.dice.percent(60) {
            format!(",\"reinvestment_price\":\"{}.{:02}\"", price / 100, price % 100)
        } else {
            String::new()
        };
        let change = format!("{change}{units}");
        self.say("distribution", self.now, format!("\"instrument\":\"{instrument}\",\"amount\":\"{}.{:02}5\",\"franked_fraction\":\"0.7\",\"ex_date\":\"{ex}\",\"pay_date\":\"{pay}\"{change}", cents / 100, cents % 100));
    }

    /// Units become another instrument's, or end.
    fn merge_or_delist(&mut self) {
        let ((instrument, currency), (into, other)) =
            (self.dice.one(&self.instruments).clone(), self.dice.one(&self.instruments).clone());
        let date = date(self.now + self.dice.between(-2, 2) * DAY);
        if currency == other && instrument != into && self.dice.percent(90) {
            let (new, old) = *self.dice.one(&[(1, 1), (1, 3), (7, 2), (0, 1)]);
            let cash =
                if new == 0 || self.dice.percent(40) { ",\"cash\":\"0.75\",\"value\":\"2.5\"" } else { "" };
            return self.say("merger", self.now, format!("\"instrument\":\"{instrument}\",\"into\":\"{into}\",\"new\":\"{new}\",\"old\":\"{old}\"{cash},\"effective_date\":\"{date}\""));
        }
        let amount = *self.dice.one(&["0", "1.35"]);
        self.say(
            "delisting",
            self.now,
            format!("\"instrument\":\"{instrument}\",\"amount\":\"{amount}\",\"effective_date\":\"{date}\""),
        );
    }

    fn reinvest(&mut self, customer: &str) {
        let (instrument, _) = self.dice.one(&self.instruments).clone();
        let (at, reinvest) = (self.effective() - DAY, self.dice.percent(75));
        self.say(
            "reinvestment_elected",
            at,
            format!("\"customer\":\"{customer}\",\"instrument\":\"{instrument}\",\"reinvest\":{reinvest}"),
        );
    }

    /// Who is taxed, or what is known of a year. The histories lie in 2025-26.
    fn tax(&mut self, customer: &str) {
        let income = self.dice.between(-10_000, 250_000);
        if self.dice.percent(60) {
            let (at, resident) =
                (self.effective() - self.dice.between(0, 1) * 200 * DAY, self.dice.percent(80));
            return self.say("taxpayer_set", at, format!("\"customer\":\"{customer}\",\"entity\":\"individual\",\"resident\":{resident},\"other_income\":\"{income}\""));
        }
        let year = *self.dice.one(&["2024-25", "2025-26"]);
        let losses = if self.dice.percent(50) { ",\"losses_brought_forward\":\"70\"" } else { "" };
        self.say(
            "tax_year_set",
            self.now,
            format!(
                "\"customer\":\"{customer}\",\"year\":\"{year}\",\"other_income\":\"{income}.5\"{losses}"
            ),
        );
    }

    /// Fees from a day on, what balances earn, or whether losses are harvested.
    fn agree(&mut self, customer: &str) {
        let from = date(self.now + self.dice.between(-40, 5) * DAY);
        match self.dice.roll(5) {
            0 | 1 => {
                let tiers = *self.dice.one(&[
                    "",
                    "{\"above\":\"0\",\"rate\":\"0.011\"}",
                    "{\"above\":\"1000.5\",\"rate\":\"0.02\"},{\"above\":\"8000\",\"rate\":\"0.0075\"}",
                ]);
                let flat = self.dice.between(0, 900);
                self.say("fee_schedule_set", self.now, format!("\"customer\":\"{customer}\",\"from\":\"{from}\",\"flat\":\"{flat}\",\"tiers\":[{tiers}]"));
            }
            2 | 3 => {
                let (currency, rate) = (*self.dice.one(&CURRENCIES), self.dice.between(0, 90));
                self.say(
                    "interest_rate_set",
                    self.now,
                    format!("\"currency\":\"{currency}\",\"rate\":\"0.0{rate:02}\",\"from\":\"{from}\""),
                );
            }
            _ => {
                let rate = *self.dice.one(&["0", "0.47"]);
                self.say("harvest_set", self.now, format!("\"customer\":\"{customer}\",\"rate\":\"{rate}\""));
            }
        }
    }

    /// Risk limits, some of the four, mostly such that prices cross them.
    fn limit(&mut self, customer: &str) {
        let mut limits = String::new();
        for (name, most) in [("concentration", 90), ("stop_loss", 40), ("drawdown", 40), ("value_at_risk", 5)]
        {
            if self.dice.percent(65) {
                let _ = write!(limits, ",\"{name}\":\"0.{:02}\"", self.dice.between(1, most));
            }
        }
        let at = self.effective();
        self.say("risk_limits_set", at, format!("\"customer\":\"{customer}\"{limits}"));
    }

    /// A closing mark or an official rate of a day, some months around.
    fn mark(&mut self) {
        let day = date(self.now + self.dice.between(-30, 30) * DAY);
        if self.dice.percent(50) {
            let pair = *self.dice.one(&["USD/AUD", "AUD/NZD", "NZD/USD"]);
            let rate = self.dice.between(500_001, 2_000_000);
            let rate = format!("{}.{:06}", rate / 1_000_000, rate % 1_000_000);
            let at = self.effective();
            return self.say(
                "fx_close",
                at,
                format!("\"pair\":\"{pair}\",\"rate\":\"{rate}\",\"date\":\"{day}\""),
            );
        }
        let (instrument, _) = self.dice.one(&self.instruments).clone();
        let (cents, at) = (self.dice.between(900, 1_400), self.effective());
        self.say(
            "close",
            at,
            format!(
                "\"instrument\":\"{instrument}\",\"price\":\"{}.{:02}\",\"date\":\"{day}\"",
                cents / 100,
                cents % 100
            ),
        );
    }

    /// Both legs; some settle later.
    fn convert(&mut self, customer: &str) {
        let sold = self.dice.between(0, 2) as usize;
        let bought = CURRENCIES[(sold + self.dice.between(1, 2) as usize) % 3];
        let sold = CURRENCIES[sold];
        let (out, back) = (self.dice.between(1, 900), self.dice.between(1, 900));
        let at = self.effective();
        let settles = if self.dice.percent(50) {
            format!(",\"settle_date\":\"{}\"", date(at + self.dice.between(0, 4) * DAY))
        } else {
            String::new()
        };
        self.say("fx_conversion", at, format!("\"customer\":\"{customer}\",\"sold\":\"{out}.5\",\"sold_currency\":\"{sold}\",\"bought\":\"{back}\",\"bought_currency\":\"{bought}\"{settles}"));
    }

    fn flow(&mut self, customer: &str) {
        let kind = if self.dice.percent(50) { "deposit" } else { "withdrawal" };
        // Some take out more than there is: overdrafts, and a net value of zero or less.
        let amount = if self.dice.percent(15) { 30_000 } else { self.dice.between(1, 2_000) };
        let (currency, at) = (*self.dice.one(&CURRENCIES), self.effective());
        self.say(
            kind,
            at,
            format!("\"customer\":\"{customer}\",\"amount\":\"{amount}\",\"currency\":\"{currency}\""),
        );
    }

    fn post(&mut self, customer: &str) {
        let kind = *self.dice.one(&["interest", "fee", "tax", "distribution"]);
        let (amount, currency) = (self.dice.between(-300, 300), *self.dice.one(&CURRENCIES));
        let at = self.effective();
        let kind = match kind {
            "distribution" if self.dice.percent(50) => {
                let (instrument, _) = self.dice.one(&self.instruments).clone();
                format!(
                    "distribution\",\"instrument\":\"{instrument}\",\"franked_fraction\":\"0.5\",\"ex_date\":\"{}",
                    date(at)
                )
            }
            kind => kind.to_owned(),
        };
        self.say("cash_posted", at, format!("\"customer\":\"{customer}\",\"amount\":\"{amount}.25\",\"currency\":\"{currency}\",\"kind\":\"{kind}\""));
    }

    fn transfer(&mut self, customer: &str) {
        let (instrument, _) = self.dice.one(&self.instruments).clone();
        let (units, at) = (self.dice.between(1, 50), self.effective());
        *self.held.entry((customer.to_owned(), instrument.clone())).or_default() += units;
        let fields = format!(
            "\"customer\":\"{customer}\",\"instrument\":\"{instrument}\",\"quantity\":\"{units}\",\"cost_base\":\"100\",\"acquired\":\"2020-02-29\""
        );
        self.say("transfer_in", at, fields);
    }

    fn split(&mut self) {
        let (instrument, _) = self.dice.one(&self.instruments).clone();
        let (new, old) = *self.dice.one(&[(2, 1), (3, 1), (1, 2), (3, 2), (1, 7)]);
        let ex_date = date(self.now + self.dice.between(-2, 2) * DAY);
        let in_lieu = if self.dice.percent(40) { ",\"cash_in_lieu\":\"9.87\"" } else { "" };
        self.say("split", self.now, format!("\"instrument\":\"{instrument}\",\"new\":\"{new}\",\"old\":\"{old}\",\"ex_date\":\"{ex_date}\"{in_lieu}"));
    }

    fn target(&mut self, customer: &str) {
        let (mut left, mut weights, mut bands) = (100, Vec::new(), Vec::new());
        for (instrument, _) in self.instruments.clone() {
            if self.dice.percent(70) {
                let weight = self.dice.between(0, left / 2);
                left -= weight;
                weights.push(format!("\"{instrument}\":\"0.{weight:02}\""));
                if self.dice.percent(30) {
                    bands.push(format!("\"{instrument}\":\"0.00{}\"", self.dice.between(1, 99)));
                }
            }
        }
        if self.dice.percent(50) {
            bands.push("\"default\":\"0.02\"".to_owned());
        }
        for bucket in ["asset_class:equity", "asset_class:bond", "asset_class:equity/region:au", "region:us"]
        {
            if self.dice.percent(25) {
                bands.push(format!("\"{bucket}\":\"0.0{}\"", self.dice.between(10, 99)));
            }
        }
        let basis = if self.dice.percent(50) {
            let method = *self.dice.one(&["fifo", "lifo", "hifo", "average", "specific"]);
            format!(",\"cost_basis\":\"{method}\"")
        } else {
            String::new()
        };
        let sweep = if self.dice.percent(10) {
            format!(",\"sweep\":\"{}\"", self.dice.one(&self.instruments).0)
        } else {
            String::new()
        };
        let basis = format!("{basis}{sweep}");
        let (weights, bands, at) = (weights.join(","), bands.join(","), self.effective());
        self.say(
            "targets_set",
            at,
            format!("\"customer\":\"{customer}\",\"weights\":{{{weights}}},\"bands\":{{{bands}}}{basis}"),
        );
    }

    /// Tilts of what has targets and of what has none, some of them too large, for some days, for good, or not any more.
    fn tilt(&mut self, customer: &str) {
        let mut tilts = Vec::new();
        for (instrument, _) in self.instruments.clone() {
            if self.dice.percent(40) {
                let sign = if self.dice.percent(40) { "-" } else { "" };
                tilts.push(format!("\"{instrument}\":\"{sign}0.{:03}\"", self.dice.between(1, 400)));
            }
        }
        let at = self.effective();
        let until = if self.dice.percent(60) {
            format!(",\"until\":\"{}\"", date(at + self.dice.between(0, 2) * DAY))
        } else {
            String::new()
        };
        let tilts = tilts.join(",");
        self.say("tilts_set", at, format!("\"customer\":\"{customer}\",\"tilts\":{{{tilts}}}{until}"));
    }

    fn labels(&mut self) -> String {
        let (class, region) = (*self.dice.one(&["Equity", "bond", ""]), *self.dice.one(&["AU", "US", ""]));
        format!(",\"asset_class\":\"{class}\",\"region\":\"{region}\"")
    }

    /// The same terms again, or a customer in another base currency.
    fn relist(&mut self) {
        if self.dice.percent(50) {
            let (customer, base) = (self.dice.one(&self.customers).clone(), *self.dice.one(&CURRENCIES));
            return self.say(
                "customer_onboarded",
                self.now,
                format!("\"customer\":\"{customer}\",\"base_currency\":\"{base}\""),
            );
        }
        let (name, currency) = self.dice.one(&self.instruments).clone();
        let labels = self.labels();
        let fields = format!(
            "\"instrument\":\"{name}\",\"name\":\"again\",\"kind\":\"etf\",\"currency\":\"{currency}\",\"tick_size\":\"0.05\",\"lot_size\":\"10\"{labels}"
        );
        self.say("instrument_listed", self.now, fields);
    }

    /// Busts or amends anything that stands, listings and onboardings apart: what names them would be refused.
    fn correct(&mut self) {
        let standing: Vec<&String> =
            self.live.iter().filter(|(_, said)| !basic(said.kind)).map(|(id, _)| id).collect();
        if standing.is_empty() {
            return;
        }
        // Of rare kinds as often as of common ones.
        let kinds: BTreeSet<&str> = standing.iter().map(|id| self.live[*id].kind).collect();
        let kind = *self.dice.one(&kinds.into_iter().collect::<Vec<_>>());
        let of_kind: Vec<&String> = standing.into_iter().filter(|id| self.live[*id].kind == kind).collect();
        let of = (*self.dice.one(&of_kind)).clone();
        let Some(said) = self.live.remove(&of) else { return };
        if self.dice.percent(50) {
            return self.say("correction", self.now, bust(&of));
        }
        let Said { kind, at, fields } = amended(&said, &mut self.dice);
        let id = (self.all_named || self.dice.percent(70)).then(|| self.next_id());
        let named = id.as_ref().map(|id| format!("\"id\":\"{id}\",")).unwrap_or_default();
        let with = format!("{{\"type\":\"{kind}\",\"at\":\"{}\",{named}{fields}}}", time(at));
        self.say("correction", self.now, format!("\"of\":\"{of}\",\"with\":{with},\"reason\":\"amended\""));
        if let Some(id) = id {
            self.live.insert(id, Said { kind, at, fields });
        }
    }

    /// Busts everything that stands, in any order.
    pub fn bust_all(&mut self) {
        let mut ids: Vec<String> = self.live.keys().cloned().collect();
        while !ids.is_empty() {
            let at = self.dice.roll(ids.len() as u64) as usize;
            self.pass();
            let of = ids.swap_remove(at);
            self.live.remove(&of);
            self.say("correction", self.now, bust(&of));
        }
    }
}

/// Whether a kind is never corrected, because what names it would be refused.
pub fn basic(kind: &str) -> bool {
    matches!(kind, "instrument_listed" | "customer_onboarded")
}

fn bust(of: &str) -> String {
    format!("\"of\":\"{of}\",\"with\":null,\"reason\":\"busted\"")
}

/// The same at another time, or with another number.
fn amended(said: &Said, dice: &mut Dice) -> Said {
    let mut changed = said.clone();
    match dice.roll(3) {
        0 => changed.at -= dice.between(1, 3_000_000),
        1 => changed.at += dice.between(1, 3_000),
        _ => {
            // What is a share stays one.
            let share = matches!(said.kind, "fee_schedule_set" | "interest_rate_set" | "harvest_set");
            let fields = ["price", "amount", "quantity", "rate", "new"];
            for field in fields.into_iter().filter(|field| !share || *field != "rate") {
                let mark = format!("\"{field}\":\"");
                changed.fields = changed
                    .fields
                    .replacen(&mark, &format!("{mark}{}", dice.between(1, 2)), 1)
                    .replacen(&format!("{mark}1-"), &format!("{mark}-1"), 1)
                    .replacen(&format!("{mark}2-"), &format!("{mark}-2"), 1);
            }
        }
    }
    changed
}
