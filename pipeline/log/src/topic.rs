//! The partitions of the log.

use std::fmt;
use std::str::FromStr;

/// A partition of the log; offsets are dense within one topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Topic {
    /// Instruments, ticks, closes, rates, sessions, corporate actions.
    Market,
    /// Customers, their targets, cash and fills.
    Accounts,
    /// What the program itself decided: decisions, orders, allocations, closing marks.
    Decisions,
    /// Events that were refused, with the reason.
    DeadLetter,
}

impl Topic {
    /// All topics, in the order in which records of one epoch are replayed: prices before the accounts
    /// that are valued with them, decisions after what they were made from.
    pub const ALL: [Topic; 4] = [Topic::Market, Topic::Accounts, Topic::Decisions, Topic::DeadLetter];

    /// The name used on the command line and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Topic::Market => "market",
            Topic::Accounts => "accounts",
            Topic::Decisions => "decisions",
            Topic::DeadLetter => "dead_letter",
        }
    }

    /// The topic's number in the file; part of the file format, so a number is never given twice.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Topic::Market => 0,
            Topic::Accounts => 1,
            Topic::Decisions => 2,
            Topic::DeadLetter => 3,
        }
    }

    /// Position in [`Topic::ALL`], for arrays with one place per topic.
    pub(crate) const fn index(self) -> usize {
        self.code() as usize
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no topic.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown topic {0:?}: expected market, accounts, decisions or dead_letter")]
pub struct UnknownTopic(pub String);

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Topic, UnknownTopic> {
        Topic::ALL
            .into_iter()
            .find(|topic| topic.as_str() == name)
            .ok_or_else(|| UnknownTopic(name.to_owned()))
    }
}
