#include "restarter/admission.h"

#include <fmt/format.h>

#include <algorithm>

namespace vmkeep::restarter {
namespace {

constexpr Instant kPlaceTime = std::chrono::minutes(1);

// Percent of the last ten seconds.  Processors are always waited for while guests boot; waiting for memory is
// what a host does not get out of by itself.
struct Thresholds {
  double cpu, io, memory;
};
constexpr Thresholds kCalm{10, 10, 1};
constexpr Thresholds kMuch{70, 40, 10};
constexpr Thresholds kVeryMuch{95, 80, 40};

bool reaches(const HostPressure& pressure, const Thresholds& limit) {
  return pressure.cpu >= limit.cpu || pressure.io >= limit.io || pressure.memory >= limit.memory;
}

bool known(const HostPressure& pressure) {
  return pressure.cpu >= 0 || pressure.io >= 0 || pressure.memory >= 0;
}

}  // namespace

Pace pace(const AdmissionConfig& config, const HostPressure& pressure) {
  const Pace as_configured{config.width, config.stagger};
  if (!known(pressure)) return as_configured;
  const size_t one = config.width == 0 ? 0 : 1;  // no limit stays none
  if (reaches(pressure, kVeryMuch)) return {one, config.stagger * 4};
  if (reaches(pressure, kMuch)) return {std::max(one, config.width / 2), config.stagger * 2};
  if (reaches(pressure, kCalm)) return as_configured;
  return {config.width * 2, config.stagger / 2};
}

void Admission::configure(const AdmissionConfig& config) {
  config_ = config;
  pace_ = pace(config_, pressure_);
}

void Admission::press(const HostPressure& pressure) {
  pressure_ = pressure;
  if (limited()) pace_ = pace(config_, pressure_);
}

void Admission::enter(const std::string& fmri, Urgency urgency) {
  const auto found = waiting_.find(fmri);
  if (found != waiting_.end()) {
    if (std::get<0>(found->second) <= urgency) return;
    queue_.erase(found->second);
  }
  const Ticket ticket{urgency, ++tickets_, fmri};
  queue_.insert(ticket);
  waiting_.insert_or_assign(fmri, ticket);
}

void Admission::leave(const std::string& fmri) {
  const auto found = waiting_.find(fmri);
  if (found == waiting_.end()) return;
  queue_.erase(found->second);
  waiting_.erase(found);
}

void Admission::expire(Instant now) {
  std::erase_if(places_, [now](const auto& place) { return place.second <= now; });
}

std::optional<std::string> Admission::next(Instant now) {
  if (queue_.empty()) return std::nullopt;
  expire(now);
  if (pace_.width != 0 && places_.size() >= pace_.width) return std::nullopt;
  const auto [urgency, number, fmri] = *queue_.begin();
  if (urgency == Urgency::boot && last_ && now < *last_ + pace_.stagger) return std::nullopt;
  leave(fmri);
  places_[fmri] = now + kPlaceTime;
  last_ = now;
  return fmri;
}

std::optional<Instant> Admission::wake(Instant now) const {
  if (queue_.empty()) return std::nullopt;
  if (pace_.width != 0 && places_.size() >= pace_.width) {
    const auto first = std::min_element(places_.begin(), places_.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
    return std::max(now, first->second);
  }
  return std::max(now, last_.value_or(now) + pace_.stagger);
}

std::string Admission::why() const {
  std::string text = "VMs start";
  if (pace_.width == 1) text = "One VM starts at a time";
  if (pace_.width > 1) text = fmt::format("At most {} VMs start at once", pace_.width);
  if (pace_.stagger > Instant(0)) text += fmt::format(", {} ms apart", pace_.stagger.count());
  if (pace_.width != config_.width || pace_.stagger != config_.stagger) {
    text += fmt::format(", by the pressure on the host (cpu {:.0f} %, io {:.0f} %, memory {:.0f} %)",
                        std::max(0.0, pressure_.cpu), std::max(0.0, pressure_.io),
                        std::max(0.0, pressure_.memory));
  }
  return text + "; see pace/start_width of svc:/system/svc/restarter.";
}

}  // namespace vmkeep::restarter
