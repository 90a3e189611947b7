//! Units held, and what corporate actions pay on them.
//!
//! Computes  q(c,i): the sum of signed quantities of live fills and transfers, through the splits, mergers, delistings
//!           and reinvested distributions whose day has come; what each customer is entitled to of a distribution
//! Inputs    books: Fact::Movement, signed, several per customer and instrument, and Fact::Reinvest, each in its
//!           customer's worker; Fact::Corporate, in every worker
//! Outputs   Known::Position, at most one per customer and instrument; flat is no row; Known::OutOfRange.
//!           Row::Distribution, one per customer and distribution. Facts that follow: what is paid (Posting), what is
//!           due (Due), lots of reinvested units (Lot)
//! Units     Quantity, scale 10⁻⁶; splits and mergers truncate towards zero to the scale. A distribution pays cents,
//!           rounded half-even; other actions pay 10⁻⁶, as lots count it. Reinvested units are whole, the rest is paid
//! Errors    a sum out of range gives a row out of range and no position; nobody is paid for fewer than no units
//! State     units by customer, instrument and trade date, in one sorted run a customer; actions, elections. An action
//!           visits every customer, a movement its own
//! Time      an action counts at the later of its record and the first instant of its day; what a distribution pays,
//!           of its pay date
//! Source    DESIGN §5; ASX Operating Rules, Appendix 6A (ex date and entitlement)

mod books;
mod calc;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use evenkeel_lots::{Entry, LotId, What};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{
    CustomerId, DistributionRow, DueKind, Money, PaymentStatus, Quantity, Row, TradeDate,
};

use crate::epochwise::{Changes, epochwise_here};
use crate::facts::{Booked, Corporate, Fact, LotEntry, epoch_of};
use crate::known::Known;
use crate::told::Told;
use crate::typedefs::Rows;

use books::{Books, Change, Moves};
use calc::Payment;
pub(crate) use calc::{Terms, walk_days};

/// Maintains positions and what corporate actions pay.
pub fn positions(books: Rows<'_, Fact>, epoch_ms: u64) -> Rows<'_, Told> {
    let mut state = Books::new(epoch_ms);
    epochwise_here(
        books.flat_map(changes),
        "positions",
        move |change, epoch| match change {
            Change::Fact(Fact::Corporate(_, action)) => epoch.max(epoch_of(action.date, epoch_ms)),
            Change::PayDate(_, date) => epoch.max(epoch_of(*date, epoch_ms)),
            Change::Fact(_) => epoch,
        },
        move |epoch, changes, out| state.step(epoch, changes, |moves| tell(moves, out)),
    )
}

/// A distribution counts on two days.
fn changes(fact: Fact) -> impl Iterator<Item = Change> {
    let pay_date = match &fact {
        Fact::Corporate(instrument, action) => match action.what {
            Corporate::Distribution { pay_date, .. } if pay_date > action.date => {
                Some(Change::PayDate(*instrument, pay_date))
            }
            _ => None,
        },
        _ => None,
    };
    std::iter::once(Change::Fact(fact)).chain(pay_date)
}

fn tell(moves: Moves, out: &mut Changes<Told>) {
    let Moves { customer, before, now } = moves;
    for (standing, other, diff) in [(&before, &now, -1), (&now, &before, 1)] {
        for (instrument, raw) in &standing.units {
            if !other.units.contains(&(*instrument, *raw)) {
                let known = Quantity::from_wide(*raw)
                    .map_or(Known::OutOfRange(customer), |q| Known::Position(customer, *instrument, q));
                out.push((Told::Known(known), diff));
            }
        }
        for payment in &standing.payments {
            if !other.payments.contains(payment) {
                out.extend(follow(customer, payment).into_iter().map(|outcome| (outcome, diff)));
            }
        }
    }
}

/// What a payment means for cash, lots and people.
fn follow(customer: CustomerId, payment: &Payment) -> Vec<Told> {
    let (action, instrument) = (&payment.action, payment.instrument);
    let cash = Money::from_wide(payment.amount - payment.cost);
    let (Some(cash), Some(amount)) = (cash, Money::from_wide(payment.amount)) else {
        return vec![Told::Known(Known::OutOfRange(customer))];
    };
    let Corporate::Distribution { franked_fraction, pay_date, lots, .. } = action.what else {
        let booked = Booked::on(action.date);
        return vec![Told::Follows(Fact::Posting(customer, action.currency, booked, cash))];
    };
    let quantity = Quantity::from_wide(payment.entitled).zip(Quantity::from_wide(payment.reinvested));
    let Some((quantity, reinvested)) = quantity else {
        return vec![Told::Known(Known::OutOfRange(customer))];
    };
    let row = DistributionRow {
        customer,
        instrument,
        distribution: action.name.clone(),
        ex_date: action.date,
        pay_date,
        currency: action.currency,
        quantity,
        amount,
        franked_fraction,
        reinvested,
        status: if payment.paid { PaymentStatus::Paid } else { PaymentStatus::Accrued },
    };
    let mut follows = vec![Told::Row(Row::Distribution(Box::new(row)))];
    if cash != Money::ZERO {
        follows.push(Told::Follows(if payment.paid {
            Fact::Posting(customer, action.currency, Booked::on(pay_date), cash)
        } else {
            Fact::Due(customer, action.currency, pay_date, DueKind::Distribution, cash)
        }));
    }
    if payment.paid && lots && reinvested > Quantity::ZERO {
        follows.extend(allotment(customer, payment, pay_date, reinvested).map(Told::Follows));
    }
    follows
}

/// The lot that reinvested units open, named as the distribution.
fn allotment(
    customer: CustomerId,
    payment: &Payment,
    pay_date: TradeDate,
    quantity: Quantity,
) -> Option<Fact> {
    let (instrument, name) = (payment.instrument, &payment.action.name);
    let (lot, cost_base) = (LotId(lot_number(name)), Money::from_wide(payment.cost)?);
    let what = What::Acquire { instrument, lot, quantity, cost_base, acquired: pay_date };
    let entry = Entry { date: pay_date, at: pay_date.start(), number: payment.action.number, what };
    let entry = LotEntry { entry, name: Some(name.clone()), named: Box::default() };
    Some(Fact::Lot(customer, Arc::new(entry)))
}
