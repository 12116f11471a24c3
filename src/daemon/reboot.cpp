// A verdict's reboot: the VM of a guest that fails its check or lost its heartbeat is taken down as an
// operator would do it.  The outage is on record by then; the emptied contract raises the question, and
// judge() answers it with a restart.
#include <algorithm>

#include "daemon/owners.h"
#include "daemon/publish.h"
#include "guard/messages.h"

namespace vmkeep::daemon {

Task<> Owners::reboot(Owners& self, std::string fmri, Instant patience) {
  Record* record = self.core_.record(fmri);
  if (record == nullptr) co_return;
  auto message = guard::message("verb", fmri);
  message["verb"] = "reboot";
  message["by"] = "vmkeep";
  message["online"] = true;
  message["if_running"] = true;
  message["timeout"] = std::max<int64_t>(patience.count() / 1000, 1);
  bool down = false;
  auto answers = self.request(*record, std::move(message));
  while (answers) {
    const auto answer = co_await (*answers)->pop();
    if (!answer || guard::text_of(*answer, "kind") != "outcome") continue;
    down = control::bool_member(*answer, "outage", false);
    break;
  }
  record = self.core_.record(fmri);
  if (record == nullptr || down) co_return;
  // The VM is up still, or again, or nobody knows: what is found from here on is no reboot's doing.
  if (record->history.outage && record->history.outage->kind == vm::OutageKind::reboot) {
    record->history.outage.reset();
    publish_vm(self.core_, *record);
  }
  self.core_.events.push(restarter::Reported{fmri});
}

}  // namespace vmkeep::daemon
