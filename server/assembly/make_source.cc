#include "server/assembly/make_source.h"

#include <utility>

#include "server/source/attach.h"
#include "server/source/directory.h"
#include "server/source/relay.h"
#include "server/source/synthetic.h"

namespace server::assembly {

namespace {

wal::RetentionOptions retention(const config::ServeConfig& config, wal::Holds& holds) {
  return {.wal_keep_bytes = config.wal_keep_size,
          .slot_keep_bytes_max = config.max_slot_wal_keep_size,
          .holds = &holds};
}

}  // namespace

std::unique_ptr<source::Source> make_source(const config::ServeConfig& config,
                                            const runtime::Clock& clock, wal::Holds& holds,
                                            source::XminHorizon& xmin, source::Quorum& quorum,
                                            std::function<void(source::ReceiverState)> on_state) {
  const source::Receiver::Options receiver{
      .upstream = {.conninfo = config.primary_conninfo, .timeout = config.wal_receiver_timeout},
      .slot_name = config.primary_slot_name,
      .create_slot = config.create_primary_slot,
      .status_interval = config.wal_receiver_status_interval,
      .retry_interval = config.wal_retrieve_retry_interval,
      .xmin_horizon = config.hot_standby_feedback ? &xmin : nullptr,
      .feedback_age_max = config.max_feedback_age,
      .quorum = &quorum,
      .on_state = std::move(on_state)};
  if (!config.primary_conninfo.empty() && !config.wal_directory.empty()) {
    return std::make_unique<source::AttachSource>(
        source::AttachSource::Options{
            .directory = config.wal_directory, .receiver = receiver, .holds = &holds},
        clock);
  }
  if (!config.primary_conninfo.empty()) {
    return std::make_unique<source::RelaySource>(
        source::RelaySource::Options{.directory = config.spool_directory,
                                     .adopt = config.adopt_spool,
                                     .receiver = receiver,
                                     .retention = retention(config, holds),
                                     .free_bytes_min = config.min_free_space},
        clock);
  }
  if (!config.wal_directory.empty()) {
    return std::make_unique<source::DirectorySource>(
        config.wal_directory, clock,
        source::DirectorySource::Options{
            .target = config.recovery_target_timeline,
            .files = config.archive_is_immutable
                         ? source::DirectorySource::Files::kKeepTheirBytes
                         : source::DirectorySource::Files::kMayBeOverwritten});
  }
  return std::make_unique<source::SyntheticSource>(
      source::SyntheticSource::Options{.directory = config.spool_directory,
                                       .adopt = config.adopt_spool,
                                       .bytes_per_second = config.synthetic_rate,
                                       .trace = config.synthetic_trace,
                                       .retention = retention(config, holds),
                                       .segment_size = config.wal_segment_size,
                                       .records = config.records},
      clock);
}

}  // namespace server::assembly
