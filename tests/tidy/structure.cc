#include "tests/tidy/structure.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "tests/tidy/functions.h"

namespace tests {

namespace {

constexpr std::size_t kFunctionLinesMax = 60;
constexpr std::size_t kTopFloorFilesMax = 14;

bool is_code(const SourceFile& file) {
  return file.path.ends_with(".h") || file.path.ends_with(".cc");
}

bool is_of_the_server(const SourceFile& file) {
  return is_code(file) && (file.path.starts_with("memctx/") || file.path.starts_with("runtime/") ||
                           file.path.starts_with("server/"));
}

// A header and its source, without their extensions.
std::string unit_of(std::string_view path) { return std::string(path.substr(0, path.rfind('.'))); }

// A class that a source defines for itself may have the name of another source's.
bool defines_class(std::string_view code, const std::string& name) {
  for (const std::string_view keyword : {"class ", "struct "}) {
    const auto at = code.find(std::string(keyword) + name + " ");
    if (at != code.npos) return true;
  }
  return false;
}

using Units = std::map<std::string, std::set<std::string>>;  // what each includes of its folder

Units units_of(const std::vector<SourceFile>& tree) {
  Units units;
  for (const SourceFile& file : tree) {
    if (!is_code(file)) continue;
    auto& included = units[unit_of(file.path)];
    for (const std::string& include : includes_of(file.text)) {
      const std::string_view name = std::string_view(include).substr(1, include.size() - 2);
      if (include.front() != '"' || folder_of(name) != folder_of(file.path)) continue;
      if (unit_of(name) != unit_of(file.path)) included.insert(unit_of(name));
    }
  }
  return units;
}

// Takes away, again and again, what includes nothing of what is left; circles stay.
void remove_what_is_in_no_circle(Units& units) {
  const auto ends = [&](const std::set<std::string>& included) {
    return std::none_of(included.begin(), included.end(),
                        [&](const std::string& unit) { return units.contains(unit); });
  };
  while (std::erase_if(units, [&](const auto& unit) { return ends(unit.second); }) > 0) {
  }
}

// Goes from unit to unit, along one that is left, until it comes by one again.
std::vector<std::string> circle_from(const Units& units, std::string unit) {
  std::vector<std::string> way;
  while (std::find(way.begin(), way.end(), unit) == way.end()) {
    way.push_back(unit);
    for (const std::string& next : units.at(way.back())) {
      if (units.contains(next)) unit = next;
    }
  }
  way.erase(way.begin(), std::find(way.begin(), way.end(), unit));
  return way;
}

std::string text_of(const std::vector<std::string>& circle) {
  std::string text;
  for (const std::string& unit : circle) text += unit + " includes ";
  return text + circle.front();
}

}  // namespace

std::vector<std::string> split_classes(const std::vector<SourceFile>& tree) {
  std::map<std::string, std::set<std::string>> sources;  // of each class
  for (const SourceFile& file : tree) {
    if (!is_of_the_server(file) || !file.path.ends_with(".cc")) continue;
    for (const Function& function : functions_of(file)) {
      const std::string name = class_of(function);
      if (name.empty() || defines_class(file.text, name)) continue;
      sources[std::string(folder_of(file.path)) + " " + name].insert(file.path);
    }
  }
  std::vector<std::string> breaches;
  for (const auto& [name, paths] : sources) {
    if (paths.size() < 2) continue;
    breaches.push_back(name + " is in " + *paths.begin() + " and " + *std::next(paths.begin()));
  }
  return breaches;
}

std::vector<std::string> include_circles(const std::vector<SourceFile>& tree) {
  Units units = units_of(tree);
  std::vector<std::string> circles;
  for (remove_what_is_in_no_circle(units); !units.empty(); remove_what_is_in_no_circle(units)) {
    const auto circle = circle_from(units, units.begin()->first);
    circles.push_back(text_of(circle));
    for (const std::string& unit : circle) units.erase(unit);
  }
  return circles;
}

std::vector<std::string> long_functions(const std::vector<SourceFile>& tree) {
  std::vector<std::string> breaches;
  for (const SourceFile& file : tree) {
    if (!is_of_the_server(file)) continue;
    for (const Function& function : functions_of(file)) {
      if (function.lines <= kFunctionLinesMax) continue;
      breaches.push_back(file.path + ":" + std::to_string(function.line) + " has a function of " +
                         std::to_string(function.lines) + " lines");
    }
  }
  return breaches;
}

std::size_t median_function_lines(const std::vector<SourceFile>& tree) {
  std::vector<std::size_t> lines;
  for (const SourceFile& file : tree) {
    if (!is_of_the_server(file)) continue;
    for (const Function& function : functions_of(file)) lines.push_back(function.lines);
  }
  std::sort(lines.begin(), lines.end());
  return lines.empty() ? 0 : lines[lines.size() / 2];
}

std::vector<std::string> crowded_folders(const std::vector<SourceFile>& tree) {
  const auto count = std::count_if(tree.begin(), tree.end(), [](const SourceFile& file) {
    return is_code(file) && folder_of(file.path) == "server";
  });
  if (static_cast<std::size_t>(count) <= kTopFloorFilesMax) return {};
  return {"server/ itself has " + std::to_string(count) + " headers and sources"};
}

}  // namespace tests
