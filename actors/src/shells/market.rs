//! The desk's and the broker's actors.

use std::sync::Arc;

use actix::prelude::{Actor, Context, Handler, Message};
use crossbeam_channel::Sender;
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::Event;

use crate::books::Books;
use crate::broker::Broker;
use crate::desk::{BlockRow, Desk};

/// What a machine has left to do.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Orders or blocks that have not ended.
    pub pending: usize,
    /// Of those, what waits for its window or for cash.
    pub waiting: usize,
}

/// Committed events, in log order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Committed {
    pub epoch: Epoch,
    pub events: Arc<[Event]>,
    pub reply: Sender<Status>,
}

/// An epoch to act at.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Step {
    pub epoch: Epoch,
    pub books: Arc<dyn Books>,
    pub reply: Sender<Vec<Event>>,
}

/// When there is something to do next.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Due {
    pub after: Epoch,
    pub reply: Sender<Option<Epoch>>,
}

/// The desk's blocks for views.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Rows {
    pub reply: Sender<Vec<BlockRow>>,
}

/// The desk as an actor.
pub(crate) struct DeskActor {
    desk: Desk,
    mailbox: usize,
}

/// The broker as an actor.
pub(crate) struct BrokerActor {
    broker: Box<dyn Broker>,
    mailbox: usize,
}

impl DeskActor {
    pub fn new(desk: Desk, mailbox: usize) -> DeskActor {
        DeskActor { desk, mailbox }
    }
}

impl BrokerActor {
    pub fn new(broker: Box<dyn Broker>, mailbox: usize) -> BrokerActor {
        BrokerActor { broker, mailbox }
    }
}

impl Actor for DeskActor {
    type Context = Context<DeskActor>;

    fn started(&mut self, context: &mut Context<DeskActor>) {
        context.set_mailbox_capacity(self.mailbox);
    }
}

impl Actor for BrokerActor {
    type Context = Context<BrokerActor>;

    fn started(&mut self, context: &mut Context<BrokerActor>) {
        context.set_mailbox_capacity(self.mailbox);
    }
}

// Who asked may have gone away in the meantime, which is no concern of the one that answers: hence `let _`.

impl Handler<Committed> for DeskActor {
    type Result = ();
    fn handle(&mut self, committed: Committed, _: &mut Context<DeskActor>) {
        for event in committed.events.iter() {
            self.desk.apply(committed.epoch, event);
        }
        let status = Status { pending: self.desk.open(), waiting: self.desk.waiting() };
        let _ = committed.reply.send(status);
    }
}

impl Handler<Step> for DeskActor {
    type Result = ();
    fn handle(&mut self, step: Step, _: &mut Context<DeskActor>) {
        let _ = step.reply.send(self.desk.on_epoch(step.epoch, &*step.books));
    }
}

impl Handler<Due> for DeskActor {
    type Result = ();
    fn handle(&mut self, due: Due, _: &mut Context<DeskActor>) {
        let _ = due.reply.send(self.desk.next_due(due.after));
    }
}

impl Handler<Rows> for DeskActor {
    type Result = ();
    fn handle(&mut self, rows: Rows, _: &mut Context<DeskActor>) {
        let _ = rows.reply.send(self.desk.books());
    }
}

impl Handler<Committed> for BrokerActor {
    type Result = ();
    fn handle(&mut self, committed: Committed, _: &mut Context<BrokerActor>) {
        for event in committed.events.iter() {
            self.broker.apply(committed.epoch, event);
        }
        let _ = committed.reply.send(Status { pending: self.broker.working(), waiting: 0 });
    }
}

impl Handler<Step> for BrokerActor {
    type Result = ();
    fn handle(&mut self, step: Step, _: &mut Context<BrokerActor>) {
        let _ = step.reply.send(self.broker.on_epoch(step.epoch, &*step.books));
    }
}

impl Handler<Due> for BrokerActor {
    type Result = ();
    fn handle(&mut self, due: Due, _: &mut Context<BrokerActor>) {
        let _ = due.reply.send(self.broker.next_due(due.after));
    }
}
