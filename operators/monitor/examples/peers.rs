//! The kernel on the workload that the comparison with other engines runs: loads its generated files, closes
//! epochs by each choice of mode, prints milliseconds per epoch, and writes the changes in the common format
//! (epoch, customer, instrument, ±1; four little-endian u32 each), so that outputs can be compared.
//!
//! ```text
//! cargo run --release -p evenkeel-monitor --example peers -- CUSTOMERS EPOCHS OUT|- DIR [TICKS] [auto|sweep|zones] [crash] [warm]
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark on files that it was pointed at")]

use std::io::Write;
use std::time::Instant;
use std::{env, fs};

use evenkeel_monitor::{Change, Choice, Event, Mode, Monitor, Options, Report, Target, Valuations};
use evenkeel_schemas::{Currency, CustomerId, InstrumentId, Money, Price, Quantity, Ratio};

/// Epoch length of the files.
const TICKS: usize = 1000;
/// One cent and one basis point in raw units.
const CENT: i64 = 10_000;
const UNIT: i64 = 1_000_000;

struct Account {
    epoch: usize,
    customer: u32,
    instrument: u32,
    quantity: i64,
    cash: i64,
}

struct Files {
    positions: Vec<[u32; 4]>,
    cash: Vec<i64>,
    prices: Vec<u32>,
    ticks: Vec<(u32, u32)>,
    accounts: Vec<Account>,
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

fn load(dir: &str, customers: usize, ticks: usize) -> Files {
    let bytes = fs::read(format!("{dir}/pos_{customers}.bin")).unwrap();
    let rows = words(&bytes[4..8])[0] as usize;
    let positions = words(&bytes[8..8 + 16 * rows]).chunks_exact(4).map(|r| r.try_into().unwrap()).collect();
    let cash = bytes[8 + 16 * rows..].chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()));
    let text = fs::read_to_string(format!("{dir}/prices0.csv")).unwrap();
    let prices = text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap());
    let all = words(&fs::read(format!("{dir}/ticks.bin")).unwrap());
    let events = fs::read(format!("{dir}/events_{customers}.bin")).unwrap();
    let accounts = events.chunks_exact(24).enumerate().map(|(number, bytes)| {
        let word = words(&bytes[..16]);
        Account {
            // Ten per epoch of the files; other epochs take them by their running number.
            epoch: if ticks == TICKS { word[0] as usize } else { number * TICKS / 10 / ticks },
            customer: word[1],
            instrument: word[2],
            quantity: i64::from(word[3] as i32),
            cash: i64::from_le_bytes(bytes[16..].try_into().unwrap()),
        }
    });
    Files {
        positions,
        cash: cash.collect(),
        prices: prices.collect(),
        ticks: all.chunks_exact(2).map(|tick| (tick[0], tick[1])).collect(),
        accounts: accounts.collect(),
    }
}

fn price(cents: u32) -> Option<Price> {
    Some(Price::from_raw(i64::from(cents) * CENT))
}

fn fill(monitor: &mut Monitor, files: &Files) {
    for (instrument, cents) in files.prices.iter().enumerate() {
        monitor.set_terms(InstrumentId(instrument as u32), Some(Currency::AUD));
        monitor.set_price(InstrumentId(instrument as u32), price(*cents));
    }
    let band = Ratio::from_bps(500).unwrap();
    let mut targets = Vec::new();
    for lines in files.positions.chunk_by(|a, b| a[0] == b[0]) {
        let customer = CustomerId(lines[0][0]);
        monitor.set_base(customer, Some(Currency::AUD));
        monitor.set_cash(customer, Currency::AUD, Money::from_raw(files.cash[lines[0][0] as usize] * CENT));
        targets.clear();
        for [_, instrument, quantity, target] in lines {
            let instrument = InstrumentId(*instrument);
            monitor.set_position(customer, instrument, Quantity::from_raw(i64::from(*quantity) * UNIT));
            let weight = Ratio::from_bps(i64::from(*target)).unwrap();
            targets.push(Target { instrument, weight, band });
        }
        monitor.set_targets(customer, &targets, band);
    }
}

/// Volatilities of the first twenty epochs, as a running system has them from before.
fn warm(monitor: &mut Monitor, files: &Files, ticks: usize) {
    const EPOCHS: usize = 20;
    let mut last = files.prices.clone();
    let (mut squares, mut moves) = (vec![0.0; last.len()], vec![0.0; last.len()]);
    for epoch in files.ticks.chunks(ticks).take(EPOCHS) {
        let before = last.clone();
        for (instrument, cents) in epoch {
            last[*instrument as usize] = *cents;
        }
        for (at, (now, before)) in last.iter().zip(&before).enumerate().filter(|(_, (now, was))| now != was) {
            squares[at] += (f64::from(*now) / f64::from(*before) - 1.0).powi(2);
            moves[at] += 1.0;
        }
    }
    for (at, (square, moves)) in squares.iter().zip(&moves).enumerate() {
        // Five basis points where nothing has been seen.
        let of = |count: f64| ((square + 2.5e-7) / (count + 1.0)).sqrt();
        monitor.set_volatility(InstrumentId(at as u32), of(EPOCHS as f64), of(*moves));
    }
}

/// The common format has no sides: a change of sides is no change.
fn write(out: &mut Vec<[u32; 4]>, epoch: usize, changes: &[Change]) {
    for change in changes {
        let (instrument, entered) = match &change.event {
            Event::BreachLeft { instrument, .. } => (instrument.0, u32::MAX),
            Event::BreachEntered { instrument, .. } => (instrument.0, 1),
            other => panic!("unexpected {other:?}"),
        };
        let line = [epoch as u32, change.customer.0, instrument, entered];
        match out.last() {
            Some(last) if last[..3] == line[..3] && last[3] != entered => drop(out.pop()),
            _ => out.push(line),
        }
    }
}

