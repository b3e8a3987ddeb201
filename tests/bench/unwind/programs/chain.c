/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that the C library makes back: its sort, and printing numbers. */
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	const int a = *(const int *)left;
	const int b = *(const int *)right;

	return (a > b) - (a < b);
}

__attribute__((noinline, noclone)) static void sort_once(unsigned int *seed)
{
	int numbers[1000];
	char text[64];

	for (int i = 0; i < 1000; ++i)
		numbers[i] = rand_r(seed);
	qsort(numbers, 1000, sizeof(numbers[0]), compare);
	snprintf(text, sizeof(text), "%d %.9f", numbers[0], numbers[999] / 3.0);
}

int main(void)
{
	unsigned int seed = 1;

	for (;;)
		sort_once(&seed);
}
