// SPDX-License-Identifier: Apache-2.0

// Goroutines that allocate, sort and hand over: the scheduler and the collector run as well.
package main

import (
	"fmt"
	"sort"
)

func produce(numbers chan<- []int, seed int) {
	for {
		made := make([]int, 1000)
		for i := range made {
			seed = seed*1103515245 + 12345
			made[i] = seed
		}
		numbers <- made
	}
}

func consume(numbers <-chan []int) {
	counts := map[string]int{}
	for made := range numbers {
		sort.Ints(made)
		counts[fmt.Sprint(made[0]%997)]++
	}
}

func main() {
	numbers := make(chan []int, 4)
	for i := 0; i < 4; i++ {
		go produce(numbers, i)
	}
	go consume(numbers)
	consume(numbers)
}
