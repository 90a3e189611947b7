//! Capital gains and losses of a year's disposals, line by line.

use evenkeel_schemas::{Money, Quantity, TradeDate};
use serde::{Deserialize, Serialize};

use crate::amount::{add, sub};
use crate::error::TaxError;
use crate::gains::Gains;
use crate::law::{GainKind, YearLaw};
use crate::profile::Profile;
use crate::regime::{Cpi, Piece, Sale, pieces};
use crate::sheet::{Sheet, event};
use crate::year::held_clear_year;

/// A realised gain: (part of) a lot, disposed of. Amounts in the home currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GainRow {
    /// The instrument.
    pub instrument: String,
    /// The lot: the event that opened it.
    pub lot: String,
    /// The event that disposed of it.
    pub disposal: String,
    /// Trade date of the purchase.
    pub acquired: TradeDate,
    /// Trade date of the sale.
    pub disposed: TradeDate,
    /// Units.
    pub quantity: Quantity,
    /// What came in, less costs of selling.
    pub proceeds: Money,
    /// What it had cost, after adjustments such as AMIT's.
    pub cost_base: Money,
    /// Proceeds less cost base.
    pub gain: Money,
    /// Market value of these units when 30 June 2027 ended, for a lot that was held then.
    #[serde(default)]
    pub value_at_start: Option<Money>,
}

/// Gains by kind and losses of a year, with the lines they come from.
#[derive(Debug, Default)]
pub(crate) struct Disposals {
    pub(crate) gains: Gains,
    pub(crate) losses: Money,
    /// Lines by kind, in the order of [`GainKind::ALL`].
    pub(crate) gain_lines: [Vec<String>; 3],
    pub(crate) loss_lines: Vec<String>,
}

/// Writes a line for each disposal, or for each of its two pieces under the regime of 1 July 2027.
pub(crate) fn disposals(
    rows: &[&GainRow],
    law: &YearLaw,
    profile: &Profile,
    cpi: &Cpi,
    sheet: &mut Sheet,
) -> Result<Disposals, TaxError> {
    let mut all = Disposals::default();
    for row in rows {
        let found = pieces_of(row, law, profile, cpi)?;
        let split = found.len() > 1;
        for (n, piece) in found.into_iter().enumerate() {
            let id = write(row, &piece, split.then_some(n), sheet);
            if piece.amount < Money::ZERO {
                all.losses = sub(all.losses, piece.amount)?;
                all.loss_lines.push(id);
            } else {
                let total = all.gains.of_mut(piece.kind);
                *total = add(*total, piece.amount)?;
                all.gain_lines[piece.kind as usize].push(id);
            }
        }
    }
    Ok(all)
}

/// Checks a row and cuts it into pieces.
fn pieces_of(row: &GainRow, law: &YearLaw, profile: &Profile, cpi: &Cpi) -> Result<Vec<Piece>, TaxError> {
    let (disposal, lot) = (row.disposal.clone(), row.lot.clone());
    if row.disposed < row.acquired {
        return Err(TaxError::Dates { disposal, lot, acquired: row.acquired, disposed: row.disposed });
    }
    if sub(row.proceeds, row.cost_base)? != row.gain {
        return Err(TaxError::Gain {
            disposal,
            lot,
            gain: row.gain.to_string(),
            proceeds: row.proceeds.to_string(),
            cost_base: row.cost_base.to_string(),
        });
    }
    let sale = Sale {
        acquired: row.acquired,
        disposed: row.disposed,
        proceeds: row.proceeds,
        cost_base: row.cost_base,
        value_at_start: row.value_at_start,
    };
    let start = law.regime_of(profile).map_or(row.disposed, |regime| regime.start);
    pieces_of_sale(&sale, law, profile, cpi)?.ok_or(TaxError::NoValue { disposal, lot, start })
}

/// What a sale comes to under a year's law: one piece, or the two of [`pieces`] under the regime of 1 July
/// 2027. `None` when a lot that was held when that regime began has no value at its start.
///
/// # Errors
/// As [`pieces`].
pub fn pieces_of_sale(
    sale: &Sale,
    law: &YearLaw,
    profile: &Profile,
    cpi: &Cpi,
) -> Result<Option<Vec<Piece>>, TaxError> {
    if let Some(regime) = law.regime_of(profile) {
        return pieces(sale, regime, cpi);
    }
    let discounted = law.discount_of(profile) != crate::amount::Fraction::ZERO;
    let kind = if discounted && held_clear_year(sale.acquired, sale.disposed) {
        GainKind::Discount
    } else {
        GainKind::Ordinary
    };
    let amount = sub(sale.proceeds, sale.cost_base)?;
    Ok(Some(vec![Piece { kind, amount, cost_base: sale.cost_base }]))
}

const DEFERRED: &str = "value when 30 June 2027 ended less cost base, deferred to the sale (ITAA 1997 \
                        s 112-155, s 112-160)";
const LOSS: &str = "proceeds less reduced cost base, not indexed (ITAA 1997 s 104-10(4), s 110-55)";
const ACCRUED: &str = "proceeds less cost base, indexed if held for 12 months (ITAA 1997 s 110-36(1A), \
                       s 114-10(9))";
const DISCOUNT: &str = "proceeds less cost base, held for 12 months (ITAA 1997 s 104-10(4), s 115-25; \
                        TD 2002/10)";
const ORDINARY: &str = "proceeds less cost base, no discount (ITAA 1997 s 104-10(4), s 115-25; TD 2002/10)";

/// Writes the line of a piece; gives its id. `part` is its number where a sale has two.
fn write(row: &GainRow, piece: &Piece, part: Option<usize>, sheet: &mut Sheet) -> String {
    let what = if piece.amount < Money::ZERO { "loss" } else { "gain" };
    let (name, suffix) = match part {
        None => ("", ""),
        Some(0) => ("deferred ", "/deferred"),
        Some(_) => ("accrued ", "/accrued"),
    };
    let rule = match (part, piece.kind) {
        (Some(0), _) => DEFERRED,
        _ if piece.amount < Money::ZERO => LOSS,
        (_, GainKind::Accrued) => ACCRUED,
        (_, GainKind::Discount) => DISCOUNT,
        (_, GainKind::Ordinary) => ORDINARY,
    };
    let label = format!(
        "{name}{what}: {} {} of lot {}, {} to {}, cost base {}",
        row.quantity, row.instrument, row.lot, row.acquired, row.disposed, piece.cost_base
    );
    let id = format!("gain/{}/{}{suffix}", row.disposal, row.lot);
    sheet.line(id, label, piece.amount, rule, vec![event(&row.disposal), event(&row.lot)])
}