fn resident_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS 0");
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let (customers, epochs): (usize, usize) = (args[0].parse().unwrap(), args[1].parse().unwrap());
    let (out_path, dir) = (&args[2], &args[3]);
    let ticks: usize = args.get(4).map_or(TICKS, |ticks| ticks.parse().unwrap());
    let choice = match args.get(5).map_or("auto", String::as_str) {
        "sweep" => Choice::Sweep,
        "zones" => Choice::Zones,
        _ => Choice::Auto,
    };
    let files = load(dir, customers, ticks);
    let before = resident_bytes();
    let mut monitor = Monitor::new(Options { choice });
    let (mut out, mut changes) = (Vec::new(), Vec::new());
    let started = Instant::now();
    fill(&mut monitor, &files);
    if args.iter().any(|word| word == "warm") {
        warm(&mut monitor, &files, ticks);
    }
    let filled = started.elapsed();
    monitor.close(&mut changes);
    let loaded = started.elapsed();
    write(&mut out, 0, &changes);
    let bytes = (resident_bytes() - before) / customers as f64;

    let mut quantities: std::collections::HashMap<(u32, u32), i64> =
        files.positions.iter().map(|row| ((row[0], row[1]), i64::from(row[2]))).collect();
    let mut cash = files.cash.clone();
    let mut accounts = files.accounts.iter().peekable();
    let (mut times, mut sum) = (Vec::new(), Report::default());
    let mut modes = [0; 3];
    for epoch in 0..epochs {
        let range = epoch * ticks..((epoch + 1) * ticks).min(files.ticks.len());
        let begun = Instant::now();
        for (instrument, cents) in &files.ticks[range] {
            monitor.set_price(InstrumentId(*instrument), price(*cents));
        }
        while let Some(account) = accounts.next_if(|account| account.epoch == epoch) {
            let customer = CustomerId(account.customer);
            let quantity = quantities.get_mut(&(account.customer, account.instrument)).unwrap();
            *quantity += account.quantity;
            let instrument = InstrumentId(account.instrument);
            monitor.set_position(customer, instrument, Quantity::from_raw(*quantity * UNIT));
            let balance = &mut cash[account.customer as usize];
            *balance += account.cash;
            monitor.set_cash(customer, Currency::AUD, Money::from_raw(*balance * CENT));
        }
        changes.clear();
        let report = monitor.close(&mut changes);
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        write(&mut out, epoch, &changes);
        sum.woken += report.woken;
        sum.exact += report.exact;
        sum.near += report.near;
        sum.groups += report.groups;
        modes[match report.mode {
            Mode::Zones => 0,
            Mode::Sweep => 1,
            Mode::Return => 2,
        }] += 1;
        if env::var_os("EPOCHS").is_some() {
            eprintln!("{epoch} {:.3} {report:?}", times[epoch]);
        }
    }
    print!("{customers} {choice:?} ticks {ticks}: ");
    summarize(&times, &sum, modes);
    println!("fill {filled:.2?} first close {:.2?} | {bytes:.0} B/customer", loaded - filled);
    if args.iter().any(|word| word == "crash") {
        after(&mut monitor, &files);
    }
    if out_path != "-" {
        let mut file = std::io::BufWriter::new(fs::File::create(out_path).unwrap());
        for word in out.iter().flatten() {
            file.write_all(&word.to_le_bytes()).unwrap();
        }
    }
}

fn summarize(times: &[f64], sum: &Report, modes: [usize; 3]) {
    let epochs = times.len();
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((epochs - 1) as f64 * share) as usize];
    let mean = times.iter().sum::<f64>() / epochs as f64;
    print!("ms mean {mean:.4} p50 {:.4} p99 {:.4} max {:.3} | ", at(0.5), at(0.99), at(1.0));
    let per = |count: usize| count / epochs;
    print!("woken {} exact {} near {} ", per(sum.woken), per(sum.exact), per(sum.near));
    print!("groups {} | zones/sweep/return {modes:?} | ", per(sum.groups));
}

/// A crash of the whole market by a fifth, then a calm market, then valuations.
fn after(monitor: &mut Monitor, files: &Files) {
    let mut changes = Vec::new();
    let mut last = files.prices.clone();
    for (instrument, cents) in &files.ticks {
        last[*instrument as usize] = *cents;
    }
    for round in 0..60 {
        for (instrument, cents) in last.iter().enumerate() {
            let crashed = cents * 4 / 5 + (round + instrument as u32) % 2;
            monitor.set_price(InstrumentId(instrument as u32), price(crashed));
        }
        let begun = Instant::now();
        changes.clear();
        let report = monitor.close(&mut changes);
        if round < 5 || round % 10 == 9 {
            println!("crash +{round}: {:.2?}, {} changes, {report:?}", begun.elapsed(), changes.len());
        }
    }
    let mut columns = Valuations::default();
    for _ in 0..4 {
        let begun = Instant::now();
        monitor.value_all(&mut columns);
        println!("valuations of {}: {:.2?}", columns.nav.len(), begun.elapsed());
    }
    let begun = Instant::now();
    let found = (0..1000).filter_map(|c| monitor.appraise(CustomerId(c))).count();
    println!("appraisals: {:.2?} each, {found} of 1000", begun.elapsed() / 1000);
}
