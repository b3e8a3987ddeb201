/* SPDX-License-Identifier: Apache-2.0 */
/* Children that live for some milliseconds: every other one executes this program again. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned long sink;

__attribute__((noinline, noclone)) static int child_work(void)
{
	for (int i = 0; i < 10000000; ++i)
		sink += (unsigned long)i * i;
	return 0;
}

int main(int count, char **words)
{
	if (count > 1)
		return child_work();
	for (int round = 0;; ++round) {
		const pid_t child = fork();

		if (child == 0) {
			if (round % 2 != 0)
				execl("/proc/self/exe", words[0], "child", (char *)0);
			_exit(child_work());
		}
		if (child < 0 || waitpid(child, (int *)0, 0) != child)
			return 1;
	}
}
