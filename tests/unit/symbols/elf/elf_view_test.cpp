// SPDX-License-Identifier: Apache-2.0
#include "symbols/elf/elf_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>

#include "unit/symbols/elf/elf_writer.h"

namespace hostlens::symbols {
namespace {

using Kind = base::Error::Kind;

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

ElfWriter writer_with(std::string name, std::vector<std::byte> contents, uint64_t flags = 0) {
  ElfWriter writer;
  writer.code_bytes = 0x100;
  writer.sections.push_back(
      {.name = std::move(name), .bytes = std::move(contents), .flags = flags});
  return writer;
}

std::vector<std::byte> compressed_section(std::string_view text, uint64_t promised) {
  std::vector<Bytef> out(compressBound(text.size()));
  uLongf size = out.size();
  EXPECT_EQ(compress(out.data(), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()),
            Z_OK);
  ByteWriter writer;
  writer.fixed(Elf64_Chdr{
      .ch_type = ELFCOMPRESS_ZLIB, .ch_reserved = 0, .ch_size = promised, .ch_addralign = 1});
  for (uLongf i = 0; i < size; ++i) writer.bytes({out[i]});
  return writer.get();
}

TEST(ElfViewTest, ReadsSegmentsSectionsAndBuildId) {
  ElfWriter writer = writer_with(".wanted", bytes_of("content"));
  writer.build_id = bytes_of("\x01\x02\xab\xcd");
  const auto view = writer.view();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->build_id(), "0102abcd");
  EXPECT_EQ(view->entry(), kCodeAddress + 16);
  ASSERT_EQ(view->executable_segments().size(), 1U);
  EXPECT_EQ(view->executable_segments()[0].address, kCodeAddress);
  const ElfSection* section = view->section(".wanted");
  ASSERT_NE(section, nullptr);
  const auto contents = view->contents(*section, 100);
  ASSERT_TRUE(contents);
  EXPECT_EQ(*contents, bytes_of("content"));
  EXPECT_EQ(view->section(".missing"), nullptr);
}

TEST(ElfViewTest, TranslatesAddressesInsideTheFileOnly) {
  const auto view = writer_with(".x", bytes_of("x")).view();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->offset_of(kCodeAddress + 5), 0x1005U);
  EXPECT_EQ(view->address_of(0x10ff), kCodeAddress + 0xff);
  EXPECT_FALSE(view->offset_of(kCodeAddress + 0x100));
  EXPECT_FALSE(view->offset_of(kCodeAddress - 1));
  EXPECT_FALSE(view->address_of(0x1100));
}

TEST(ElfViewTest, RefusesWhatIsNotOfX8664) {
  const std::vector<std::byte> good = ElfWriter{}.bytes();
  const auto with = [&good](size_t at, int value) {
    auto image = good;
    image[at] = static_cast<std::byte>(value);
    return ElfWriter::view_of(std::move(image));
  };
  EXPECT_EQ(with(0, 0).error().kind, Kind::kInvalid);
  EXPECT_EQ(with(EI_CLASS, ELFCLASS32).error().kind, Kind::kUnsupported);
  EXPECT_EQ(with(EI_DATA, ELFDATA2MSB).error().kind, Kind::kUnsupported);
  EXPECT_EQ(with(offsetof(Elf64_Ehdr, e_machine), EM_AARCH64).error().kind, Kind::kUnsupported);
  EXPECT_EQ(with(offsetof(Elf64_Ehdr, e_type), ET_REL).error().kind, Kind::kUnsupported);
  EXPECT_EQ(with(offsetof(Elf64_Ehdr, e_phentsize), 1).error().kind, Kind::kInvalid);
}

TEST(ElfViewTest, ABrokenSectionTableIsAsGoodAsNone) {
  auto image = writer_with(".x", bytes_of("x")).bytes();
  image.resize(image.size() - 1);  // the table is the last thing in it
  const auto view = ElfWriter::view_of(std::move(image));
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->sections().empty());
  EXPECT_EQ(view->segments().size(), 1U);
}

TEST(ElfViewTest, EveryTruncationIsAnErrorOrAView) {
  ElfWriter writer = writer_with(".x", bytes_of("content"));
  writer.build_id = bytes_of("1234");
  const auto image = writer.bytes();
  for (size_t size = 0; size < image.size(); ++size) {
    const auto view =
        ElfWriter::view_of({image.begin(), image.begin() + static_cast<ptrdiff_t>(size)});
    EXPECT_EQ(view.has_value(), size >= sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr)) << size;
  }
}

TEST(ElfViewTest, DecompressesSections) {
  const std::string text(3'000'000, 'a');
  const auto view = writer_with(".z", compressed_section(text, text.size()), SHF_COMPRESSED).view();
  ASSERT_TRUE(view);
  const auto contents = view->contents(*view->section(".z"), text.size());
  ASSERT_TRUE(contents);
  EXPECT_EQ(*contents, bytes_of(text));
  EXPECT_EQ(view->contents(*view->section(".z"), text.size() - 1).error().kind, Kind::kBusy);
}

TEST(ElfViewTest, RefusesCompressedSectionsThatLieAboutTheirSize) {
  const std::string text(5000, 'a');
  for (const uint64_t promised : {uint64_t{0}, uint64_t{4999}, uint64_t{5001}, uint64_t{1} << 60}) {
    const auto view = writer_with(".z", compressed_section(text, promised), SHF_COMPRESSED).view();
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->contents(*view->section(".z"), 1 << 20)) << promised;
  }
}

TEST(ElfViewTest, AFileThatShrinksGivesAnErrorNotASignal) {
  char name[] = "/tmp/hostlens_elf_XXXXXX";
  base::UniqueFd fd(::mkstemp(name));
  ASSERT_TRUE(fd);
  ::unlink(name);
  const auto image = writer_with(".x", bytes_of("content")).bytes();
  ASSERT_EQ(::write(fd.get(), image.data(), image.size()), static_cast<ssize_t>(image.size()));
  const int writable = fd.get();
  const auto source = FileSource::open(std::move(fd));
  ASSERT_TRUE(source);
  const auto view = ElfView::open(*source);
  ASSERT_TRUE(view);
  ASSERT_EQ(::ftruncate(writable, 4096), 0);
  EXPECT_EQ(view->contents(*view->section(".x"), 100).error().kind, Kind::kInvalid);
}

TEST(ElfViewTest, RefusesWhatIsNoRegularFile) {
  const auto source = FileSource::open(base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, Kind::kInvalid);
}

TEST(ElfViewTest, OverlappingCodeCountsOnce) {
  ElfWriter writer;
  auto image = writer.bytes();
  Elf64_Phdr second{PT_LOAD, PF_X, 0x1000, kCodeAddress + 1, 0, 0x100, 0x100, 1};
  std::memcpy(image.data() + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), &second, sizeof second);
  image[offsetof(Elf64_Ehdr, e_phnum)] = std::byte{2};
  const auto view = ElfWriter::view_of(std::move(image));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->executable_segments().size(), 1U);
}

}  // namespace
}  // namespace hostlens::symbols
