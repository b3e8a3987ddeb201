// SPDX-License-Identifier: Apache-2.0
// Four functions that take 40, 30, 20 and 10 hundredths of the time.
use std::hint::black_box;

#[inline(never)]
fn turn(seed: u64) -> u64 {
    (0..1000).fold(seed, |sum, i| black_box(sum.wrapping_mul(31).wrapping_add(i)))
}

#[inline(never)]
fn turns(count: u64) -> u64 {
    black_box((0..count).map(|i| turn(i)).sum::<u64>())
}

#[inline(never)]
fn forty() -> u64 {
    black_box(turns(40))
}

#[inline(never)]
fn thirty() -> u64 {
    black_box(turns(30))
}

#[inline(never)]
fn twenty() -> u64 {
    black_box(turns(20))
}

#[inline(never)]
fn ten() -> u64 {
    black_box(turns(10))
}

fn main() {
    let mut sum = 0u64;
    loop {
        sum = sum.wrapping_add(forty() ^ thirty() ^ twenty() ^ ten());
        black_box(sum);
    }
}
