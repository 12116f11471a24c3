#include "hypervisor/virtualbox/parse.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "hypervisor/virtualbox/info_reader.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

constexpr size_t kUuidLength = 36;
constexpr std::string_view kInaccessible = "<inaccessible>";

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_uuid(std::string_view text) {
  if (text.size() != kUuidLength) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

// `..." {uuid}` at the end of a line; what is before the quote goes to the name.
struct Ending {
  std::string_view name;
  std::string_view uuid;
};

std::optional<Ending> ending(std::string_view line) {
  constexpr size_t kLength = kUuidLength + 4;  // `" {`, the UUID, `}`
  if (line.size() < kLength || line.back() != '}') return std::nullopt;
  const std::string_view tail = line.substr(line.size() - kLength);
  if (tail.substr(0, 3) != "\" {" || !is_uuid(tail.substr(3, kUuidLength))) return std::nullopt;
  return Ending{line.substr(0, line.size() - kLength), tail.substr(3, kUuidLength)};
}

struct Sign {
  std::string_view text;
  Trouble trouble;
};

// In the order in which they are looked for: the same code (E_ACCESSDENIED, NS_ERROR_FAILURE) has many
// causes.
constexpr std::array kSigns{
    Sign{"Could not find a registered machine", Trouble::not_registered},
    Sign{"The object functionality is limited", Trouble::inaccessible},
    Sign{"The object is not ready", Trouble::not_ready},
    Sign{"already locked", Trouble::locked},
    Sign{"has tried to lock", Trouble::locked},
    Sign{"VBOX_E_INVALID_OBJECT_STATE", Trouble::locked},
    Sign{"Failed to create the VirtualBox object", Trouble::no_service},
    Sign{"NS_ERROR_SOCKET_FAIL", Trouble::no_service},
    Sign{"NS_ERROR_CALL_FAILED", Trouble::no_service},
    Sign{"VirtualBox COM server is not running", Trouble::no_service},
    Sign{"session was closed before any attempt", Trouble::session_closed},
    Sign{"is not currently running", Trouble::not_running},
    Sign{"VBOX_E_INVALID_VM_STATE", Trouble::invalid_state},
    Sign{"Invalid machine state", Trouble::invalid_state},
};

}  // namespace

bool is_news(std::string_view log) {
  constexpr std::array<std::string_view, 8> kNews{
      "Changing the VM state from",     "Machine state changed to",
      "Guest seems to be unresponsive", "Guest has flatlined",
      "GuestHeartBeat: Guest is alive", "Heartbeat flatline timer set",
      "Heartbeat checking timer",       "Guru Meditation"};
  return std::any_of(kNews.begin(), kNews.end(),
                     [&](std::string_view sign) { return log.find(sign) != std::string_view::npos; });
}

std::string normal_uuid(std::string_view text) {
  if (text.size() == kUuidLength + 2 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, kUuidLength);
  }
  if (!is_uuid(text)) return {};
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

Result<std::vector<VmRef>> parse_list(std::string_view text) {
  std::vector<VmRef> result;
  std::optional<std::string> begun;  // the name of an entry that goes over several lines
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!begun) {
      if (line.empty() || line.front() != '"') continue;
      line.remove_prefix(1);
    }
    const auto end = ending(line);
    if (!end) {
      begun = begun.value_or("") + std::string(line) + "\n";
      continue;
    }
    VmRef vm;
    vm.uuid = normal_uuid(end->uuid);
    vm.name = begun.value_or("") + std::string(end->name);
    vm.accessible = vm.name != kInaccessible;
    result.push_back(std::move(vm));
    begun.reset();
  }
  if (begun) {
    return fail(ErrorKind::invalid, "VBoxManage's list of VMs ends in the middle of an entry: \"" + *begun);
  }
  return result;
}

Result<MachineInfo> parse_info(std::string_view text) {
  MachineInfo info;
  std::string key;
  std::string value;
  InfoReader reader(text);
  // The first of a key counts: what comes after VMState holds words of the guest and of the VM's description.
  while (info.state.empty() && reader.next(key, value)) {
    if (key == "UUID" && info.uuid.empty()) info.uuid = normal_uuid(value);
    if (key == "name" && info.name.empty()) info.name = value;
    if (key == "CfgFile" && info.settings_file.empty()) info.settings_file = value;
    if (key == "LogFldr" && info.log_folder.empty()) info.log_folder = value;
    if (key == "VMState") info.state = value;
  }
  if (info.uuid.empty()) return fail(ErrorKind::invalid, "VBoxManage's answer names no UUID");
  if (info.state.empty()) return fail(ErrorKind::invalid, "VBoxManage's answer names no VMState");
  return info;
}

std::string_view to_string(Trouble trouble) {
  switch (trouble) {
    case Trouble::not_registered:
      return "not registered";
    case Trouble::inaccessible:
      return "inaccessible";
    case Trouble::locked:
      return "locked by another session";
    case Trouble::not_ready:
      return "not ready";
    case Trouble::no_service:
      return "VBoxSVC does not answer";
    case Trouble::invalid_state:
      return "not possible in its state";
    case Trouble::not_running:
      return "not running";
    case Trouble::session_closed:
      return "its process ended before it was powered on";
    case Trouble::other:
      break;
  }
  return "failed";
}

ErrorKind kind_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::not_registered:
      return ErrorKind::not_found;
    case Trouble::locked:
    case Trouble::not_ready:
      return ErrorKind::busy;
    case Trouble::no_service:
    case Trouble::inaccessible:
      return ErrorKind::unavailable;
    case Trouble::invalid_state:
    case Trouble::not_running:
    case Trouble::session_closed:
      return ErrorKind::invalid;
    case Trouble::other:
      break;
  }
  return ErrorKind::io;
}

bool is_passing(Trouble trouble) {
  return trouble == Trouble::locked || trouble == Trouble::not_ready || trouble == Trouble::no_service;
}

Trouble classify(std::string_view err) {
  for (const Sign& sign : kSigns) {
    if (err.find(sign.text) != std::string_view::npos) return sign.trouble;
  }
  return Trouble::other;
}

std::string first_error(std::string_view err) {
  constexpr std::string_view kMark = "error: ";
  std::string_view fallback;
  while (!err.empty()) {
    const std::string_view line = take_line(err);
    const size_t mark = line.find(kMark);
    if (mark != std::string_view::npos) return std::string(line.substr(mark + kMark.size()));
    // Progress goes without a word.
    if (fallback.empty() && line.substr(0, 2) != "0%") fallback = line;
  }
  return fallback.empty() ? "it gave no reason" : std::string(fallback);
}

}  // namespace vmkeep::hypervisor::virtualbox
