//! Several processes, one dataflow: how they find one another.
//!
//! One process *leads*: it has the log, the door, HTTP, actors and ClickHouse, and takes part in the dataflow. The others
//! lend it their workers (`evenkeel worker --leader ADDRESS`) and know nothing but that address: the leader gives them
//! their number and tells them what to build. Facts go to the worker of their customer, the market to all of them, rows
//! come back to the leader, so that everything beyond the dataflow is as with one process.
//!
//! ```text
//! worker ──── hello: build, where it listens ────► leader       (each worker, until all are there)
//! worker ◄─── welcome: number, addresses, work ─── leader
//! worker ──── hello: build, number ──────────────► workers of lower numbers
//! ```
//!
//! After that the sockets are timely's. Timely has no change of membership: who loses a process ends, and all of them start
//! again from the log. What is said is neither encrypted nor signed: this is for a network of one's own.

mod gather;
mod greeting;
mod join;

use std::net::TcpStream;
use std::process::Child;

use evenkeel_operators::dataflow::Timing;
use serde::{Deserialize, Serialize};
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::initialize::Hooks;

use crate::config::DriftEngine;

pub use gather::{Gathering, gather};
pub use join::join;

/// What the leader has the others build.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Worker threads of each process.
    pub workers: usize,
    /// Epochs and marks.
    pub timing: Timing,
    /// What values and watches portfolios.
    pub drift_engine: DriftEngine,
}

/// Processes that have found one another.
pub struct Cluster {
    /// Worker threads of each process.
    pub workers: usize,
    process: usize,
    /// To each of the others, by number.
    sockets: Vec<Option<TcpStream>>,
    /// Those that this one started.
    children: Children,
}

/// Processes that this one started. They end when it does, as their connection to it ends.
#[derive(Default)]
struct Children(Vec<Child>);

impl Children {
    fn wait(&mut self) {
        for mut child in self.0.drain(..) {
            let _ = child.wait();
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|child| drop(child.kill()));
        self.wait();
    }
}

/// What has to be kept until the dataflow has ended.
pub struct Ties {
    _threads: Box<dyn std::any::Any + Send>,
    children: Children,
}

impl Ties {
    /// Of a single process.
    pub(crate) fn none() -> Ties {
        Ties { _threads: Box::new(()), children: Children::default() }
    }

    /// Waits for the processes that this one started, after the dataflow has ended.
    pub(crate) fn release(mut self) {
        self.children.wait();
    }
}

impl Cluster {
    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.sockets.len()
    }

    /// What timely makes its workers from.
    ///
    /// # Errors
    /// In words, when a thread cannot be started or a socket is gone.
    pub(crate) fn allocators(self) -> Result<(Vec<AllocatorBuilder>, Ties), String> {
        let Cluster { workers, process, sockets, children } = self;
        let hooks = Hooks::default();
        let local = ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), None);
        let (remote, guard) = initialize_networking_from_sockets(local, sockets, process, workers, hooks)
            .map_err(|error| format!("cannot connect the processes of the cluster: {error}"))?;
        let builders = remote.into_iter().map(AllocatorBuilder::Tcp).collect();
        Ok((builders, Ties { _threads: Box::new(guard), children }))
    }
}
