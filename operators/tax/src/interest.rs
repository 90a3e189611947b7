//! Interest of a year, line by line.

use evenkeel_schemas::{Money, TradeDate};
use serde::{Deserialize, Serialize};

use crate::amount::add;
use crate::error::TaxError;
use crate::sheet::{Sheet, event};
use crate::year::FinancialYear;

/// Interest received, or taken back. Home currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interest {
    /// The event's id.
    pub event: String,
    /// When it was credited.
    pub date: TradeDate,
    /// Positive is received.
    pub amount: Money,
}

/// Writes a line for each credit of a year; gives their sum and the lines.
pub(crate) fn interest(
    all: &[Interest],
    year: FinancialYear,
    sheet: &mut Sheet,
) -> Result<(Money, Vec<String>), TaxError> {
    let (mut sum, mut lines) = (Money::ZERO, Vec::new());
    for one in all.iter().filter(|one| FinancialYear::of(one.date) == year) {
        sum = add(sum, one.amount)?;
        let label = format!("interest credited {}", one.date);
        let rule = "assessable when credited (ITAA 1997 s 6-5)";
        lines.push(sheet.line(
            format!("interest/{}", one.event),
            label,
            one.amount,
            rule,
            vec![event(&one.event)],
        ));
    }
    Ok((sum, lines))
}
