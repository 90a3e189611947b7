//! Numbers as brokers print them: exact, and never read in a way that another reading contradicts.

use rust_decimal::{Decimal, RoundingStrategy};

/// How a format writes decimals.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `1,234.56`
    Point,
    /// `1.234,56`
    Comma,
    /// One or the other by row: a number that could be both, such as `1,234`, is no number.
    Either,
}

/// Most digits before and after the mark: products of two such numbers still fit a [`Decimal`] or say no.
const MOST_DIGITS: usize = 12;

/// The number that a text is, with a minus or in brackets when negative, with or without a currency sign,
/// thousands in groups of three or not grouped at all.
pub(super) fn decimal(text: &str, style: Style) -> Option<Decimal> {
    match *readings(text, style).as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// Both readings of a text such as `1,234`, the decimal one first; the only reading of most others.
pub(super) fn readings(text: &str, style: Style) -> Vec<Decimal> {
    let Some((negative, digits)) = unsigned(text.trim()) else { return Vec::new() };
    let marks: &[char] = match style {
        Style::Point => &['.'],
        Style::Comma => &[','],
        Style::Either => &[',', '.'],
    };
    let mut found = Vec::new();
    for mark in marks {
        let group = if *mark == '.' { ',' } else { '.' };
        if let Some(number) = plain(digits, *mark, group).filter(|number| !found.contains(number)) {
            found.push(number);
        }
    }
    // A lone mark before three digits: what stands first reads it as the decimal mark.
    found.sort_by_key(|number: &Decimal| number.scale() == 0);
    if negative {
        found.iter_mut().for_each(|number| number.set_sign_negative(true));
    }
    found
}

/// The sign and what stands behind sign, brackets and currency sign.
fn unsigned(text: &str) -> Option<(bool, &str)> {
    let (bracketed, text) = match text.strip_prefix('(') {
        Some(rest) => (true, rest.strip_suffix(')')?.trim()),
        None => (false, text),
    };
    let (minus, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if bracketed && minus {
        return None;
    }
    Some((bracketed || minus, text.strip_prefix(['$', '£', '€']).unwrap_or(text)))
}

fn plain(digits: &str, mark: char, group: char) -> Option<Decimal> {
    let (whole, fraction) = digits.split_once(mark).unwrap_or((digits, ""));
    if digits.ends_with(mark) {
        return None;
    }
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let separator = |c: char| c == group || c == '\'';
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let mut joined = first.to_owned();
    let grouped = whole.contains(separator);
    for part in groups {
        if part.len() != 3 || !is_digits(part) {
            return None;
        }
        joined.push_str(part);
    }
    if !is_digits(&joined) || (grouped && (first.is_empty() || first.len() > 3 || first.starts_with('0'))) {
        return None;
    }
    if joined.len() > MOST_DIGITS
        || fraction.len() > MOST_DIGITS
        || !(fraction.is_empty() || is_digits(fraction))
    {
        return None;
    }
    let text = if fraction.is_empty() { joined } else { format!("{joined}.{fraction}") };
    Decimal::from_str_exact(&text).ok()
}

/// Rounded half-even to the six decimals that events hold.
pub(super) fn six(number: Decimal) -> Decimal {
    number.round_dp_with_strategy(6, RoundingStrategy::MidpointNearestEven).normalize()
}

/// Half of the last digit printed.
pub(super) fn half_digit(number: Decimal) -> Decimal {
    Decimal::new(5, (number.scale() + 1).min(Decimal::MAX_SCALE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, style: Style) -> Option<String> {
        decimal(text, style).map(|number| number.to_string())
    }

    #[test]
    fn signs_symbols_and_groups_are_read() {
        let cases = [
            ("-$694.48", "-694.48"),
            ("\u{a3}1,259.59", "1259.59"),
            ("($5.00)", "-5.00"),
            ("500,135", "500135"),
            ("1'234'567.8", "1234567.8"),
            ("0.0290530000", "0.0290530000"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, Style::Point).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("1.234,56", Style::Comma).as_deref(), Some("1234.56"));
        assert_eq!(read("17,83803", Style::Comma).as_deref(), Some("17.83803"));
    }

    #[test]
    fn what_could_be_two_numbers_is_none() {
        assert_eq!(read("1,234", Style::Either), None);
        assert_eq!(read("1.234", Style::Either), None);
        assert_eq!(readings("1,234", Style::Either).len(), 2);
        assert_eq!(readings("1,234", Style::Either)[0].to_string(), "1.234");
        for (text, expected) in
            [("-27,80", "-27.80"), ("-1.2108", "-1.2108"), ("0,039", "0.039"), ("1.234,5", "1234.5")]
        {
            assert_eq!(read(text, Style::Either).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in
            ["", "-", "1e5", "--1", "1,23.4", "12,34", ",5", "5.", "(1", "(-1)", "0,123", "NaN", "1 2", "n/a"]
        {
            assert_eq!(read(text, Style::Point), None, "{text}");
        }
        assert_eq!(read(&"9".repeat(13), Style::Point), None);
    }
}
