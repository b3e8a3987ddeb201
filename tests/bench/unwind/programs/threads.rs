// SPDX-License-Identifier: Apache-2.0
// Hashing, sorting and closures on four threads.
use std::collections::HashMap;

fn work(seed: u64) -> usize {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut state = seed;
    loop {
        let mut numbers: Vec<u64> = (0..1000)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                state >> 33
            })
            .collect();
        numbers.sort_by(|a, b| b.cmp(a));
        *counts.entry(format!("{}", numbers[0] % 997)).or_insert(0) += 1;
        if counts.is_empty() {
            return numbers.len();
        }
    }
}

fn main() {
    let threads: Vec<_> = (1..5).map(|seed| std::thread::spawn(move || work(seed))).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
