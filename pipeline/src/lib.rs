//! How Evenkeel runs: the log, the door, the dataflow on its workers, the actors, the sinks, HTTP and the
//! command line.
#![warn(missing_docs)]

pub mod admission;
pub mod bench;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod door;
pub mod engine;
pub mod error;
mod few;
pub mod http;
pub mod lines;
pub mod live;
mod machine;
mod market_facts;
pub mod names;
pub mod progress;
pub mod render;
pub mod replay;
mod room;
pub mod sink;
pub mod source;
pub mod verify;
pub mod view;
