//! The check of the sweep in AVX-512 and AVX2, where the machine has them: the same operations of IEEE 754
//! on each lane, in the same order, as the portable form in `lanes`, so the same answers.
//!
//! The only file of this crate with unsafe code. Left to itself the compiler takes scalar look-ups of prices.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::cards::{Card, ROUNDING, SLOTS, UNSURE};
use crate::lanes::{Block, LANES, NEVER, TOTAL_MAX, UNITS};
use crate::market::LanePrices;

/// The lanes of one block that fail, as bits; `None` where the machine has neither.
pub(crate) fn failing(block: &Block, prices: &LanePrices, values: &mut [[f32; LANES]]) -> Option<u16> {
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the machine has what the function is compiled for.
        Some(unsafe { failing_512(block, prices, values) })
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has what the function is compiled for.
        Some(unsafe { failing_256(block, prices, values) })
    } else {
        None
    }
}

/// The narrower form, for tests on machines that would take the wider one.
#[cfg(test)]
pub(crate) fn failing_in_256(block: &Block, prices: &LanePrices, values: &mut [[f32; LANES]]) -> Option<u16> {
    // SAFETY: the machine has what the function is compiled for.
    is_x86_feature_detected!("avx2").then(|| unsafe { failing_256(block, prices, values) })
}

#[target_feature(enable = "avx512f")]
fn failing_512(block: &Block, prices: &LanePrices, values: &mut [[f32; LANES]]) -> u16 {
    // SAFETY: each load and store is of a whole array of the size it names.
    let load = |from: &[f32; LANES]| unsafe { _mm512_loadu_ps(from.as_ptr()) };
    let widen = |from: &[u16; LANES]| {
        // SAFETY: 16 numbers of 16 bits are the 256 bits that are read.
        _mm512_cvtepu16_epi32(unsafe { _mm256_loadu_si256(from.as_ptr().cast()) })
    };
    let mut total = load(block.cash);
    for ((value, assets), quantities) in values.iter_mut().zip(block.assets).zip(block.quantities) {
        // SAFETY: numbers widened from 16 bits are below 65,536, the length of the prices.
        let price = unsafe { _mm512_i32gather_ps::<4>(widen(assets), prices.as_ptr()) };
        let product = _mm512_mul_ps(load(quantities), price);
        total = _mm512_add_ps(total, product);
        // SAFETY: `value` is 16 floats.
        unsafe { _mm512_storeu_ps(value.as_mut_ptr(), product) };
    }
    let mut fails = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(total, _mm512_set1_ps(TOTAL_MAX as f32));
    let units = _mm512_set1_ps(UNITS);
    for ((value, lows), highs) in values.iter().zip(block.lows).zip(block.highs) {
        let scaled = _mm512_mul_ps(load(value), units);
        let low = _mm512_mul_ps(_mm512_cvtepi32_ps(widen(lows)), total);
        let high = _mm512_mul_ps(_mm512_cvtepi32_ps(widen(highs)), total);
        fails |= _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(low, scaled);
        fails |= _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(scaled, high);
    }
    fails
}

#[target_feature(enable = "avx2")]
fn failing_256(block: &Block, prices: &LanePrices, values: &mut [[f32; LANES]]) -> u16 {
    let mut fails = 0;
    for side in 0..2 {
        // SAFETY: 8 numbers from 0 or from 8 lie within arrays of 16, here and below.
        let load = |from: &[f32; LANES]| unsafe { _mm256_loadu_ps(from.as_ptr().add(8 * side)) };
        let widen = |from: &[u16; LANES]| {
            // SAFETY: as above.
            _mm256_cvtepu16_epi32(unsafe { _mm_loadu_si128(from.as_ptr().add(8 * side).cast()) })
        };
        let mut total = load(block.cash);
        for ((value, assets), quantities) in values.iter_mut().zip(block.assets).zip(block.quantities) {
            // SAFETY: numbers widened from 16 bits are below 65,536, the length of the prices.
            let price = unsafe { _mm256_i32gather_ps::<4>(prices.as_ptr(), widen(assets)) };
            let product = _mm256_mul_ps(load(quantities), price);
            total = _mm256_add_ps(total, product);
            // SAFETY: 8 floats from 0 or from 8 lie within 16.
            unsafe { _mm256_storeu_ps(value.as_mut_ptr().add(8 * side), product) };
        }
        let most = _mm256_set1_ps(TOTAL_MAX as f32);
        let mut failing = _mm256_cmp_ps::<_CMP_NLE_UQ>(total, most);
        let units = _mm256_set1_ps(UNITS);
        for ((value, lows), highs) in values.iter().zip(block.lows).zip(block.highs) {
            let scaled = _mm256_mul_ps(load(value), units);
            let low = _mm256_mul_ps(_mm256_cvtepi32_ps(widen(lows)), total);
            let high = _mm256_mul_ps(_mm256_cvtepi32_ps(widen(highs)), total);
            failing = _mm256_or_ps(failing, _mm256_cmp_ps::<_CMP_NLE_UQ>(low, scaled));
            failing = _mm256_or_ps(failing, _mm256_cmp_ps::<_CMP_NLE_UQ>(scaled, high));
        }
        fails |= (_mm256_movemask_ps(failing) as u16) << (8 * side);
    }
    fails
}

