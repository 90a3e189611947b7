//! The financial years of taxpayers so far, as plans weigh them: from what is said of them, and from the rows of their
//! tax reports, so as of the last mark.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_actors::TaxKnown;
use evenkeel_operators::facts::{Corporate, CorporateAction, TaxFact, Taxpayer, Version, YearInput};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{CustomerId, InstrumentId, Money, Price, Quantity, Ratio, TaxRow, TradeDate};
use evenkeel_tax::{
    CostMethod, Cpi, FinancialYear, Law, POSITION_LINES, Position, Profile, Quarter, position_of,
};

use super::state;
use crate::few::Few;

/// The lines that are kept of a report: those of a position, and what the next year brings forward.
const LINES: [&str; POSITION_LINES.len() + 1] = {
    let mut lines = [CARRIED; POSITION_LINES.len() + 1];
    let mut at = 0;
    while at < POSITION_LINES.len() {
        lines[at] = POSITION_LINES[at];
        at += 1;
    }
    lines
};
const CARRIED: &str = "losses_carried_forward";

/// What is known of one taxpayer.
#[derive(Clone, Debug, Default)]
struct Payer {
    said: Few<(TradeDate, Version), Taxpayer>,
    years: Few<(FinancialYear, Version), YearInput>,
    /// Of each reported year, what a position is read from, by its place in [`LINES`].
    lines: Few<(FinancialYear, usize), Money>,
}

/// Taxpayers, and what of the market their gains depend on from 1 July 2027 on.
#[derive(Clone, Debug)]
pub(super) struct Taxpayers {
    payers: BTreeMap<CustomerId, Payer>,
    indices: BTreeMap<(Quarter, Version), Ratio>,
    cpi: Arc<Cpi>,
    /// The first year with law.
    first: Option<FinancialYear>,
    /// When cost bases are re-based.
    start: Option<TradeDate>,
    closes: BTreeMap<InstrumentId, Few<Version, Price>>,
    /// Splits and mergers since then, by instrument: units held before are others now.
    regrouped: BTreeMap<InstrumentId, isize>,
}

impl Default for Taxpayers {
    fn default() -> Taxpayers {
        // A test excludes that the texts that come with the program are not in order.
        let law = Law::built_in().ok();
        Taxpayers {
            payers: BTreeMap::new(),
            indices: BTreeMap::new(),
            cpi: Arc::default(),
            first: law.as_ref().and_then(Law::first),
            start: law.as_ref().and_then(Law::regime_start),
            closes: BTreeMap::new(),
            regrouped: BTreeMap::new(),
        }
    }
}

impl Taxpayers {
    /// Something is said of a customer, or taken back.
    pub fn say(&mut self, customer: CustomerId, fact: &TaxFact, diff: isize) {
        match fact {
            TaxFact::Taxpayer(from, version, taxpayer) => {
                let payer = self.payers.entry(customer).or_default();
                state(&mut payer.said, (*from, *version), *taxpayer, diff);
            }
            TaxFact::Year(year, version, input) => {
                let payer = self.payers.entry(customer).or_default();
                state(&mut payer.years, (*year, *version), *input, diff);
            }
            TaxFact::Received(..) => {}
        }
    }

    pub fn index(&mut self, quarter: Quarter, version: Version, index: Ratio, diff: isize) {
        if diff > 0 {
            self.indices.insert((quarter, version), index);
        } else {
            self.indices.remove(&(quarter, version));
        }
        let standing = self.indices.iter().map(|((quarter, _), index)| (*quarter, *index));
        self.cpi = Arc::new(Cpi::new(standing));
    }

    pub fn close(&mut self, instrument: InstrumentId, version: Version, price: Price, diff: isize) {
        state(self.closes.entry(instrument).or_default(), version, price, diff);
    }

    pub fn corporate(&mut self, instrument: InstrumentId, action: &CorporateAction, diff: isize) {
        if self.start.is_none_or(|start| action.date < start) {
            return;
        }
        let other = match action.what {
            Corporate::Split { .. } => None,
            Corporate::Merger { into, .. } => Some(into),
            Corporate::Distribution { .. } | Corporate::Delisting { .. } => return,
        };
        for instrument in other.into_iter().chain([instrument]) {
            *self.regrouped.entry(instrument).or_default() += diff;
        }
    }

