#include "server/session/console_output.h"

#include <algorithm>
#include <utility>

#include "server/session/client_text.h"

namespace server::session {

namespace {

wire::DescribedColumn described(const console::ResultColumn& column, console::Format format) {
  return {.column = {.name = column.name,
                     .type = {.oid = column.type, .size = column.type_bytes},
                     .type_modifier = column.type_modifier},
          .format = static_cast<std::int16_t>(format)};
}

}  // namespace

void describe_columns(std::span<const console::ResultColumn> columns,
                      std::span<const console::Format> formats, wire::MessageWriter& out) {
  std::vector<wire::DescribedColumn> all;
  all.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    all.push_back(described(columns[i], formats.empty() ? console::Format::kText : formats[i]));
  }
  out.row_description(all);
}

void RowWriter::write(Values values, std::span<const console::Format> formats,
                      settings::Encoding encoding, wire::MessageWriter& out) {
  fitted_.clear();
  fitted_.reserve(values.size());  // row_ has views of them
  row_.assign(values.begin(), values.end());
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const bool is_text = formats.empty() || formats[i] == console::Format::kText;
    if (!is_text || !row_[i].has_value() || check_sent_text(encoding, *row_[i])) continue;
    std::string& fitted = fitted_.emplace_back(*row_[i]);
    std::ranges::replace_if(
        fitted, [](char c) { return (c & 0x80) != 0; }, '?');
    row_[i] = fitted;
  }
  out.data_row(row_);
}

void send_notices(console::SessionState& session, wire::MessageWriter& out) {
  constexpr std::size_t kNoticesMax = settings::kNoticesOfAKindMax;
  auto notices = std::exchange(session.notices, {});
  const bool wants_warnings = session.settings.find("client_min_messages") != "error";
  std::size_t sent = 0;
  for (const auto& [severity, text] : notices) {
    const bool wanted =
        severity == wire::Severity::kNotice ? session.settings.wants_notices() : wants_warnings;
    if (!wanted || !check_sent_text(session.settings.encoding(), text.what)) continue;
    if (sent++ == kNoticesMax) return;
    out.notice_response(severity, text);
  }
}

void send_reports(console::SessionState& session, wire::MessageWriter& out) {
  for (const auto& [name, value] : std::exchange(session.reports, {})) {
    out.parameter_status(name, value);
  }
}

}  // namespace server::session
