//! Two rows of every table: an everyday one and one at the edge of its types. The first has epoch 1000.

use evenkeel_clickhouse::{
    AccrualRow, AllocationRow, Amount, AnomalyRow, BlockRow, BreachRow, CashLadderRow, CashRow,
    CovarianceRow, DecisionRow, DistributionRow, DriftRow, EstimateRow, EventRow, ExposureRow,
    FactorLoadingRow, FxRateRow, HarvestCandidateRow, LotRow, Measure, OrderRow, OrderStateRow, PeakRow,
    PositionRow, PriceRow, Rate, RealisedGainRow, RejectedRow, Residual, ReturnRow, TaxRow, TickRow,
    TriggerRow, ValuationRow,
};

/// An epoch far away, but before the year 2300, where DateTime64 ends.
const LATE: u64 = 10_413_791_999_999;
const LARGEST: i128 = 10i128.pow(38) - 1;
const ODD: &str = "it's \\ \"odd\"\t\n, 日本 ?";

fn amount(units: i128) -> Amount {
    Amount::from_units(units)
}

fn rate(units: i64) -> Rate {
    Rate::from_units(units)
}

pub fn positions() -> Vec<PositionRow> {
    let row = PositionRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        quantity: amount(-1),
    };
    vec![
        row.clone(),
        PositionRow { epoch: LATE, diff: -1, customer: ODD.into(), quantity: amount(LARGEST), ..row },
    ]
}

pub fn cash() -> Vec<CashRow> {
    let row = CashRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        currency: "AUD".into(),
        amount: amount(-LARGEST),
    };
    vec![row.clone(), CashRow { epoch: LATE, diff: i8::MIN, amount: amount(0), ..row }]
}

pub fn prices() -> Vec<PriceRow> {
    let row = PriceRow { epoch: 1000, diff: 1, instrument: "VAS".into(), price: amount(101_234_567) };
    vec![row.clone(), PriceRow { epoch: LATE, diff: i8::MAX, instrument: ODD.into(), ..row }]
}

pub fn fx_rates() -> Vec<FxRateRow> {
    let row = FxRateRow { epoch: 1000, diff: 1, pair: "USD/AUD".into(), rate: rate(1_523_400_000) };
    vec![row.clone(), FxRateRow { epoch: LATE, rate: rate(1), ..row }]
}

pub fn valuations() -> Vec<ValuationRow> {
    let row = ValuationRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        currency: "AUD".into(),
        nav: amount(-5_000_000),
        market_value: amount(1_000_000),
        cash: amount(-6_000_000),
    };
    vec![row.clone(), ValuationRow { epoch: LATE, diff: -1, nav: amount(LARGEST), ..row }]
}

pub fn drift() -> Vec<DriftRow> {
    let row = DriftRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        weight: rate(-1),
        target: rate(500_000_000),
        drift: rate(-500_000_001),
    };
    let most = 10i64.pow(18) - 1;
    vec![
        row.clone(),
        DriftRow { epoch: LATE, weight: rate(most), target: rate(-most), drift: rate(0), ..row },
    ]
}

pub fn exposures() -> Vec<ExposureRow> {
    let row = ExposureRow {
        epoch: 1000,
        diff: 1,
        base_currency: "AUD".into(),
        kind: "instrument".into(),
        holding: "VAS".into(),
        customers: 2_000_000,
        quantity: amount(-5_000_000),
        value: amount(LARGEST),
    };
    vec![
        row.clone(),
        ExposureRow { epoch: LATE, diff: -1, kind: "cash".into(), holding: "USD".into(), ..row },
    ]
}

pub fn cash_ladder() -> Vec<CashLadderRow> {
    let row = CashLadderRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        currency: "AUD".into(),
        value_date: 20_000,
        kind: "settlement".into(),
        amount: amount(-1_234_560_000),
    };
    vec![row.clone(), CashLadderRow { epoch: LATE, diff: -1, amount: amount(LARGEST), ..row }]
}

pub fn distributions() -> Vec<DistributionRow> {
    let row = DistributionRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        distribution: "dist-1".into(),
        ex_date: 20_000,
        pay_date: 20_015,
        currency: "AUD".into(),
        quantity: amount(1_500_000),
        amount: amount(1_230_000),
        franked_fraction: rate(700_000_000),
        reinvested: amount(0),
        status: "accrued".into(),
    };
    vec![row.clone(), DistributionRow { epoch: LATE, diff: -1, distribution: ODD.into(), ..row }]
}

pub fn tax() -> Vec<TaxRow> {
    let row = TaxRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        year: "2024-25".into(),
        line: "net_capital_gain".into(),
        label: "net capital gain".into(),
        amount: amount(5_000_000_000),
        rule: "ITAA 1997 s 102-5".into(),
        sources: "gain/s1/b1 losses".into(),
    };
    vec![row.clone(), TaxRow { epoch: LATE, diff: -1, label: ODD.into(), ..row }]
}

