//! When the effects of the probes are there to be seen.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::plan::{Plan, customer};
use super::since;
use crate::Failure;
use crate::program::Http;

/// Pause between two rounds of asking: what the asking costs the program is bounded by it.
const PAUSE: Duration = Duration::from_millis(2);
/// One in so many rounds asks for blocks, which wait for the desk's window.
const BLOCK_ROUNDS: u32 = 8;
/// How long after its time a probe may take in all.
const PATIENCE: Duration = Duration::from_secs(20);

/// When a probe's effects were first seen, in milliseconds from its scheduled time.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    pub trigger: f64,
    /// The decision's order is a row.
    pub order: f64,
    /// The desk has put it into a block, on its stream.
    pub block: f64,
}

#[derive(Clone, Copy)]
enum Stage {
    Trigger,
    Order,
    Block,
}

struct Waiting {
    number: usize,
    due: Instant,
    stage: Stage,
    seen: Seen,
}

/// Asks for each probe that is due until everything is seen.
pub(super) fn watch(http: &Http, plan: &Plan, start: Instant) -> Result<Vec<Seen>, Failure> {
    let due = plan.bodies.iter().filter(|body| body.probe).map(|body| start + body.at);
    let mut coming: VecDeque<(usize, Instant)> = due.enumerate().collect();
    let mut waiting: Vec<Waiting> = Vec::new();
    let mut all = Vec::new();
    let mut round = 0_u32;
    while !coming.is_empty() || !waiting.is_empty() {
        while let Some((number, due)) = coming.pop_front_if(|(_, due)| *due <= Instant::now()) {
            waiting.push(Waiting { number, due, stage: Stage::Trigger, seen: Seen::default() });
        }
        round = round.wrapping_add(1);
        for probe in &mut waiting {
            if !matches!(probe.stage, Stage::Block) || round.is_multiple_of(BLOCK_ROUNDS) {
                probe.ask(http)?;
            }
        }
        waiting.retain(|probe| {
            let done = probe.seen.block > 0.0;
            all.extend(done.then_some(probe.seen));
            !done
        });
        std::thread::sleep(PAUSE);
    }
    Ok(all)
}

impl Waiting {
    fn ask(&mut self, http: &Http) -> Result<(), Failure> {
        let customer = customer(self.number);
        let what = if matches!(self.stage, Stage::Trigger) { "triggers" } else { "orders" };
        let answer = http.json(&format!("/api/v1/customers/{customer}/{what}"))?;
        let listed = answer[what].as_array().map(Vec::as_slice).unwrap_or_default();
        let now = since(self.due);
        if self.due.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(Failure::Check(format!(
                "{customer} has no {what} as expected after {seconds} s: {answer}"
            )));
        }
        let Some(first) = listed.first() else { return Ok(()) };
        if listed.len() > 1 {
            return Err(Failure::Check(format!("{customer} has more than one of {what}: {answer}")));
        }
        match self.stage {
            Stage::Trigger if first["kind"] != "drift" => {
                return Err(Failure::Check(format!("{customer} has another trigger than drift: {answer}")));
            }
            Stage::Trigger => (self.seen.trigger, self.stage) = (now, Stage::Order),
            Stage::Order => (self.seen.order, self.stage) = (now, Stage::Block),
            Stage::Block if first["block"] != "" => self.seen.block = now,
            Stage::Block => {}
        }
        Ok(())
    }
}

/// A Prometheus histogram: how many were at most so many seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// By upper end in nanoseconds, so that ends can be compared; the open one last.
    upto: BTreeMap<u64, u64>,
}

const OPEN: u64 = u64::MAX;

/// Reads a histogram from the text of `/metrics`.
pub(super) fn histogram(text: &str, name: &str) -> Result<Histogram, Failure> {
    let mut histogram = Histogram::default();
    let begin = format!("{name}_bucket{{le=\"");
    for rest in text.lines().filter_map(|line| line.strip_prefix(&begin)) {
        let parsed = rest.split_once("\"} ").and_then(|(end, count)| {
            let end = if end == "+Inf" { OPEN } else { (end.parse::<f64>().ok()? * 1e9).round() as u64 };
            Some((end, count.parse::<f64>().ok()? as u64))
        });
        let Some((end, count)) = parsed else {
            return Err(Failure::Program(format!("/metrics has a line that is not understood: {rest}")));
        };
        histogram.upto.insert(end, count);
    }
    Ok(histogram)
}

impl Histogram {
    /// What was counted after an earlier look.
    pub fn since(&self, earlier: &Histogram) -> Histogram {
        let less = |(end, count): (&u64, &u64)| {
            (*end, count.saturating_sub(earlier.upto.get(end).copied().unwrap_or_default()))
        };
        Histogram { upto: self.upto.iter().map(less).collect() }
    }

    pub fn count(&self) -> u64 {
        self.upto.get(&OPEN).copied().unwrap_or_default()
    }

    /// A quantile in seconds, even within its bucket, as Prometheus estimates it; the last end for what lies
    /// beyond.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = share * self.count() as f64;
        let (mut low, mut below) = (0_u64, 0_u64);
        for (end, upto) in &self.upto {
            if *end == OPEN {
                break;
            }
            if *upto as f64 >= rank && *upto > below {
                let within = (rank - below as f64) / (*upto - below) as f64;
                return (low as f64 + within * (*end - low) as f64) / 1e9;
            }
            (low, below) = (*end, *upto);
        }
        low as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_read_and_its_quantiles_lie_within_their_bucket() {
        let text =
            "# HELP x\nx_bucket{le=\"0.1\"} 0\nx_bucket{le=\"0.2\"} 10\nx_bucket{le=\"+Inf\"} 11\nx_sum 3\n";
        let histogram = histogram(text, "x").unwrap();
        assert_eq!(histogram.count(), 11);
        assert!((histogram.quantile(0.5) - 0.155).abs() < 1e-9);
        assert!((histogram.quantile(0.999) - 0.2).abs() < 1e-9, "beyond the last end is the last end");
        assert_eq!(histogram.since(&histogram).count(), 0);
    }
}
