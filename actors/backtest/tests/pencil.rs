//! Backtests that one can check with a pencil.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{free, n, run, settings, two};
use evenkeel_backtest::{BacktestError, CashFlow, Fixed, Payment, Split, Taxes, When, backtest};
use evenkeel_optimizer::{Costs, Side};
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{InstrumentId, Money};
use evenkeel_tax::{Cpi, Entity, Law, Profile};

/// Half each.
fn halves() -> Fixed {
    Fixed(vec![(InstrumentId(1), n("0.5")), (InstrumentId(2), n("0.5"))])
}

/// Three days: the first doubles, then both halve.
fn three_days() -> evenkeel_backtest::History {
    two(&[("2026-02-02", "10", "10"), ("2026-02-03", "20", "10"), ("2026-02-04", "10", "5")])
}

fn trades(found: &evenkeel_backtest::Backtest) -> Vec<(String, u32, Side, String)> {
    let row =
        |t: &evenkeel_backtest::Trade| (t.date.to_string(), t.instrument.0, t.side, t.quantity.to_string());
    found.trades.iter().map(row).collect()
}

fn trade(date: &str, instrument: u32, side: Side, quantity: &str) -> (String, u32, Side, String) {
    (date.to_owned(), instrument, side, quantity.to_owned())
}

#[test]
fn buy_and_hold_of_three_days() {
    // 1,000: 50 and 50 at 10. 1,500 on the second day, 750 on the third: +50%, −50%.
    let found = run(&three_days(), &mut halves(), &settings("2026-02-02", "2026-02-04", "1000", When::Once));
    assert_eq!(
        trades(&found),
        [trade("2026-02-02", 1, Side::Buy, "50"), trade("2026-02-02", 2, Side::Buy, "50")]
    );
    let navs: Vec<String> = found.days.iter().map(|day| day.nav.to_string()).collect();
    assert_eq!(navs, ["1000", "1500", "750"]);
    let changes: Vec<f64> = found.days.iter().map(|day| day.change).collect();
    assert_eq!(changes, [0.0, 0.5, -0.5]);
    assert!((found.metrics.twr + 0.25).abs() < 1e-12 && (found.metrics.max_drawdown + 0.5).abs() < 1e-12);
    // 1,000 bought, half of it 500, over a mean NAV of 3,250 / 3 and 3/252 of a year: 38.77 times a year.
    assert!((found.metrics.turnover.unwrap() - 500.0 / (3250.0 / 3.0) * 84.0).abs() < 1e-9);
    assert_eq!(found.holdings, [(InstrumentId(1), n("50")), (InstrumentId(2), n("50"))]);
}

#[test]
fn bands_trade_when_they_are_left() {
    // On the second day 1,000 and 500: two thirds are outside 50% ± 10 points. To 750 each: 12 and 25 units
    // move (250 / 20 = 12.5, rounded down). Then 38 · 10 + 74 · 5 = 750 and the cash: 12 · 20 − 24 · 10 = 0.
    let when = When::Bands { band: n("0.1"), to: Destination::Target, review: None };
    let found = run(&three_days(), &mut halves(), &settings("2026-02-02", "2026-02-04", "1000", when));
    assert_eq!(
        trades(&found)[2..],
        [trade("2026-02-03", 1, Side::Sell, "12"), trade("2026-02-03", 2, Side::Buy, "24")]
    );
    assert_eq!(found.trades[2].gain, Some(n("120")));
    assert_eq!(found.days[2].nav, n("750"));
    // Inside wide bands nothing happens.
    let when = When::Bands { band: n("0.2"), to: Destination::Target, review: None };
    let found = run(&three_days(), &mut halves(), &settings("2026-02-02", "2026-02-04", "1000", when));
    assert_eq!(found.trades.len(), 2);
}

#[test]
fn a_calendar_trades_on_its_days() {
    let history = two(&[
        ("2026-02-02", "10", "10"),
        ("2026-02-05", "20", "10"),
        ("2026-02-09", "20", "10"),
        ("2026-02-10", "20", "10"),
    ]);
    let when = When::Every(Cadence::Weekly);
    let found = run(&history, &mut halves(), &settings("2026-02-02", "2026-02-10", "1000", when));
    let dates: Vec<String> = found.trades.iter().map(|trade| trade.date.to_string()).collect();
    assert_eq!(dates, ["2026-02-02", "2026-02-02", "2026-02-09", "2026-02-09"]);
    assert_eq!(found.reviews.len(), 2);
}

