//! Trying again: bounded, with doubling delays.

use crate::error::{Error, Result};
use std::time::Duration;

/// How often and how patiently to try again. Delays double from `first` to `longest`. They carry no jitter:
/// one writer per table makes a thundering herd impossible, and a run can be repeated exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first included; at least one is made.
    pub attempts: u32,
    /// The delay after the first failure.
    pub first: Duration,
    /// The longest delay.
    pub longest: Duration,
}

impl Default for Retry {
    /// Eight attempts in about 13 seconds: enough for an engine's restart. What lasts longer is for the
    /// caller, who keeps the batch and reports the lag.
    fn default() -> Self {
        Self { attempts: 8, first: Duration::from_millis(100), longest: Duration::from_secs(10) }
    }
}

impl Retry {
    /// One attempt, no patience.
    pub const NEVER: Self = Self { attempts: 1, first: Duration::ZERO, longest: Duration::ZERO };

    /// The delay after the `failures`-th failure, counted from one.
    pub fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// Waits before the next attempt, or hands the error back if there should be none. (A method that takes
    /// the attempt as an async closure would make futures that cannot be spawned: their `Send` is not general
    /// enough.)
    pub(crate) async fn pause(&self, what: &str, failures: &mut u32, error: Error) -> Result<()> {
        *failures += 1;
        if !error.retryable() {
            return Err(error);
        }
        if *failures >= self.attempts {
            return Err(Error::GaveUp { attempts: *failures, source: Box::new(error) });
        }
        let delay = self.delay(*failures);
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(what, failures, delay_ms, %error, "clickhouse failed, trying again");
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let retry = Retry { attempts: 9, first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let delays: Vec<u128> = (1..=6).map(|n| retry.delay(n).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(retry.delay(u32::MAX).as_millis(), 1000);
    }

    fn run(attempts: u32, error: fn() -> clickhouse::error::Error) -> (u32, Error) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let retry = Retry { attempts, first: Duration::ZERO, longest: Duration::ZERO };
        let mut failures = 0;
        loop {
            let paused = runtime.block_on(retry.pause("test", &mut failures, error().into()));
            if let Err(error) = paused {
                return (failures, error);
            }
        }
    }

    #[test]
    fn patience_is_bounded_and_only_for_what_may_pass() {
        let (calls, error) = run(3, || clickhouse::error::Error::TimedOut);
        assert_eq!(calls, 3);
        assert!(matches!(error, Error::GaveUp { attempts: 3, .. }));
        let (calls, error) = run(3, || clickhouse::error::Error::NotEnoughData);
        assert_eq!(calls, 1);
        assert!(matches!(error, Error::ClickHouse(_)));
    }
}
