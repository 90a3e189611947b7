use super::until_due;
use crate::facts::Fact;
use evenkeel_schemas::{Currency, CustomerId, DueKind, Epoch, Money};

const DAY: Epoch = 86_400_000;

#[test]
fn what_is_due_stands_until_its_day_and_not_at_all_when_that_has_come() {
    let (customer, currency, kind) = (CustomerId(1), Currency::AUD, DueKind::Settlement);
    let (date, amount) = ("1970-01-03".parse().unwrap(), Money::from_whole(100).unwrap());
    let fact = Fact::Due(customer, currency, date, kind, amount);
    let rung = ((date, customer, currency, kind), amount.raw());
    let until_due = |change| until_due(change, 100).collect::<Vec<_>>();
    assert_eq!(until_due((fact.clone(), 100, 1)), [(rung, 100, 1), (rung, 2 * DAY, -1)]);
    assert!(until_due((fact.clone(), 2 * DAY, 1)).is_empty());
    // A bust before the day takes both back.
    assert_eq!(until_due((fact, 200, -1)), [(rung, 200, -1), (rung, 2 * DAY, 1)]);
}
