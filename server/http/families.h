#pragma once

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server::http {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// Metrics as they are gathered for one answer.
//   Owner: the function that answers.  Thread: its.
//   Limits: a family is found again by its number, so that thousands of rows cost no look-up.
class Families {
 public:
  using Number = std::size_t;

  // A family that is filled in later; one without a metric is left out of the answer.
  Number gauge(std::string name, std::string help) {
    return add(std::move(name), std::move(help), prometheus::MetricType::Gauge);
  }
  // Its name ends in _total.
  Number counter(std::string name, std::string help) {
    return add(std::move(name), std::move(help), prometheus::MetricType::Counter);
  }
  Number histogram(std::string name, std::string help) {
    return add(std::move(name), std::move(help), prometheus::MetricType::Histogram);
  }

  void set(Number number, double value, Labels labels = {}) {
    prometheus::MetricFamily& family = families_[number];
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (family.type == prometheus::MetricType::Counter) metric.counter.value = value;
    if (family.type == prometheus::MetricType::Gauge) metric.gauge.value = value;
    family.metric.push_back(std::move(metric));
  }
  void set(Number number, prometheus::ClientMetric::Histogram value, Labels labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram = std::move(value);
    families_[number].metric.push_back(std::move(metric));
  }
  // A family of one metric without labels.
  void add_gauge(std::string name, std::string help, double value) {
    set(gauge(std::move(name), std::move(help)), value);
  }
  void add_counter(std::string name, std::string help, double value) {
    set(counter(std::move(name), std::move(help)), value);
  }

  std::vector<prometheus::MetricFamily> take() {
    std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  Number add(std::string name, std::string help, prometheus::MetricType type) {
    families_.push_back(
        {.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
    return families_.size() - 1;
  }

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace server::http
