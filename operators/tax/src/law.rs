//! The law as data: one text a financial year, checked when it is read.
//!
//! The texts in `schemas/tax/` are part of the program; a user who has newer law brings texts of the same
//! form. Each covers one financial year; one without `to` covers the years until the next text. Together they
//! leave no year out.

use std::collections::BTreeMap;

use evenkeel_schemas::{Money, Ratio, TradeDate};
use serde::Deserialize;

use crate::amount::Fraction;
use crate::error::TaxError;
use crate::profile::{Entity, Profile};
use crate::year::FinancialYear;

/// The texts that come with the program.
const BUILT_IN: [(&str, &str); 9] = [
    ("au-2019-20.toml", include_str!("../../../schemas/tax/au-2019-20.toml")),
    ("au-2020-21.toml", include_str!("../../../schemas/tax/au-2020-21.toml")),
    ("au-2021-22.toml", include_str!("../../../schemas/tax/au-2021-22.toml")),
    ("au-2022-23.toml", include_str!("../../../schemas/tax/au-2022-23.toml")),
    ("au-2023-24.toml", include_str!("../../../schemas/tax/au-2023-24.toml")),
    ("au-2024-25.toml", include_str!("../../../schemas/tax/au-2024-25.toml")),
    ("au-2025-26.toml", include_str!("../../../schemas/tax/au-2025-26.toml")),
    ("au-2026-27.toml", include_str!("../../../schemas/tax/au-2026-27.toml")),
    ("au-2027-28.toml", include_str!("../../../schemas/tax/au-2027-28.toml")),
];

/// The law of some years, without gaps between the first and the last.
#[derive(Clone, Debug)]
pub struct Law {
    years: BTreeMap<FinancialYear, YearLaw>,
    /// Whether the last text also covers the years after it.
    open: bool,
}

/// The law of a financial year. Money in AUD, rates as ratios of 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearLaw {
    /// First day, a 1 July.
    pub from: TradeDate,
    /// Last day, the next 30 June; without one, this law stays until another follows.
    pub to: Option<TradeDate>,
    /// Scales of individuals.
    pub individual: Scales,
    /// Where cents are left out.
    pub rounding: Rounding,
    /// Medicare levy of a single resident without dependants.
    pub medicare_levy: MedicareLevy,
    /// Tax of a company.
    pub company: Flat,
    /// Tax of a complying super fund in accumulation.
    pub super_fund: Flat,
    /// Discount of gains on what was held for 12 months.
    pub discount: Discounts,
    /// In which order gains are reduced by losses.
    pub losses: Losses,
    /// Franking credits and who may use them.
    pub franking: Franking,
    /// Indexation and minimum tax of resident individuals, where they are the law.
    pub regime: Option<Regime>,
}

/// Scales of individuals.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scales {
    /// Of residents.
    pub resident: Vec<Bracket>,
    /// Of foreign residents.
    pub foreign_resident: Vec<Bracket>,
}

/// What is over an amount is taxed at a rate, up to the next bracket.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bracket {
    /// The amount.
    pub over: Money,
    /// The rate.
    pub rate: Ratio,
}

/// Where cents are left out.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Taxable income in whole dollars, truncated.
    pub truncate_income: bool,
    /// Tax in whole dollars, truncated, as some printed tables show it; otherwise in cents.
    pub truncate_tax: bool,
}

/// Medicare levy of a single resident without dependants.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MedicareLevy {
    /// Of taxable income.
    pub rate: Ratio,
    /// At most this of what is over the threshold.
    pub shade_in: Ratio,
    /// No levy up to here.
    pub threshold: Money,
}

/// One rate for all income.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flat {
    /// The rate.
    pub rate: Ratio,
}

/// Discount of gains on what was held for 12 months.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discounts {
    /// Of a resident individual.
    pub resident_individual: Fraction,
    /// Of a foreign resident.
    pub foreign_resident: Fraction,
    /// Of a complying super fund.
    pub super_fund: Fraction,
    /// Of a company.
    pub company: Fraction,
}

/// What a gain is to the law.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GainKind {
    /// Not held for 12 months: no discount.
    Ordinary,
    /// Held for 12 months: what losses leave is discounted.
    Discount,
    /// Accrued under the regime of 1 July 2027: indexed if held for 12 months, subject to the minimum tax.
    Accrued,
}

