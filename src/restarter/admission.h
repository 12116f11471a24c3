// Who may start now: VMs start a few at a time, not all at once.
//
// A host that boots with thirty VMs enabled would otherwise load thirty guests' kernels from one disk in the
// same second.  At most `width` start methods of VM instances run at once, and between two launches of those
// that nobody waits for lies `stagger`.  Whoever may not start yet stands in a queue, in this order:
//
//   verdict         its VM died, and the tables of vm/ ask for a restart       no stagger
//   administrator   somebody enabled, restarted or cleared it                  no stagger
//   boot            everything else: the boot, an import, a dependency that came up
//
// and within one kind in the order of asking.  The host's own complaint moves the pace: without pressure it
// is twice as fast, with much of it the width is halved and the stagger doubled, with very much one VM starts
// at a time (but one always does, else nothing would ever start).  Where the kernel tells no pressure the
// pace is as configured.  A start that takes longer than a minute (a guest that is waited for until it is
// ready) gives its place up: what it does by then is no launching any more.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "base/clock.h"

namespace vmkeep::restarter {

struct AdmissionConfig {
  size_t width = 0;       // starts of VMs at once; 0: no limit
  Instant stagger{0};     // between two launches
  size_t save_width = 0;  // saves at once while everything goes down; 0: no limit
};

// Pressure stall information: the share of the last ten seconds, in percent, in which somebody waited for
// this.  Negative: not known.
struct HostPressure {
  double cpu = -1, io = -1, memory = -1;
};

struct Pace {
  size_t width = 0;
  Instant stagger{0};
};
Pace pace(const AdmissionConfig& config, const HostPressure& pressure);

enum class Urgency { verdict, administrator, boot };

class Admission {
 public:
  void configure(const AdmissionConfig& config);
  void press(const HostPressure& pressure);
  bool limited() const { return config_.width != 0 || config_.stagger != Instant(0); }

  // Stands in the queue until it leaves or its turn comes; asking again changes nothing, except that a more
  // urgent wish moves it forward.
  void enter(const std::string& fmri, Urgency urgency);
  void leave(const std::string& fmri);
  bool waits(const std::string& fmri) const { return waiting_.contains(fmri); }
  size_t waiting() const { return waiting_.size(); }
  // The next one whose turn it is; it has a place from now on.
  std::optional<std::string> next(Instant now);
  // Its start is over, one way or the other.
  void ended(const std::string& fmri) { places_.erase(fmri); }
  size_t starting() const { return places_.size(); }
  // When next() may answer differently although nothing happens; absent: not by itself.
  std::optional<Instant> wake(Instant now) const;
  // For svcs -x: what holds up whoever waits.
  std::string why() const;

 private:
  using Ticket = std::tuple<Urgency, uint64_t, std::string>;
  void expire(Instant now);

  AdmissionConfig config_;
  Pace pace_;
  HostPressure pressure_;
  std::set<Ticket> queue_;
  std::map<std::string, Ticket> waiting_;
  std::map<std::string, Instant> places_;  // until when at most
  std::optional<Instant> last_;            // launch
  uint64_t tickets_ = 0;
};

}  // namespace vmkeep::restarter
