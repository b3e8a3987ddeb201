// SPDX-License-Identifier: Apache-2.0
// What the service manager is told (sd_notify); nothing happens without one.
#pragma once

#include <cstdint>
#include <string>

namespace hostlens::agent {

class ServiceNotifier {
 public:
  virtual ~ServiceNotifier() = default;
  virtual void ready(const std::string& status) = 0;
  virtual void status(const std::string& status) = 0;
  virtual void reloading() = 0;
  virtual void stopping() = 0;
  virtual void alive() = 0;  ///< WATCHDOG=1
};

class SystemdNotifier final : public ServiceNotifier {
 public:
  void ready(const std::string& status) override;
  void status(const std::string& status) override;
  void reloading() override;
  void stopping() override;
  void alive() override;
};

}  // namespace hostlens::agent