impl GainKind {
    /// All kinds.
    pub const ALL: [GainKind; 3] = [GainKind::Ordinary, GainKind::Discount, GainKind::Accrued];
}

/// In which order gains are reduced by losses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Losses {
    /// Each kind once.
    pub order: Vec<GainKind>,
}

/// Franking credits and who may use them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Franking {
    /// The rate at which the paying company was taxed.
    pub company_rate: Ratio,
    /// Days at risk that ordinary shares need.
    pub holding_days: i64,
    /// Days at risk that preference shares need.
    pub holding_days_preference: i64,
    /// An individual with credits up to this in a year need not hold for them.
    pub small_shareholder_limit: Money,
}

/// Indexation and minimum tax of resident individuals.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// First day: what is held when it begins is re-based to its value then.
    pub start: TradeDate,
    /// Discount of the gain deferred from before.
    pub deferred_discount: Fraction,
    /// Least tax on gains accrued since.
    pub minimum_rate: Ratio,
}

impl Law {
    /// The law that comes with the program.
    ///
    /// # Errors
    /// [`TaxError::Law`] if it is not in order, which a test excludes.
    pub fn built_in() -> Result<Law, TaxError> {
        Law::from_texts(&BUILT_IN)
    }

    /// The law in texts of TOML, each with a name for messages, in any order. A text replaces an earlier one
    /// that starts on the same day, so that a user's texts may follow those of [`Law::built_in_texts`].
    ///
    /// # Errors
    /// [`TaxError::Law`] names the year and the field that is missing, unknown or contradictory.
    pub fn from_texts(texts: &[(&str, &str)]) -> Result<Law, TaxError> {
        let mut years = BTreeMap::new();
        for (name, text) in texts {
            let law: YearLaw = toml::from_str(text).map_err(|error| TaxError::Law {
                source_name: (*name).to_owned(),
                field: error.span().map_or_else(|| "text".to_owned(), |span| line_of(text, span.start)),
                problem: error.message().to_owned(),
            })?;
            let year = FinancialYear::of(law.from);
            law.check(year)?;
            years.insert(year, law);
        }
        let open = check_together(&years)?;
        Ok(Law { years, open })
    }

    /// The texts that come with the program, each with its name.
    pub fn built_in_texts() -> &'static [(&'static str, &'static str)] {
        &BUILT_IN
    }

    /// The law of a year.
    ///
    /// # Errors
    /// [`TaxError::NoLaw`] for a year that no text covers.
    pub fn of(&self, year: FinancialYear) -> Result<&YearLaw, TaxError> {
        let found = self.years.range(..=year).next_back();
        match found {
            Some((start, law)) if *start == year || law.to.is_none() => Ok(law),
            _ => Err(TaxError::NoLaw { year, covered: self.covered() }),
        }
    }

    /// The first year at hand.
    pub fn first(&self) -> Option<FinancialYear> {
        self.years.keys().next().copied()
    }

    /// The first day of the regime of 1 July 2027, if a law at hand has one: what is held when it begins is re-based to
    /// the value at the end of the day before.
    pub fn regime_start(&self) -> Option<TradeDate> {
        self.years.values().find_map(|law| law.regime.map(|regime| regime.start))
    }

    fn covered(&self) -> String {
        match (self.years.first_key_value(), self.years.last_key_value()) {
            (Some((first, _)), Some(_)) if self.open => format!("{first} and later"),
            (Some((first, _)), Some((last, _))) => format!("{first} to {last}"),
            _ => "no year".to_owned(),
        }
    }
}

fn line_of(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    format!("line {}", before.lines().count().max(1))
}

/// Whether the last text is open; no gap, no overlap.
fn check_together(years: &BTreeMap<FinancialYear, YearLaw>) -> Result<bool, TaxError> {
    let mut previous: Option<(FinancialYear, &YearLaw)> = None;
    for (year, law) in years {
        if let Some((before, earlier)) = previous
            && before.next() != *year
            && earlier.to.is_some()
        {
            let problem = format!("a gap: {before} ends on 30 June, the next law begins with {year}");
            return Err(wrong(before.next(), "from", problem));
        }
        previous = Some((*year, law));
    }
    Ok(previous.is_some_and(|(_, last)| last.to.is_none()))
}

