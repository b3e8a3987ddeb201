// SPDX-License-Identifier: Apache-2.0
#include "symbols/names/symbolizer.h"

#include <gmock/gmock.h>
#include <time.h>

#include "unit/symbols/names/commands.h"

namespace hostlens::symbols {
namespace {

/// Files below a folder, as if it were the host's root.
class FolderFiles final : public SymbolFiles {
 public:
  explicit FolderFiles(const Folder& folder) : folder_(folder) {}

  base::Result<base::UniqueFd> open_module(const model::ProcessKey&,
                                           const model::Module& module) override {
    ++modules_opened;
    return open_at(module.path);
  }
  base::Result<base::UniqueFd> open_debug_file(const model::ProcessKey&,
                                               const model::Module& module,
                                               const DebugFilePlace& place) override {
    if (const auto* link = std::get_if<DebugFileByLink>(&place)) {
      return open_at(kernel::linked_debug_path(module.path, "/", link->folder, link->name));
    }
    if (const auto* served = std::get_if<DebugFileOfServer>(&place)) {
      asked_of_servers.push_back(served->build_id);
      return open_at("/served");
    }
    const auto& known = std::get<DebugFileByBuildId>(place);
    if (!known.of_host) return base::errno_error("open", ENOENT);
    return open_at("/usr/lib/debug/.build-id/" + known.build_id.substr(0, 2) + '/' +
                   known.build_id.substr(2) + ".debug");
  }
  base::Result<base::UniqueFd> open_perf_map(const model::ProcessKey&) override {
    return open_at("/perf.map");
  }

  int modules_opened = 0;
  std::vector<std::string> asked_of_servers;

 private:
  [[nodiscard]] base::Result<base::UniqueFd> open_at(const std::string& path) const {
    base::UniqueFd file = open_file(folder_.path(path));
    if (!file) return base::errno_error("open " + path);
    return file;
  }
  const Folder& folder_;
};

class SymbolizerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("f.cpp",
                  "static inline __attribute__((always_inline)) int inner(int x) {\n"
                  "  return x * x + 7;\n}\n"
                  "static inline __attribute__((always_inline)) int middle(int x) {\n"
                  "  return inner(x + 1) * 3;\n}\n"
                  "__attribute__((noinline)) int outer(volatile int* x) {\n"
                  "  int y = middle(*x);\n  *x = y;\n  return y;\n}\n"
                  "int main(int argc, char**) { return outer(&argc); }\n");
    ASSERT_TRUE(runs("cd " + folder_.path("") + " && c++ -g -O2 -Wl,--build-id -o full f.cpp && " +
                     "objcopy --only-keep-debug full full.debug && cp full bare && " +
                     "strip -s bare"));
    for (const auto& [at, names] : functions_by_nm("nm " + folder_.path("full"))) {
      if (names.contains("_Z5outerPVi")) outer_ = at;
      if (names.contains("main")) main_ = at;
    }
    ASSERT_NE(outer_, 0U);
  }
  std::shared_ptr<const model::Module> module(const std::string& path) {
    const auto elf = open_elf(folder_.path(path));
    return std::make_shared<const model::Module>(model::Module{
        .path = path, .build_id = elf ? std::string(elf->build_id()) : "", .limit = UINT64_MAX});
  }
  Symbolizer symbolizer(const SymbolizerLimits& limits = {}) {
    return Symbolizer(files_, limits, [this] { return now_; });
  }
  std::vector<model::Frame> frames(Symbolizer& symbols, const CodeAddress& code) const {
    std::vector<model::Frame> result;
    symbols.append(process_, code, result);
    return result;
  }

  Folder folder_;
  FolderFiles files_{folder_};
  model::ProcessKey process_{42, 7};
  uint64_t now_ = 1;
  uint64_t outer_ = 0;
  uint64_t main_ = 0;
};

