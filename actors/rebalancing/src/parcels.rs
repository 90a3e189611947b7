//! Which parcels a sale takes: losses first, then those held for 12 months, then the least gain.

use std::cmp::Ordering;

use evenkeel_schemas::{Money, Quantity, Ratio, TradeDate, div_half_even};
use evenkeel_tax::{Cpi, FinancialYear, Piece, Quarter, Sale, TaxError, pieces_of_sale};

use crate::book::{Book, Row};
use crate::error::PlanError;
use crate::plan::{ParcelClass, Sold};
use crate::snapshot::{Parcel, ParcelOrder, TaxYear};

/// A parcel in the order in which sales take them.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Ranked {
    pub parcel: Parcel,
    pub class: ParcelClass,
    /// Gain of the whole parcel at the mark, raw.
    gain: i128,
}

/// The parcels of each row, in the order of sale: as given where the books choose.
///
/// Of two of one class the one with less gain a unit goes first, then the older, then the lower number. Under
/// the regime of 1 July 2027 the gain is the sum of the pieces that the law sees.
///
/// # Errors
/// [`PlanError::Tax`] where the law of the day is missing.
pub(crate) fn ranked(book: &Book<'_>, tax: Option<TaxYear<'_>>) -> Result<Vec<Vec<Ranked>>, PlanError> {
    let date = book.portfolio.date;
    let mut all = Vec::with_capacity(book.rows.len());
    for row in &book.rows {
        let mut ranks = Vec::with_capacity(row.position.parcels.len());
        for parcel in &row.position.parcels {
            let worth = parcel.quantity.notional(row.price).unwrap_or(Money::MAX);
            let held = evenkeel_tax::held_clear_year(parcel.acquired, date);
            let gain = match pieces_at(parcel, parcel.quantity, worth, date, tax.filter(|_| home(row)))? {
                Some(pieces) => pieces.iter().map(|piece| i128::from(piece.amount.raw())).sum(),
                None => i128::from(worth.raw()) - i128::from(parcel.cost_base.raw()),
            };
            let class = match (gain < 0, held) {
                (true, _) => ParcelClass::Loss,
                (_, true) => ParcelClass::HeldClearYear,
                _ => ParcelClass::Recent,
            };
            ranks.push(Ranked { parcel: *parcel, class, gain });
        }
        if book.portfolio.parcel_order == ParcelOrder::Chosen {
            ranks.sort_by(before);
        }
        all.push(ranks);
    }
    Ok(all)
}

fn before(a: &Ranked, b: &Ranked) -> Ordering {
    let units = |ranked: &Ranked| i128::from(ranked.parcel.quantity.raw());
    // Gains and units are of 63 bits each: their product fits.
    let a_unit = a.gain * units(b);
    a.class
        .cmp(&b.class)
        .then_with(|| a_unit.cmp(&(b.gain * units(a))))
        .then_with(|| (a.parcel.acquired, a.parcel.lot).cmp(&(b.parcel.acquired, b.parcel.lot)))
}

/// Whether gains of a row are in the home currency, the only ones that tax is worked out for.
pub(crate) fn home(row: &Row<'_>) -> bool {
    row.rate == evenkeel_schemas::Rate::PAR
}

/// What selling units of a parcel on a day comes to; `None` where tax is not known.
///
/// # Errors
/// As [`pieces_of_sale`].
pub(crate) fn pieces_at(
    parcel: &Parcel,
    units: Quantity,
    proceeds: Money,
    date: TradeDate,
    tax: Option<TaxYear<'_>>,
) -> Result<Option<Vec<Piece>>, PlanError> {
    let Some(tax) = tax.filter(|tax| tax.profile.gains_are_taxed()) else { return Ok(None) };
    let law = tax.law.of(FinancialYear::of(date))?;
    let sale = Sale {
        acquired: parcel.acquired.min(date),
        disposed: date,
        proceeds,
        cost_base: part(parcel.cost_base, units, parcel.quantity),
        value_at_start: parcel.value_at_start.map(|value| part(value, units, parcel.quantity)),
    };
    let found = match pieces_of_sale(&sale, law, tax.profile, tax.cpi) {
        // The number of a quarter comes after it has ended: until then nothing is indexed, which is the
        // dearer way.
        Err(TaxError::NoIndex(_)) => {
            let start = law.regime_of(tax.profile).map_or(date, |regime| regime.start);
            pieces_of_sale(&sale, law, tax.profile, &flat(sale.acquired.max(start), date))
        }
        other => other,
    };
    match found? {
        Some(pieces) => Ok(Some(pieces)),
        None => Err(PlanError::Infeasible(vec![format!(
            "lot {} was held when 30 June 2027 ended and has no market value of that day: its gain cannot be \
             worked out",
            parcel.lot.0
        )])),
    }
}

/// Consumer prices that stay the same between two days.
fn flat(from: TradeDate, to: TradeDate) -> Cpi {
    Cpi::new([from, to].map(|date| (Quarter::of(date), Ratio::from_raw(Ratio::ONE))))
}

/// Whether gains of a day are indexed by a number that is not known yet.
pub(crate) fn index_missing(tax: TaxYear<'_>, date: TradeDate) -> bool {
    let quarter = Quarter::of(date);
    let regime = tax.law.of(FinancialYear::of(date)).ok().and_then(|law| law.regime_of(tax.profile));
    regime.is_some() && tax.cpi.factor(quarter, quarter).is_err()
}

/// `amount · units / all`, half-even as the books take it; `all` is positive.
pub(crate) fn part(amount: Money, units: Quantity, all: Quantity) -> Money {
    let product = i128::from(amount.raw()) * i128::from(units.raw());
    Money::from_wide(div_half_even(product, i128::from(all.raw()).max(1))).unwrap_or_default()
}

/// The parcels that a sale of `units` for `proceeds` takes, in their order. Proceeds are split by units, what
/// rounding leaves with the last; fewer units than are sold where the parcels do not reach.
pub(crate) fn taken(ranks: &[Ranked], units: Quantity, proceeds: Money) -> Vec<Sold> {
    let (mut left, mut told) = (units.raw(), 0_i64);
    let mut sold = Vec::new();
    for ranked in ranks {
        if left == 0 {
            break;
        }
        let parcel = &ranked.parcel;
        let quantity = Quantity::from_raw(left.min(parcel.quantity.raw()));
        left -= quantity.raw();
        let upto = part(proceeds, Quantity::from_raw(units.raw() - left), units);
        let share = Money::from_raw(upto.raw() - told);
        told = upto.raw();
        let cost_base = part(parcel.cost_base, quantity, parcel.quantity);
        sold.push(Sold {
            lot: parcel.lot,
            acquired: parcel.acquired,
            quantity,
            proceeds: share,
            cost_base,
            gain: share.checked_sub(cost_base).unwrap_or_default(),
            class: ranked.class,
        });
    }
    sold
}