/// The room of a card as `cards` defines it; `None` where the machine lacks the width.
pub(crate) fn room(card: &Card, prices: &LanePrices, scales: &LanePrices) -> Option<f32> {
    // SAFETY: the machine has what the function is compiled for.
    is_x86_feature_detected!("avx512f").then(|| unsafe { room_512(card, prices, scales) })
}

/// The sum of all lanes, halves first.
#[target_feature(enable = "avx512f")]
fn sum(lanes: __m512) -> f32 {
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(lanes)));
    let eight = _mm256_add_ps(_mm512_castps512_ps256(lanes), high);
    let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

#[target_feature(enable = "avx512f")]
fn room_512(card: &Card, prices: &LanePrices, scales: &LanePrices) -> f32 {
    const USED: __mmask16 = (1 << SLOTS) - 1;
    const { assert!(std::mem::size_of::<Card>() == 128 && std::mem::offset_of!(Card, highs) == 96) };
    let base: *const u8 = std::ptr::from_ref(card).cast();
    // SAFETY: a column of 16 numbers that begins at 96 or below ends within the card's 128 bytes.
    let widen = |at: usize| _mm512_cvtepu16_epi32(unsafe { _mm256_loadu_si256(base.add(at).cast()) });
    let assets = widen(std::mem::offset_of!(Card, assets));
    let lows = _mm512_cvtepi32_ps(widen(std::mem::offset_of!(Card, lows)));
    let highs = _mm512_cvtepi32_ps(widen(std::mem::offset_of!(Card, highs)));
    // SAFETY: 16 floats from the beginning of the card are 64 of its bytes; what is behind the slots is masked.
    let quantities = unsafe { _mm512_maskz_loadu_ps(USED, base.cast()) };
    // SAFETY: numbers widened from 16 bits are below 65,536, the length of prices and scales.
    let (price, scale) = unsafe {
        (_mm512_i32gather_ps::<4>(assets, prices.as_ptr()), _mm512_i32gather_ps::<4>(assets, scales.as_ptr()))
    };
    // Lanes behind the slots are zero, whatever was looked up for them.
    let values = _mm512_maskz_mul_ps(USED, quantities, price);
    let moving = _mm512_maskz_mul_ps(USED, values, scale);
    let (total, movement) = (card.cash + sum(values), sum(moving));
    let (totals, movements) = (_mm512_set1_ps(total), _mm512_set1_ps(movement));
    let others = _mm512_add_ps(_mm512_sub_ps(movements, moving), _mm512_set1_ps(movement * ROUNDING));
    let never = _mm512_set1_ps(f32::INFINITY);
    let room = |unit: __m512, reach: __mmask16, over: bool| {
        let share = _mm512_mul_ps(unit, _mm512_set1_ps(1.0 / UNITS));
        let product = _mm512_mul_ps(share, totals);
        let distance = if over { _mm512_sub_ps(product, values) } else { _mm512_sub_ps(values, product) };
        let rest = _mm512_abs_ps(_mm512_sub_ps(_mm512_set1_ps(1.0), share));
        let moved = _mm512_add_ps(_mm512_mul_ps(share, others), _mm512_mul_ps(rest, moving));
        let fails = _mm512_mask_cmp_ps_mask::<_CMP_NGT_UQ>(reach, distance, _mm512_setzero_ps());
        (_mm512_mask_div_ps(never, reach, distance, moved), fails)
    };
    let low_reach = USED & _mm512_cmp_ps_mask::<_CMP_NEQ_OQ>(lows, _mm512_setzero_ps());
    let high_reach = USED & _mm512_cmp_ps_mask::<_CMP_NEQ_OQ>(highs, _mm512_set1_ps(f32::from(NEVER)));
    let (low_rooms, low_fails) = room(lows, low_reach, false);
    let (high_rooms, high_fails) = room(highs, high_reach, true);
    let slots = _mm512_reduce_min_ps(_mm512_min_ps(low_rooms, high_rooms));
    let least = ((TOTAL_MAX as f32 - total) / movement).min(slots);
    let sure = low_fails | high_fails == 0 && total <= TOTAL_MAX as f32;
    if sure { least * (1.0 - ROUNDING) } else { UNSURE }
}

/// [`reach_out`](crate::zones::reach_out) in wider registers where the machine has them.
pub(crate) fn reach_out(reach: &mut [f64], price: f64, inverses: &[f64], constants: &[f64]) {
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has what the function is compiled for.
        unsafe { reach_out_256(reach, price, inverses, constants) }
    } else {
        crate::zones::reach_out(reach, price, inverses, constants);
    }
}

#[target_feature(enable = "avx2")]
fn reach_out_256(reach: &mut [f64], price: f64, inverses: &[f64], constants: &[f64]) {
    crate::zones::reach_out(reach, price, inverses, constants);
}
