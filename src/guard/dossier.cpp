#include "guard/dossier.h"

#include <unistd.h>

#include "base/fd.h"
#include "control/messages.h"
#include "guard/messages.h"

namespace vmkeep::guard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr size_t kLines = 400;
constexpr size_t kLog = 256U << 10U;
constexpr size_t kPicture = 600U << 10U;
constexpr Instant kCall = 15s;

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text.size() > kLog ? text.substr(text.size() - kLog) : text;
}

// The hypervisor writes the file itself: it goes where only the owner writes, beside the VM's log.
Task<Result<std::string>> picture(hypervisor::Hypervisor& driver, std::string uuid) {
  const auto details = co_await driver.describe(uuid, now() + kCall);
  if (!details) co_return details.error();
  const std::string path =
      details->log_folder + "/vmkeep-" + std::to_string(::getpid()) + "-" + uuid + ".png";
  const auto taken = co_await driver.screenshot(uuid, path, now() + kCall);
  if (!taken) co_return taken.error();
  auto bytes = read_file(path, kPicture);
  ::unlink(path.c_str());
  co_return bytes;
}

}  // namespace

Task<json::object> collect_dossier(hypervisor::Hypervisor& driver, std::string fmri, std::string uuid,
                                   vm::Observation observed, vm::Verdict verdict, std::string check) {
  auto dossier = message("dossier", fmri);
  std::vector<std::string> notes;
  dossier["state"] = vm::to_string(observed.state);
  dossier["process"] = vm::to_string(observed.process);
  dossier["why"] = verdict.why;
  if (const auto lines = driver.log_tail(uuid, kLines)) {
    dossier["log"] = control::value_to_json(joined(*lines));
  } else {
    notes.push_back("no log of the VM: " + lines.error().message);
  }
  if (observed.process == vm::Witness::present) {
    const auto bytes = co_await picture(driver, uuid);
    if (bytes) {
      dossier["screenshot"] = control::value_to_json(*bytes);
    } else {
      notes.push_back("no picture of its screen: " + bytes.error().message);
    }
  }
  if (!check.empty()) dossier["check"] = control::value_to_json(check);
  dossier["notes"] = to_json(notes);
  co_return dossier;
}

}  // namespace vmkeep::guard
