/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that begin at a multiple of 64, whatever their caller's: r10 keeps the way back (DRAP), and a frame of a size that
 * only its own frame pointer knows. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static volatile unsigned long sink;

__attribute__((noinline, noclone)) static int compare(const void *left, const void *right)
{
	_Alignas(64) unsigned char room[256];

	memset(room, *(const unsigned char *)left, sizeof(room));
	sink += room[sink & 255];
	return *(const int *)left - *(const int *)right;
}

__attribute__((noinline, noclone)) static void sum(int depth, ...)
{
	_Alignas(64) int numbers[100];
	char *grown = __builtin_alloca((size_t)depth * 16 + 16);
	va_list rest;

	va_start(rest, depth);
	for (int i = 0; i < 100; ++i)
		numbers[i] = (int)(sink * 31 + (unsigned long)i * 7919) % 1000;
	grown[depth] = (char)va_arg(rest, int);
	if (depth > 0)
		sum(depth - 1, numbers[3], 2, 3, 4, 5, 6, 7, 8, 9);
	else
		qsort(numbers, 100, sizeof(numbers[0]), compare);
	sink += (unsigned long)numbers[50] + (unsigned long)grown[depth];
	va_end(rest);
}

int main(void)
{
	for (;;)
		sum(10, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}
