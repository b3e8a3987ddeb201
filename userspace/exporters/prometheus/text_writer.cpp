// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/text_writer.h"

#include <algorithm>

#include "exporters/prometheus/histogram.h"
#include "exporters/prometheus/text.h"

namespace hostlens::exporters::prometheus {
namespace {

using model::ExponentialHistogram;
using model::MetricKind;

/// Room for a name's suffix, the le label and the number of one line.
constexpr size_t kLineSlack = 48;
constexpr size_t kExemplarBytes = 128;

std::string_view type_word(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kHistogram:
      return "histogram";
    default:
      return "gauge";
  }
}

class TextWriter {
 public:
  explicit TextWriter(bool open_metrics) : open_metrics_(open_metrics) {}

  std::string write(const Page& page) {
    out_.reserve(expected_bytes(page));
    for (const Family& family : page.families) write_family(family);
    if (!page.targets.empty()) write_targets(page.targets);
    if (open_metrics_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  static size_t label_bytes(const Labels& labels) {
    size_t bytes = 2;
    for (const Label& label : labels) bytes += label.name.size() + label.value.size() + 4;
    return bytes;
  }

  [[nodiscard]] size_t expected_bytes(const Page& page) const {
    size_t bytes = 4096;
    for (const Family& family : page.families) {
      const bool is_histogram = family.kind == MetricKind::kHistogram;
      const size_t lines =
          is_histogram ? boundaries_for(family.otel_unit, family.octaves).size() + 3 : 1;
      bytes += family.help.size() + 4 * family.name.name.size() + kLineSlack;
      for (const Series& series : family.series) {
        bytes += lines * (family.name.name.size() + label_bytes(series.labels) + kLineSlack);
        if (open_metrics_) bytes += series.point->exemplars.size() * kExemplarBytes;
      }
    }
    for (const Labels& target : page.targets) bytes += label_bytes(target) + kLineSlack;
    return bytes;
  }

  void append_escaped(std::string& out, std::string_view text, bool quotes) const {
    constexpr std::string_view kSpecial = "\\\n\"";
    while (!text.empty()) {
      const size_t end = std::min(text.find_first_of(kSpecial), text.size());
      out += text.substr(0, end);
      if (end < text.size()) {
        if (text[end] == '\n') out += "\\n";
        if (text[end] == '\\') out += "\\\\";
        if (text[end] == '"') out += quotes ? "\\\"" : "\"";
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void write_head(const std::string& name, std::string_view help, std::string_view type,
                  const std::string& unit) {
    out_.append("# HELP ").append(name) += ' ';
    append_escaped(out_, help, open_metrics_);
    out_.append("\n# TYPE ").append(name).append(" ").append(type) += '\n';
    if (open_metrics_ && !unit.empty()) {
      out_.append("# UNIT ").append(name).append(" ").append(unit) += '\n';
    }
  }

  /// `a="x",b="y"`
  void set_labels(const Labels& labels) {
    labels_.clear();
    for (const Label& label : labels) {
      if (!labels_.empty()) labels_ += ',';
      labels_.append(label.name) += "=\"";
      append_escaped(labels_, label.value, true);
      labels_ += '"';
    }
  }

  void begin_line(const std::string& name, std::string_view suffix) {
    out_.append(name) += suffix;
    if (!labels_.empty()) out_.append("{").append(labels_) += '}';
    out_ += ' ';
  }

  void end_line(const model::Exemplar* exemplar = nullptr) {
    if (open_metrics_ && exemplar) {
      out_.append(" # {trace_id=\"").append(model::to_hex(exemplar->trace_id));
      out_.append("\",span_id=\"").append(model::to_hex(exemplar->span_id)).append("\"} ");
      append_number(out_, exemplar->value);
      out_ += ' ';
      append_seconds(exemplar->unix_ns);
    }
    out_ += '\n';
  }

  /// All nine digits: a double would lose the last three.
  void append_seconds(uint64_t unix_ns) {
    append_number(out_, unix_ns / 1'000'000'000);
    const std::string fraction = std::to_string(1'000'000'000 + unix_ns % 1'000'000'000);
    out_.append(".").append(fraction, 1);
  }

  void write_family(const Family& family) {
    const std::string& name = family.name.name;
    const bool is_counter = family.kind == MetricKind::kCounter;
    // OpenMetrics names a counter's family without its suffix, the older format with it.
    write_head(is_counter && !open_metrics_ ? name + "_total" : name, family.help,
               type_word(family.kind), family.name.unit);
    for (const Series& series : family.series) {
      set_labels(series.labels);
      if (family.kind == MetricKind::kHistogram) {
        write_histogram(family, series);
        continue;
      }
      begin_line(name, is_counter ? "_total" : "");
      std::visit([&](const auto& value) { append_value(value); }, series.point->value);
      end_line(is_counter ? youngest(series.point->exemplars) : nullptr);
    }
  }

  void append_value(int64_t value) { append_number(out_, value); }
  void append_value(double value) { append_number(out_, value); }
  void append_value(const ExponentialHistogram&) {}  // arrange() lets none through

  void write_histogram(const Family& family, const Series& series) {
    const auto& histogram = std::get<ExponentialHistogram>(series.point->value);
    const auto boundaries = boundaries_for(family.otel_unit, family.octaves);
    const auto counts = cumulative_counts(histogram, boundaries);
    const uint64_t total = total_count(histogram);
    const bool exemplars = open_metrics_ && !series.point->exemplars.empty();
    const auto chosen = exemplars ? exemplars_by_bucket(series.point->exemplars, boundaries)
                                  : std::vector<const model::Exemplar*>(boundaries.size() + 1);
    const std::string& name = family.name.name;
    for (size_t i = 0; i <= boundaries.size(); ++i) {
      const bool last = i == boundaries.size();
      out_.append(name).append("_bucket{").append(labels_);
      out_.append(labels_.empty() ? "le=\"" : ",le=\"");
      out_.append(last ? "+Inf" : boundaries[i].text).append("\"} ");
      append_number(out_, last ? total : counts[i]);
      end_line(chosen[i]);
    }
    begin_line(name, "_sum");
    append_number(out_, histogram.sum);
    end_line();
    begin_line(name, "_count");
    append_number(out_, total);
    end_line();
  }

  void write_targets(const std::vector<Labels>& targets) {
    write_head(open_metrics_ ? "target" : "target_info", kTargetHelp,
               open_metrics_ ? "info" : "gauge", "");
    for (const Labels& labels : targets) {
      set_labels(labels);
      begin_line("target_info", "");
      out_ += '1';
      end_line();
    }
  }

  bool open_metrics_;
  std::string out_;
  std::string labels_;
};

}  // namespace

std::string write_text(const Page& page, Format format) {
  return TextWriter(format == Format::kOpenMetrics).write(page);
}

}  // namespace hostlens::exporters::prometheus
