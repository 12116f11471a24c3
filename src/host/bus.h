// A connection to systemd over D-Bus (sd-bus of libsystemd): as root the private socket of the manager, which
// is there from the first moment of a boot to the last and needs no bus daemon; else the system bus.
//
// The calls here block, each for at most its deadline: they are for the time before the loop runs.  What runs
// in the loop uses the connection's descriptor and asynchronous calls (targets.cpp).
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace vmkeep::host {

struct CloseBus {
  void operator()(sd_bus* bus) const { ::sd_bus_close_unref(bus); }
};
struct UnrefMessage {
  void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;
using Message = std::unique_ptr<sd_bus_message, UnrefMessage>;

inline constexpr char kManager[] = "org.freedesktop.systemd1";
inline constexpr char kManagerPath[] = "/org/freedesktop/systemd1";
inline constexpr char kManagerInterface[] = "org.freedesktop.systemd1.Manager";
inline constexpr char kUnitInterface[] = "org.freedesktop.systemd1.Unit";

// Errors: ErrorKind::unsupported where no systemd runs the host; unavailable if it cannot be reached.
Result<Bus> connect_to_systemd();

// The object path of a unit: a pure function of its name.
std::string unit_path(const std::string& unit);

// A property that is a string.  A unit that is not loaded is loaded for the answer.
Result<std::string> string_property(sd_bus* bus, const std::string& path, const char* interface,
                                    const char* property);

// "cannot do X: what the bus says".
Error bus_error(const std::string& doing, int code, const sd_bus_error* error = nullptr);

}  // namespace vmkeep::host
