// SPDX-License-Identifier: Apache-2.0
#include "unwind_oracle/libdwfl_stacks.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

namespace hostlens::tests {
namespace {

/// More than any unwinder of ours takes.
constexpr size_t kMostFrames = 400;

char* no_path = nullptr;
const Dwfl_Callbacks kCallbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                   .find_debuginfo = dwfl_standard_find_debuginfo,
                                   .section_address = nullptr,
                                   .debuginfo_path = &no_path};

/// What is mapped from files, without what others write into the list all the time.
std::string mapped_files(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  std::string files;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('/') != std::string::npos) files += line + '\n';
  }
  return files;
}

bool is_astray(std::string_view function) {
  constexpr std::array<std::string_view, 6> kNames{
      "runtime.systemstack", "runtime.asmcgocall", "runtime.mcall",
      "runtime.morestack",   "runtime.mstart",     "runtime.sigreturn__sigaction"};
  function = function.substr(0, function.find(".abi"));
  return std::ranges::find(kNames, function) != kNames.end();
}

struct Walk {
  Dwfl* dwfl;
  JudgedStack* stack;
};

int add_frame(Dwfl_Frame* frame, void* argument) {
  const Walk& walk = *static_cast<Walk*>(argument);
  JudgedFrame judged;
  Dwarf_Addr pc = 0;
  if (!dwfl_frame_pc(frame, &pc, &judged.is_exact)) {
    walk.stack->error = dwfl_errmsg(-1);
    return DWARF_CB_ABORT;
  }
  judged.pc = judged.address = pc;
  Dwfl_Module* const module = dwfl_addrmodule(walk.dwfl, judged.is_exact ? pc : pc - 1);
  Dwarf_Addr bias = 0;
  if (module != nullptr && dwfl_module_getelf(module, &bias) != nullptr) {
    const char* name =
        dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    judged.module = name == nullptr ? "?" : name;
    judged.address = pc - bias;
    const char* function = dwfl_module_addrname(module, pc);
    judged.is_astray = function != nullptr && is_astray(function);
  }
  walk.stack->frames.push_back(std::move(judged));
  return walk.stack->frames.size() < kMostFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

}  // namespace

LibdwflStacks::LibdwflStacks(pid_t pid) : pid_(pid) {
  ::unsetenv("DEBUGINFOD_URLS");  // what is not on this machine is not asked for
}

LibdwflStacks::~LibdwflStacks() {
  if (dwfl_ != nullptr) dwfl_end(dwfl_);
}

std::string LibdwflStacks::begin() {
  if (dwfl_ != nullptr) dwfl_end(dwfl_);
  dwfl_ = dwfl_begin(&kCallbacks);
  if (dwfl_ == nullptr) return std::string("dwfl_begin: ") + dwfl_errmsg(-1);
  if (const int failed = dwfl_linux_proc_report(dwfl_, pid_); failed != 0) {
    return std::string("mappings: ") + (failed > 0 ? std::strerror(failed) : dwfl_errmsg(-1));
  }
  if (dwfl_report_end(dwfl_, nullptr, nullptr) != 0) return dwfl_errmsg(-1);
  if (const int failed = dwfl_linux_proc_attach(dwfl_, pid_, true); failed != 0) {
    return std::string("attach: ") + (failed > 0 ? std::strerror(failed) : dwfl_errmsg(-1));
  }
  return {};
}

JudgedStack LibdwflStacks::of_thread(pid_t tid) {
  JudgedStack stack;
  std::string files = mapped_files(pid_);
  if (dwfl_ == nullptr || files != files_) {
    files_ = std::move(files);
    stack.error = begin();
    if (!stack.error.empty()) {
      files_.clear();
      return stack;
    }
  }
  Walk walk{dwfl_, &stack};
  if (dwfl_getthread_frames(dwfl_, tid, add_frame, &walk) == -1) stack.error = dwfl_errmsg(-1);
  return stack;
}

}  // namespace hostlens::tests
