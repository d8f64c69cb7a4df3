#include "bench/results/plot.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "runtime/format.h"

namespace bench::results {

using runtime::format;

namespace {

// The picture's units; a page scales it.
constexpr double kWidth = 640;
constexpr double kPlotHeight = 208;  // between the axes
constexpr double kLeft = 78;
constexpr double kRight = 22;
constexpr double kBottom = 42;
constexpr double kLegendStep = 8;
constexpr double kLegendRow = 15;
constexpr double kSwatch = 19;
constexpr double kLetterWidth = 6.4;  // of the legend's font, about
constexpr auto kLettersMax =
    static_cast<std::size_t>((kWidth - kLeft - kSwatch) / kLetterWidth);  // of a row

constexpr double kTicksWanted = 5;
constexpr double kDecadesOfFew = 2.5;

bool is_first_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// Of UTF-8.
std::size_t letters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_first_byte));
}

std::string_view first_letters(std::string_view text, std::size_t letters) {
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (is_first_byte(text[end]) && letters-- == 0) break;
  }
  return text.substr(0, end);
}

// The end of a name tells more of it than its middle does: the stage, the process.
std::string shown_name(std::string_view name) {
  const std::size_t letters = letters_in(name);
  if (letters <= kLettersMax) return std::string(name);
  const std::size_t head = kLettersMax / 2;
  const std::size_t tail = kLettersMax - head - 1;
  const std::string_view before_tail = first_letters(name, letters - tail);
  return std::string(first_letters(name, head)) + "\u2026" +
         std::string(name.substr(before_tail.size()));
}

// Where the name of a series stands: behind the one before it, or in a row of its own.
struct LegendPlace {
  double x = kLeft;
  double y = 15;

  static double width_of(const Series& series) {
    return kSwatch + kLetterWidth * static_cast<double>(letters_in(shown_name(series.name)));
  }
  void go_to(const Series& series) {
    if (x == kLeft || x + width_of(series) <= kWidth) return;
    x = kLeft;
    y += kLegendRow;
  }
  void leave(const Series& series) { x += width_of(series) + 2 * kLegendStep; }
};

double top_of(const Plot& plot) {
  LegendPlace place;
  for (const Series& series : plot.series) {
    place.go_to(series);
    place.leave(series);
  }
  return place.y + kLegendRow;
}

double bottom_of(const Plot& plot) { return top_of(plot) + kPlotHeight; }

double x_of(const Plot& plot, double value) {
  return kLeft + plot.x.place(value) * (kWidth - kLeft - kRight);
}

double y_of(const Plot& plot, double value) {
  return bottom_of(plot) - plot.y.place(value) * kPlotHeight;
}

// 1, 2 or 5 times a power of ten, at least `step`.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double times : {1.0, 2.0, 5.0}) {
    if (times * power >= step * (1 - 1e-9)) return times * power;
  }
  return 10 * power;
}

void add_axes(std::string& svg, const Plot& plot) {
  const double bottom = bottom_of(plot);
  for (const Tick& tick : plot.y.ticks) {
    const double y = y_of(plot, tick.at);
    svg += format("<path class='grid' d='M{:.1f} {:.1f}H{:.1f}'/>", kLeft, y, kWidth - kRight);
    svg += format("<text class='tick end' x='{:.1f}' y='{:.1f}'>{}</text>", kLeft - 8, y + 4,
                  escape_html(tick.label));
  }
  for (const Tick& tick : plot.x.ticks) {
    const double x = x_of(plot, tick.at);
    svg += format("<path class='grid faint' d='M{:.1f} {:.1f}V{:.1f}'/>", x, top_of(plot), bottom);
    svg += format("<text class='tick middle' x='{:.1f}' y='{:.1f}'>{}</text>", x, bottom + 16,
                  escape_html(tick.label));
  }
  svg += format("<path class='axis' d='M{:.1f} {:.1f}H{:.1f}'/>", kLeft, bottom, kWidth - kRight);
  svg += format("<text class='label middle' x='{:.1f}' y='{:.1f}'>{}</text>",
                (kLeft + kWidth - kRight) / 2, bottom + kBottom - 8, escape_html(plot.x.label));
  svg += format("<text class='label middle' transform='translate(10 {:.1f}) rotate(-90)'>{}</text>",
                (top_of(plot) + bottom) / 2, escape_html(plot.y.label));
}

std::string path_of(const Plot& plot, const Series& series) {
  std::string path;
  for (const Series::Point& point : series.points) {
    const double x = x_of(plot, point.x);
    const double y = y_of(plot, point.y);
    if (path.empty()) {
      path = format("M{:.1f} {:.1f}", x, y);
    } else if (series.shape == Series::Shape::kSteps) {
      path += format("H{:.1f}V{:.1f}", x, y);
    } else {
      path += format("L{:.1f} {:.1f}", x, y);
    }
  }
  return path;
}

