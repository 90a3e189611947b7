use std::io::{Cursor, Write};

use super::*;

fn run(file: &str, bytes: &[u8], options: &ImportOptions) -> (Vec<String>, Report) {
    let (mut lines, mut report) = (Vec::new(), Report::default());
    let mut out = |event: Event| {
        let line = serde_json::to_string(&event)?;
        evenkeel_schemas::events::parse_event(line.as_bytes()).map_err(io::Error::other)?;
        lines.push(line);
        Ok(())
    };
    import(file, bytes, options, &mut out, &mut report).unwrap();
    assert_eq!(report.events, lines.len() as u64);
    (lines, report)
}

fn zipped(name: &str, text: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

fn defaults() -> ImportOptions {
    ImportOptions::default()
}

#[test]
fn bars_become_closes_at_the_end_of_the_session_and_bad_rows_are_told() {
    let text = "Date,Open,High,Low,Close,Volume,Ticker\n\
        20170103,1,9,1,8,5,VAS\n\
        20170704,1,9,1,8.25,5,VAS\n\
        20170705,1,9,7,6.9,5,VAS\n\
        20170706,1,9,1,0,5,VAS\n\
        2017-13-07,1,9,1,8,5,VAS\n\
        20170707,,,,,,VAS\n\
        20170704,1,9,1,8,5,VAS\n\
        20170710,1,9,1,2,5,VAS\n";
    let (lines, report) = run("x.csv", text.as_bytes(), &defaults());
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].contains(r#""type":"instrument_listed","at":"2017-01-03T00:00:00Z","instrument":"VAS""#)
    );
    // Sydney is eleven hours ahead in January and ten in July.
    let close =
        r#"{"type":"close","at":"2017-01-03T05:10:00Z","instrument":"VAS","price":"8","date":"2017-01-03"}"#;
    assert_eq!(lines[1], close);
    assert!(lines[2].contains("2017-07-04T06:10:00Z") && lines[2].contains(r#""price":"8.25""#));
    let told: Vec<(u64, &str)> = report.skips.iter().map(|p| (p.line, p.field.as_str())).collect();
    assert_eq!(told, [(4, "Close"), (5, "Close"), (6, "Date"), (7, "Close"), (8, "Date")]);
    assert_eq!(
        report.skips[0].to_string(),
        "x.csv, line 4, Close: expected a close between low 7 and high 9, got 6.9"
    );
    assert_eq!((report.suspects.len(), report.suspects[0].line), (1, 9));
}

#[test]
fn rows_grouped_by_ticker_come_out_by_time_and_floats_are_rounded() {
    let text = "Tick,Date,Open,High,Low,Close,Adj Close,Volume\n\
        B,2017-01-03,1,600,1,437.26000999999997,-3,5\n\
        B,2017-01-04,1,9,1,8.5,8,5\n\
        A,2017-01-03,1,9,1,7,7,5.0\n";
    let (lines, report) = run("m.csv.gz", &gzipped(text), &defaults());
    let order: Vec<bool> = lines.iter().map(|line| line.contains(r#""instrument":"A""#)).collect();
    assert_eq!(order, [true, true, false, false, false]);
    assert!(lines[3].contains(r#""price":"437.26001""#));
    assert_eq!((report.rounded, report.suspects.len()), (1, 1));
    let from = ImportOptions { from: "2017-01-04".parse().ok(), ..defaults() };
    assert_eq!(run("m.csv.gz", &gzipped(text), &from).0.len(), 2);
}

#[test]
fn wide_closes_are_read_by_column_and_london_prints_pence() {
    let text = "Date,SPY,BP.L\n2017-03-10,100.5,453.3\n2017-03-13,,454\n2017-03-14,101\n";
    let (lines, report) = run("wide.csv", text.as_bytes(), &defaults());
    assert_eq!(lines.len(), 5);
    // New York changes its clocks on 12 March 2017, London on the 26th.
    assert!(
        lines
            .iter()
            .any(|line| line.contains(r#""at":"2017-03-10T21:00:00Z","instrument":"SPY","price":"100.5""#))
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains(r#""at":"2017-03-13T16:30:00Z","instrument":"BP.L","price":"4.54""#))
    );
    assert!(lines.iter().any(|line| line.contains(r#""currency":"GBP""#)));
    assert_eq!((report.skipped, report.skips[0].line), (1, 4));
}

#[test]
fn lean_prices_are_ten_thousandths_and_times_are_new_yorks() {
    let trades = "34200000,1674100,100,P,20002000,0\n34200001,0,100,P,0,0\n34200002,1674200,7,P,0,1\n34200500,1674300,9,P,0,0\n";
    let bytes = zipped("20131007_spy_Trade_Tick.csv", trades);
    let (lines, report) = run("spy_trade.zip", &bytes, &defaults());
    assert_eq!(lines.len(), 3);
    let tick =
        r#"{"type":"tick","at":"2013-10-07T13:30:00Z","instrument":"SPY","price":"167.41","volume":"100"}"#;
    assert_eq!(lines[1], tick);
    assert!(lines[2].contains("2013-10-07T13:30:00.5Z"));
    assert_eq!(report.skips.iter().map(|p| p.line).collect::<Vec<_>>(), [2, 3]);
    let daily =
        "19980102 00:00,732500,739400,720600,736300,919900\n20210331 00:00,385900,389900,384600,386900,1\n";
    let (lines, _) = run("lean_bac_daily.zip", &zipped("bac.csv", daily), &defaults());
    assert!(lines[1].contains(r#""at":"1998-01-02T21:00:00Z","instrument":"BAC","price":"73.63""#));
    assert!(lines[2].contains(r#""at":"2021-03-31T20:00:00Z""#));
}

/// The United States change their clocks on the second Sunday of March and the first of November (since
/// 2007), at 02:00; before that on the first Sunday of April and the last of October.
#[test]
fn new_yorks_clock_changes_as_the_law_says() {
    let noon = "43200000,1000000,1,P,0,0\n";
    let cases = [
        ("20130308", "17"),
        ("20130311", "16"),
        ("20131101", "16"),
        ("20131104", "17"),
        ("20050401", "17"),
        ("20050404", "16"),
        ("20051028", "16"),
        ("20051031", "17"),
        ("20200306", "17"),
        ("20200309", "16"),
    ];
    for (day, hour) in cases {
        let (lines, _) = run("t.zip", &zipped(&format!("{day}_spy_Trade_Tick.csv"), noon), &defaults());
        assert!(lines[1].contains(&format!("T{hour}:00:00Z")), "{day}: {}", lines[1]);
    }
}

#[test]
fn quotes_give_the_middle_and_months_their_end() {
    let quotes = "36,0.86576,0.86598\n39,0,0.86599\n86398543,0.86833,0.86859\n";
    let (lines, report) = run("q.zip", &zipped("20140505_nzdusd_tick_quote.csv", quotes), &defaults());
    assert_eq!(
        lines[0],
        r#"{"type":"fx_rate","at":"2014-05-05T00:00:00.036Z","pair":"NZD/USD","rate":"0.86587"}"#
    );
    assert_eq!((lines.len(), report.skipped), (2, 1));
    let months = "Date,Country,Exchange rate\n2019-12-01,Japan,109.1\n2019-11-01,Australia,1.4651\n2019-12-01,Atlantis,3\n";
    let (lines, report) = run("fx.csv", months.as_bytes(), &defaults());
    assert_eq!(
        lines[0],
        r#"{"type":"fx_rate","at":"2019-12-01T00:00:00Z","pair":"USD/AUD","rate":"1.4651"}"#
    );
    assert!(lines[1].contains(r#""at":"2020-01-01T00:00:00Z","pair":"USD/JPY""#));
    assert_eq!(report.skips[0].field, "Country");
}

#[test]
fn what_is_no_known_file_says_what_was_expected() {
    let mut out = |_| Ok(());
    let mut report = Report::default();
    let error = import("x.csv", &b"a;b;c\n1;2;3\n"[..], &defaults(), &mut out, &mut report).unwrap_err();
    assert!(error.to_string().contains("expected a header such as Date,Open"), "{error}");
    let error = import("x.zip", &b"PK\x03\x04broken"[..], &defaults(), &mut out, &mut report).unwrap_err();
    assert!(error.to_string().contains("expected a zip file"), "{error}");
    let nameless = b"Date,Close\n2017-01-03,5\n";
    let error = import("prices.csv", &nameless[..], &defaults(), &mut out, &mut report).unwrap_err();
    assert!(error.to_string().contains("line 1, Ticker: expected"), "{error}");
    let given = ImportOptions { instrument: Name::new("VAS").ok(), ..defaults() };
    assert_eq!(run("prices.csv", nameless, &given).0.len(), 2);
    assert!("nonsense".parse::<Format>().unwrap_err().contains("lean-trades"));
    assert!("asx".parse::<Venue>().is_ok());
}