#[test]
fn costs_and_flows_come_out_to_the_cent() {
    // 5 a trade, half a spread of 1%: the first buys at 10.10. 1,000 less 10 of fees buy 49 and 49 for
    // 989.80.
    let mut asked = settings("2026-02-02", "2026-02-04", "1000", When::Once);
    asked.policy.costs = Costs { half_spread: n("0.01"), commission: n("0"), commission_min: n("5") };
    asked.flows = vec![
        CashFlow { date: n("2026-02-03"), amount: n("500") },
        CashFlow { date: n("2026-02-04"), amount: n("-300") },
    ];
    let found = run(&three_days(), &mut halves(), &asked);
    assert_eq!((found.days[0].cash, found.days[0].cost), (n("0.2"), n("19.8")));
    assert_eq!(found.days[0].change, 980.2 / 1000.0 - 1.0);
    // The deposit buys the second alone, which is below half: nothing is sold.
    let second: Vec<_> = found.trades.iter().filter(|t| t.date == n("2026-02-03")).collect();
    assert!(second.len() == 1 && second[0].side == Side::Buy && second[0].instrument == InstrumentId(2));
    // The withdrawal is raised by sales: cash ends at nothing or more.
    let third: Vec<_> = found.trades.iter().filter(|t| t.date == n("2026-02-04")).collect();
    assert!(!third.is_empty() && third.iter().all(|t| t.side == Side::Sell));
    assert!(found.days[2].cash >= Money::ZERO);
    let day = &found.days[1];
    let base = found.days[0].nav.to_f64() + 500.0;
    assert!((day.change - (day.nav.to_f64() / base - 1.0)).abs() < 1e-15);
}

#[test]
fn splits_and_distributions_change_no_wealth_by_themselves() {
    // Two for one of the first on the second day, and 0.50 a unit of the second, paid on the third.
    let mut history =
        two(&[("2026-02-02", "10", "10"), ("2026-02-03", "5", "9.5"), ("2026-02-04", "5", "9.5")]);
    history.splits =
        vec![Split { instrument: InstrumentId(1), ex_date: n("2026-02-03"), new: n("2"), old: n("1") }];
    history.payments = vec![Payment {
        instrument: InstrumentId(2),
        ex_date: n("2026-02-03"),
        pay_date: n("2026-02-04"),
        amount: n("0.5"),
        franked_fraction: n("1"),
    }];
    let found = run(&history, &mut halves(), &settings("2026-02-02", "2026-02-04", "1000", When::Once));
    assert!(found.days.iter().all(|day| day.nav == n("1000") && day.change == 0.0), "{:#?}", found.days);
    assert_eq!((found.days[1].income, found.days[2].income), (n("0"), n("25")));
    assert_eq!((found.days[1].cash, found.days[2].cash), (n("0"), n("25")));
    assert_eq!(found.holdings[0], (InstrumentId(1), n("100")));
}

#[test]
fn distributions_are_invested_if_it_is_asked_for() {
    // 0.50 for each of 50 units, 25: five of the first at 5; the second, 475 of 750, is above its half.
    let mut history =
        two(&[("2026-02-02", "10", "10"), ("2026-02-03", "5", "9.5"), ("2026-02-04", "5", "9.5")]);
    history.payments = vec![Payment {
        instrument: InstrumentId(2),
        ex_date: n("2026-02-03"),
        pay_date: n("2026-02-04"),
        amount: n("0.5"),
        franked_fraction: n("0"),
    }];
    let mut asked = settings("2026-02-02", "2026-02-04", "1000", When::Once);
    asked.reinvest = true;
    let found = run(&history, &mut halves(), &asked);
    assert_eq!(trades(&found)[2..], [trade("2026-02-04", 1, Side::Buy, "5")]);
    assert_eq!(found.days[2].cash, n("0"));
}

#[test]
fn the_tax_of_a_year_is_paid_when_it_has_ended() {
    // All in the first, 100 units at 10 on 1 June 2026. On 29 June half is wanted of each at 20 and 10: 50
    // are sold with a gain of 500, all of it taxed at 32% beside 100,000 of income: 160, on 1 July.
    struct Turn(bool);
    impl evenkeel_backtest::Model for Turn {
        fn targets(&mut self, _: &evenkeel_backtest::Past<'_>) -> Result<evenkeel_backtest::Targets, String> {
            self.0 = !self.0;
            let part = |part: &str| part.parse().unwrap();
            Ok(match self.0 {
                true => vec![(InstrumentId(1), part("1"))],
                false => vec![(InstrumentId(1), part("0.5")), (InstrumentId(2), part("0.5"))],
            })
        }
    }
    let history = two(&[
        ("2026-06-01", "10", "10"),
        ("2026-06-29", "20", "10"),
        ("2026-06-30", "20", "10"),
        ("2026-07-01", "20", "10"),
    ]);
    let law = Law::built_in().unwrap();
    let mut asked = settings("2026-06-01", "2026-07-01", "1000", When::Every(Cadence::Weekly));
    let cpi = Cpi::default();
    asked.taxes = Some(Taxes {
        law: &law,
        cpi: &cpi,
        profile: Profile::resident(Entity::Individual),
        other_income: n("100000"),
        losses_brought_forward: Money::ZERO,
    });
    asked.policy = Policy { distance_rate: 10.0, ..free() };
    let found = run(&history, &mut Turn(false), &asked);
    assert_eq!(trades(&found)[1], trade("2026-06-29", 1, Side::Sell, "50"));
    assert_eq!(
        (found.years[0].tax, found.years[0].net_capital_gain, found.years[0].paid),
        (n("160"), n("500"), true)
    );
    assert_eq!((found.days[2].tax, found.days[3].tax), (n("0"), n("160")));
    // There was no cash for it: units are sold for the tax.
    assert!(found.trades.last().unwrap().date == n("2026-07-01") && found.days[3].cash >= Money::ZERO);
    assert!((found.days[3].change + 160.0 / 2000.0).abs() < 1e-12);
    assert!(!found.years[1].paid);
}