// The classes of its colour and its dashes.
std::string classes_of(const Series& series) {
  const std::size_t dash = series.colour / kColours % kDashes;
  const std::string colour = format("c{}", series.colour % kColours);
  return dash == 0 ? colour : format("{} d{}", colour, dash);
}

// A note needs a place to point at, which shows itself when it is pointed at.
void add_dots(std::string& svg, const Plot& plot, const Series& series) {
  const bool visible = series.shape == Series::Shape::kDots;
  for (const Series::Point& point : series.points) {
    if (point.note.empty() && !visible) continue;
    svg += format("<circle class='c{} {}' cx='{:.1f}' cy='{:.1f}' r='{}'>",
                  series.colour % kColours, visible ? "dot" : "hit", x_of(plot, point.x),
                  y_of(plot, point.y), visible ? 2.2 : 4.5);
    svg += format("<title>{}</title></circle>", escape_html(point.note));
  }
}

void add_series(std::string& svg, const Plot& plot, const Series& series) {
  if (series.shape != Series::Shape::kDots) {
    svg += format("<path class='{} {}' d='{}'/>", classes_of(series),
                  series.is_minor ? "line minor" : "line", path_of(plot, series));
  }
  add_dots(svg, plot, series);
}

void add_legend(std::string& svg, const Plot& plot) {
  LegendPlace place;
  for (const Series& series : plot.series) {
    place.go_to(series);
    svg += format("<path class='{} line swatch' d='M{:.1f} {:.1f}h14'/>", classes_of(series),
                  place.x, place.y - 4);
    const std::string shown = shown_name(series.name);
    const std::string title =
        shown == series.name ? "" : format("<title>{}</title>", escape_html(series.name));
    svg += format("<text class='legend' x='{:.1f}' y='{:.1f}'>{}{}</text>", place.x + kSwatch,
                  place.y, escape_html(shown), title);
    place.leave(series);
  }
}

}  // namespace

double Axis::place(double value) const {
  const double inside = std::clamp(value, low, high);
  if (scale == Scale::kLinear) return (inside - low) / (high - low);
  return std::log(inside / low) / std::log(high / low);
}

Axis linear_axis(std::string label, double high, const Format& text_of) {
  const double step = round_step(std::max(high, 1e-9) / kTicksWanted);
  Axis axis{.label = std::move(label), .high = step * std::ceil(high / step * (1 - 1e-9))};
  axis.high = std::max(axis.high, step);
  for (double at = 0; at <= axis.high * (1 + 1e-9); at += step) {
    axis.ticks.push_back({at, text_of(at)});
  }
  return axis;
}

Axis logarithmic_axis(std::string label, double low, double high, double least,
                      const Format& text_of) {
  const double from = std::max(low, least);
  const double to = std::max(high, from);
  Axis axis{.label = std::move(label), .scale = Axis::Scale::kLogarithmic};
  const bool few = std::log10(to / from) < kDecadesOfFew;
  std::vector<double> marks;
  const double first = std::pow(10, std::floor(std::log10(from)));
  for (double power = first; power <= to * 10; power *= 10) {
    marks.push_back(power);
    if (few) marks.insert(marks.end(), {2 * power, 5 * power});
  }
  // The last mark at or below `from`, and the first one at or above `to`, but never the same.
  const auto above = std::upper_bound(marks.begin(), marks.end(), from * (1 + 1e-9));
  const auto begin = above == marks.begin() ? above : above - 1;
  auto end = std::lower_bound(begin + 1, marks.end(), to * (1 - 1e-9));
  if (end == marks.end()) --end;
  axis.low = *begin;
  axis.high = *end;
  for (auto at = begin; at <= end; ++at) axis.ticks.push_back({*at, text_of(*at)});
  return axis;
}

double nines_of(double fraction) { return -std::log10(std::max(1 - fraction, 1e-9)); }

Axis percentile_axis(std::string label, double fraction) {
  Axis axis{.label = std::move(label), .high = std::max(nines_of(fraction), 1.0)};
  for (const auto& [at, name] :
       {std::pair{0.0, "0 %"}, std::pair{0.5, "50 %"}, std::pair{0.9, "90 %"},
        std::pair{0.99, "99 %"}, std::pair{0.999, "99.9 %"}, std::pair{0.9999, "99.99 %"},
        std::pair{0.99999, "99.999 %"}}) {
    if (nines_of(at) <= axis.high + 1e-9) axis.ticks.push_back({nines_of(at), name});
  }
  return axis;
}

std::string to_svg(const Plot& plot) {
  std::string svg = format("<svg viewBox='0 0 {} {}' role='img' aria-label='{}'>", kWidth,
                           bottom_of(plot) + kBottom, escape_html(plot.title));
  add_axes(svg, plot);
  for (const Series& series : plot.series) add_series(svg, plot, series);
  add_legend(svg, plot);
  return svg + "</svg>\n";
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace bench::results
