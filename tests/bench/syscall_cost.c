// SPDX-License-Identifier: Apache-2.0
// What single system calls cost, and what a command costs, by CLOCK_MONOTONIC: in a guest that
// counts instructions (tests/bench/instructions.sh) a nanosecond is an instruction.
//   syscall_cost calls       one line "NAME NANOSECONDS" per kind of call, mean over kRounds
//   syscall_cost run CMD...  runs CMD, then "run NANOSECONDS" into the file RESULT of the
//   environment
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kRounds = 20000, kBytes = 64 };

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void whole(ssize_t done) {
  if (done != kBytes) die("short transfer");
}

static void getppid_round(const int* fds) {
  (void)fds;
  syscall(SYS_getppid);
}

// Write and read by the same process: no switch of tasks in between.
static void pipe_round(const int* fds) {
  char buffer[kBytes] = {0};
  whole(write(fds[1], buffer, kBytes));
  whole(read(fds[0], buffer, kBytes));
}

// There and back over a connection whose ends are both here.
static void socket_round(const int* fds) {
  char buffer[kBytes] = {0};
  whole(send(fds[0], buffer, kBytes, 0));
  whole(recv(fds[1], buffer, kBytes, MSG_WAITALL));
  whole(send(fds[1], buffer, kBytes, 0));
  whole(recv(fds[0], buffer, kBytes, MSG_WAITALL));
}

// There and back to another process: two sleeps, two wake-ups, two switches.
static void switch_round(const int* fds) {
  char buffer[kBytes] = {0};
  whole(write(fds[1], buffer, kBytes));
  whole(read(fds[0], buffer, kBytes));
}

// A child that sends back what comes, until the pipe is closed.
static void echo_child(int* fds) {
  int there[2];
  int back[2];
  if (pipe(there) != 0 || pipe(back) != 0) die("pipe");
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    char buffer[kBytes];
    close(there[1]);
    while (read(there[0], buffer, kBytes) == kBytes) whole(write(back[1], buffer, kBytes));
    _exit(0);
  }
  fds[0] = back[0];
  fds[1] = there[1];
}

static void measure(const char* name, void (*round)(const int*), const int* fds) {
  for (int i = 0; i < kRounds / 10; ++i) round(fds);
  const long long begin = now_ns();
  for (int i = 0; i < kRounds; ++i) round(fds);
  printf("%s %.1f\n", name, (double)(now_ns() - begin) / kRounds);
}

static void tcp_pair(int* fds) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(address);
  const int one = 1;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr*)&address, size) != 0 ||
      listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr*)&address, &size) != 0)
    die("listen");
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (fds[0] < 0 || connect(fds[0], (struct sockaddr*)&address, size) != 0) die("connect");
  fds[1] = accept(listener, NULL, NULL);
  if (fds[1] < 0) die("accept");
  for (int i = 0; i < 2; ++i) setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  close(listener);
}

static int calls(void) {
  int fds[2];
  // Time for an agent to find out what this process is. Asleep, so it costs no instructions.
  sleep(3);
  measure("getppid", getppid_round, NULL);
  if (pipe(fds) != 0) die("pipe");
  measure("pipe_round", pipe_round, fds);
  echo_child(fds);
  measure("switch_round", switch_round, fds);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) die("socketpair");
  measure("unix_round", socket_round, fds);
  tcp_pair(fds);
  measure("tcp_round", socket_round, fds);
  return 0;
}

static int run(char** command) {
  int status = 0;
  const long long begin = now_ns();
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    execvp(command[0], command);
    die(command[0]);
  }
  if (waitpid(child, &status, 0) != child) die("waitpid");
  const long long spent = now_ns() - begin;
  const char* result = getenv("RESULT");
  FILE* file = result ? fopen(result, "w") : stdout;
  if (!file) die(result);
  fprintf(file, "run %lld\n", spent);
  fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "calls") == 0) return calls();
  if (argc > 2 && strcmp(argv[1], "run") == 0) return run(argv + 2);
  fputs("usage: syscall_cost calls | run COMMAND...\n", stderr);
  return 2;
}
