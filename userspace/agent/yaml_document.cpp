// SPDX-License-Identifier: Apache-2.0
#include "agent/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <istream>
#include <memory>
#include <streambuf>

namespace hostlens::agent {
namespace {

/// Stops yaml-cpp's parser from inside an event; never leaves this file.
struct Stop {};

/// Builds the tree from parser events, so that a bound is met before memory is spent on what
/// follows.
class TreeBuilder final : public YAML::EventHandler {
 public:
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    fail(mark, "anchors are not allowed");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "aliases are not allowed");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    place(node(mark, YamlNode::Kind::kNull));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    check_tag(mark, tag);
    YamlNode scalar = node(mark, YamlNode::Kind::kScalar);
    // A plain `~` or `null` reaches us as a scalar or as OnNull by its place; both mean nothing.
    if (tag == "?" && (value == "~" || value == "null" || value.empty())) {
      scalar.kind = YamlNode::Kind::kNull;
    } else {
      scalar.text = value;
    }
    place(std::move(scalar));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(node(mark, YamlNode::Kind::kSequence), mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(node(mark, YamlNode::Kind::kMapping), mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    YamlNode node;
    bool has_key = false;
    std::string key;
    int key_line = 0;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view what) {
    error_ = std::to_string(mark.line + 1) + ": " + std::string(what);
    throw Stop{};
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "tags are not allowed");
  }
  YamlNode node(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (++nodes_ > kYamlNodes) fail(mark, "the file has too many entries");
    YamlNode made;
    made.kind = kind;
    made.line = mark.line + 1;
    return made;
  }
  void open(YamlNode&& collection, const YAML::Mark& mark) {
    if (levels_.size() >= kYamlDepth) fail(mark, "nested too deeply");
    Level* parent = levels_.empty() ? nullptr : &levels_.back();
    if (parent != nullptr && parent->node.kind == YamlNode::Kind::kMapping && !parent->has_key) {
      fail(mark, "a key must be plain text");
    }
    Level level;
    level.node = std::move(collection);
    levels_.push_back(std::move(level));
  }
  void close() {
    YamlNode finished = std::move(levels_.back().node);
    levels_.pop_back();
    place(std::move(finished));
  }
  void place(YamlNode&& value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kSequence) {
      level.node.items.push_back(std::move(value));
      return;
    }
    if (!level.has_key) {
      take_key(level, value);
      return;
    }
    // An absent value is marked where the parser noticed, which may be lines below.
    if (value.kind == YamlNode::Kind::kNull) value.line = level.key_line;
    level.node.entries.push_back({std::move(level.key), level.key_line, std::move(value)});
    level.has_key = false;
  }
  void take_key(Level& level, YamlNode& value) {
    YAML::Mark mark;
    mark.line = value.line - 1;
    if (value.kind != YamlNode::Kind::kScalar) fail(mark, "a key must be plain text");
    // Mappings of a configuration are short; the bound on nodes keeps the square harmless only
    // together with this limit.
    if (level.node.entries.size() >= 256) fail(mark, "too many keys in one mapping");
    const auto same = [&](const YamlNode::Entry& entry) { return entry.key == value.text; };
    if (std::any_of(level.node.entries.begin(), level.node.entries.end(), same)) {
      fail(mark, value.text.substr(0, 64) + ": given twice");
    }
    level.has_key = true;
    level.key_line = value.line;
    level.key = std::move(value.text);
  }

  std::vector<Level> levels_;
  YamlNode root_;
  size_t nodes_ = 0;
  std::string error_;
};

/// Reads from memory that it does not own: no copy of the text.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // a streambuf's get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

base::Result<YamlNode> parse_yaml(std::string_view text) {
  if (text.size() > kYamlBytes) {
    return base::invalid_error("1: the file is larger than 1 MiB");
  }
  const size_t zero = text.find('\0');
  if (zero != std::string_view::npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(zero), '\n');
    return base::invalid_error(std::to_string(line) + ": binary data, not a text file");
  }
  TreeBuilder builder;
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(builder)) {
      TreeBuilder second;
      if (parser.HandleNextDocument(second)) {
        return base::invalid_error("1: only one document is allowed in the file");
      }
    }
  } catch (const Stop&) {
    if (!builder.error().empty()) return base::invalid_error(builder.error());
    return base::invalid_error("1: only one document is allowed in the file");
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
    return base::invalid_error(std::to_string(line) + ": not YAML: " + error.msg);
  } catch (const std::exception& error) {
    return base::invalid_error(std::string("1: not YAML: ") + error.what());
  }
  return builder.take_root();
}

}  // namespace hostlens::agent