pub fn accruals() -> Vec<AccrualRow> {
    let row = AccrualRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        kind: "fee".into(),
        currency: "AUD".into(),
        from: 20_000,
        until: 20_030,
        amount: amount(12_345_678),
        pay_date: 20_031,
        status: "accrued".into(),
    };
    vec![row.clone(), AccrualRow { epoch: LATE, diff: -1, from: -25_567, customer: ODD.into(), ..row }]
}

pub fn harvest_candidates() -> Vec<HarvestCandidateRow> {
    let row = HarvestCandidateRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        as_of: 20_000,
        replacement: "A200".into(),
        correlation: rate(987_654_321),
        tracking_error: rate(12_345_678),
        wash: "wash_sale".into(),
        wash_score: rate(500_000_000),
        purchase: "IOZ".into(),
        purchase_lot: "b7".into(),
        purchase_date: "2026-01-05".into(),
    };
    vec![row.clone(), HarvestCandidateRow { epoch: LATE, diff: -1, purchase_lot: ODD.into(), ..row }]
}

pub fn returns() -> Vec<ReturnRow> {
    let price_return = rate(-12_345_678);
    let row = ReturnRow { epoch: 1000, diff: 1, instrument: "VAS".into(), date: 20_000, price_return };
    vec![row.clone(), ReturnRow { epoch: LATE, diff: -1, instrument: ODD.into(), date: -25_567, ..row }]
}

pub fn estimates() -> Vec<EstimateRow> {
    let row = EstimateRow {
        epoch: 1000,
        diff: 1,
        instrument: "VAS".into(),
        currency: "AUD".into(),
        as_of: 20_000,
        model: "factors".into(),
        observations: 252,
        first_day: 19_600,
        last_day: 20_000,
        volatility: rate(123_456_789),
        volatility_ewma: rate(112_345_678),
        specific_variance: rate(1_234_567),
        beta: rate(1_012_345_678),
        mean_return: rate(-45_678_901),
        distribution_yield: rate(40_000_000),
        franked_fraction: rate(750_000_000),
    };
    vec![row.clone(), EstimateRow { epoch: LATE, diff: -1, instrument: ODD.into(), ..row }]
}

pub fn covariances() -> Vec<CovarianceRow> {
    let row = CovarianceRow {
        epoch: 1000,
        diff: 1,
        instrument: "VAS".into(),
        other: "VGS".into(),
        covariance: rate(12_345_678),
        covariance_ewma: rate(-1_234_567),
    };
    vec![row.clone(), CovarianceRow { epoch: LATE, diff: -1, other: ODD.into(), ..row }]
}

pub fn factor_loadings() -> Vec<FactorLoadingRow> {
    let row = FactorLoadingRow {
        epoch: 1000,
        diff: 1,
        instrument: "VAS".into(),
        factor: 1,
        loading: rate(98_765_432),
    };
    vec![row.clone(), FactorLoadingRow { epoch: LATE, diff: -1, factor: u16::MAX, ..row }]
}

pub fn peaks() -> Vec<PeakRow> {
    let peak = amount(1_234_567_890_123);
    let row = PeakRow { epoch: 1000, diff: 1, customer: "c1".into(), currency: "AUD".into(), peak };
    vec![row.clone(), PeakRow { epoch: LATE, diff: -1, customer: ODD.into(), ..row }]
}

pub fn lots() -> Vec<LotRow> {
    let row = LotRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        lot: "buy-1".into(),
        acquired: 20_000,
        quantity: amount(1_500_000),
        cost_base: amount(LARGEST),
    };
    vec![row.clone(), LotRow { epoch: LATE, diff: -1, acquired: -25_000, ..row }]
}

pub fn realised_gains() -> Vec<RealisedGainRow> {
    let row = RealisedGainRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        lot: "seq:7".into(),
        acquired: 20_000,
        disposed: 20_400,
        quantity: amount(1_500_000),
        proceeds: amount(5_000_000),
        cost_base: amount(LARGEST),
        gain: amount(-LARGEST),
        days_held: 400,
        fee: amount(9_500_000),
        kind: "sale".into(),
        disposal: "sell-1".into(),
    };
    vec![row.clone(), RealisedGainRow { epoch: LATE, diff: -1, kind: "merger".into(), ..row }]
}

pub fn breaches() -> Vec<BreachRow> {
    let row = BreachRow {
        epoch: 1000,
        diff: 1,
        customer: "c1".into(),
        instrument: "VAS".into(),
        side: "over".into(),
    };
    vec![row.clone(), BreachRow { epoch: LATE, diff: -1, side: "under".into(), ..row }]
}

pub fn triggers() -> Vec<TriggerRow> {
    let row = TriggerRow {
        epoch: 1000,
        diff: 1,
        trigger: "t1".into(),
        customer: "c1".into(),
        kind: "drift".into(),
        subject: "VAS".into(),
        measure: Measure::from_units(-LARGEST),
        limit: Measure::from_units(50_000_000),
    };
    vec![row.clone(), TriggerRow { epoch: LATE, subject: ODD.into(), measure: Measure::from_units(1), ..row }]
}

