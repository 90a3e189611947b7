use super::until_due;
use crate::facts::Fact;
use evenkeel_schemas::{Currency, CustomerId, DueKind, Epoch, Money};

const DAY: Epoch = 86_400_000;

fn due(date: &str) -> Fact {
    let amount = Money::from_whole(100).unwrap();
    Fact::Due(CustomerId(1), Currency::AUD, date.parse().unwrap(), DueKind::Settlement, amount)
}

#[test]
fn what_is_due_stands_until_its_day_and_not_at_all_when_that_has_come() {
    let fact = due("1970-01-03");
    let until_due = |change| until_due(change, 100).collect::<Vec<_>>();
    let changes = until_due((fact.clone(), 100, 1));
    assert_eq!(changes, [(fact.clone(), 100, 1), (fact.clone(), 2 * DAY, -1)]);
    assert!(until_due((fact.clone(), 2 * DAY, 1)).is_empty());
    // A bust before the day takes both back.
    let bust = until_due((fact.clone(), 200, -1));
    assert_eq!(bust, [(fact.clone(), 200, -1), (fact, 2 * DAY, 1)]);
}