fn wrong(year: FinancialYear, field: &str, problem: impl Into<String>) -> TaxError {
    TaxError::Law { source_name: year.to_string(), field: field.to_owned(), problem: problem.into() }
}

impl YearLaw {
    fn check(&self, year: FinancialYear) -> Result<(), TaxError> {
        let (first, second) = (year.start_year(), year.start_year() + 1);
        if self.from.to_string() != format!("{first}-07-01") {
            return Err(wrong(year, "from", format!("expected {first}-07-01, got {}", self.from)));
        }
        if let Some(to) = self.to
            && to.to_string() != format!("{second}-06-30")
        {
            let overlap = if to.to_string() > format!("{second}-06-30") { "an overlap" } else { "a gap" };
            return Err(wrong(year, "to", format!("{overlap}: expected {second}-06-30, got {to}")));
        }
        check_brackets(year, "individual.resident", &self.individual.resident)?;
        check_brackets(year, "individual.foreign_resident", &self.individual.foreign_resident)?;
        let rates = [
            ("medicare_levy.rate", self.medicare_levy.rate),
            ("medicare_levy.shade_in", self.medicare_levy.shade_in),
            ("company.rate", self.company.rate),
            ("super_fund.rate", self.super_fund.rate),
            ("franking.company_rate", self.franking.company_rate),
        ];
        for (field, rate) in rates {
            check_rate(year, field, rate)?;
        }
        if self.medicare_levy.shade_in < self.medicare_levy.rate {
            return Err(wrong(year, "medicare_levy.shade_in", "expected at least the rate"));
        }
        let amounts = [
            ("medicare_levy.threshold", self.medicare_levy.threshold),
            ("franking.small_shareholder_limit", self.franking.small_shareholder_limit),
        ];
        for (field, amount) in amounts {
            if amount < Money::ZERO {
                return Err(wrong(year, field, format!("expected 0 or more, got {amount}")));
            }
        }
        let days = [
            ("franking.holding_days", self.franking.holding_days),
            ("franking.holding_days_preference", self.franking.holding_days_preference),
        ];
        for (field, days) in days {
            if !(1..=366).contains(&days) {
                return Err(wrong(year, field, format!("expected 1 to 366, got {days}")));
            }
        }
        self.check_gains(year)
    }

    fn check_gains(&self, year: FinancialYear) -> Result<(), TaxError> {
        let mut kinds = self.losses.order.clone();
        kinds.sort_unstable();
        if kinds != GainKind::ALL {
            let expected = "expected each of ordinary, discount and accrued once";
            return Err(wrong(year, "losses.order", expected));
        }
        let Some(regime) = &self.regime else { return Ok(()) };
        check_rate(year, "regime.minimum_rate", regime.minimum_rate)?;
        if FinancialYear::of(regime.start) > year || !regime.start.to_string().ends_with("-07-01") {
            let expected = format!("expected a 1 July, {} or earlier, got {}", self.from, regime.start);
            return Err(wrong(year, "regime.start", expected));
        }
        Ok(())
    }

    /// The scale of an individual.
    pub fn scale(&self, resident: bool) -> &[Bracket] {
        if resident { &self.individual.resident } else { &self.individual.foreign_resident }
    }

    /// The regime of 1 July 2027, if it is the law of this year for this taxpayer.
    pub fn regime_of(&self, profile: &Profile) -> Option<&Regime> {
        self.regime.as_ref().filter(|_| profile.entity == Entity::Individual && profile.resident)
    }

    /// The discount that this taxpayer's gains of kind [`GainKind::Discount`] have.
    pub fn discount_of(&self, profile: &Profile) -> Fraction {
        match (profile.entity, profile.resident) {
            (Entity::Company, _) => self.discount.company,
            (_, false) => self.discount.foreign_resident,
            (Entity::SuperFund, true) => self.discount.super_fund,
            (Entity::Individual, true) => match &self.regime {
                Some(regime) => regime.deferred_discount,
                None => self.discount.resident_individual,
            },
        }
    }
}

fn check_rate(year: FinancialYear, field: &str, rate: Ratio) -> Result<(), TaxError> {
    // A rate of one would make a credit of any size.
    if rate < Ratio::ZERO || rate.raw() >= Ratio::ONE {
        return Err(wrong(year, field, format!("expected 0 or more and less than 1, got {rate}")));
    }
    Ok(())
}

