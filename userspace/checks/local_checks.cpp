// SPDX-License-Identifier: Apache-2.0
// unit, process, file_age, disk: what this host tells of itself.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <ctime>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "checks/builtin_checks.h"

namespace hostlens::checks {
namespace {

using model::CheckResult;

class UnitCheck final : public Check {
 public:
  UnitCheck(CheckTarget target, std::shared_ptr<UnitSource> units)
      : name_(std::move(target.text)), units_(std::move(units)) {
    if (name_.find('.') == std::string::npos) name_ += ".service";
  }
  CheckResult run(const Deadline&) noexcept override {
    const auto unit = units_ == nullptr ? std::nullopt : units_->unit(name_);
    if (!unit) {
      CheckResult unknown;
      unknown.error_type = "unavailable";
      unknown.text = "systemd cannot be asked for " + name_;
      return unknown;
    }
    std::string text = name_ + " is " + unit->active_state + " (" + unit->sub_state + ")";
    if (unit->active_state == "active" || unit->active_state == "reloading") return passed(text);
    if (!unit->result.empty() && unit->result != "success") text += ": " + unit->result;
    return failed(unit->active_state, std::move(text));
  }

 private:
  std::string name_;
  std::shared_ptr<UnitSource> units_;
};

/// The file's first bytes; "" when it is gone.
std::string first_of(int directory, const std::string& path) {
  const base::UniqueFd fd(::openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[256];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text) : -1;
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

class ProcessCheck final : public Check {
 public:
  ProcessCheck(CheckTarget target, std::string proc)
      : name_(std::move(target.text)), least_(target.limit), proc_(std::move(proc)) {}

  CheckResult run(const Deadline& deadline) noexcept override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(proc_.c_str()), ::closedir);
    if (directory == nullptr) return failed_with_errno(proc_, errno);
    const int fd = ::dirfd(directory.get());
    double found = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
      if (is_one(fd, entry->d_name)) ++found;
      if (deadline.left_ns() == 0)
        return failed("timeout", "too many processes to look at in time");
    }
    const std::string text =
        std::to_string(static_cast<uint64_t>(found)) + " processes are " + name_;
    if (found >= least_) return passed(text);
    return failed("too_few", text + ", not " + std::to_string(static_cast<uint64_t>(least_)));
  }

 private:
  /// By comm, which the kernel cuts to 15 bytes, or by the program that it was started as. A zombie
  /// has lost its command line, and is no process that does anything.
  [[nodiscard]] bool is_one(int directory, const std::string& pid) const {
    const std::string command = first_of(directory, pid + "/cmdline");
    if (command.empty()) return false;
    const std::string program = command.substr(0, command.find('\0'));
    if (program.substr(program.rfind('/') + 1) == name_) return true;
    const std::string comm = first_of(directory, pid + "/comm");
    return comm.substr(0, comm.find('\n')) == name_.substr(0, 15);
  }

  std::string name_;
  double least_;
  std::string proc_;
};

std::string span_text(double seconds) {
  if (seconds < 120) return std::to_string(std::llround(seconds)) + " s";
  if (seconds < 2 * 3600) return std::to_string(std::llround(seconds / 60)) + " min";
  return std::to_string(std::llround(seconds / 3600)) + " h";
}

class FileAgeCheck final : public Check {
 public:
  explicit FileAgeCheck(CheckTarget target) : target_(std::move(target)) {}
  CheckResult run(const Deadline&) noexcept override {
    struct stat status {};
    if (::stat(target_.text.c_str(), &status) != 0) return failed_with_errno(target_.text, errno);
    const double age = std::difftime(::time(nullptr), status.st_mtime);
    const std::string text =
        target_.text + " was changed " + span_text(std::max(age, 0.0)) + " ago";
    if (age <= target_.limit) return passed(text);
    return failed("too_old", text + ", more than " + span_text(target_.limit));
  }

 private:
  CheckTarget target_;
};

class DiskCheck final : public Check {
 public:
  explicit DiskCheck(CheckTarget target) : target_(std::move(target)) {}
  CheckResult run(const Deadline&) noexcept override {
    struct statvfs is {};
    if (::statvfs(target_.text.c_str(), &is) != 0) return failed_with_errno(target_.text, errno);
    const auto used = static_cast<double>(is.f_blocks - is.f_bfree);
    const double all = used + static_cast<double>(is.f_bavail);
    const double share = all > 0 ? used / all : 0;
    const auto percent = [](double part) { return std::to_string(std::lround(part * 100)) + "%"; };
    const std::string text = target_.text + " is " + percent(share) + " full";
    if (share <= target_.limit) return passed(text);
    return failed("full", text + ", more than " + percent(target_.limit));
  }

 private:
  CheckTarget target_;
};

}  // namespace

std::unique_ptr<Check> make_unit_check(const CheckSettings&, CheckTarget target,
                                       const CheckEnvironment& environment) {
  return std::make_unique<UnitCheck>(std::move(target), environment.units);
}
std::unique_ptr<Check> make_process_check(const CheckSettings&, CheckTarget target,
                                          const CheckEnvironment& environment) {
  return std::make_unique<ProcessCheck>(std::move(target), environment.proc);
}
std::unique_ptr<Check> make_file_age_check(const CheckSettings&, CheckTarget target,
                                           const CheckEnvironment&) {
  return std::make_unique<FileAgeCheck>(std::move(target));
}
std::unique_ptr<Check> make_disk_check(const CheckSettings&, CheckTarget target,
                                       const CheckEnvironment&) {
  return std::make_unique<DiskCheck>(std::move(target));
}

}  // namespace hostlens::checks
