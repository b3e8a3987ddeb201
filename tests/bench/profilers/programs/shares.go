// SPDX-License-Identifier: Apache-2.0

// Four functions that take 40, 30, 20 and 10 hundredths of the time.
package main

var sink uint64

//go:noinline
func turn(seed uint64) uint64 {
	for i := uint64(0); i < 1000; i++ {
		seed = seed*31 + i
	}
	return seed
}

//go:noinline
func turns(count uint64) {
	for i := uint64(0); i < count; i++ {
		sink += turn(i)
	}
}

//go:noinline
func forty() { turns(40) }

//go:noinline
func thirty() { turns(30) }

//go:noinline
func twenty() { turns(20) }

//go:noinline
func ten() { turns(10) }

func main() {
	for {
		forty()
		thirty()
		twenty()
		ten()
	}
}