fn check_brackets(year: FinancialYear, field: &str, brackets: &[Bracket]) -> Result<(), TaxError> {
    match brackets.first() {
        None => return Err(wrong(year, field, "expected at least one bracket, got none")),
        Some(first) if first.over != Money::ZERO => {
            let problem = format!("a gap: expected the first bracket over 0, got over {}", first.over);
            return Err(wrong(year, field, problem));
        }
        Some(_) => {}
    }
    for pair in brackets.windows(2) {
        if pair[0].over >= pair[1].over {
            let problem =
                format!("unsorted or overlapping: over {} after over {}", pair[1].over, pair[0].over);
            return Err(wrong(year, field, problem));
        }
    }
    brackets.iter().try_for_each(|bracket| check_rate(year, field, bracket.rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year(text: &str) -> FinancialYear {
        text.parse().unwrap()
    }

    fn error_with(from: &str, to: &str) -> String {
        let text = BUILT_IN[5].1;
        assert!(text.contains(from), "{from}");
        Law::from_texts(&[("mine.toml", &text.replacen(from, to, 1))]).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_law_covers_2019_on() {
        let law = Law::built_in().unwrap();
        assert_eq!(law.of(year("2019-20")).unwrap().medicare_levy.threshold.to_string(), "22801");
        assert!(law.of(year("2026-27")).unwrap().regime.is_none());
        assert!(law.of(year("2040-41")).unwrap().regime.is_some());
        let error = law.of(year("2018-19")).unwrap_err().to_string();
        assert_eq!(error, "no tax law for 2018-19: the law at hand covers 2019-20 and later");
    }

    #[test]
    fn what_is_wrong_with_a_text_is_named() {
        let cases = [
            ("to = \"2025-06-30\"", "to = \"2025-07-30\"", "2024-25: to: an overlap: expected 2025-06-30"),
            ("to = \"2025-06-30\"", "to = \"2025-05-31\"", "2024-25: to: a gap: expected 2025-06-30"),
            ("from = \"2024-07-01\"", "from = \"2024-07-02\"", "2024-25: from: expected 2024-07-01"),
            (
                "over = \"45000\"",
                "over = \"145000\"",
                "individual.resident: unsorted or overlapping: over 135000",
            ),
            (
                "over = \"45000\"",
                "over = \"18200\"",
                "individual.resident: unsorted or overlapping: over 18200",
            ),
            (
                "{ over = \"0\", rate = \"0\" },",
                "",
                "individual.resident: a gap: expected the first bracket over 0",
            ),
            (
                "rate = \"0.45\"",
                "rate = \"45\"",
                "individual.resident: expected 0 or more and less than 1, got 45",
            ),
            ("holding_days = 45", "holding_days = 0", "franking.holding_days: expected 1 to 366"),
            ("\"ordinary\", \"discount\"", "\"discount\"", "losses.order: expected each of"),
            ("shade_in", "shade", "mine.toml: line"),
            ("super_fund = \"1/3\"", "super_fund = \"4/3\"", "expected a share from 0 to 1"),
        ];
        for (from, to, expected) in cases {
            let got = error_with(from, to);
            assert!(got.contains(expected), "{from} -> {to}: {got}");
        }
    }

    #[test]
    fn a_year_left_out_is_a_gap() {
        let error = Law::from_texts(&[BUILT_IN[0], BUILT_IN[2]]).unwrap_err().to_string();
        assert!(error.contains("2020-21: from: a gap"), "{error}");
    }

    #[test]
    fn newer_law_follows_the_built_in() {
        let newer = BUILT_IN[8].1.replace("from = \"2027-07-01\"", "from = \"2030-07-01\"");
        let newer = newer.replace("minimum_rate = \"0.30\"", "minimum_rate = \"0.25\"");
        let texts: Vec<_> = Law::built_in_texts().iter().copied().chain([("mine.toml", &*newer)]).collect();
        let law = Law::from_texts(&texts).unwrap();
        let rate = |name| law.of(year(name)).unwrap().regime.unwrap().minimum_rate.to_string();
        assert_eq!((rate("2029-30"), rate("2031-32")), ("0.3".to_owned(), "0.25".to_owned()));
    }
}
