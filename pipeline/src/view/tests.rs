use evenkeel_actors::Books;
use evenkeel_schemas::events::parse_event;
use evenkeel_schemas::{Currency, InstrumentId, LotRow, Name, Row};

use super::{SharedView, View, ViewBooks};
use crate::admission::{Admission, Origin, Verdict};
use crate::engine::Closed;

const LINES: [&str; 4] = [
    r#"{"type":"instrument_listed","at":"1970-01-01T00:00:00Z","instrument":"A","name":"A","kind":"etf","currency":"USD","tick_size":"0.01","lot_size":"1"}"#,
    r#"{"type":"customer_onboarded","at":"1970-01-01T00:00:00Z","customer":"c","base_currency":"AUD"}"#,
    r#"{"type":"targets_set","at":"1970-01-01T00:00:00Z","customer":"c","weights":{"A":"0.5"}}"#,
    r#"{"type":"targets_set","at":"1970-01-01T00:00:01Z","id":"later","customer":"c","weights":{"A":"0.6"}}"#,
];
const BUST: &str =
    r#"{"type":"correction","at":"1970-01-01T00:00:02Z","of":"later","with":null,"reason":"wrong"}"#;

fn admit(door: &mut Admission, view: &mut View, line: &str) {
    match door.admit(&parse_event(line.as_bytes()).unwrap(), 100, Origin::Outside) {
        Verdict::Accepted(inputs) => view.apply_inputs(&inputs),
        other => panic!("{other:?}"),
    }
}

fn held() -> (Admission, View) {
    let mut door = Admission::new(10, true);
    let mut view = View::new(door.names().clone());
    LINES.iter().for_each(|line| admit(&mut door, &mut view, line));
    let (customer, instrument) = (evenkeel_schemas::CustomerId(0), evenkeel_schemas::InstrumentId(0));
    let pair = "AUD/USD".parse().unwrap();
    let rows = [
        Row::Position { customer, instrument, quantity: "10".parse().unwrap() },
        Row::Cash { customer, currency: Currency::AUD, amount: "50".parse().unwrap() },
        Row::Price { instrument, price: "8".parse().unwrap() },
        Row::FxRate { pair, rate: "0.8".parse().unwrap() },
    ];
    view.apply_rows(&Closed { epoch: 100, changes: rows.into_iter().map(|row| (row, 1)).collect() });
    view.complete(100);
    (door, view)
}

#[test]
fn a_portfolio_is_valued_on_demand_as_the_dataflow_values_it() {
    let (_, view) = held();
    let customer = view.customer(evenkeel_schemas::CustomerId(0)).unwrap();
    let (worth, _) = view.worth(customer).unwrap();
    assert_eq!(worth.nav.to_string(), "150", "10 × 8 USD at the inverse of 0.8, and 50");
    let standing = view.standings(customer)[0];
    assert_eq!(
        (standing.target.to_string(), standing.drift.to_string()),
        ("0.6".into(), "0.066666667".into())
    );
    assert!(standing.breach.is_some());
}

#[test]
fn busted_targets_give_way_to_the_ones_before() {
    let (mut door, mut view) = held();
    admit(&mut door, &mut view, BUST);
    let books = ViewBooks(SharedView::new(view));
    let name = |text| Name::new(text).unwrap();
    assert_eq!(books.target(&name("c"), &name("A")).unwrap().to_string(), "0.5");
    assert_eq!(books.nav(&name("c")).unwrap().to_string(), "150");
    assert_eq!(books.quantity(&name("c"), &name("A")).to_string(), "10");
    assert_eq!(books.nav(&name("nobody")), None);
    let snapshot = books.snapshot(&name("c")).unwrap();
    assert_eq!((snapshot.epoch, snapshot.holdings.len(), snapshot.cash.to_string()), (100, 1, "50".into()));
}

#[test]
fn a_snapshot_has_the_buckets_that_are_watched_with_their_members() {
    let listed = |name: &str, class: &str| {
        format!(
            r#"{{"type":"instrument_listed","at":"1970-01-01T00:00:00Z","instrument":"{name}","name":"{name}","kind":"etf","currency":"AUD","asset_class":"{class}","tick_size":"0.01","lot_size":"1"}}"#
        )
    };
    let targets = r#"{"type":"targets_set","at":"1970-01-01T00:00:00Z","customer":"c","weights":{"A":"0.3","B":"0.1","C":"0.2"},"bands":{"asset_class:equity":"0.04"}}"#;
    let (mut door, names) = (Admission::new(10, true), ["A", "B", "C"]);
    let mut view = View::new(door.names().clone());
    for (name, class) in names.iter().zip(["equity", "equity", "bond"]) {
        admit(&mut door, &mut view, &listed(name, class));
    }
    [LINES[1], targets].iter().for_each(|line| admit(&mut door, &mut view, line));
    let books = ViewBooks(SharedView::new(view));
    let snapshot = books.snapshot(&Name::new("c").unwrap()).unwrap();
    let bands: Vec<String> = snapshot.holdings.iter().map(|holding| holding.band.to_string()).collect();
    assert_eq!((snapshot.targeted, bands), (true, vec!["0.05".to_owned(); 3]));
    let [equity] = snapshot.buckets.as_slice() else {
        panic!("one bucket has a band: {:?}", snapshot.buckets)
    };
    assert_eq!((equity.name.as_str(), equity.band.to_string()), ("asset_class:equity", "0.04".to_owned()));
    assert_eq!(equity.members, [InstrumentId(0), InstrumentId(1)]);
}

