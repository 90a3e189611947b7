//! One portfolio on one path: growth, fee, savings, tax.

use super::problem::{Funding, Timing};

/// A portfolio on its way.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Purse {
    /// What is in it.
    wealth: f64,
    /// What the tax year brought so far, after fees.
    gain: f64,
    /// Losses of earlier years, not yet used, 0 or more.
    loss: f64,
    /// The rate of tax.
    tax: f64,
}

impl Purse {
    fn new(capital: f64, tax: f64) -> Purse {
        Purse { wealth: capital, gain: 0.0, loss: 0.0, tax }
    }

    /// What is left once the year so far is taxed.
    pub(crate) fn net(&self) -> f64 {
        self.wealth - self.tax * (self.gain - self.loss).max(0.0)
    }

    fn grow(&mut self, factor: f64) {
        let before = self.wealth;
        self.wealth *= factor;
        self.gain += self.wealth - before;
    }

    /// Ends the tax year.
    fn settle(&mut self) {
        self.wealth = self.net();
        self.loss = (self.loss - self.gain).max(0.0);
        self.gain = 0.0;
    }

    /// Pays out. The year so far is taxed first, so that what is left owes nothing.
    pub(crate) fn pay(&mut self, amount: f64) {
        self.settle();
        self.wealth -= amount;
    }
}

/// A funding in floats, its payments by month for one unit of savings.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    capital: f64,
    /// What the fee leaves of a month's balance.
    kept: f64,
    tax: f64,
    /// Payments before each month's growth.
    at_start: Vec<f64>,
    /// Payments after it.
    at_end: Vec<f64>,
    /// Growth of prices, yearly.
    inflation: f64,
}

impl Course {
    /// `funding` over so many months.
    pub(crate) fn of(funding: &Funding, months: u32) -> Course {
        let savings = &funding.savings;
        let yearly = 1.0 + savings.yearly_growth.to_f64();
        // Within a year payments stay the same; multiplying year by year keeps the order of operations fixed.
        let (mut at_start, mut at_end, mut unit) = (Vec::new(), Vec::new(), 1.0);
        for month in 0..months {
            if month > 0 && month % 12 == 0 {
                unit *= yearly;
            }
            let first = month % savings.every_months == 0;
            let last = (month + 1) % savings.every_months == 0;
            at_start.push(if first && savings.timing == Timing::Start { unit } else { 0.0 });
            at_end.push(if last && savings.timing == Timing::End { unit } else { 0.0 });
        }
        Course {
            capital: funding.capital.to_f64(),
            kept: 1.0 - funding.fee.to_f64() / 12.0,
            tax: funding.tax.to_f64(),
            at_start,
            at_end,
            inflation: funding.inflation.to_f64(),
        }
    }

    /// The same course with other capital.
    pub(crate) fn with_capital(&self, capital: f64) -> Course {
        Course { capital, ..self.clone() }
    }

    /// How prices stand after so many months.
    pub(crate) fn prices(&self, months: u32) -> f64 {
        libm::pow(1.0 + self.inflation, f64::from(months) / 12.0)
    }

    /// Whether any payment is made at all.
    pub(crate) fn saves(&self) -> bool {
        self.at_start.iter().chain(&self.at_end).any(|unit| *unit > 0.0)
    }

    /// Walks along `growth`, saving `amount` a payment, and shows each month's end, the start being month 0.
    /// At most as many months as the course has.
    pub(crate) fn walk(
        &self,
        amount: f64,
        growth: &[f64],
        mut month_end: impl FnMut(u32, &mut Purse),
    ) -> f64 {
        let mut purse = Purse::new(self.capital, self.tax);
        month_end(0, &mut purse);
        let mut month = 0;
        for ((growth, at_start), at_end) in growth.iter().zip(&self.at_start).zip(&self.at_end) {
            month += 1;
            purse.wealth += amount * at_start;
            purse.grow(growth * self.kept);
            purse.wealth += amount * at_end;
            if month % 12 == 0 {
                purse.settle();
            }
            month_end(month, &mut purse);
        }
        purse.net()
    }

    /// What is left at the end of a path.
    pub(crate) fn end(&self, amount: f64, growth: &[f64]) -> f64 {
        self.walk(amount, growth, |_, _| {})
    }

