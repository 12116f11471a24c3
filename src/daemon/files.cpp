#include "daemon/files.h"

#include <utility>

namespace vmkeep::daemon {
namespace {

std::set<std::string> files_of(const restarter::InstanceConfig& config) {
  std::set<std::string> paths;
  for (const auto& dependency : config.dependencies) {
    for (const auto& entity : dependency.entities) {
      if (entity.kind == graph::EntityKind::file) paths.insert(entity.name);
    }
  }
  return paths;
}

}  // namespace

Result<> Files::open() {
  auto watch = host::PathWatch::open(core_.executor, core_.reaper);
  if (!watch) return watch.error();
  watch_ = std::move(*watch);
  return {};
}

std::vector<restarter::FileChanged> Files::expect(const restarter::Event& event) {
  const auto* loaded = std::get_if<restarter::Loaded>(&event);
  const auto* refreshed = std::get_if<restarter::Refreshed>(&event);
  if (loaded == nullptr && refreshed == nullptr) return {};
  const auto& fmri = loaded != nullptr ? loaded->fmri : refreshed->fmri;
  auto paths = files_of(loaded != nullptr ? loaded->config : refreshed->config);
  std::vector<restarter::FileChanged> news;
  for (const auto& path : paths) {
    if (!watch_->follows(path)) news.push_back({path, watch_->follow(path)});
    ++users_[path];
  }
  forget(fmri);  // after the new ones have their users: what stays is not given up in between
  if (!paths.empty()) wanted_[fmri] = std::move(paths);
  tell_trouble();
  return news;
}

void Files::forget(const std::string& fmri) {
  const auto wanted = wanted_.find(fmri);
  if (wanted == wanted_.end()) return;
  for (const auto& path : wanted->second) {
    const auto user = users_.find(path);
    if (--user->second != 0) continue;
    users_.erase(user);
    watch_->forget(path);
  }
  wanted_.erase(wanted);
}

void Files::look() {
  watch_->retry();
  tell_trouble();
}

void Files::tell_trouble() {
  for (const auto& text : watch_->trouble()) core_.logs.notice(text);
}

Task<> Files::follow() {
  for (;;) {
    const auto change = co_await watch_->changes().pop();
    if (change) core_.events.push(restarter::FileChanged{change->path, change->present});
    tell_trouble();
  }
}

}  // namespace vmkeep::daemon