    pub fn insert(&mut self, row: &TaxRow) {
        if let Some(key) = read(row) {
            self.payers.entry(row.customer).or_default().lines.insert(key, row.amount);
        }
    }

    pub fn remove(&mut self, row: &TaxRow) {
        if let (Some(key), Some(payer)) = (read(row), self.payers.get_mut(&row.customer)) {
            payer.lines.remove(&key);
        }
    }

    /// Whether a year that cannot be worked out leaves that of a day without a report: one with law, up to it.
    pub fn stands_in_the_way(&self, year: &str, day: TradeDate) -> bool {
        let year = year.parse::<FinancialYear>().ok();
        year.is_some_and(|year| {
            self.first.is_some_and(|first| first <= year) && year <= FinancialYear::of(day)
        })
    }

    /// The year of a day; `None` for who is no taxpayer.
    pub fn year(&self, customer: CustomerId, day: TradeDate, method: CostBasis) -> Option<TaxKnown> {
        let payer = self.payers.get(&customer)?;
        let year = FinancialYear::of(day);
        let of = |((from, _), _): &(&(TradeDate, Version), &Taxpayer)| FinancialYear::of(*from) <= year;
        let taxpayer = payer.said.iter().filter(of).last().map(|(_, taxpayer)| *taxpayer)?;
        let position = payer.position(year, &taxpayer)?;
        Some(TaxKnown { profile: profile(&taxpayer, method), position, cpi: Arc::clone(&self.cpi) })
    }

    /// What units acquired on a day were worth when cost bases were re-based; `None` where that is not asked, or not known.
    pub fn value_at_start(
        &self,
        instrument: InstrumentId,
        acquired: TradeDate,
        units: Quantity,
    ) -> Option<Money> {
        self.start.filter(|start| acquired < *start)?;
        if self.regrouped.get(&instrument).is_some_and(|count| *count != 0) {
            return None;
        }
        units.notional(*self.closes.get(&instrument)?.last()?)
    }
}

impl Payer {
    /// As the report has it. A year in which nothing has happened yet has none: it is what is said of it, with the losses of
    /// the last one that was reported.
    fn position(&self, year: FinancialYear, taxpayer: &Taxpayer) -> Option<Position> {
        let reported = self.lines.iter().filter(|((of, _), _)| *of == year);
        let mut reported = reported.map(|((_, line), amount)| (LINES[*line], *amount)).peekable();
        if reported.peek().is_some() {
            return position_of(reported).ok();
        }
        let said = self.years.iter().filter(|((of, _), _)| *of == year).last().map(|(_, input)| *input);
        let carried =
            self.lines.iter().filter(|((of, line), _)| *of < year && LINES[*line] == CARRIED).last();
        Some(Position {
            income: said.map(|said| said.other_income).or(taxpayer.other_income).unwrap_or_default(),
            losses_prior: said
                .and_then(|said| said.losses_brought_forward)
                .or(carried.map(|(_, amount)| *amount))
                .unwrap_or_default(),
            ..Position::default()
        })
    }
}

/// The year of a row that is kept, and the place of its line.
fn read(row: &TaxRow) -> Option<(FinancialYear, usize)> {
    let line = LINES.iter().position(|line| **line == *row.line)?;
    Some((row.year.parse().ok()?, line))
}

