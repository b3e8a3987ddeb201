// SPDX-License-Identifier: Apache-2.0
// ns of one getppid(), a system call that has nothing to do with sockets.
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  enum { kCalls = 3000000 };
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < kCalls; ++i) syscall(SYS_getppid);
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
  printf("%.2f\n", ns / kCalls);
  return 0;
}
