//! The actors: thin shells that carry messages to the pure machines and answers back.

mod customer;
mod market;

use actix::dev::ToEnvelope;
use actix::prelude::{Actor, Addr, Handler, Message, SendError};
use crossbeam_channel::{Sender, bounded};

pub(crate) use customer::{Answer, CustomerActor, Living, Reply, Wake};
pub(crate) use market::{BrokerActor, Committed, DeskActor, Due, Rows, Status, Step};

/// An actor that the system cannot do without has stopped: its handler panicked or the system was stopped.
/// The process must come back from the log.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} actor has stopped; restart from the log")]
pub struct ActorLost(pub &'static str);

/// Sends a message when there is room, waiting for it if need be; false when the actor is gone.
pub(crate) fn deliver<A, M>(to: &Addr<A>, message: M) -> bool
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let mut message = message;
    loop {
        match to.try_send(message) {
            Ok(()) => return true,
            Err(SendError::Closed(_)) => return false,
            Err(SendError::Full(back)) => {
                message = back;
                // The actor's thread never waits for this one, so that there will be room.
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        }
    }
}

/// Asks an actor and waits for its answer.
pub(crate) fn ask<A, M, R>(
    name: &'static str,
    to: &Addr<A>,
    message: impl FnOnce(Sender<R>) -> M,
) -> Result<R, ActorLost>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let (reply, answer) = bounded(1);
    if !deliver(to, message(reply)) {
        return Err(ActorLost(name));
    }
    // The reply is dropped with the message when the handler panics, which ends this wait.
    answer.recv().map_err(|_| ActorLost(name))
}

#[cfg(test)]
mod tests {
    use actix::prelude::Context;
    use actix::{Arbiter, System};
    use crossbeam_channel::unbounded;

    use super::*;
    use crate::fake::name;

    /// An actor that panics while it holds a reply.
    struct Fragile;

    impl Actor for Fragile {
        type Context = Context<Fragile>;
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Break(Reply);

    impl Handler<Break> for Fragile {
        type Result = ();
        fn handle(&mut self, message: Break, _: &mut Context<Fragile>) {
            let _held = message.0;
            panic!("a handler that breaks")
        }
    }

    #[test]
    fn a_panicking_handler_answers_lost_and_leaves_the_others_alive() {
        let (to, answers) = unbounded();
        let (ready, started) = bounded(1);
        let thread = std::thread::spawn(move || {
            let runner = System::new();
            ready.send((System::current(), Arbiter::current())).unwrap();
            runner.run().unwrap();
        });
        let (system, arbiter) = started.recv().unwrap();
        let first = Fragile::start_in_arbiter(&arbiter, |_| Fragile);
        let second = Fragile::start_in_arbiter(&arbiter, |_| Fragile);
        for (customer, actor) in [("a", &first), ("b", &second)] {
            assert!(deliver(actor, Break(Reply::new(name(customer), to.clone()))));
            let (who, answer) = answers.recv().unwrap();
            assert!(who == name(customer) && matches!(answer, Answer::Lost));
        }
        system.stop();
        thread.join().unwrap();
    }
}
