//! Identifiers derived from what they identify, so that a replay or a retry meets what is already there.

use crate::events::{Side, TriggerKind};
use crate::{Epoch, Name};

/// `prefix` and the first 20 hex digits of the hash over the parts, each ended by a zero byte.
fn derive(prefix: &str, parts: &[&str]) -> Name {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let hex = hasher.finalize().to_hex();
    let text = format!("{prefix}-{}", &hex.as_str()[..20]);
    Name::new(&text).expect("hex digits and a hyphen are a name")
}

/// `T-…`: from customer, kind, subject and the epoch of entry.
pub fn trigger_id(customer: &str, kind: TriggerKind, subject: &str, entered: Epoch) -> Name {
    derive("T", &[customer, kind.as_str(), subject, &entered.to_string()])
}

/// `D-…`: from the customer, the trigger ids (sorted here) and how many decisions answered them before.
pub fn decision_id(customer: &str, triggers: &[&str], attempt: u32) -> Name {
    let mut sorted = triggers.to_vec();
    sorted.sort_unstable();
    let attempt = attempt.to_string();
    let mut parts = vec![customer, attempt.as_str()];
    parts.extend(sorted);
    derive("D", &parts)
}

/// `O-…`: from the decision and the instrument; a decision has at most one order for each.
pub fn order_id(decision: &str, instrument: &str) -> Name {
    derive("O", &[decision, instrument])
}

/// `B-…`, the client order id that the broker sees: from the instrument, the side and the orders blocked.
pub fn block_id(instrument: &str, side: Side, orders: &[&str]) -> Name {
    let mut sorted = orders.to_vec();
    sorted.sort_unstable();
    let mut parts = vec![instrument, side.as_str()];
    parts.extend(sorted);
    derive("B", &parts)
}

/// What stands for a lot where numbers do: for `seq:N`, the lot of an event without an id, its running number; for an
/// event's id, a hash of it that no running number is.
pub fn lot_number(lot: &str) -> u64 {
    const HASHED: u64 = 1 << 63;
    let running = lot.strip_prefix("seq:").and_then(|number| number.parse().ok());
    running.filter(|number| *number < HASHED).unwrap_or_else(|| {
        let hash = blake3::hash(lot.as_bytes());
        hash.as_bytes()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)) | HASHED
    })
}

/// `E-…`, an event id for what the program appends: from what the event is about and its running number.
pub fn event_id(about: &str, what: &str, number: u64) -> Name {
    derive("E", &[about, what, &number.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_every_part_and_not_on_the_order_of_sets() {
        let id = trigger_id("c1", TriggerKind::Drift, "VAS", 100);
        assert_eq!(id, trigger_id("c1", TriggerKind::Drift, "VAS", 100));
        assert_ne!(id, trigger_id("c1", TriggerKind::Drift, "VAS", 200));
        assert_ne!(id, trigger_id("c1V", TriggerKind::Drift, "AS", 100));
        assert_eq!(decision_id("c", &["a", "b"], 0), decision_id("c", &["b", "a"], 0));
        assert_ne!(decision_id("c", &["a"], 0), decision_id("c", &["a"], 1));
    }
}