TEST_F(SymbolizerTest, AFunctionHasItsNameAndIsReadOnce) {
  Symbolizer symbols = symbolizer();
  const auto full = module("/full");
  const auto first = frames(symbols, {.address = outer_, .module = full});
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].kind, model::Frame::Kind::kNative);
  EXPECT_EQ(first[0].address, outer_);
  EXPECT_EQ(first[0].module, full);
  ASSERT_TRUE(first[0].function);
  EXPECT_EQ(first[0].function->name, "outer(int volatile*)");
  EXPECT_EQ(first[0].function->system_name, "_Z5outerPVi");
  EXPECT_EQ(frames(symbols, {.address = outer_ + 1, .module = full})[0].function,
            first[0].function);
  EXPECT_EQ(files_.modules_opened, 1);
}

TEST_F(SymbolizerTest, AReturnAddressBelongsToTheCall) {
  Symbolizer symbols = symbolizer();
  const auto full = module("/full");
  const auto before = frames(symbols, {.address = outer_, .module = full, .return_address = true});
  EXPECT_EQ(before[0].address, outer_);
  EXPECT_TRUE(!before[0].function || before[0].function->name != "outer(int volatile*)");
}

TEST_F(SymbolizerTest, AStrippedFileIsNamedByItsDebugFileAndElseKeepsItsBuildId) {
  Symbolizer without = symbolizer();
  const auto bare = module("/bare");
  const auto unnamed = frames(without, {.address = outer_, .module = bare});
  ASSERT_EQ(unnamed.size(), 1U);
  EXPECT_FALSE(unnamed[0].function);
  EXPECT_EQ(unnamed[0].module->build_id, bare->build_id);
  EXPECT_EQ(without.statistics().unnamed, 1U);

  const std::string root = folder_.path("/usr/lib/debug/.build-id/" + bare->build_id.substr(0, 2));
  const std::string debug = root + '/' + bare->build_id.substr(2) + ".debug";
  std::filesystem::create_directories(root);
  std::filesystem::copy_file("/bin/true", debug);
  Symbolizer mismatched = symbolizer();
  EXPECT_FALSE(frames(mismatched, {.address = outer_, .module = bare})[0].function);
  EXPECT_EQ(mismatched.statistics().refused.of(Refusals::Reason::kMismatch), 1U);

  std::filesystem::copy_file(folder_.path("full.debug"), debug,
                             std::filesystem::copy_options::overwrite_existing);
  Symbolizer with = symbolizer();
  const auto named = frames(with, {.address = outer_, .module = bare});
  ASSERT_TRUE(named[0].function);
  EXPECT_EQ(named[0].function->name, "outer(int volatile*)");
}

TEST_F(SymbolizerTest, AServerIsAskedOnlyForWhatHasNoNamesHere) {
  Symbolizer symbols = symbolizer();
  (void)frames(symbols, {.address = outer_, .module = module("/full")});
  EXPECT_THAT(files_.asked_of_servers, testing::IsEmpty()) << "it has a symbol table";
  const auto bare = module("/bare");
  (void)frames(symbols, {.address = outer_, .module = bare});
  EXPECT_THAT(files_.asked_of_servers, testing::ElementsAre(bare->build_id));
}

TEST_F(SymbolizerTest, NamesThatComeLaterAreThoseOfFramesFromThenOn) {
  Symbolizer symbols = symbolizer();
  const auto bare = module("/bare");
  EXPECT_FALSE(frames(symbols, {.address = outer_, .module = bare})[0].function);
  std::filesystem::copy_file(folder_.path("full.debug"), folder_.path("served"));
  EXPECT_FALSE(frames(symbols, {.address = outer_, .module = bare})[0].function)
      << "nobody said that there is another file";
  symbols.forget_names("00ff");
  EXPECT_FALSE(frames(symbols, {.address = outer_, .module = bare})[0].function);
  symbols.forget_names(bare->build_id);
  const auto named = frames(symbols, {.address = outer_, .module = bare});
  ASSERT_TRUE(named[0].function);
  EXPECT_EQ(named[0].function->name, "outer(int volatile*)");
}

