// SPDX-License-Identifier: Apache-2.0
// Whose work a pid is: processes and the services they form.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "discovery/argument_redaction.h"
#include "discovery/executable_inspector.h"
#include "discovery/listening_ports.h"
#include "discovery/process_reader.h"
#include "discovery/process_resolver.h"
#include "discovery/process_rule.h"
#include "discovery/user_names.h"
#include "model/socket_event.h"

namespace hostlens::discovery {

struct ServiceNameRule {
  ProcessRule match;
  std::string name;
  bool operator==(const ServiceNameRule&) const = default;
};

struct ProcessTableSettings {
  std::vector<ServiceNameRule> service_names;  ///< the first that fits wins
  model::Attributes host;                      ///< from read_host_resource()
  /// Language runtimes and packages, added to a process when they are known; null: without. Must
  /// outlive the table.
  ExecutableInspector* executables = nullptr;
  ArgumentsMode arguments = ArgumentsMode::kRedact;
  size_t max_processes = 10'000;
  uint64_t tombstone_ns = 10'000'000'000;  ///< how long an ended process can still be asked for
};

/// The cgroup of some processes, as it was when they were described. Shared by them all.
struct CgroupMembership {
  std::string text;  ///< /proc/PID/cgroup
  std::string path;  ///< CgroupIdentity::path
};

/// A living process that is described, or that was forked by one and is its copy.
struct KnownProcess {
  model::ProcessKey key;
  const model::Process& described;  ///< of the forking one, where it did not need a copy yet
  std::shared_ptr<const CgroupMembership> cgroup;  ///< null when it could not be read
};

/// A process is read when its first socket is seen, or at once when a target executes a program (it
/// may live for milliseconds only); a child that only forked is its parent's copy and costs no
/// read. Never walks /proc. Shard thread only; `host` must outlive it.
class ProcessTable final : public ProcessResolver {
 public:
  /// kInvalid when a service name rule does not compile.
  static base::Result<std::unique_ptr<ProcessTable>> create(ProcessTableSettings settings,
                                                            kernel::HostAccess& host,
                                                            std::string proc_root = "/proc");

  std::shared_ptr<const model::Process> resolve(uint32_t pid) override;

  void on_exec(const model::ProcessExec& event);
  void on_fork(const model::ProcessFork& event);
  void on_exit(const model::ProcessExit& event);
  /// Once a second or so (CLOCK_MONOTONIC): lets ended processes go and checks a few pids for
  /// reuse.
  void tick(uint64_t now_ns);
  /// After a reload. Processes are described anew at their next use; nothing changes on error.
  base::Result<void> set_service_names(std::vector<ServiceNameRule> rules);

  /// The service that a cgroup (of cgroup2, not the root) stands for by itself: its rule among the
  /// service names, its unit, its container, else its directory. Never null. The same object as for
  /// the processes in it whose name has no other source. Reads nothing.
  [[nodiscard]] std::shared_ptr<const model::Service> service_of_cgroup(
      const CgroupIdentity& cgroup);
  /// A service of this name that no process or cgroup gave it. The same object each time.
  [[nodiscard]] std::shared_ptr<const model::Service> service_named(std::string_view name);
  /// Grows when services may be called otherwise than before.
  [[nodiscard]] uint64_t rules_generation() const { return rules_generation_; }

  /// What runtimes tell of containers. Those that are named differently by it are described anew at
  /// their next use.
  void set_containers(std::shared_ptr<const model::Containers> containers);
  /// Whether there is a container that set_containers() should be asked about: one that was not
  /// there the last time, or every minute one whose runtime is not known.
  [[nodiscard]] bool wants_containers() const;

  /// Every living process that needs no reading, in no order.
  void for_each_known(const std::function<void(const KnownProcess&)>& use) const;
  /// Whether resolve() would have to read this pid.
  [[nodiscard]] bool is_known(uint32_t pid) const;
  /// Reads living targets, as the kernel's records call them, that nobody asked for yet; at most so
  /// many.
  void describe_targets(size_t most);

  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] size_t service_count() const { return services_.size(); }

 private:
  struct Entry {
    explicit Entry(model::ProcessKey process_key, uint32_t parent = 0, std::string name = {})
        : key(process_key), comm(std::move(name)), parent_pid(parent) {}

    model::ProcessKey key;
    std::string comm;
    std::shared_ptr<const model::Process> process;      ///< null: not read yet
    std::shared_ptr<const model::Process> forked_from;  ///< its parent as it was then
    std::shared_ptr<const CgroupMembership> cgroup;
    FileKey executable;
    uint32_t parent_pid = 0;
    uint64_t ended_ns = 0;    ///< 0: lives
    bool is_target = false;   ///< says the record of its exec or fork
    bool unreadable = false;  ///< asked for, but there was nothing to read
  };
  struct CompiledName {
    ProcessMatcher match;
    std::string name;
  };

  ProcessTable(ProcessTableSettings settings, std::vector<CompiledName> names,
               kernel::HostAccess& host, std::string proc_root);
  static base::Result<std::vector<CompiledName>> compile(const std::vector<ServiceNameRule>& rules);
  Entry& put(uint32_t pid, Entry entry);
  void make_room();
  void describe(uint32_t pid, Entry& entry);
  void check_one_for_reuse();
  void forget_unused();
  void inspect(const ProcessFacts& facts, model::Attributes& own);
  void take_findings();
  void find_container(ProcessFacts& facts);
  [[nodiscard]] std::string_view configured_name(const ProcessFacts& facts);
  [[nodiscard]] std::shared_ptr<const model::Service> intern(model::Service service);
  [[nodiscard]] std::shared_ptr<const CgroupMembership> intern(const ProcessFacts& facts);

  ProcessTableSettings settings_;
  std::vector<CompiledName> names_;
  ProcessReader reader_;
  ListeningPorts ports_;
  UserNames users_;
  std::unordered_map<uint32_t, Entry> entries_;
  std::unordered_map<std::string, std::shared_ptr<const model::Service>> services_;
  std::unordered_map<std::string, std::shared_ptr<const CgroupMembership>> cgroups_;  ///< by text
  uint64_t now_ns_ = 0;               ///< of the last tick
  uint64_t next_reuse_round_ns_ = 0;  ///< all are checked once more from then on
  uint64_t next_unused_ns_ = 0;       ///< services and cgroups go that nobody has
  size_t eager_reads_left_ = 0;       ///< until the next tick
  uint64_t rules_generation_ = 1;
  std::shared_ptr<const model::Containers> containers_ =
      std::make_shared<const model::Containers>();
  std::unordered_set<std::string> nameless_;  ///< containers that are not among them
  bool new_nameless_ = false;
  uint64_t containers_ns_ = 0;  ///< when they were set
  std::vector<uint32_t> to_check_;
};

}  // namespace hostlens::discovery