#[test]
fn franking_credits_come_off_the_tax() {
    // 1,400 units, 0.50 each, fully franked: 700 and a credit of 300. Of 1,000 assessed 32% are 320, less the
    // 300.
    let mut history =
        two(&[("2026-04-01", "10", "10"), ("2026-06-01", "10", "10"), ("2026-07-01", "10", "10")]);
    history.payments = vec![Payment {
        instrument: InstrumentId(1),
        ex_date: n("2026-06-01"),
        pay_date: n("2026-06-01"),
        amount: n("0.5"),
        franked_fraction: n("1"),
    }];
    let (law, cpi) = (Law::built_in().unwrap(), Cpi::default());
    let mut asked = settings("2026-04-01", "2026-07-01", "14000", When::Once);
    asked.taxes = Some(Taxes {
        law: &law,
        cpi: &cpi,
        profile: Profile::resident(Entity::Individual),
        other_income: n("100000"),
        losses_brought_forward: Money::ZERO,
    });
    let found = run(&history, &mut Fixed(vec![(InstrumentId(1), n("1"))]), &asked);
    let year = &found.years[0];
    assert_eq!((year.distributions, year.franking_credits, year.tax), (n("700"), n("300"), n("20")));
    assert_eq!((found.days[1].income, found.days[2].tax, found.days[2].cash), (n("700"), n("20"), n("680")));
}

#[test]
fn a_gain_is_of_the_year_of_its_sale() {
    // Bought in May 2026 at 10; on 3 July 10 of 50 are sold at 20 for a withdrawal of 200: a gain of 100, of
    // the year that began on 1 July. 15% of it for a fund in accumulation, owed when the backtest ends.
    let history = two(&[("2026-05-04", "10", "10"), ("2026-07-02", "20", "10"), ("2026-07-03", "20", "10")]);
    let (law, cpi) = (Law::built_in().unwrap(), Cpi::default());
    let mut asked = settings("2026-05-04", "2026-07-03", "500", When::Once);
    asked.flows = vec![CashFlow { date: n("2026-07-03"), amount: n("-200") }];
    asked.taxes = Some(Taxes {
        law: &law,
        cpi: &cpi,
        profile: Profile::resident(Entity::SuperFund),
        other_income: n("1000"),
        losses_brought_forward: Money::ZERO,
    });
    let found = run(&history, &mut Fixed(vec![(InstrumentId(1), n("1"))]), &asked);
    assert_eq!(trades(&found)[1], trade("2026-07-03", 1, Side::Sell, "10"));
    let years: Vec<_> = found.years.iter().map(|year| (year.year.to_string(), year.tax, year.paid)).collect();
    assert_eq!(years, [("2025-26".to_owned(), n("0"), true), ("2026-27".to_owned(), n("15"), false)]);
}

#[test]
fn what_makes_no_sense_is_said() {
    let words = |asked: &evenkeel_backtest::Settings<'_>| {
        backtest(&three_days(), &mut halves(), asked).unwrap_err().to_string()
    };
    let good = || settings("2026-02-02", "2026-02-04", "1000", When::Once);
    let mut asked = good();
    asked.cash = n("0");
    assert!(words(&asked).contains("cash at the start is 0"));
    let mut asked = good();
    (asked.from, asked.to) = (n("2026-02-04"), n("2026-02-02"));
    assert!(words(&asked).contains("after the last"));
    let mut asked = good();
    (asked.from, asked.to) = (n("2026-03-04"), n("2026-03-05"));
    assert!(words(&asked).contains("no trading day with a mark"));
    let mut asked = good();
    asked.flows = vec![CashFlow { date: n("2026-02-03"), amount: n("-1500") }];
    assert!(words(&asked).contains("nothing is left"), "{}", words(&asked));
    let mut asked = good();
    asked.risk_free = f64::NAN;
    assert!(words(&asked).contains("rate without risk"));
    // Targets above one are a note, and nothing is bought.
    let mut greedy = Fixed(vec![(InstrumentId(1), n("0.7")), (InstrumentId(2), n("0.7"))]);
    let found = run(&three_days(), &mut greedy, &good());
    assert!(found.trades.is_empty() && found.notes[0].words.contains("targets sum to 1.4"));
    let law = Law::built_in().unwrap();
    let mut asked = settings("2018-02-01", "2018-02-05", "1000", When::Once);
    let cpi = Cpi::default();
    asked.taxes = Some(Taxes {
        law: &law,
        cpi: &cpi,
        profile: Profile::resident(Entity::Individual),
        other_income: Money::ZERO,
        losses_brought_forward: Money::ZERO,
    });
    assert!(matches!(backtest(&three_days(), &mut halves(), &asked), Err(BacktestError::Tax(_))));
}
