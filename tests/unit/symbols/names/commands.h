// SPDX-License-Identifier: Apache-2.0
// Other programs as oracles: their output, and files that they build.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "symbols/elf/elf_view.h"

namespace hostlens::symbols {

/// Lines of a shell command's output; empty when it cannot be run.
inline std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return lines;
  char* line = nullptr;
  size_t room = 0;
  for (ssize_t size = 0; (size = ::getline(&line, &room, pipe)) > 0;) {
    lines.emplace_back(line, static_cast<size_t>(line[size - 1] == '\n' ? size - 1 : size));
  }
  std::free(line);
  ::pclose(pipe);
  return lines;
}

/// A folder of the test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "names-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + '/' + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::string path_;
};

inline bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT: a test's own words
}

inline base::UniqueFd open_file(const std::string& path) {
  return base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

inline base::Result<ElfView> open_elf(const std::string& path) {
  auto source = FileSource::open(open_file(path));
  if (!source) return base::Error(source.error());
  return ElfView::open(*source);
}

/// Address -> names of functions, by `nm`.
inline std::map<uint64_t, std::set<std::string>> functions_by_nm(const std::string& command) {
  std::map<uint64_t, std::set<std::string>> functions;
  for (const std::string& line : lines_of(command)) {
    if (line.size() < 20 || line[0] == ' ' ||
        std::string("TtWwi").find(line[17]) == std::string::npos)
      continue;
    std::string name = line.substr(19);
    name.resize(std::min(name.find('@', 1), name.size()));
    if (name == "data_start") continue;  // weak, and nm does not say that it is data
    functions[std::stoull(line.substr(0, 16), nullptr, 16)].insert(std::move(name));
  }
  return functions;
}

}  // namespace hostlens::symbols
