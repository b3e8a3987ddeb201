// SPDX-License-Identifier: Apache-2.0
// Compiled code that allocates, sorts, hashes and prints numbers.
const counts = new Map();
let seed = 1;
for (;;) {
  const numbers = Array.from({ length: 1000 }, () => (seed = (seed * 1103515245 + 12345) % 2147483648));
  numbers.sort((a, b) => a - b);
  const key = JSON.stringify({ least: numbers[0] % 997 });
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
