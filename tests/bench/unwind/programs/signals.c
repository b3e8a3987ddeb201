/* SPDX-License-Identifier: Apache-2.0 */
/* Signal handlers, every other one on a stack of its own, that interrupt code wherever it is. */
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static volatile unsigned long sink;

__attribute__((noinline, noclone)) static void spin(int rounds)
{
	for (int i = 0; i < rounds; ++i)
		sink += (unsigned long)i * i;
}

static void handle(int number)
{
	spin(number == SIGALRM ? 300000 : 200000);
}

__attribute__((noinline, noclone)) static void work(int depth)
{
	char *memory = malloc((size_t)depth * 100 + 1);

	if (depth > 0)
		work(depth - 1);
	spin(100);
	free(memory);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handle };
	stack_t own = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct itimerval of_wall = { { 0, 1100 }, { 0, 1100 } };
	struct itimerval of_cpu = { { 0, 4000 }, { 0, 4000 } };

	sigaction(SIGALRM, &action, 0);
	sigaltstack(&own, 0);
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGVTALRM, &action, 0);
	setitimer(ITIMER_REAL, &of_wall, 0);
	setitimer(ITIMER_VIRTUAL, &of_cpu, 0);
	for (;;)
		work(20);
}
