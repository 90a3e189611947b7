//! Tax by financial year: gains of the books, distributions with their credits, what is due.

use std::collections::BTreeMap;

use evenkeel_lots::RealisedGain;
use evenkeel_schemas::{InstrumentId, Money, Quantity, TradeDate, div_half_even};
use evenkeel_tax::{
    Customer, Distribution, FinancialYear, GainKind, GainRow, Position, Sale, TaxError, Trade, YearFacts,
    assess, pieces_of_sale, report,
};

use crate::account::Account;
use crate::result::YearTax;
use crate::settings::Taxes;

/// The taxpayer's years.
pub(crate) struct Years<'a> {
    taxes: &'a Taxes<'a>,
    pub year: FinancialYear,
    losses: Money,
    /// The year up to now, for plans: other income, and what was realised.
    pub position: Position,
    /// Gains of the account that `position` has.
    seen: usize,
}

impl<'a> Years<'a> {
    /// From the first day on.
    pub fn new(taxes: &'a Taxes<'a>, first: TradeDate) -> Years<'a> {
        let losses = taxes.losses_brought_forward;
        let mut years =
            Years { taxes, year: FinancialYear::of(first), losses, position: Position::default(), seen: 0 };
        years.position = years.empty();
        years
    }

    fn empty(&self) -> Position {
        Position { income: self.taxes.other_income, losses_prior: self.losses, ..Position::default() }
    }

    /// Takes what was realised since the last call into the year's position.
    ///
    /// # Errors
    /// [`TaxError`].
    pub fn take(&mut self, account: &Account) -> Result<(), TaxError> {
        for gain in &account.gains[self.seen..] {
            let law = self.taxes.law.of(FinancialYear::of(gain.disposed))?;
            let sale = Sale {
                acquired: gain.acquired,
                disposed: gain.disposed,
                proceeds: gain.proceeds,
                cost_base: gain.cost_base,
                value_at_start: None,
            };
            let pieces = match self.taxes.profile.gains_are_taxed() {
                true => pieces_of_sale(&sale, law, &self.taxes.profile, self.taxes.cpi)?,
                false => None,
            };
            for piece in pieces.unwrap_or_default() {
                let gains = &mut self.position.gains;
                let (to, amount) = match (piece.amount < Money::ZERO, piece.kind) {
                    (true, _) => (&mut self.position.losses_current, piece.amount.raw().saturating_neg()),
                    (_, GainKind::Ordinary) => (&mut gains.ordinary, piece.amount.raw()),
                    (_, GainKind::Discount) => (&mut gains.discount, piece.amount.raw()),
                    (_, GainKind::Accrued) => (&mut gains.accrued, piece.amount.raw()),
                };
                *to = to.checked_add(Money::from_raw(amount)).ok_or(TaxError::Range("gains of the year"))?;
            }
        }
        self.seen = account.gains.len();
        Ok(())
    }

    /// Closes the year: its tax, and the next one begins.
    ///
    /// # Errors
    /// [`TaxError`].
    pub fn close(&mut self, account: &Account, names: &Names, paid: bool) -> Result<YearTax, TaxError> {
        let Taxes { law, cpi, profile, other_income, .. } = self.taxes;
        let customer = Customer {
            customer: "backtest".to_owned(),
            profile: profile.clone(),
            gains: gains(account, self.year, names),
            distributions: distributions(account, self.year, names),
            interest: Vec::new(),
            trades: Vec::new(),
        };
        let facts =
            YearFacts { year: self.year, other_income: *other_income, other_franking_credits: Money::ZERO };
        let found = report(law, cpi, &customer, &facts, self.losses)?;
        let alone = assess(law.of(self.year)?, profile, &self.empty())?;
        let tax = found.assessment.net_tax()?.checked_sub(alone.net_tax()?).ok_or(TaxError::Range("tax"))?;
        let amount = |line: &str| found.amount(line).unwrap_or_default();
        let closed = YearTax {
            year: self.year,
            net_capital_gain: found.assessment.capital.net,
            distributions: amount("distributions"),
            franking_credits: found.position.franking_credits,
            tax,
            losses_carried_forward: found.losses_carried_forward,
            paid,
        };
        self.losses = found.losses_carried_forward;
        self.year = self.year.next();
        self.position = self.empty();
        Ok(closed)
    }
}

