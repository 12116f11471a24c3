#include "host/bus.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>

namespace vmkeep::host {
namespace {

constexpr char kPrivateSocket[] = "unix:path=/run/systemd/private";
constexpr uint64_t kCallTimeout = 5'000'000;  // microseconds

// Not sd_bus_open_system_systemd: that is not in the public interface.
int open_private(sd_bus** bus) {
  int done = ::sd_bus_new(bus);
  if (done >= 0) done = ::sd_bus_set_address(*bus, kPrivateSocket);
  if (done >= 0) done = ::sd_bus_set_bus_client(*bus, 0);
  if (done >= 0) done = ::sd_bus_start(*bus);
  return done;
}

}  // namespace

Error bus_error(const std::string& doing, int code, const sd_bus_error* error) {
  const bool told = error != nullptr && error->message != nullptr;
  if (!told) return errno_error("cannot " + doing, code < 0 ? -code : code);
  return fail(ErrorKind::unavailable, "cannot " + doing + ": " + error->message);
}

Result<Bus> connect_to_systemd() {
  if (::sd_booted() <= 0) return fail(ErrorKind::unsupported, "systemd does not run this host");
  sd_bus* raw = nullptr;
  int opened = -1;
  if (::geteuid() == 0) {
    opened = open_private(&raw);
    if (opened < 0) ::sd_bus_unref(std::exchange(raw, nullptr));
  }
  if (opened < 0) opened = ::sd_bus_open_system(&raw);
  if (opened < 0) return bus_error("reach systemd over D-Bus", opened);
  Bus bus(raw);
  ::sd_bus_set_method_call_timeout(bus.get(), kCallTimeout);
  return bus;
}

std::string unit_path(const std::string& unit) {
  char* path = nullptr;
  if (::sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path) < 0) return "";
  std::string result(path);
  std::free(path);
  return result;
}

Result<std::string> string_property(sd_bus* bus, const std::string& path, const char* interface,
                                    const char* property) {
  sd_bus_error error{nullptr, nullptr, 0};
  char* value = nullptr;
  const int got =
      ::sd_bus_get_property_string(bus, kManager, path.c_str(), interface, property, &error, &value);
  if (got < 0) {
    const Error failed = bus_error("read " + std::string(property) + " of " + path, got, &error);
    ::sd_bus_error_free(&error);
    return failed;
  }
  std::string result(value);
  std::free(value);
  return result;
}

}  // namespace vmkeep::host
