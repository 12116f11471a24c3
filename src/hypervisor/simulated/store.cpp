#include "hypervisor/simulated/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "base/fd.h"

namespace vmkeep::hypervisor::simulated {
namespace {

namespace json = boost::json;

constexpr std::string_view kSuffix = ".json";
constexpr size_t kUuidLength = 36;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<json::object> parse(const std::string& text, const std::string& what) {
  boost::system::error_code problem;
  json::value value = json::parse(text, problem);
  if (problem || !value.is_object()) return fail(ErrorKind::invalid, what + " is not a JSON object");
  return value.as_object();
}

Result<json::object> read_object(const std::string& path) {
  auto text = read_file(path);
  if (!text) return text.error();
  return parse(*text, path);
}

void apply(const json::object& from, Script& script) {
  const auto number = [&](const char* key, int64_t& to) {
    const json::value* value = from.if_contains(key);
    if (value != nullptr && value->is_int64()) to = value->get_int64();
  };
  const auto flag = [&](const char* key, bool& to) {
    const json::value* value = from.if_contains(key);
    if (value != nullptr && value->is_bool()) to = value->get_bool();
  };
  number("hang_looks", script.hang_looks);
  number("garbage_looks", script.garbage_looks);
  number("die_after", script.die_after);
  number("halt_after", script.halt_after);
  number("stuck_after", script.stuck_after);
  flag("silent", script.silent);
  flag("deaf", script.deaf);
  if (from.contains("launch_exit")) {
    int64_t status = 0;
    number("launch_exit", status);
    script.launch_exit = status;
  }
  const json::value* delays = from.if_contains("delays");
  if (delays == nullptr || !delays->is_object()) return;
  for (const auto& item : delays->get_object()) {
    if (item.value().is_int64()) script.delays[std::string(item.key())] = item.value().get_int64();
  }
}

// The script's part for one VM; null if it has none.
json::object* part(json::object& script, const std::string& vm_name) {
  json::value* vms = script.if_contains("vms");
  if (vms == nullptr || !vms->is_object()) return nullptr;
  json::value* vm = vms->get_object().if_contains(vm_name);
  return vm != nullptr && vm->is_object() ? &vm->get_object() : nullptr;
}

std::string new_uuid() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", bytes[i]);
    text += hex.data();
    if (i == 3 || i == 5 || i == 7 || i == 9) text += '-';
  }
  return text;
}

}  // namespace

std::chrono::milliseconds Script::delay(const std::string& action) const {
  const auto found = delays.find(action);
  return std::chrono::milliseconds(found == delays.end() ? 0 : std::max<int64_t>(0, found->second));
}

Result<> Store::make() const {
  return make_folders(home_, 0700);
}

Result<std::vector<StoredVm>> Store::all() const {
  const std::unique_ptr<DIR, CloseDir> folder(::opendir(home_.c_str()));
  if (!folder) return errno_error("cannot read " + home_);
  std::vector<StoredVm> result;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name.size() != kUuidLength + kSuffix.size() || name.substr(kUuidLength) != kSuffix) continue;
    if (auto vm = read(std::string(name.substr(0, kUuidLength)))) result.push_back(std::move(*vm));
  }
  std::sort(result.begin(), result.end(),
            [](const StoredVm& a, const StoredVm& b) { return a.name < b.name; });
  return result;
}

Result<StoredVm> Store::read(const std::string& uuid) const {
  auto object = read_object(path(uuid, ".json"));
  if (!object) return object.error();
  const json::value* name = object->if_contains("name");
  const json::value* word = object->if_contains("state");
  if (name == nullptr || !name->is_string() || word == nullptr || !word->is_string()) {
    return fail(ErrorKind::invalid, path(uuid, ".json") + " has no name or no state");
  }
  const auto state = vm::vm_state(std::string_view(word->get_string()));
  return StoredVm{uuid, std::string(name->get_string()), state.value_or(vm::VmState::unknown)};
}

Result<> Store::write(const StoredVm& vm) const {
  json::object object;
  object["name"] = vm.name;
  object["state"] = std::string(vm::to_string(vm.state));
  return replace_file(path(vm.uuid, ".json"), json::serialize(object) + "\n");
}

Result<StoredVm> Store::create(const std::string& name) const {
  if (auto made = make(); !made) return made.error();
  StoredVm vm{new_uuid(), name, vm::VmState::poweroff};
  if (vm.uuid.empty()) return fail(ErrorKind::io, "there are no random numbers for a UUID");
  if (auto written = write(vm); !written) return written.error();
  return vm;
}

bool Store::is_locked(const std::string& uuid) const {
  const auto file = open_file(path(uuid, ".lock"), O_RDWR);
  if (!file) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

vm::VmState Store::state(const StoredVm& vm) const {
  if (!vm::is_up(vm.state) || is_locked(vm.uuid)) return vm.state;
  return vm.state == vm::VmState::restoring ? vm::VmState::aborted_saved : vm::VmState::aborted;
}

Result<Script> Store::script(const std::string& vm_name) const {
  Script script;
  auto object = read_object(home_ + "/script.json");
  if (!object) {
    if (object.error().kind == ErrorKind::not_found) return script;
    return object.error();
  }
  apply(*object, script);
  if (const json::object* own = part(*object, vm_name)) apply(*own, script);
  return script;
}

Result<> Store::count_down(const std::string& vm_name, const char* key) const {
  const std::string file = home_ + "/script.json";
  auto object = read_object(file);
  if (!object) return object.error();
  json::object* own = part(*object, vm_name);
  json::object& where = own != nullptr && own->contains(key) ? *own : *object;
  json::value* value = where.if_contains(key);
  if (value == nullptr || !value->is_int64()) return {};
  value->get_int64() -= 1;
  return replace_file(file, json::serialize(*object) + "\n");
}

}  // namespace vmkeep::hypervisor::simulated
