//! What sales add to the tax of the year, with the law of its day.

use evenkeel_schemas::{Money, TradeDate};
use evenkeel_tax::{Assessment, FinancialYear, GainKind, Piece, Position, TaxError, YearLaw, assess};

use crate::policy::Policy;
use crate::snapshot::TaxYear;

/// The year as it stands.
pub(crate) struct YearBook<'a> {
    tax: TaxYear<'a>,
    law: &'a YearLaw,
    year: FinancialYear,
    before: Assessment,
}

impl<'a> YearBook<'a> {
    /// The year of a day.
    ///
    /// # Errors
    /// [`TaxError`] for a year without law and for amounts that cannot be.
    pub fn new(tax: TaxYear<'a>, date: TradeDate) -> Result<YearBook<'a>, TaxError> {
        let year = FinancialYear::of(date);
        let law = tax.law.of(year)?;
        Ok(YearBook { before: assess(law, tax.profile, tax.position)?, tax, law, year })
    }

    /// Tax of the year that these pieces add, less what losses carried forward are taken to be worth;
    /// negative is a saving.
    ///
    /// # Errors
    /// [`TaxError::Range`] beyond the range of money.
    pub fn added(&self, pieces: &[Piece], policy: &Policy) -> Result<Money, TaxError> {
        if pieces.is_empty() {
            return Ok(Money::ZERO);
        }
        let position = with(self.tax.position, pieces)?;
        let after = assess(self.law, self.tax.profile, &position)?;
        let range = || TaxError::Range("tax");
        let more = after.net_tax()?.checked_sub(self.before.net_tax()?).ok_or_else(range)?;
        let carried = |assessed: &Assessment| assessed.capital.carried_forward;
        let carried = carried(&after).checked_sub(carried(&self.before)).ok_or_else(range)?;
        let worth = crate::book::to_money(carried.to_f64() * policy.carried_loss_value.to_f64());
        more.checked_sub(worth).ok_or_else(range)
    }

    /// Tax that a sale on a later day adds, beside these pieces of today. A later year is taken to have the
    /// income of this one and no gains but this, with the losses that are left carried into it.
    ///
    /// # Errors
    /// [`TaxError`] for a year without law.
    pub fn added_later(
        &self,
        today: &[Piece],
        later: &[Piece],
        date: TradeDate,
        policy: &Policy,
    ) -> Result<Money, TaxError> {
        if FinancialYear::of(date) == self.year {
            let both: Vec<Piece> = today.iter().chain(later).copied().collect();
            let (all, now) = (self.added(&both, policy)?, self.added(today, policy)?);
            return all.checked_sub(now).ok_or(TaxError::Range("tax"));
        }
        let this = assess(self.law, self.tax.profile, &with(self.tax.position, today)?)?;
        let losses_prior = this.capital.carried_forward;
        let (income, franking_credits) = (self.tax.position.income, self.tax.position.franking_credits);
        let next = Position { income, franking_credits, losses_prior, ..Position::default() };
        let law = self.tax.law.of(FinancialYear::of(date))?;
        let without = assess(law, self.tax.profile, &next)?.net_tax()?;
        let with = assess(law, self.tax.profile, &with(&next, later)?)?.net_tax()?;
        with.checked_sub(without).ok_or(TaxError::Range("tax"))
    }
}

/// A year's position with more gains and losses.
fn with(position: &Position, pieces: &[Piece]) -> Result<Position, TaxError> {
    let mut with = *position;
    let add = |to: &mut Money, amount: Money| -> Result<(), TaxError> {
        *to = to.checked_add(amount).ok_or(TaxError::Range("gains of the year"))?;
        Ok(())
    };
    for piece in pieces {
        if piece.amount < Money::ZERO {
            add(&mut with.losses_current, Money::from_raw(piece.amount.raw().saturating_neg()))?;
            continue;
        }
        let to = match piece.kind {
            GainKind::Ordinary => &mut with.gains.ordinary,
            GainKind::Discount => &mut with.gains.discount,
            GainKind::Accrued => &mut with.gains.accrued,
        };
        add(to, piece.amount)?;
    }
    Ok(with)
}
