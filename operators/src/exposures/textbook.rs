//! Parts by joins: the oracle of the monitor's sums.

use evenkeel_schemas::{Currency, Holding, Pair, Rate};

use super::Part;
use crate::tally::{Tally, tally};
use crate::typedefs::{Rows, present};
use crate::valuations::{Holdings, Quotes};

/// Raw units of a `Value` (10⁻²¹) in one raw unit of cash (10⁻⁶) at a raw rate of one (10⁻⁹).
const CASH_UNIT: i128 = 1_000_000;

/// What is held, summed where it lies, priced.
pub fn textbook<'s>(holdings: Holdings<'s>, quotes: Quotes<'s>) -> Rows<'s, ((Currency, Holding), Part)> {
    let Holdings { held, balances, bases } = holdings;
    let Quotes { terms, prices, rates } = quotes;
    let par = present(bases.clone().map(|(_, base)| (Pair { base, quote: base }, Rate::PAR)));
    let rates = rates.concat(par);
    let held = held
        .map(|((c, i), quantity)| (c, (Holding::Instrument(i), quantity.raw())))
        .concat(balances.map(|((c, currency), amount)| (c, (Holding::Cash(currency), amount.raw()))))
        .join_map(bases, |_, (holding, quantity), base| ((*base, *holding), *quantity));
    let sums = tally::<Held, _, _, _, _>(held, "held", Some, |key, sum| Some((*key, sum)));
    let units = sums.clone().flat_map(|((base, holding), sum)| match holding {
        Holding::Instrument(i) => Some((i, (base, sum))),
        Holding::Cash(_) => None,
    });
    let priced = terms.join_map(prices, |i, currency, price| (*i, (*currency, *price)));
    let units = units.join_map(priced, |i, (base, sum), (currency, price)| {
        (Pair { base: *currency, quote: *base }, (Holding::Instrument(*i), *sum, i128::from(price.raw())))
    });
    let money = sums.flat_map(|((base, holding), sum)| match holding {
        Holding::Cash(currency) => Some((Pair { base: currency, quote: base }, (holding, sum, CASH_UNIT))),
        Holding::Instrument(_) => None,
    });
    units.concat(money).join_map(rates, |pair, (holding, (customers, quantity), unit), rate| {
        let unit = unit * i128::from(rate.raw());
        ((pair.quote, *holding), Part { customers: *customers, quantity: *quantity, unit })
    })
}

/// How many hold how much.
#[derive(Default)]
struct Held {
    customers: i128,
    quantity: i128,
}

impl Tally<i64> for Held {
    type Held = (u64, i128);

    fn add(&mut self, quantity: i64, times: isize) {
        self.customers += times as i128;
        self.quantity += i128::from(quantity) * times as i128;
    }

    fn held(&self) -> Option<(u64, i128)> {
        let customers = u64::try_from(self.customers).ok().filter(|customers| *customers > 0)?;
        Some((customers, self.quantity))
    }

    fn is_empty(&self) -> bool {
        self.customers == 0 && self.quantity == 0
    }
}
