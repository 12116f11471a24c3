#include "host/scope.h"

#include <array>

#include "base/fd.h"
#include "host/bus.h"

namespace vmkeep::host {
namespace {

constexpr char kScopeInterface[] = "org.freedesktop.systemd1.Scope";
// Stopped before the scope is: what brings the VMs down in order, and then vmkeepd, which would put another
// vmkeep-hold into a scope that is just being stopped.
constexpr std::array kBefore{"vmkeep.service", "vmkeepd.service"};
constexpr char kSlice[] = "vmkeep.slice";
constexpr Instant kPatience{10'000};

// What the VMs need stays until the scope is gone.  remote-fs.target: homes and disks may be there.
constexpr std::array kAfter{"local-fs.target",       "remote-fs.target", "network.target",
                            "network-online.target", "dbus.service",     "vboxdrv.service",
                            "virtualbox.service"};

template <size_t N>
int append_strings(sd_bus_message* message, const char* property, const std::array<const char*, N>& values) {
  int done = ::sd_bus_message_open_container(message, 'r', "sv");
  if (done >= 0) done = ::sd_bus_message_append_basic(message, 's', property);
  if (done >= 0) done = ::sd_bus_message_open_container(message, 'v', "as");
  if (done >= 0) done = ::sd_bus_message_open_container(message, 'a', "s");
  for (const char* value : values) {
    if (done >= 0) done = ::sd_bus_message_append_basic(message, 's', value);
  }
  for (int open = 0; open < 3; ++open) {
    if (done >= 0) done = ::sd_bus_message_close_container(message);
  }
  return done;
}

int append_properties(sd_bus_message* m, pid_t holder) {
  int done = ::sd_bus_message_open_container(m, 'a', "(sv)");
  if (done >= 0)
    done = ::sd_bus_message_append(m, "(sv)", "Description", "s",
                                   "Virtual machines and services kept by vmkeep");
  if (done >= 0) done = ::sd_bus_message_append(m, "(sv)", "Slice", "s", kSlice);
  if (done >= 0) done = ::sd_bus_message_append(m, "(sv)", "Delegate", "b", 1);
  if (done >= 0) done = ::sd_bus_message_append(m, "(sv)", "TasksMax", "t", UINT64_MAX);
  if (done >= 0) done = append_strings(m, "Before", kBefore);
  if (done >= 0) done = append_strings(m, "After", kAfter);
  if (done >= 0) done = ::sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, static_cast<uint32_t>(holder));
  if (done >= 0) done = ::sd_bus_message_close_container(m);
  return done;
}

Result<> start_transient(sd_bus* bus, const std::string& name, pid_t holder) {
  sd_bus_message* raw = nullptr;
  int done = ::sd_bus_message_new_method_call(bus, &raw, kManager, kManagerPath, kManagerInterface,
                                              "StartTransientUnit");
  const Message message(raw);
  // ignore-dependencies: the order is for the stop.  Obeyed at the start it would keep vmkeepd waiting for
  // network filesystems that no local VM needs.
  if (done >= 0) done = ::sd_bus_message_append(raw, "ss", name.c_str(), "ignore-dependencies");
  if (done >= 0) done = append_properties(raw, holder);
  if (done >= 0) done = ::sd_bus_message_append(raw, "a(sa(sv))", 0);
  sd_bus_error error{nullptr, nullptr, 0};
  if (done >= 0) done = ::sd_bus_call(bus, raw, 0, &error, nullptr);
  if (done >= 0) return {};
  const Error failed = bus_error("make the scope " + name, done, &error);
  ::sd_bus_error_free(&error);
  return failed;
}

Result<std::string> cgroup_of(sd_bus* bus, const std::string& name) {
  const std::string path = unit_path(name);
  auto state = string_property(bus, path, kUnitInterface, "ActiveState");
  if (!state) return state;
  if (*state != "active") return std::string();
  return string_property(bus, path, kScopeInterface, "ControlGroup");
}

}  // namespace

Result<std::string> find_scope(const std::string& name) {
  auto bus = connect_to_systemd();
  if (!bus) return bus.error();
  return cgroup_of(bus->get(), name);
}

Result<std::string> make_scope(const std::string& name, pid_t holder) {
  auto bus = connect_to_systemd();
  if (!bus) return bus.error();
  if (auto started = start_transient(bus->get(), name, holder); !started) return started.error();
  // Any signal of the manager may be the one: then one looks again.
  if (const int matched = ::sd_bus_add_match(bus->get(), nullptr, "type='signal'", nullptr, nullptr);
      matched < 0)
    return bus_error("listen to systemd", matched);
  for (const Instant deadline = now() + kPatience; now() < deadline;) {
    auto cgroup = cgroup_of(bus->get(), name);
    if (!cgroup || !cgroup->empty()) return cgroup;
    while (::sd_bus_process(bus->get(), nullptr) > 0) {
    }
    constexpr uint64_t kLook = 50'000;  // microseconds: the scope may have been there before we listened
    ::sd_bus_wait(bus->get(), kLook);
  }
  return fail(ErrorKind::timeout, "systemd does not get done with the scope " + name);
}

}  // namespace vmkeep::host
