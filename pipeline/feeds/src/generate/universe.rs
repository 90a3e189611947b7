//! What is listed: real tickers of the ASX and of New York first, made-up codes after that.

use evenkeel_schemas::events::InstrumentKind;

/// One listing before it has a price of its own.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub ticker: String,
    pub name: String,
    pub kind: InstrumentKind,
    pub foreign: bool,
    pub asset_class: &'static str,
    pub region: &'static str,
    pub sector: &'static str,
    /// First price in cents.
    pub cents: i64,
    /// Volatility a year in basis points.
    pub volatility_bps: i64,
    /// Movement with the market, in percent of it.
    pub beta_percent: i64,
    /// Yearly distributions over price, in basis points.
    pub yield_bps: i64,
}

type Known = (&'static str, &'static str, &'static str, &'static str, &'static str, i64, i64, i64, i64);

/// ETFs: ticker, name, asset class, region, sector, cents, volatility, beta, yield.
#[rustfmt::skip]
const ETFS: &[Known] = &[
    ("VAS", "Vanguard Australian Shares Index ETF", "equity", "AU", "broad", 9512, 1400, 100, 380),
    ("VGS", "Vanguard MSCI Index International Shares ETF", "equity", "global", "broad", 13208, 1300, 90, 190),
    ("VTS", "Vanguard US Total Market Shares Index ETF", "equity", "US", "broad", 42155, 1500, 95, 120),
    ("VAF", "Vanguard Australian Fixed Interest Index ETF", "bond", "AU", "aggregate", 4562, 450, 5, 290),
    ("VAP", "Vanguard Australian Property Securities Index ETF", "property", "AU", "property", 9874, 1900, 110, 390),
    ("VHY", "Vanguard Australian Shares High Yield ETF", "equity", "AU", "dividend", 7436, 1400, 95, 510),
    ("VGB", "Vanguard Australian Government Bond Index ETF", "bond", "AU", "government", 4703, 480, 0, 270),
    ("VGE", "Vanguard FTSE Emerging Markets Shares ETF", "equity", "emerging", "broad", 7698, 1700, 95, 260),
    ("VEU", "Vanguard All-World ex-US Shares Index ETF", "equity", "global", "broad", 9347, 1350, 90, 290),
    ("NDQ", "Betashares Nasdaq 100 ETF", "equity", "US", "technology", 4721, 2100, 125, 60),
    ("IVV", "iShares S&P 500 ETF", "equity", "US", "broad", 5983, 1500, 95, 120),
    ("IOZ", "iShares Core S&P/ASX 200 ETF", "equity", "AU", "broad", 3288, 1400, 100, 380),
    ("A200", "Betashares Australia 200 ETF", "equity", "AU", "broad", 13654, 1400, 100, 370),
    ("STW", "SPDR S&P/ASX 200 Fund", "equity", "AU", "broad", 7277, 1400, 100, 390),
    ("BILL", "iShares Core Cash ETF", "cash", "AU", "cash", 10048, 40, 0, 420),
    ("GOLD", "Global X Physical Gold", "commodity", "global", "gold", 3391, 1500, -5, 0),
    ("TECH", "Global X Morningstar Global Technology ETF", "equity", "global", "technology", 11893, 2300, 130, 30),
    ("ROBO", "Global X ROBO Global Robotics & Automation ETF", "equity", "global", "robotics", 7685, 2200, 125, 40),
    ("SEMI", "Global X Semiconductor ETF", "equity", "global", "semiconductors", 1742, 3000, 150, 30),
    ("ASIA", "Betashares Asia Technology Tigers ETF", "equity", "Asia", "technology", 1103, 2700, 120, 40),
    ("HACK", "Betashares Global Cybersecurity ETF", "equity", "global", "cybersecurity", 1447, 2200, 120, 20),
    ("EINC", "Betashares Legg Mason Equity Income Fund", "equity", "AU", "dividend", 918, 1400, 95, 560),
    ("FANG", "Global X FANG+ ETF", "equity", "US", "technology", 3076, 2700, 140, 30),
    ("ETHI", "Betashares Global Sustainability Leaders ETF", "equity", "global", "sustainable", 1612, 1700, 105, 140),
    ("QOZ", "Betashares FTSE RAFI Australia 200 ETF", "equity", "AU", "value", 1719, 1400, 98, 430),
    ("MVW", "VanEck Australian Equal Weight ETF", "equity", "AU", "broad", 3742, 1400, 98, 340),
    ("QUAL", "VanEck MSCI International Quality ETF", "equity", "global", "quality", 5634, 1400, 92, 110),
    ("IAF", "iShares Core Composite Bond ETF", "bond", "AU", "aggregate", 10281, 460, 5, 280),
    ("SLF", "SPDR S&P/ASX 200 Listed Property Fund", "property", "AU", "property", 1389, 1900, 110, 380),
    ("OOO", "Betashares Crude Oil Index ETF", "commodity", "global", "energy", 547, 3500, 40, 0),
];

/// Shares of the ASX, as above.
#[rustfmt::skip]
const SHARES: &[Known] = &[
    ("CBA", "Commonwealth Bank of Australia", "equity", "AU", "financials", 15243, 1900, 105, 310),
    ("BHP", "BHP Group Limited", "equity", "AU", "materials", 4128, 2400, 110, 480),
    ("CSL", "CSL Limited", "equity", "AU", "health care", 26879, 2200, 80, 150),
    ("NAB", "National Australia Bank Limited", "equity", "AU", "financials", 3921, 2000, 105, 430),
    ("WBC", "Westpac Banking Corporation", "equity", "AU", "financials", 3366, 2000, 105, 460),
    ("ANZ", "ANZ Group Holdings Limited", "equity", "AU", "financials", 3049, 2000, 105, 540),
    ("WES", "Wesfarmers Limited", "equity", "AU", "consumer discretionary", 7512, 2000, 95, 270),
    ("MQG", "Macquarie Group Limited", "equity", "AU", "financials", 21467, 2300, 120, 300),
    ("WOW", "Woolworths Group Limited", "equity", "AU", "consumer staples", 3011, 1800, 60, 340),
    ("TLS", "Telstra Group Limited", "equity", "AU", "communication", 412, 1500, 60, 430),
    ("RIO", "Rio Tinto Limited", "equity", "AU", "materials", 12036, 2500, 110, 540),
    ("FMG", "Fortescue Ltd", "equity", "AU", "materials", 1864, 3200, 130, 780),
    ("WDS", "Woodside Energy Group Ltd", "equity", "AU", "energy", 2483, 2500, 90, 620),
    ("GMG", "Goodman Group", "equity", "AU", "property", 3589, 2500, 120, 80),
    ("TCL", "Transurban Group", "equity", "AU", "industrials", 1343, 1600, 75, 460),
    ("ALL", "Aristocrat Leisure Limited", "equity", "AU", "consumer discretionary", 6842, 2400, 110, 110),
    ("COL", "Coles Group Limited", "equity", "AU", "consumer staples", 1897, 1700, 55, 360),
    ("REA", "REA Group Ltd", "equity", "AU", "communication", 23517, 2600, 115, 90),
    ("XRO", "Xero Limited", "equity", "AU", "technology", 16891, 3000, 130, 0),
    ("QBE", "QBE Insurance Group Limited", "equity", "AU", "financials", 1927, 2100, 80, 410),
    ("STO", "Santos Limited", "equity", "AU", "energy", 671, 2500, 95, 540),
    ("ORG", "Origin Energy Limited", "equity", "AU", "utilities", 1082, 2200, 70, 500),
    ("JHX", "James Hardie Industries plc", "equity", "AU", "materials", 4977, 3000, 135, 0),
    ("BXB", "Brambles Limited", "equity", "AU", "industrials", 1934, 1900, 80, 270),
];

/// Listed in New York, as above.
#[rustfmt::skip]
const NEW_YORK: &[Known] = &[
    ("SPY", "SPDR S&P 500 ETF Trust", "equity", "US", "broad", 58712, 1500, 100, 120),
    ("AAPL", "Apple Inc.", "equity", "US", "technology", 23187, 2500, 120, 40),
    ("MSFT", "Microsoft Corporation", "equity", "US", "technology", 42946, 2300, 110, 70),
    ("AGG", "iShares Core U.S. Aggregate Bond ETF", "bond", "US", "aggregate", 9783, 500, 5, 360),
    ("QQQ", "Invesco QQQ Trust", "equity", "US", "technology", 51093, 2000, 120, 60),
    ("BRK.B", "Berkshire Hathaway Inc.", "equity", "US", "financials", 45817, 1600, 80, 0),
    ("JPM", "JPMorgan Chase & Co.", "equity", "US", "financials", 23931, 2200, 105, 200),
    ("XOM", "Exxon Mobil Corporation", "equity", "US", "energy", 11764, 2300, 85, 330),
];

/// One in this many listings is foreign.
const FOREIGN_EVERY: u32 = 8;

/// The first `count` listings.
pub(super) fn listings(count: u32) -> Vec<Listing> {
    let mut home = ETFS.iter().map(|known| real(known, true, false)).chain(interleaved_shares());
    let mut away = NEW_YORK.iter().map(|known| real(known, matches!(known.0, "SPY" | "AGG" | "QQQ"), true));
    let next = |number: u32| {
        let foreign = number % FOREIGN_EVERY == FOREIGN_EVERY - 1;
        let known = if foreign { away.next() } else { home.next() };
        known.unwrap_or_else(|| made_up(number, foreign))
    };
    (0..count).map(next).collect()
}

fn interleaved_shares() -> impl Iterator<Item = Listing> {
    SHARES.iter().map(|known| real(known, false, false))
}

fn real(known: &Known, etf: bool, foreign: bool) -> Listing {
    let (ticker, name, asset_class, region, sector, cents, volatility_bps, beta_percent, yield_bps) = *known;
    let kind = if etf { InstrumentKind::Etf } else { InstrumentKind::Stock };
    let (ticker, name) = (ticker.to_owned(), name.to_owned());
    Listing {
        ticker,
        name,
        kind,
        foreign,
        asset_class,
        region,
        sector,
        cents,
        volatility_bps,
        beta_percent,
        yield_bps,
    }
}

/// A code of `Z` and letters, spread over prices and volatilities by its number.
fn made_up(number: u32, foreign: bool) -> Listing {
    const SECTORS: [&str; 6] =
        ["financials", "materials", "health care", "technology", "industrials", "energy"];
    let spread = i64::from(number);
    let mut letters = [b'A'; 5];
    let mut rest = number;
    for letter in letters.iter_mut().rev() {
        *letter = b'A' + (rest % 26) as u8;
        rest /= 26;
    }
    let short = if number < 26 * 26 * 26 { 2 } else { 0 };
    let code: String = letters[short..].iter().map(|letter| char::from(*letter)).collect();
    Listing {
        name: format!("Listing {number}"),
        ticker: format!("Z{code}"),
        kind: InstrumentKind::Stock,
        foreign,
        asset_class: "equity",
        region: if foreign { "US" } else { "AU" },
        sector: SECTORS[number as usize % SECTORS.len()],
        cents: 120 + spread * 7_919 % 9_000,
        volatility_bps: 1_500 + spread * 397 % 2_500,
        beta_percent: 60 + spread * 31 % 90,
        yield_bps: spread * 53 % 600,
    }
}