TEST_F(SymbolizerTest, AFileWithoutABuildIdIsNamedByTheFileThatItsLinkNames) {
  ASSERT_TRUE(runs("cd " + folder_.path("") +
                   " && mkdir -p bin/.debug usr/lib/debug/bin && c++ -O2 -Wl,--build-id=none -o "
                   "bin/program f.cpp && objcopy --only-keep-debug bin/program program.debug && "
                   "strip -s bin/program && "
                   "objcopy --add-gnu-debuglink=program.debug bin/program"));
  ASSERT_TRUE(open_elf(folder_.path("program.debug")).value().build_id().empty());
  uint64_t outer = 0;
  for (const auto& [at, names] : functions_by_nm("nm " + folder_.path("program.debug"))) {
    if (names.contains("_Z5outerPVi")) outer = at;
  }
  const CodeAddress code{.address = outer, .module = module("/bin/program")};
  EXPECT_FALSE(frames(*std::make_unique<Symbolizer>(symbolizer()), code)[0].function);
  for (const std::string at :
       {"bin/program.debug", "bin/.debug/program.debug", "usr/lib/debug/bin/program.debug"}) {
    // A file of another build lies where one looks first.
    std::filesystem::copy_file("/bin/true", folder_.path("bin/program.debug"),
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(folder_.path("program.debug"), folder_.path(at),
                               std::filesystem::copy_options::overwrite_existing);
    Symbolizer symbols = symbolizer();
    const auto named = frames(symbols, code);
    ASSERT_TRUE(named[0].function) << at;
    EXPECT_EQ(named[0].function->name, "outer(int volatile*)");
    EXPECT_EQ(symbols.statistics().refused.of(Refusals::Reason::kMismatch),
              at == "bin/program.debug" ? 0U : 1U);
    std::filesystem::remove(folder_.path(at));
  }
}

TEST_F(SymbolizerTest, InlinedFunctionsAndLinesAreThoseOfLlvmAddr2line) {
  SymbolizerLimits limits;
  limits.module.inlines = true;
  Symbolizer symbols = symbolizer(limits);
  const auto full = module("/full");
  size_t deep = 0;
  for (uint64_t address = outer_; address < outer_ + 12; ++address) {
    const auto found = frames(symbols, {.address = address, .module = full});
    char text[32];
    std::snprintf(text, sizeof text, " 0x%llx", static_cast<unsigned long long>(address));
    const auto oracle = lines_of("llvm-addr2line-16 -f -i -C -e " + folder_.path("full") + text);
    ASSERT_EQ(oracle.size(), found.size() * 2) << text;
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_TRUE(found[i].function);
      // LLVM's: that of binutils gives the innermost frame the name of the symbol around it.
      const std::string name = found[i].function->name.substr(0, found[i].function->name.find('('));
      EXPECT_EQ(name, oracle[2 * i].substr(0, oracle[2 * i].find('('))) << text;
      const std::string place = std::filesystem::path(found[i].function->file).filename().string() +
                                ':' + std::to_string(found[i].line);
      const std::string expected = oracle[2 * i + 1].substr(oracle[2 * i + 1].rfind('/') + 1);
      EXPECT_EQ(place, expected.substr(0, expected.find(" ("))) << text;
      EXPECT_EQ(found[i].inlined, i + 1 != found.size());
    }
    deep = std::max(deep, found.size());
  }
  EXPECT_EQ(deep, 3U);
}

TEST_F(SymbolizerTest, WhatIsGoneOrNoElfIsCountedAndTriedAgainLater) {
  Symbolizer symbols = symbolizer();
  const auto gone = module("/gone");
  EXPECT_FALSE(frames(symbols, {.address = 1, .module = gone})[0].function);
  EXPECT_FALSE(frames(symbols, {.address = 2, .module = gone})[0].function);
  EXPECT_EQ(symbols.statistics().refused.of(Refusals::Reason::kGone), 1U);
  EXPECT_EQ(files_.modules_opened, 1);
  std::filesystem::copy_file(folder_.path("full"), folder_.path("gone"));
  now_ += SymbolizerLimits{}.retry_ns;
  EXPECT_TRUE(frames(symbols, {.address = outer_, .module = gone})[0].function);

  folder_.write("text", "no ELF file");
  EXPECT_FALSE(frames(symbols, {.address = 1, .module = module("/text")})[0].function);
  EXPECT_EQ(symbols.statistics().refused.of(Refusals::Reason::kBroken), 1U);
}

