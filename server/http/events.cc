#include "server/http/events.h"

#include <utility>

#include "server/http/snapshot_json.h"

namespace server::http {

using runtime::Instant;
using runtime::Lock;

namespace {

constexpr runtime::Duration kSnapshotTimeMax = std::chrono::seconds(3);

}  // namespace

void Events::answer(httplib::Response& response) {
  {
    const Lock lock(mutex_);
    if (stopping_ || clients_ >= clients_max_) {
      response.status = 503;
      response.set_header("Retry-After", "5");
      response.set_content("too many clients of /events\n", "text/plain; charset=utf-8");
      return;
    }
    ++clients_;
  }
  response.set_header("X-Accel-Buffering", "no");  // a proxy is not to gather events
  response.set_chunked_content_provider(
      "text/event-stream",
      [this, due = clock_.now()](std::size_t, httplib::DataSink& sink) mutable {
        if (send_next(sink, due)) return true;
        sink.done();
        return false;
      },
      [this](bool) { leave(); });
}

void Events::stop() {
  const Lock lock(mutex_);
  stopping_ = true;
  stopped_.notify_all();
}

// A client whose snapshot does not come hears that it is still there.
bool Events::send_next(httplib::DataSink& sink, Instant& due) {
  if (!wait_until(due)) return false;
  const auto text = newest();
  const std::size_t many = kManyStandbys;
  bool is_large = false;
  {
    const Lock lock(mutex_);
    is_large = of_ != nullptr && of_->sessions.size() > many;
  }
  due = clock_.now() + (is_large ? 2 * kInterval : kInterval);
  if (text == nullptr) return sink.write(": no snapshot\n\n", 15);
  return sink.write(text->data(), text->size());
}

bool Events::wait_until(Instant due) {
  const Lock lock(mutex_);
  while (!stopping_ && clock_.now() < due) stopped_.wait_until(mutex_, due);
  return !stopping_;
}

std::shared_ptr<const std::string> Events::newest() {
  const auto snapshot = collector_.wait_for(kInterval / 2, clock_.now() + kSnapshotTimeMax);
  if (snapshot == nullptr) return nullptr;
  {
    const Lock lock(mutex_);
    if (of_ == snapshot) return text_;
  }
  auto text = std::make_shared<const std::string>(
      "event: snapshot\ndata: " + event_json(*snapshot) + "\n\n");
  const Lock lock(mutex_);
  of_ = snapshot;
  text_ = text;
  return text;
}

void Events::leave() {
  const Lock lock(mutex_);
  --clients_;
}

}  // namespace server::http
