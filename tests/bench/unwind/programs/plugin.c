/* SPDX-License-Identifier: Apache-2.0 */
/* Built as a program that loads and unloads its library (LIBRARY is its path), and as that library. */
#ifdef LIBRARY
#include <dlfcn.h>

int main(void)
{
	for (;;) {
		void *const library = dlopen(LIBRARY, RTLD_NOW);
		void (*work)(int) = library ? (void (*)(int))dlsym(library, "plugin_work") : 0;

		if (!work)
			return 1;
		for (int i = 0; i < 200; ++i)
			work(8);
		dlclose(library);
	}
}
#else
static volatile unsigned long sink;

void plugin_work(int depth);

__attribute__((noinline, noclone)) void plugin_work(int depth)
{
	if (depth > 0)
		plugin_work(depth - 1);
	for (int i = 0; i < 100000; ++i)
		sink += (unsigned long)i * depth;
}
#endif