    /// What is left after all months of one constant yearly return.
    pub(crate) fn end_at_return(&self, amount: f64, yearly_return: f64) -> f64 {
        let monthly = libm::exp(libm::log1p(yearly_return) / 12.0);
        self.end(amount, &vec![monthly; self.at_start.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::funding;
    use super::*;

    /// 1000 of capital, 10% a year, over two years, without savings unless changed.
    fn course(change: impl FnOnce(&mut Funding)) -> Course {
        let mut funding = funding("1000", "0");
        change(&mut funding);
        Course::of(&funding, 24)
    }

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-9 * expected.abs().max(1.0), "got {got}, expected {expected}");
    }

    #[test]
    fn growth_alone_compounds() {
        close(course(|_| {}).end_at_return(0.0, 0.1), 1210.0);
    }

    #[test]
    fn the_fee_is_a_twelfth_of_its_rate_on_each_months_balance() {
        let course = course(|funding| funding.fee = "0.12".parse().unwrap());
        close(course.end_at_return(0.0, 0.0), 1000.0 * 0.99_f64.powi(24));
    }

    #[test]
    fn tax_is_on_the_years_return() {
        // 1000 -> 1100, less 30 = 1070; -> 1177, less 32.10 = 1144.90.
        let course = course(|funding| funding.tax = "0.3".parse().unwrap());
        close(course.end_at_return(0.0, 0.1), 1144.9);
    }

    #[test]
    fn tax_is_on_the_return_after_fees() {
        // Growth and fee together make 1.1 * 0.99^12 of the year's start.
        let course = course(|funding| {
            funding.tax = "0.3".parse().unwrap();
            funding.fee = "0.12".parse().unwrap();
        });
        // 1.1 * 0.886385 = 0.975023: a loss, so no tax.
        let year = 1.1 * 0.99_f64.powi(12);
        assert!(year < 1.0);
        close(course.end_at_return(0.0, 0.1), 1000.0 * year * year);
    }

    #[test]
    fn losses_are_carried_forward_until_they_are_used() {
        // By year: 1000 to 500, loss 500; to 400, loss 600; to 800, no tax and 200 of loss left;
        // to 1200, 200 of the gain of 400 are taxed with 60.
        let mut funding = funding("1000", "0");
        funding.tax = "0.3".parse().unwrap();
        let course = Course::of(&funding, 48);
        let mut growth = vec![1.0; 48];
        (growth[0], growth[12], growth[24], growth[36]) = (0.5, 0.8, 2.0, 1.5);
        close(course.end(0.0, &growth[..36]), 800.0);
        close(course.end(0.0, &growth), 1140.0);
        // In the middle of the last year the same is owed already.
        close(course.end(0.0, &growth[..40]), 1140.0);
    }

    #[test]
    fn savings_are_no_gain() {
        let course = course(|funding| funding.tax = "0.3".parse().unwrap());
        close(course.end_at_return(100.0, 0.0), 3400.0);
    }

    #[test]
    fn payments_fall_when_they_are_said_to() {
        let months = |every_months, timing, growth: &str| {
            let mut funding = funding("0", "1");
            funding.savings.every_months = every_months;
            funding.savings.timing = timing;
            funding.savings.yearly_growth = growth.parse().unwrap();
            let course = Course::of(&funding, 14);
            let units = if timing == Timing::Start { course.at_start } else { course.at_end };
            units.iter().enumerate().filter(|(_, u)| **u > 0.0).map(|(m, u)| (m, *u)).collect::<Vec<_>>()
        };
        assert_eq!(months(12, Timing::Start, "0.5"), [(0, 1.0), (12, 1.5)]);
        assert_eq!(months(12, Timing::End, "0.5"), [(11, 1.0)]);
        assert_eq!(months(6, Timing::End, "0"), [(5, 1.0), (11, 1.0)]);
        assert_eq!(months(1, Timing::Start, "0").len(), 14);
        // An ordinary annuity and an annuity due of 12 payments at 1% a month.
        let mut funding = funding("0", "1");
        let growth = [1.01; 12];
        funding.savings.timing = Timing::End;
        close(Course::of(&funding, 12).end(1.0, &growth), (1.01_f64.powi(12) - 1.0) / 0.01);
        funding.savings.timing = Timing::Start;
        close(Course::of(&funding, 12).end(1.0, &growth), (1.01_f64.powi(12) - 1.0) / 0.01 * 1.01);
    }

    #[test]
    fn a_payout_settles_the_year_so_far() {
        // 1000 grows to 1200 in half a year; 100 is paid out after 60 of tax; then nothing grows.
        let course = course(|funding| funding.tax = "0.3".parse().unwrap());
        let mut growth = vec![1.0; 24];
        growth[0] = 1.2;
        let end = course.walk(0.0, &growth, |month, purse| {
            if month == 6 {
                purse.pay(100.0);
            }
        });
        close(end, 1040.0);
    }
}