pub fn orders() -> Vec<OrderRow> {
    let row = OrderRow {
        epoch: 1000,
        diff: 1,
        order: "o1".into(),
        block: "".into(),
        decision: "d1".into(),
        customer: "c1".into(),
        instrument: "VAS".into(),
        side: "buy".into(),
        quantity: amount(10_000_000),
        state: "new".into(),
    };
    vec![row.clone(), OrderRow { epoch: LATE, diff: -1, block: "b1".into(), state: "filled".into(), ..row }]
}

pub fn allocations() -> Vec<AllocationRow> {
    let row = AllocationRow {
        epoch: 1000,
        diff: 1,
        block: "b1".into(),
        order: "o1".into(),
        customer: "c1".into(),
        instrument: "VAS".into(),
        side: "sell".into(),
        quantity: amount(10_000_000),
        price: amount(101_230_000),
        fee: amount(-1),
    };
    vec![row.clone(), AllocationRow { epoch: LATE, diff: -1, ..row }]
}

pub fn anomalies() -> Vec<AnomalyRow> {
    let row = AnomalyRow {
        epoch: 1000,
        diff: 1,
        source: "VAS".into(),
        kind: "stale_price".into(),
        detail: "no tick for 60 s".into(),
    };
    vec![row.clone(), AnomalyRow { epoch: LATE, diff: -1, detail: ODD.into(), ..row }]
}

pub fn events() -> Vec<EventRow> {
    let row = EventRow {
        epoch: 1000,
        topic: "accounts".into(),
        offset: 0,
        id: "e1".into(),
        event_type: "deposit".into(),
        at: 1_700_000_000_123_456,
        customer: "c1".into(),
        instrument: "".into(),
        payload: "{\"type\":\"deposit\"}".into(),
    };
    let odd = EventRow {
        epoch: LATE,
        offset: u64::MAX,
        id: String::new(),
        at: -1,
        payload: ODD.into(),
        ..row.clone()
    };
    vec![row, odd]
}

pub fn ticks() -> Vec<TickRow> {
    let row = TickRow {
        epoch: 1000,
        offset: 0,
        id: "t-1".into(),
        at: 1_700_000_000_000_000,
        instrument: "VAS".into(),
        price: amount(101_000_000),
        bid: Some(amount(100_990_000)),
        ask: Some(amount(101_010_000)),
        volume: Some(amount(0)),
    };
    vec![
        row.clone(),
        TickRow { epoch: LATE, offset: u64::MAX, id: "".into(), bid: None, ask: None, volume: None, ..row },
    ]
}

pub fn rejected() -> Vec<RejectedRow> {
    let row = RejectedRow {
        epoch: 1000,
        offset: 3,
        source: "events.ndjson".into(),
        line: 17,
        field: "price".into(),
        reason: "expected a price above zero".into(),
        payload: "{".into(),
    };
    vec![
        row.clone(),
        RejectedRow { epoch: LATE, line: 0, field: "".into(), payload: ODD.repeat(10_000), ..row },
    ]
}

pub fn decisions() -> Vec<DecisionRow> {
    let row = DecisionRow {
        epoch: 1000,
        decision: "d1".into(),
        customer: "c1".into(),
        outcome: "trade".into(),
        reason: "drift above band".into(),
        triggers: vec!["t1".into(), ODD.into()],
        snapshot_epoch: 900,
        nav: amount(1_000_000),
        objective: "{}".into(),
        before: "[]".into(),
        after: "[]".into(),
        orders: vec!["o1".into()],
    };
    vec![
        row.clone(),
        DecisionRow { epoch: LATE, outcome: "hold".into(), triggers: vec![], orders: vec![], ..row },
    ]
}

pub fn order_states() -> Vec<OrderStateRow> {
    let row = OrderStateRow {
        epoch: 1000,
        order: "o1".into(),
        state: "partially_filled".into(),
        quantity: amount(10_000_000),
        cumulative_quantity: amount(4_000_000),
        average_price: amount(101_000_000),
        text: String::new(),
    };
    vec![row.clone(), OrderStateRow { epoch: LATE, state: "rejected".into(), text: ODD.into(), ..row }]
}

pub fn blocks() -> Vec<BlockRow> {
    let row = BlockRow {
        epoch: 1000,
        block: "b1".into(),
        instrument: "VAS".into(),
        side: "buy".into(),
        quantity: amount(10_000_000),
        filled_quantity: amount(4_000_000),
        average_price: amount(101_000_000),
        residual: Residual::from_units(-1),
        state: "working".into(),
    };
    vec![row.clone(), BlockRow { epoch: LATE, residual: Residual::from_units(500_000_000_000), ..row }]
}