#[test]
fn a_sale_may_name_lots_where_the_customer_said_so_and_volume_is_of_the_listing() {
    let (mut door, mut view) = held();
    let lot = |name: &str, quantity: &str| {
        Row::Lot(LotRow {
            customer: evenkeel_schemas::CustomerId(0),
            instrument: InstrumentId(0),
            lot: name.into(),
            acquired: "1970-01-01".parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            cost_base: "60".parse().unwrap(),
        })
    };
    view.apply_rows(&Closed { epoch: 200, changes: vec![(lot("b", "4"), 1), (lot("a", "6"), 1)] });
    let (lots, volume) = (r#""lot_size":"1""#, r#""lot_size":"1","average_daily_value":"5000000""#);
    admit(&mut door, &mut view, &LINES[0].replace(lots, volume));
    let books = ViewBooks(SharedView::new(view));
    let holding = |books: &ViewBooks| books.snapshot(&Name::new("c").unwrap()).unwrap().holdings.remove(0);
    let first = holding(&books);
    assert!(first.parcels.is_empty(), "FIFO chooses: {:?}", first.parcels);
    assert_eq!(first.average_daily_value, Some("5000000".parse().unwrap()));
    let specific = LINES[2].replace("}}", r#"},"cost_basis":"specific"}"#);
    admit(&mut door, &mut books.0.write(), &specific);
    let names: Vec<String> =
        holding(&books).parcels.iter().map(|held| format!("{} {}", held.lot, held.quantity)).collect();
    assert_eq!(names, ["a 6", "b 4"]);
    // Lots that do not add up to what is held are not offered.
    books.0.write().apply_rows(&Closed { epoch: 300, changes: vec![(lot("b", "4"), -1)] });
    assert!(holding(&books).parcels.is_empty());
}

#[test]
fn a_missing_price_leaves_a_customer_without_a_value() {
    let (_, mut view) = held();
    let price = Row::Price { instrument: evenkeel_schemas::InstrumentId(0), price: "8".parse().unwrap() };
    view.apply_rows(&Closed { epoch: 200, changes: vec![(price, -1)] });
    let customer = view.customer(evenkeel_schemas::CustomerId(0)).unwrap();
    assert!(view.worth(customer).is_err());
    assert!(view.standings(customer).is_empty());
}

#[test]
fn anomalies_and_breaches_are_told_by_customer() {
    use evenkeel_schemas::{AnomalyKind, AnomalySource, BandSide, CustomerId, InstrumentId, Money};
    let (_, mut view) = held();
    let overdraft = AnomalyKind::Overdraft(Currency::AUD, Money::from_raw(-1));
    let of = |customer, kind| Row::Anomaly { source: AnomalySource::Customer(CustomerId(customer)), kind };
    let rows = [
        of(0, AnomalyKind::Unpriced(InstrumentId(7))),
        of(1, overdraft.clone()),
        of(1, AnomalyKind::Unpriced(InstrumentId(0))),
        of(2, overdraft.clone()),
        Row::Anomaly { source: AnomalySource::Instrument(InstrumentId(7)), kind: AnomalyKind::Stale },
        Row::Breach { customer: CustomerId(1), instrument: InstrumentId(7), side: BandSide::Over },
    ];
    view.apply_rows(&Closed { epoch: 200, changes: rows.into_iter().map(|row| (row, 1)).collect() });
    let kinds = |customer| view.anomalies_of(CustomerId(customer)).cloned().collect::<Vec<_>>();
    assert_eq!(kinds(1), [AnomalyKind::Unpriced(InstrumentId(0)), overdraft]);
    assert_eq!((kinds(0).len(), kinds(3).len()), (1, 0));
    assert!(view.is_stale(InstrumentId(7)) && !view.is_stale(InstrumentId(0)));
    let breached: Vec<_> = view.open().breached(CustomerId(1)).collect();
    assert_eq!(breached, [&(InstrumentId(7), BandSide::Over)]);
    assert_eq!(view.open().breached(CustomerId(0)).count(), 0);
}
