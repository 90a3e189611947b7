//! The broker: where blocks go. An interface, and a paper exchange behind it.

mod paper;
#[cfg(test)]
mod tests;

use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::Event;

use crate::books::Books;

pub use paper::PaperBroker;

/// A place that takes blocks and reports what becomes of them, as events for the log.
///
/// A block is taken when its `pending_new` is in the log; its id is the client order id, and a second one with
/// the same id is ignored. Reports take effect when they come back through `apply`.
pub trait Broker: Send {
    /// Takes note of a committed event.
    fn apply(&mut self, epoch: Epoch, event: &Event);

    /// Reports to append at this epoch.
    fn on_epoch(&mut self, epoch: Epoch, books: &dyn Books) -> Vec<Event>;

    /// The next epoch after `after` at which a report may be due without hearing anything new.
    fn next_due(&self, after: Epoch) -> Option<Epoch>;

    /// Blocks that have not ended.
    fn working(&self) -> usize;
}
