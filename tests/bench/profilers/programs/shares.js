// SPDX-License-Identifier: Apache-2.0
// Four functions that take 40, 30, 20 and 10 hundredths of the time.
let sink = 0;

function turn(seed) {
  for (let i = 0; i < 1000; ++i) seed = (seed * 31 + i) & 0xffffff;
  return seed;
}

function turns(count) {
  for (let i = 0; i < count; ++i) sink ^= turn(i);
}

function forty() { turns(40); }
function thirty() { turns(30); }
function twenty() { turns(20); }
function ten() { turns(10); }

for (;;) {
  forty();
  thirty();
  twenty();
  ten();
}