TEST_F(SymbolizerTest, TheLeastRecentlyUsedModulesGoFirst) {
  SymbolizerLimits limits;
  limits.modules = 2;
  Symbolizer symbols = symbolizer(limits);
  const auto full = module("/full");
  const auto bare = module("/bare");
  const auto debug = module("/full.debug");
  (void)frames(symbols, {.address = outer_, .module = full});
  (void)frames(symbols, {.address = outer_, .module = bare});
  (void)frames(symbols, {.address = outer_, .module = full});
  (void)frames(symbols, {.address = outer_, .module = debug});
  EXPECT_EQ(symbols.statistics().evicted, 1U);
  (void)frames(symbols, {.address = outer_, .module = full});
  EXPECT_EQ(symbols.statistics().loaded, 3U);
}

TEST_F(SymbolizerTest, NamesOfAForgottenModuleGoAndAreReadAgain) {
  Symbolizer symbols = symbolizer();
  const auto full = module("/full");
  const auto debug = module("/full.debug");
  (void)frames(symbols, {.address = outer_, .module = full});
  const uint64_t one = symbols.statistics().bytes;
  (void)frames(symbols, {.address = outer_, .module = debug});
  symbols.forget(debug);
  symbols.forget(module("/bare"));  // never met
  EXPECT_EQ(symbols.statistics().evicted, 1U);
  EXPECT_EQ(symbols.statistics().bytes, one);
  (void)frames(symbols, {.address = outer_, .module = full});
  EXPECT_EQ(symbols.statistics().loaded, 2U);
  (void)frames(symbols, {.address = outer_, .module = debug});
  EXPECT_EQ(symbols.statistics().loaded, 3U);
}

TEST_F(SymbolizerTest, PerfMapsGrowAndAreReplaced) {
  Symbolizer symbols = symbolizer();
  EXPECT_FALSE(frames(symbols, {.address = 0x1000})[0].function);
  folder_.write("perf.map", "1000 100 first\n");
  EXPECT_FALSE(frames(symbols, {.address = 0x1000})[0].function) << "not looked at so soon";
  now_ += ProcessPerfMaps::kRetryNs;
  const auto first = frames(symbols, {.address = 0x1000});
  ASSERT_TRUE(first[0].function);
  EXPECT_EQ(first[0].function->name, "first");
  EXPECT_EQ(first[0].kind, model::Frame::Kind::kJit);
  std::ofstream(folder_.path("perf.map"), std::ios::app) << "2000 100 second\n";
  now_ += ProcessPerfMaps::kRefreshNs;
  EXPECT_EQ(frames(symbols, {.address = 0x2000})[0].function->name, "second");
  folder_.write("perf.map", "3000 1 x\n");
  now_ += ProcessPerfMaps::kRefreshNs;
  EXPECT_EQ(frames(symbols, {.address = 0x3000})[0].function->name, "x");
  EXPECT_EQ(symbols.statistics().refused.of(Refusals::Reason::kGone), 0U);
}

TEST_F(SymbolizerTest, KernelFramesAreNamedWithTheirModule) {
  Symbolizer symbols = symbolizer();
  const CodeAddress code{.address = 0xffffffffc0000044, .module = nullptr, .kernel = true};
  EXPECT_FALSE(frames(symbols, code)[0].function);
  KernelSymbolsBuilder builder;
  builder.feed("ffffffffc0000040 t f\t[bpf]\n");
  symbols.set_kernel_symbols(*builder.finish());
  const auto named = frames(symbols, code);
  EXPECT_EQ(named[0].function->name, "f");
  EXPECT_EQ(named[0].module->path, "[bpf]");
  EXPECT_EQ(named[0].kind, model::Frame::Kind::kKernel);
}

TEST_F(SymbolizerTest, TheVdsoIsNamedWithoutAnyFile) {
  Symbolizer symbols = symbolizer();
  const auto vdso =
      std::make_shared<const model::Module>(model::Module{.path = "[vdso]", .build_id = {}});
  bool clock = false;
  for (uint64_t address = 0; address < 0x4000; address += 16) {
    const auto found = frames(symbols, {.address = address, .module = vdso});
    clock |= found[0].function && found[0].function->name.ends_with("clock_gettime");
  }
  EXPECT_TRUE(clock);
  EXPECT_EQ(files_.modules_opened, 0);
}

}  // namespace
}  // namespace hostlens::symbols
