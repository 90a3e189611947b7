//! The seam behind which the log lies: what the line needs of a log, whoever keeps it.
//!
//! The embedded log (`evenkeel-log`) is the default; a broker's topics fit in the same place. What a log must
//! give: an append that is atomic over topics and on disk when it returns, gap-free offsets by topic, and a
//! scan of everything in order of epochs. Identity, numbering and deduplication are the line's own: a log
//! that delivers at least once is enough.

use evenkeel_log::{Log, LogError, RecordRef, Topic};
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::{Event, parse_event};

use super::sequencer::split_number;
use crate::error::Error;
use crate::view::{LoggedDecision, Offset};

/// What the line needs of a log.
pub trait EventLog: Send + Sync {
    /// Appends records of one epoch, atomically; they are on disk when it returns. Gives each its offset in
    /// its topic.
    ///
    /// # Errors
    /// When nothing was appended; the log then takes no more until it is opened again.
    fn append(&self, epoch: Epoch, records: &[(Topic, &[u8])]) -> Result<Vec<u64>, LogError>;

    /// Hands every record to `each`, market records from an epoch on, by epoch, topic and offset, until it
    /// fails or says no.
    ///
    /// # Errors
    /// When a record cannot be read or is not what was written, or what `each` says.
    fn scan(
        &self,
        market_from: Epoch,
        each: &mut dyn FnMut(RecordRef<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error>;

    /// A logged decision.
    ///
    /// # Errors
    /// When there is none at this offset, or it cannot be read.
    fn decision(&self, offset: Offset) -> Result<LoggedDecision, Error>;
}

impl EventLog for Log {
    fn append(&self, epoch: Epoch, records: &[(Topic, &[u8])]) -> Result<Vec<u64>, LogError> {
        Log::append(self, epoch, records)
    }

    fn scan(
        &self,
        market_from: Epoch,
        each: &mut dyn FnMut(RecordRef<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let from = |topic| (topic, if topic == Topic::Market { market_from } else { 0 });
        let mut scan = self.scan_since(&Topic::ALL.map(from))?;
        while let Some(record) = scan.next_ref() {
            if !each(record?)? {
                break;
            }
        }
        Ok(())
    }

    fn decision(&self, offset: Offset) -> Result<LoggedDecision, Error> {
        let mut scan = Log::scan(self, Topic::Decisions, offset)?;
        if let Some(record) = scan.next_ref().transpose()?
            && let Ok(Event::Decision(decision)) = parse_event(split_number(record)?.1)
        {
            return Ok(LoggedDecision { epoch: record.epoch, decision: *decision });
        }
        Err(Error::Check(format!("log: decisions {offset} is not a decision; see verify")))
    }
}
