// SPDX-License-Identifier: Apache-2.0
#include "agent/service_notifier.h"

#include <systemd/sd-daemon.h>

#include "base/clock.h"

namespace hostlens::agent {

void SystemdNotifier::ready(const std::string& status) {
  ::sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}
void SystemdNotifier::status(const std::string& status) {
  ::sd_notify(0, ("STATUS=" + status).c_str());
}
void SystemdNotifier::reloading() {
  // Type=notify-reload (systemd 253) wants the time stamp; older ones ignore it.
  const std::string now = std::to_string(base::monotonic_now_ns() / 1000);
  ::sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + now).c_str());
}
void SystemdNotifier::stopping() { ::sd_notify(0, "STOPPING=1"); }
void SystemdNotifier::alive() { ::sd_notify(0, "WATCHDOG=1"); }

}  // namespace hostlens::agent
