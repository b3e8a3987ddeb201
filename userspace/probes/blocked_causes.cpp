// SPDX-License-Identifier: Apache-2.0
#include "probes/blocked_causes.h"

#include "kernel/system_calls.h"
#include "records/signal.h"

namespace hostlens::probes {
namespace {

/// CAUSE_BY_DESCRIPTOR of bpf/lib/blocked_cause.bpf.h
constexpr uint8_t kByDescriptor = 255;

struct CallRow {
  uint8_t cause;
  const char* call;
};
/// What a thread waits for in a system call. Those that are not here: other, or disk while the
/// kernel calls it a wait for I/O.
constexpr CallRow kCalls[] = {
    {kByDescriptor, "read"},         {kByDescriptor, "write"},
    {kByDescriptor, "readv"},        {kByDescriptor, "writev"},
    {kByDescriptor, "pread64"},      {kByDescriptor, "pwrite64"},
    {kByDescriptor, "preadv"},       {kByDescriptor, "pwritev"},
    {kByDescriptor, "preadv2"},      {kByDescriptor, "pwritev2"},
    {kByDescriptor, "sendfile"},     {kByDescriptor, "splice"},
    {kByDescriptor, "tee"},          {kByDescriptor, "vmsplice"},
    {kByDescriptor, "ioctl"},        {kByDescriptor, "close"},
    {kByDescriptor, "fcntl"},        {BLOCKED_DISK, "fsync"},
    {BLOCKED_DISK, "fdatasync"},     {BLOCKED_DISK, "sync"},
    {BLOCKED_DISK, "syncfs"},        {BLOCKED_DISK, "sync_file_range"},
    {BLOCKED_DISK, "msync"},         {BLOCKED_DISK, "copy_file_range"},
    {BLOCKED_DISK, "fallocate"},     {BLOCKED_DISK, "ftruncate"},
    {BLOCKED_DISK, "truncate"},      {BLOCKED_DISK, "readahead"},
    {BLOCKED_DISK, "getdents64"},    {BLOCKED_DISK, "io_getevents"},
    {BLOCKED_DISK, "io_pgetevents"}, {BLOCKED_NETWORK, "connect"},
    {BLOCKED_NETWORK, "accept"},     {BLOCKED_NETWORK, "accept4"},
    {BLOCKED_NETWORK, "recvfrom"},   {BLOCKED_NETWORK, "recvmsg"},
    {BLOCKED_NETWORK, "recvmmsg"},   {BLOCKED_NETWORK, "sendto"},
    {BLOCKED_NETWORK, "sendmsg"},    {BLOCKED_NETWORK, "sendmmsg"},
    {BLOCKED_LOCK, "futex"},         {BLOCKED_LOCK, "futex_waitv"},
    {BLOCKED_LOCK, "futex_wait"},    {BLOCKED_LOCK, "flock"},
    {BLOCKED_TIMER, "nanosleep"},    {BLOCKED_TIMER, "clock_nanosleep"},
    {BLOCKED_POLL, "poll"},          {BLOCKED_POLL, "ppoll"},
    {BLOCKED_POLL, "select"},        {BLOCKED_POLL, "pselect6"},
    {BLOCKED_POLL, "epoll_wait"},    {BLOCKED_POLL, "epoll_pwait"},
    {BLOCKED_POLL, "epoll_pwait2"},  {BLOCKED_IPC, "msgrcv"},
    {BLOCKED_IPC, "msgsnd"},         {BLOCKED_IPC, "semop"},
    {BLOCKED_IPC, "semtimedop"},     {BLOCKED_IPC, "mq_timedreceive"},
    {BLOCKED_IPC, "mq_timedsend"},   {BLOCKED_WAIT, "wait4"},
    {BLOCKED_WAIT, "waitid"},        {BLOCKED_WAIT, "vfork"},
    {BLOCKED_WAIT, "clone"},  // CLONE_VFORK sleeps until the child executes a program
    {BLOCKED_WAIT, "clone3"},
};

}  // namespace

void fill_blocked_causes(std::span<uint8_t> causes) {
  for (const CallRow& row : kCalls) {
    const auto number = kernel::system_call_number(row.call);
    if (number && *number < causes.size()) causes[*number] = row.cause;
  }
}

}  // namespace hostlens::probes
