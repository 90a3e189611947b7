//! Tickers for instruments that a broker names otherwise.

use std::collections::BTreeMap;

use evenkeel_schemas::Name;
use evenkeel_schemas::events::InstrumentKind;

use super::row::Symbol;
use super::table::split;

/// Tickers, and kinds where given, by ISIN, by the broker's own ticker or by the instrument's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols(BTreeMap<String, (Name, Option<InstrumentKind>)>);

impl Symbols {
    /// Reads lines `ISIN or name,ticker[,kind]`; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// Names the first line that is none, and what was expected.
    pub fn read(text: &str) -> Result<Symbols, String> {
        let mut found = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells = split(line, ',').unwrap_or_default();
            let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
            let (from, to, kind) = match cells.as_slice() {
                [from, to] => (*from, *to, None),
                [from, to, kind] => (*from, *to, Some(*kind)),
                _ => {
                    return Err(format!(
                        "line {}: expected ISIN or name,ticker[,kind], got {line:?}",
                        at + 1
                    ));
                }
            };
            let told = |error: String| format!("line {}: {error}", at + 1);
            let kind = kind.map(kind_of).transpose().map_err(told)?;
            let name = Name::new(to).map_err(|error| told(error.to_string()))?;
            if found.insert(from.to_owned(), (name, kind)).is_some() {
                return Err(told(format!("expected one line for {from}")));
            }
        }
        Ok(Symbols(found))
    }

    pub(super) fn of(&self, symbol: &Symbol) -> Option<&(Name, Option<InstrumentKind>)> {
        let keys = [&symbol.isin, &symbol.ticker, &symbol.name];
        keys.into_iter().filter(|key| !key.is_empty()).find_map(|key| self.0.get(key))
    }
}

/// An instrument's kind by its word.
///
/// # Errors
/// Says which words there are.
pub fn kind_of(text: &str) -> Result<InstrumentKind, String> {
    use InstrumentKind::{Alternative, Bond, Cash, Etf, Fund, Stock};
    let all = [Etf, Stock, Fund, Bond, Cash, Alternative];
    let found = all.into_iter().find(|kind| kind.as_str() == text);
    let words = || all.map(InstrumentKind::as_str).join(", ");
    found.ok_or_else(|| format!("expected a kind, one of {}, got {text:?}", words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_found_by_isin_ticker_or_name() {
        let text = "# mine\nIE00B3RBWM25,VWRL,etf\n\"Fund, A\",FA\nBRK B,BRK.B\n";
        let symbols = Symbols::read(text).unwrap();
        let ticker = |ticker: &str, isin: &str, name: &str| {
            symbols.of(&Symbol::new(ticker, isin, name)).map(|(name, _)| name.to_string())
        };
        assert_eq!(ticker("", "IE00B3RBWM25", "").as_deref(), Some("VWRL"));
        assert_eq!(ticker("", "", "Fund, A").as_deref(), Some("FA"));
        assert_eq!(ticker("BRK B", "X", "").as_deref(), Some("BRK.B"));
        assert_eq!(ticker("", "", ""), None);
        for (bad, expected) in [
            ("a\n", "line 1: expected ISIN or name,ticker"),
            ("a,b c\n", "line 1: expected 1 to 64"),
            ("a,b\na,c\n", "line 2: expected one line for a"),
            ("a,b,thing\n", "expected a kind, one of etf"),
        ] {
            assert!(Symbols::read(bad).unwrap_err().contains(expected), "{bad}");
        }
    }
}
