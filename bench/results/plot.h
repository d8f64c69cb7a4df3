#pragma once

// Plots as SVG, to stand in an HTML page whose style gives their parts colours (page_style.h).

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench::results {

struct Tick {
  double at = 0;
  std::string label;
};

// What a side of a plot shows.
struct Axis {
  enum class Scale { kLinear, kLogarithmic };

  std::string label = {};
  double low = 0;
  double high = 1;
  Scale scale = Scale::kLinear;
  std::vector<Tick> ticks = {};

  // Where a value stands: 0 at low, 1 at high, and never outside.
  double place(double value) const;
};

using Format = std::function<std::string(double)>;

// From 0 to what `high` needs, with ticks at 1, 2 or 5 times a power of ten.
Axis linear_axis(std::string label, double high, const Format& text_of);
// Around low and high, which are taken to be at least `least`, with ticks at powers of ten, or at
// 1, 2 and 5 times them if there are few. REQUIRES: least > 0.
Axis logarithmic_axis(std::string label, double low, double high, double least,
                      const Format& text_of);
// For points whose x is nines_of(): 0 %, 50 %, 90 %, 99 % and so on up to `fraction`.
Axis percentile_axis(std::string label, double fraction);
double nines_of(double fraction);

struct Series {
  enum class Shape { kLine, kSteps, kDots };
  struct Point {
    double x = 0;
    double y = 0;
    std::string note = {};  // shown where the pointer rests; empty: none
  };

  std::string name;
  // Which of the page's kColours. From kColours on they come again, with dashes.
  std::size_t colour = 0;
  Shape shape = Shape::kLine;
  bool is_minor = false;           // drawn thin
  std::vector<Point> points = {};  // by x
};

inline constexpr std::size_t kColours = 6;
inline constexpr std::size_t kDashes = 4;  // ways to draw a line of one colour

struct Plot {
  std::string title;
  std::string remark;  // one sentence, what to look at
  Axis x = {};
  Axis y = {};
  std::vector<Series> series = {};
};

// An <svg> element without colours of its own. It is as wide as its place allows, and higher where
// the names of its series take many rows. A name that is longer than a row is cut, and stands in
// full where the pointer rests.
std::string to_svg(const Plot& plot);

// Text that may stand in an element or in a quoted attribute.
std::string escape_html(std::string_view text);

}  // namespace bench::results
