//! What the house holds, customer by customer.

use std::collections::BTreeMap;

use evenkeel_schemas::{Currency, ExposureRow, Holding, Row, Total, Value};

use super::facts::Facts;

/// All exposures: what has a price to its holders.
pub fn exposures(facts: &Facts) -> std::collections::BTreeSet<Row> {
    // By base currency and holding: customers, quantity, the value of a raw unit.
    let mut sums: BTreeMap<(Currency, Holding), (u64, i128, i128)> = BTreeMap::new();
    for (customer, base) in facts.based() {
        let units = facts.held(customer).filter_map(|(instrument, quantity)| {
            let (currency, price) = (facts.currency(instrument)?, facts.price(instrument)?);
            let rate = facts.rate(currency, base)?;
            let unit = i128::from(price.raw()) * i128::from(rate.raw());
            Some((Holding::Instrument(instrument), quantity.raw(), unit))
        });
        let money = facts.cash(customer).filter_map(|(currency, amount)| {
            let unit = i128::from(facts.rate(currency, base)?.raw()) * 1_000_000;
            Some((Holding::Cash(currency), amount.raw(), unit))
        });
        for (holding, quantity, unit) in units.chain(money) {
            let sum = sums.entry((base, holding)).or_insert((0, 0, unit));
            sum.0 += 1;
            sum.1 += i128::from(quantity);
        }
    }
    let row = |((base_currency, holding), (customers, quantity, unit)): (
        (Currency, Holding),
        (u64, i128, i128),
    )| {
        let value = Total::rounded(Value::from_raw(quantity.checked_mul(unit)?));
        let quantity = Total::from_raw(quantity);
        Some(Row::Exposure(Box::new(ExposureRow { base_currency, holding, customers, quantity, value })))
    };
    sums.into_iter().filter_map(row).collect()
}
