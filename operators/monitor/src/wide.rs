//! The check of the sweep in AVX-512 and AVX2, where the machine has them: the same operations of IEEE 754
//! on each lane, in the same order, as the portable form in `lanes`, so the same answers.
//!
//! The only file of this crate with unsafe code. Left to itself the compiler takes scalar look-ups of prices.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::lanes::{Block, LANES, TOTAL_MAX, UNITS};
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
