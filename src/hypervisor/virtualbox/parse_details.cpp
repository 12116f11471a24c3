// What VBoxManage prints beyond a VM's state: its settings, counters, properties of the guest, progress.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "hypervisor/virtualbox/info_reader.h"
#include "hypervisor/virtualbox/parse.h"

namespace vmkeep::hypervisor::virtualbox {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "SATA-0-1": a controller's name, which may be anything, port and device.  The keys of the same form that
// are no disks ("SATA-ImageUUID-0-1") have values that are no paths.
bool is_disk(std::string_view key, std::string_view value) {
  const size_t device = key.rfind('-');
  if (device == std::string_view::npos || device == 0) return false;
  const size_t port = key.rfind('-', device - 1);
  return port != std::string_view::npos && port > 0 && is_number(key.substr(device + 1)) &&
         is_number(key.substr(port + 1, device - port - 1)) && value.substr(0, 1) == "/";
}

// uartmode1="server,/path"; without a path: "disconnected".
std::optional<SerialPort> serial_port(std::string_view key, const std::string& value) {
  constexpr std::string_view kKey = "uartmode";
  if (key.substr(0, kKey.size()) != kKey || !is_number(key.substr(kKey.size()))) return std::nullopt;
  SerialPort port;
  const std::string_view number = key.substr(kKey.size());
  (void)std::from_chars(number.data(), number.data() + number.size(), port.number);
  const size_t comma = std::min(value.find(','), value.size());
  port.mode = value.substr(0, comma);
  port.path = value.substr(std::min(comma + 1, value.size()));
  return port;
}

// NAME="value" of an element.
std::string_view attribute(std::string_view element, std::string_view name) {
  const std::string start = " " + std::string(name) + "=\"";
  const size_t at = element.find(start);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = element.substr(at + start.size());
  return rest.substr(0, rest.find('"'));
}

bool counts_bytes(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"/BytesRead", "/BytesWritten", "/BytesReceived",
                                                   "/BytesTransmitted"};
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view end) {
    return name.size() > end.size() && name.substr(name.size() - end.size()) == end;
  });
}

}  // namespace

Result<VmDetails> parse_details(std::string_view text) {
  VmDetails details;
  std::string key;
  std::string value;
  InfoReader reader(text);
  // Behind the description come the names of snapshots, which VirtualBox escapes as little as it likes.
  while (reader.next(key, value) && key != "description" && key != "SnapshotName") {
    const auto first = [&](const char* name, std::string& to) {
      if (key == name && to.empty()) to = value;
    };
    if (key == "UUID" && details.vm.uuid.empty()) details.vm.uuid = normal_uuid(value);
    first("name", details.vm.name);
    first("CfgFile", details.settings_file);
    first("LogFldr", details.log_folder);
    first("SnapFldr", details.snapshot_folder);
    first("VMStateFile", details.state_file);
    if (is_disk(key, value)) details.disks.push_back(value);
    if (auto port = serial_port(key, value)) details.serial_ports.push_back(std::move(*port));
  }
  if (details.vm.uuid.empty()) return fail(ErrorKind::invalid, "VBoxManage's answer names no UUID");
  if (details.settings_file.empty()) return fail(ErrorKind::invalid, "VBoxManage's answer names no CfgFile");
  return details;
}

Result<uint64_t> parse_moved_bytes(std::string_view xml) {
  if (xml.find("<Statistics") == std::string_view::npos ||
      (xml.find("</Statistics>") == std::string_view::npos &&
       xml.find("<Statistics/>") == std::string_view::npos)) {
    return fail(ErrorKind::invalid, "VBoxManage's statistics are not whole");
  }
  uint64_t total = 0;
  constexpr std::string_view kElement = "<Counter ";
  for (size_t at = xml.find(kElement); at != std::string_view::npos; at = xml.find(kElement, at + 1)) {
    const std::string_view element = xml.substr(at, xml.find('>', at) - at);
    if (!counts_bytes(attribute(element, "name"))) continue;
    const std::string_view count = attribute(element, "c");
    uint64_t bytes = 0;
    const auto [end, problem] = std::from_chars(count.data(), count.data() + count.size(), bytes);
    if (problem != std::errc() || end != count.data() + count.size()) {
      return fail(ErrorKind::invalid, "VBoxManage's statistics hold a counter that is no number");
    }
    total += bytes;
  }
  return total;
}

Result<std::optional<std::string>> parse_property(std::string_view text) {
  constexpr std::string_view kValue = "Value: ";
  // Whatever a wrapper has printed comes before it, in lines of its own (facts 12).
  for (std::string_view rest = text; !rest.empty();) {
    if (rest.substr(0, kValue.size()) == kValue) {
      rest.remove_prefix(kValue.size());
      if (rest.back() != '\n') break;
      rest.remove_suffix(1);
      return std::optional<std::string>(std::string(rest));
    }
    if (rest.substr(0, 13) == "No value set!") return std::optional<std::string>();
    const size_t end = rest.find('\n');
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return fail(ErrorKind::invalid, "VBoxManage's answer holds no value of the guest's property");
}

std::optional<int> last_percent(std::string_view err) {
  for (size_t at = err.rfind('%'); at != std::string_view::npos && at > 0; at = err.rfind('%', at - 1)) {
    size_t begin = at;
    while (begin > 0 && at - begin < 3 && err[begin - 1] >= '0' && err[begin - 1] <= '9') --begin;
    int percent = 0;
    if (begin < at) (void)std::from_chars(err.data() + begin, err.data() + at, percent);
    if (begin < at && percent <= 100) return percent;
  }
  return std::nullopt;
}

bool names_error(std::string_view err) {
  constexpr std::string_view kMark = "VBoxManage: error: ";
  return err.substr(0, kMark.size()) == kMark ||
         err.find("\n" + std::string(kMark)) != std::string_view::npos;
}

}  // namespace vmkeep::hypervisor::virtualbox
