#include "hypervisor/simulated/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
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

// Takes keys of the script over, each where it is of its type.
class Reader {
 public:
  explicit Reader(const json::object& from) : from_(from) {}

  void take(const char* key, int64_t& to) const {
    const json::value* value = from_.if_contains(key);
    if (value != nullptr && value->is_int64()) to = value->get_int64();
  }
  void take(const char* key, std::optional<int64_t>& to) const {
    const json::value* value = from_.if_contains(key);
    if (value != nullptr && value->is_int64()) to = value->get_int64();
  }
  void take(const char* key, bool& to) const {
    const json::value* value = from_.if_contains(key);
    if (value != nullptr && value->is_bool()) to = value->get_bool();
  }
  void take(const char* key, std::string& to) const {
    const json::value* value = from_.if_contains(key);
    if (value != nullptr && value->is_string()) to = text(*value);
  }
  void take(const char* key, std::optional<std::string>& to) const {
    const json::value* value = from_.if_contains(key);
    if (value != nullptr && value->is_string()) to = text(*value);
  }
  void take(const char* key, std::vector<std::string>& to) const {
    for (const json::value& item : list(key)) {
      if (item.is_string()) to.push_back(text(item));
    }
  }
  void take(const char* key, std::set<std::string>& to) const {
    for (const json::value& item : list(key)) {
      if (item.is_string()) to.insert(text(item));
    }
  }
  void take(const char* key, std::map<std::string, std::string>& to) const {
    for (const auto& item : object(key)) {
      if (item.value().is_string()) to[std::string(item.key())] = text(item.value());
    }
  }
  void take(const char* key, std::map<std::string, int64_t>& to) const {
    for (const auto& item : object(key)) {
      if (item.value().is_int64()) to[std::string(item.key())] = item.value().get_int64();
    }
  }

 private:
  static std::string text(const json::value& value) { return std::string(value.get_string()); }
  json::array list(const char* key) const {
    const json::value* value = from_.if_contains(key);
    return value != nullptr && value->is_array() ? value->get_array() : json::array{};
  }
  json::object object(const char* key) const {
    const json::value* value = from_.if_contains(key);
    return value != nullptr && value->is_object() ? value->get_object() : json::object{};
  }

  const json::object& from_;
};

void apply(const json::object& from, Script& script) {
  const Reader reader(from);
  reader.take("delays", script.delays);
  reader.take("hang_looks", script.hang_looks);
  reader.take("garbage_looks", script.garbage_looks);
  reader.take("half_looks", script.half_looks);
  reader.take("say", script.say);
  reader.take("say_looks", script.say_looks);
  reader.take("silent", script.silent);
  reader.take("broken", script.broken);
  reader.take("deaf", script.deaf);
  reader.take("ignores", script.ignores);
  reader.take("full_disk", script.full_disk);
  reader.take("launch_exit", script.launch_exit);
  reader.take("die_after", script.die_after);
  reader.take("halt_after", script.halt_after);
  reader.take("stuck_after", script.stuck_after);
  reader.take("flatline_after", script.flatline_after);
  reader.take("refuse", script.refuse);
  reader.take("lie", script.lie);
  reader.take("never", script.never);
  reader.take("die_during", script.die_during);
  reader.take("properties", script.properties);
  reader.take("moved", script.moved);
  reader.take("moves", script.moves);
  reader.take("serial", script.serial);
  reader.take("disks", script.disks);
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

json::array our_groups() {
  std::array<gid_t, 256> groups{};
  const int n = ::getgroups(static_cast<int>(groups.size()), groups.data());
  json::array result;
  for (int i = 0; i < n; ++i) result.push_back(int64_t{groups[static_cast<size_t>(i)]});
  return result;
}

// A number, nothing else, at the file's beginning.
std::optional<pid_t> read_pid(const Fd& file) {
  std::array<char, 16> text{};
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  pid_t pid = -1;
  if (n <= 0 || std::from_chars(text.data(), text.data() + n, pid).ec != std::errc()) return std::nullopt;
  return pid;
}

}  // namespace

vm::VmState state_of(const std::string& word) {
  if (word == "missing") return vm::VmState::missing;
  if (word == "inaccessible") return vm::VmState::inaccessible;
  return vm::vm_state(word).value_or(vm::VmState::unknown);
}

bool needs_process(const std::string& word) {
  const vm::VmState state = state_of(word);
  return vm::is_up(state) || state == vm::VmState::unknown;
}

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
  StoredVm vm{uuid, std::string(name->get_string()), std::string(word->get_string()), "", kNever};
  const Reader reader(*object);
  reader.take("then", vm.then);
  int64_t at = kNever.count();
  reader.take("at", at);
  vm.at = Instant(at);
  return vm;
}

Result<> Store::write(const StoredVm& vm) const {
  json::object object;
  object["name"] = vm.name;
  object["state"] = vm.state;
  if (!vm.then.empty()) {
    object["then"] = vm.then;
    object["at"] = vm.at.count();
  }
  return replace_file(path(vm.uuid, ".json"), json::serialize(object) + "\n");
}

Result<StoredVm> Store::create(const std::string& name) const {
  if (auto made = make(); !made) return made.error();
  StoredVm vm{new_uuid(), name, "poweroff", "", kNever};
  if (vm.uuid.empty()) return fail(ErrorKind::io, "there are no random numbers for a UUID");
  if (auto written = write(vm); !written) return written.error();
  return vm;
}

Result<> Store::note_birth(const std::string& uuid) const {
  const auto file = open_file(path(uuid, ".pid"), O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return file.error();
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::write(file->get(), text.data(), text.size()) < 0) return errno_error("cannot note the VM's process");
  return {};
}

std::optional<pid_t> Store::born(const std::string& uuid) const {
  const auto file = open_file(path(uuid, ".pid"), O_RDONLY);
  return file ? read_pid(*file) : std::nullopt;
}

std::optional<pid_t> Store::holder(const std::string& uuid) const {
  const auto file = open_file(path(uuid, ".lock"), O_RDWR);
  if (!file) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  // A lock of an open file is no process's, so it does not tell whose it is.
  return read_pid(*file).value_or(-1);
}

std::string Store::state(const StoredVm& vm) const {
  if (!vm.then.empty() && now() >= vm.at) return vm.then;
  if (!needs_process(vm.state) || holder(vm.uuid)) return vm.state;
  return vm.state == "restoring" ? "aborted-saved" : "aborted";
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

Result<> Store::record(const std::string& action, const StoredVm& vm, const std::string& owner_home) const {
  json::object line;
  line["time"] = now().count();
  line["action"] = action;
  line["vm"] = vm.name;
  line["uuid"] = vm.uuid;
  line["uid"] = int64_t{::geteuid()};
  line["gid"] = int64_t{::getegid()};
  line["groups"] = our_groups();
  line["home"] = owner_home;
  line["pid"] = ::getpid();
  const auto file = open_file(home_ + "/actions.log", O_WRONLY | O_CREAT | O_APPEND);
  if (!file) return file.error();
  const std::string text = json::serialize(line) + "\n";
  if (::write(file->get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return errno_error("cannot write to " + home_ + "/actions.log");
  }
  return {};
}

}  // namespace vmkeep::hypervisor::simulated