fn profile(taxpayer: &Taxpayer, method: CostBasis) -> Profile {
    Profile {
        entity: taxpayer.entity.into(),
        resident: taxpayer.resident,
        cost_method: match method {
            CostBasis::Fifo => CostMethod::Fifo,
            CostBasis::Lifo => CostMethod::Lifo,
            CostBasis::Hifo => CostMethod::Hifo,
            CostBasis::Average => CostMethod::Average,
            CostBasis::Specific => CostMethod::Specific,
        },
        income_support: taxpayer.income_support,
        taxable_australian_property: taxpayer.taxable_australian_property,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_schemas::events::TaxEntity;

    use super::*;

    const PAYER: CustomerId = CustomerId(3);

    fn date(text: &str) -> TradeDate {
        text.parse().unwrap()
    }

    fn version(number: u64) -> Version {
        Version { at: date("2026-01-01").start(), number }
    }

    fn taxpayer(income: &str) -> TaxFact {
        let taxpayer = Taxpayer {
            entity: TaxEntity::Individual,
            resident: true,
            income_support: false,
            taxable_australian_property: false,
            other_income: Some(income.parse().unwrap()),
        };
        TaxFact::Taxpayer(date("2025-08-01"), version(1), taxpayer)
    }

    fn row(year: &str, line: &str, amount: &str) -> TaxRow {
        TaxRow {
            customer: PAYER,
            year: year.into(),
            line: line.into(),
            label: "".into(),
            amount: amount.parse().unwrap(),
            rule: "".into(),
            sources: "".into(),
        }
    }

    fn on(known: &Taxpayers, day: &str) -> Option<Position> {
        known.year(PAYER, date(day), CostBasis::Specific).map(|known| known.position)
    }

    #[test]
    fn a_year_is_read_from_its_report_and_goes_with_it() {
        let mut known = Taxpayers::default();
        assert_eq!(on(&known, "2026-11-20"), None);
        known.say(PAYER, &taxpayer("90000"), 1);
        assert_eq!(on(&known, "2025-06-30"), None, "from the year of the statement on");
        let rows = [
            row("2026-27", "other_income", "80000"),
            row("2026-27", "interest", "250"),
            row("2026-27", "interest/e1", "250"),
            row("2026-27", "gains_discount", "4000"),
            row("2026-27", "losses", "700"),
            row("2026-27", "losses_carried_forward", "0"),
        ];
        rows.iter().for_each(|row| known.insert(row));
        let read = on(&known, "2026-11-20").unwrap();
        assert_eq!(
            (read.income.to_string(), read.gains.discount.to_string()),
            ("80250".into(), "4000".into())
        );
        assert_eq!(read.losses_current.to_string(), "700");
        rows.iter().for_each(|row| known.remove(row));
        assert_eq!(on(&known, "2026-11-20").unwrap().income.to_string(), "90000", "the usual income is left");
        known.say(PAYER, &taxpayer("90000"), -1);
        assert_eq!(on(&known, "2026-11-20"), None);
    }

    #[test]
    fn a_year_without_a_report_brings_losses_forward() {
        let mut known = Taxpayers::default();
        known.say(PAYER, &taxpayer("90000"), 1);
        known.insert(&row("2025-26", "losses_carried_forward", "1500"));
        let read = on(&known, "2026-11-20").unwrap();
        assert_eq!((read.income.to_string(), read.losses_prior.to_string()), ("90000".into(), "1500".into()));
        let said = YearInput {
            other_income: "10".parse().unwrap(),
            other_franking_credits: Money::ZERO,
            losses_brought_forward: Some("20".parse().unwrap()),
        };
        known.say(PAYER, &TaxFact::Year("2026-27".parse().unwrap(), version(2), said), 1);
        let read = on(&known, "2026-11-20").unwrap();
        assert_eq!((read.income.to_string(), read.losses_prior.to_string()), ("10".into(), "20".into()));
    }

    #[test]
    fn what_units_were_worth_is_not_known_after_a_split() {
        let mut known = Taxpayers::default();
        let of = |known: &Taxpayers, day: &str| {
            known.value_at_start(InstrumentId(1), date(day), "10".parse().unwrap()).map(|v| v.to_string())
        };
        assert_eq!(of(&known, "2026-01-05"), None);
        known.close(InstrumentId(1), version(1), "12.5".parse().unwrap(), 1);
        assert_eq!(of(&known, "2026-01-05").as_deref(), Some("125"));
        assert_eq!(of(&known, "2027-07-01"), None, "bought since");
        let what = Corporate::Split { new: "2".parse().unwrap(), old: "1".parse().unwrap(), in_lieu: None };
        let split = |day: &str| CorporateAction {
            date: date(day),
            number: 4,
            name: "s".into(),
            currency: evenkeel_schemas::Currency::AUD,
            what,
        };
        known.corporate(InstrumentId(1), &split("2027-06-30"), 1);
        assert!(of(&known, "2026-01-05").is_some(), "the close is on the new basis");
        known.corporate(InstrumentId(1), &split("2027-07-02"), 1);
        assert_eq!(of(&known, "2026-01-05"), None);
        known.corporate(InstrumentId(1), &split("2027-07-02"), -1);
        assert!(of(&known, "2026-01-05").is_some());
    }
}
