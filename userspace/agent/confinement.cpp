// SPDX-License-Identifier: Apache-2.0
#include "agent/confinement.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace hostlens::agent {
namespace {

/// EINVAL tells the end: this kernel knows no higher capability. EPERM: we hold no CAP_SETPCAP,
/// then we are not root and the empty sets below are all there is to do.
bool drop_bounding_set() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL || errno == EPERM;
  }
  return true;
}

bool clear_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  return ::syscall(SYS_capset, &header, none) == 0;
}

}  // namespace

const char* confine(const Identity& identity, pid_t supervisor) {
  // A terminal's signals and a service manager's go to the supervisor, which decides what they
  // mean.
  if (::setsid() < 0) return "setsid";
  ::umask(077);
  if (!drop_bounding_set()) return "drop the bounding set";
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return "clear ambient set";
  if (identity.change) {
    constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED;
    if (::prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0) != 0) return "set secure bits";
    if (::setgroups(0, nullptr) != 0) return "setgroups";
    if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return "setresgid";
    if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return "setresuid";
  }
  if (!clear_capabilities()) return "capset";
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no_new_privs";
  // Last: a change of credentials clears the parent-death signal (kernel/cred.c, commit_creds).
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return "parent-death signal";
  if (::getppid() != supervisor) return "the supervisor is gone";
  return nullptr;
}

void confine_after_exec() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // One arena per thread would cost 64 MiB of address space and a few hundred KiB each; our threads
  // allocate little and one of them nearly everything.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

}  // namespace hostlens::agent
