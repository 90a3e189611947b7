//! Which format a file has, told from its name and first lines.

use super::broker::Broker;

/// The formats that can be imported.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Daily bars, a row for each instrument and day; of the ASX unless ticker or venue say otherwise.
    Bars,
    /// Daily closes, a column for each instrument; of New York unless ticker or venue say otherwise.
    Wide,
    /// LEAN daily bars of one US instrument.
    LeanDaily,
    /// LEAN trades of one US instrument and day.
    LeanTrades,
    /// LEAN quotes of one currency pair and day.
    LeanQuotes,
    /// Monthly averages of exchange rates.
    MonthlyRates,
    /// A broker's export of a customer's account.
    Account(Broker),
}

impl Format {
    /// All formats of market data.
    pub const MARKET: [Format; 6] = [
        Format::Bars,
        Format::Wide,
        Format::LeanDaily,
        Format::LeanTrades,
        Format::LeanQuotes,
        Format::MonthlyRates,
    ];

    /// All formats.
    pub fn all() -> impl Iterator<Item = Format> {
        Format::MARKET.into_iter().chain(Broker::ALL.map(Format::Account))
    }

    /// The word for it on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Bars => "bars",
            Format::Wide => "wide",
            Format::LeanDaily => "lean-daily",
            Format::LeanTrades => "lean-trades",
            Format::LeanQuotes => "lean-quotes",
            Format::MonthlyRates => "monthly-rates",
            Format::Account(broker) => broker.as_str(),
        }
    }

    pub(super) fn names() -> String {
        Format::all().map(Format::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl std::str::FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Format, String> {
        let found = Format::all().find(|format| format.as_str() == text);
        found.ok_or_else(|| format!("expected a format, one of {}, got {text:?}", Format::names()))
    }
}

/// The format of a file of this name that begins with this line, and these bytes.
pub(super) fn detect(name: &str, header: &str, start: &[u8]) -> Option<Format> {
    if let Some(broker) = Broker::detect(start) {
        return Some(Format::Account(broker));
    }
    let columns: Vec<String> = header.split(',').map(|column| column.trim().to_ascii_lowercase()).collect();
    let has = |name: &str| columns.iter().any(|column| column == name);
    if has("date") && has("country") && has("exchange rate") {
        return Some(Format::MonthlyRates);
    }
    if has("date") && has("close") {
        return Some(Format::Bars);
    }
    // Tickers have no small letters; the words of other tables with dates do.
    let ticker = |text: &str| !text.is_empty() && !text.contains([' ', '/']) && text == text.to_uppercase();
    if columns.len() >= 2 && columns[0] == "date" && header.split(',').skip(1).all(|text| ticker(text.trim()))
    {
        return Some(Format::Wide);
    }
    let whole = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = name.to_ascii_lowercase();
    match columns.len() {
        3 if whole(&columns[0]) => Some(Format::LeanQuotes),
        6 if columns[0].contains(' ') => Some(Format::LeanDaily),
        6 if whole(&columns[0]) && name.contains("trade") => Some(Format::LeanTrades),
        _ => None,
    }
}
