use super::{Line, Unvalued, cash_line, position_line, worth};
use evenkeel_schemas::{Currency, InstrumentId, Money, Price, Quantity, Rate};

fn line(instrument: u32, quantity: &str, price: &str, rate: &str) -> Line {
    position_line(
        InstrumentId(instrument),
        quantity.parse().unwrap(),
        price.parse().unwrap(),
        rate.parse().unwrap(),
    )
}

#[test]
fn nav_is_positions_and_cash_in_the_base_currency() {
    let usd = "USD".parse().unwrap();
    let lines = [
        Line::Base(Currency::AUD),
        line(0, "10", "95.50", "1"),
        line(1, "3", "100.01", "1.523456789"),
        cash_line(usd, "-20".parse().unwrap(), "1.5".parse().unwrap()),
    ];
    let worth = worth(lines.iter()).unwrap();
    assert_eq!(worth.market_value.to_string(), "1412.08274040367");
    assert_eq!(worth.nav.to_money().unwrap().to_string(), "1382.08274");
    assert_eq!(worth.cash.to_string(), "-30");
}

#[test]
fn nothing_is_left_out_silently() {
    assert_eq!(worth([Line::Base(Currency::AUD)].iter()), Err(Unvalued::Silent));
    let with_gap = [Line::Base(Currency::AUD), line(0, "1", "1", "1"), Line::Gap];
    assert_eq!(worth(with_gap.iter()), Err(Unvalued::Silent));
    let huge = position_line(InstrumentId(0), Quantity::MAX, Price::MAX, Rate::MAX);
    assert_eq!(worth([Line::Base(Currency::AUD), huge].iter()), Err(Unvalued::OutOfRange));
    let most = cash_line(Currency::AUD, Money::MAX, Rate::PAR);
    let twice = [Line::Base(Currency::AUD), most, line(0, "1", "1", "1")];
    assert_eq!(worth(twice.iter()), Err(Unvalued::OutOfRange), "NAV must be a Money");
}