/// Names by instrument.
pub(crate) type Names = BTreeMap<InstrumentId, String>;

fn name(names: &Names, instrument: InstrumentId) -> String {
    names.get(&instrument).cloned().unwrap_or_else(|| instrument.0.to_string())
}

fn gains(account: &Account, year: FinancialYear, names: &Names) -> Vec<GainRow> {
    let of_year = account.gains.iter().filter(|gain| FinancialYear::of(gain.disposed) == year);
    let row = |gain: &RealisedGain| GainRow {
        instrument: name(names, gain.instrument),
        lot: gain.lot.0.to_string(),
        disposal: gain.disposal.0.to_string(),
        acquired: gain.acquired,
        disposed: gain.disposed,
        quantity: gain.quantity,
        proceeds: gain.proceeds,
        cost_base: gain.cost_base,
        gain: gain.gain,
        value_at_start: None,
    };
    of_year.map(row).collect()
}

/// Distributions paid in a year, each with the trades of its instrument on the basis of its ex date.
fn distributions(account: &Account, year: FinancialYear, names: &Names) -> Vec<Distribution> {
    let of_year = account.dues.iter().filter(|due| FinancialYear::of(due.payment.pay_date) == year);
    let row = |due: &crate::account::Due| Distribution {
        instrument: name(names, due.payment.instrument),
        event: due.number.to_string(),
        ex_date: due.payment.ex_date,
        pay_date: due.payment.pay_date,
        units: due.units,
        amount: due.amount,
        franked_fraction: due.payment.franked_fraction,
        preference: false,
        entitled_in: None,
        trades: trades(account, due.payment.instrument, due.payment.ex_date, names),
    };
    of_year.map(row).collect()
}

fn trades(account: &Account, instrument: InstrumentId, ex_date: TradeDate, names: &Names) -> Vec<Trade> {
    let of_it = account.moved.iter().filter(|moved| moved.instrument == instrument);
    let trade = |moved: &crate::account::Moved| {
        let mut units = i128::from(moved.quantity.raw());
        for split in account.splits.iter().filter(|split| split.instrument == instrument) {
            let (new, old) = (i128::from(split.new.raw()), i128::from(split.old.raw()));
            if moved.date < split.ex_date && split.ex_date <= ex_date {
                units = div_half_even(units * new, old);
            } else if ex_date < split.ex_date && split.ex_date <= moved.date {
                units = div_half_even(units * old, new);
            }
        }
        Trade {
            event: moved.number.to_string(),
            instrument: name(names, instrument),
            date: moved.date,
            quantity: Quantity::from_wide(units).unwrap_or_default(),
        }
    };
    of_it.map(trade).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Moved;
    use crate::data::Split;

    #[test]
    fn trades_are_told_on_the_basis_of_the_ex_date() {
        // 100 bought before a split of two for one in March, 50 after it, 30 sold after one of three for one
        // in May.
        let moved = |number: u64, date: &str, quantity: &str| Moved {
            number,
            instrument: InstrumentId(1),
            date: date.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
        };
        let split = |ex_date: &str, new: &str| Split {
            instrument: InstrumentId(1),
            ex_date: ex_date.parse().unwrap(),
            new: new.parse().unwrap(),
            old: "1".parse().unwrap(),
        };
        let account = Account {
            moved: vec![
                moved(1, "2026-02-02", "100"),
                moved(2, "2026-04-01", "50"),
                moved(3, "2026-06-01", "-30"),
            ],
            splits: vec![split("2026-03-02", "2"), split("2026-05-04", "3")],
            ..Account::default()
        };
        let told = |ex_date: &str| -> Vec<String> {
            let trades = trades(&account, InstrumentId(1), ex_date.parse().unwrap(), &Names::new());
            trades.iter().map(|trade| trade.quantity.to_string()).collect()
        };
        assert_eq!(told("2026-04-15"), ["200", "50", "-10"]);
        assert_eq!(told("2026-02-16"), ["100", "25", "-5"]);
        assert_eq!(told("2026-06-15"), ["600", "150", "-30"]);
    }
}
