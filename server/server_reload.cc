// What SIGHUP does. The rest of the server is in server.cc.
#include <memory>
#include <utility>

#include "runtime/log.h"
#include "server/server.h"

namespace server {

// ProcessConfigFile: each setting that differs by now is taken over or, if that cannot be, named.
void Server::reload() {
  runtime::log::log("received SIGHUP, reloading configuration files");
  auto fresh = read_again(config_);
  if (!fresh) {
    runtime::log::log("{}", fresh.error().what);
    runtime::log::log("configuration file contains errors; no changes were applied");
    return;
  }
  settings::Settings settings = *settings_;
  for (const settings::Setting& setting : fresh->settings.all()) {
    // Against the option and not what is shown, which the WAL may have settled.
    const settings::Setting* known = config_.settings.find(setting.name);
    if (known == nullptr) continue;
    const bool same = setting.name == "primary_conninfo"  // which is shown without its value
                          ? config_.primary_conninfo == fresh->primary_conninfo
                          : known->value == setting.value;
    if (same) continue;
    if (setting.context == settings::SettingContext::kSighup) {
      runtime::log::log("parameter \"{}\" changed to \"{}\"", setting.name, setting.value);
      settings.set(setting.name, setting.value, setting.description, setting.context);
      config_.settings.set(setting.name, setting.value, setting.description, setting.context);
    } else {
      runtime::log::log("parameter \"{}\" cannot be changed without restarting the server",
                        setting.name);
    }
  }
  config_.wal_sender_timeout = fresh->wal_sender_timeout;
  config_.authentication_timeout = fresh->authentication_timeout;
  config_.shutdown_timeout = fresh->shutdown_timeout;
  config_.idle_session_timeout = fresh->idle_session_timeout;
  config_.tcp = fresh->tcp;
  config_.max_wal_senders = fresh->max_wal_senders;
  runtime::log::set_level(fresh->log_level);
  settings_ = std::make_shared<const settings::Settings>(std::move(settings));
  for (const auto& worker : workers_) worker->post_reload(settings_, session_options());
}

}  // namespace server
