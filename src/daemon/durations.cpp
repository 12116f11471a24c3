#include "daemon/durations.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/fd.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;

constexpr size_t kKept = 5;  // of one kind of one instance
constexpr Instant kLater = std::chrono::seconds(5);

}  // namespace

void Durations::open(std::string path) {
  path_ = std::move(path);
  const auto text = read_file(path_);
  if (!text) return;
  json::error_code problem;
  const auto all = json::parse(*text, problem);
  if (problem || !all.is_object()) return;
  for (const auto& [fmri, kinds] : all.get_object()) {
    if (!kinds.is_object()) continue;
    for (const auto& [kind, times] : kinds.get_object()) {
      if (!times.is_array()) continue;
      auto& mine = by_instance_[fmri][kind];
      for (const auto& time : times.get_array()) {
        if (time.is_int64() && time.get_int64() >= 0 && mine.size() < kKept) mine.push_back(time.get_int64());
      }
    }
  }
}

void Durations::note(const std::string& fmri, const std::string& kind, Instant took) {
  auto& times = by_instance_[fmri][kind];
  times.push_back(std::max<int64_t>(took.count(), 0));
  if (times.size() > kKept) times.erase(times.begin());
  dirty_ = true;
  changed_.notify();
}

void Durations::forget(const std::string& fmri) {
  if (by_instance_.erase(fmri) == 0) return;
  dirty_ = true;
  changed_.notify();
}

std::optional<Instant> Durations::typical(const std::string& fmri, const std::string& kind) const {
  const auto kinds = by_instance_.find(fmri);
  if (kinds == by_instance_.end()) return std::nullopt;
  const auto found = kinds->second.find(kind);
  if (found == kinds->second.end() || found->second.empty()) return std::nullopt;
  auto times = found->second;
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return Instant(*middle);
}

Result<> Durations::write() {
  if (!dirty_ || path_.empty()) return {};
  json::object all;
  for (const auto& [fmri, kinds] : by_instance_) {
    json::object mine;
    for (const auto& [kind, times] : kinds) mine[kind] = json::array(times.begin(), times.end());
    all[fmri] = std::move(mine);
  }
  dirty_ = false;
  return replace_file(path_, json::serialize(all) + "\n");
}

Task<> Durations::keep(Durations& self) {
  for (;;) {
    if (!self.dirty_) co_await self.changed_.wait();
    co_await sleep_until(now() + kLater);
    (void)self.write();  // the next change tries again, and nothing but a prediction depends on it
  }
}

}  // namespace vmkeep::daemon
