// vmkeep: what is not SMF's: the method of VM instances, an orderly end, the version.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdio>

#include "base/version.h"
#include "control/client.h"
#include "control/messages.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr char kUsageText[] =
    "Usage: vmkeep method {start|stop|refresh}   the method of VM instances; run by vmkeepd\n"
    "       vmkeep shutdown                      bring everything down, in order, and wait for it\n"
    "       vmkeep version [--json]              of this program, and of the vmkeepd that runs\n"
    "       vmkeep help\n\n"
    "Instances are looked at with svcs, told what to do with svcadm and configured with svccfg.\n"
    "The control socket is in $VMKEEP_RUN, else in $XDG_RUNTIME_DIR/vmkeep, else in /run/vmkeep.\n";

// How long vmkeepd may say nothing before we look whether the connection still stands.
constexpr Instant kRound{60'000};

int usage(Output& output) {
  std::fputs(kUsageText, stderr);
  output.raise(kUsage);
  return output.finish();
}

void told(const Error& error, Output& output) {
  output.warn(error.kind == ErrorKind::permission ? "Permission denied." : error.message);
}

int shutdown(Output& output) {
  auto client = control::Client::connect();
  if (!client) {
    told(client.error(), output);
    return output.finish();
  }
  if (auto asked = client->call_more("Shutdown", {}); !asked) {
    told(asked.error(), output);
    return output.finish();
  }
  for (;;) {
    auto reply = client->next(now() + kRound);
    if (!reply) {
      if (reply.error().kind == ErrorKind::timeout) continue;
      told(reply.error(), output);
      return output.finish();
    }
    if (const json::value* down = reply->if_contains("instance"); down != nullptr && down->is_object()) {
      auto instance = control::instance_from(*down);
      if (instance) output.line(instance->fmri + " is " + instance->state + ".");
      output.flush();
    }
    if (control::bool_member(*reply, "done", false)) {
      output.line("Everything is down. vmkeepd starts nothing until it is started again.");
      return output.finish();
    }
  }
}

// No daemon is no error here: the program has a version all the same.
int version(bool as_json, Output& output) {
  json::object daemon;
  auto client = control::Client::connect();
  if (client) {
    if (auto reply = client->call("Version", {})) daemon = std::move(*reply);
  }
  if (as_json) {
    json::object all{{"version", kVersion}, {"daemon", nullptr}};
    if (!daemon.empty()) all["daemon"] = daemon;
    output.line(json::serialize(all));
    return output.finish();
  }
  output.line(std::string("vmkeep ") + kVersion);
  if (auto running = control::string_member(daemon, "version")) {
    output.line("vmkeepd " + *running + ", process " + std::to_string(control::int_member(daemon, "pid", 0)));
  } else {
    output.line("vmkeepd does not run");
  }
  return output.finish();
}

}  // namespace

int vmkeep(const Arguments& arguments) {
  Output output("vmkeep");
  const std::string verb = arguments.empty() ? "" : arguments[0];
  const std::string second = arguments.size() > 1 ? arguments[1] : "";
  if (verb == "method" && arguments.size() >= 2) {
    // A stop method may be given more, as in "stop %{restarter/contract}".
    if (second == "start" || second == "stop" || second == "refresh") return run_method(second);
  }
  if (verb == "shutdown" && arguments.size() == 1) return shutdown(output);
  if ((verb == "version" || verb == "--version") && (arguments.size() == 1 || second == "--json")) {
    return version(second == "--json", output);
  }
  if (verb == "help" || verb == "--help" || verb == "-?") {
    output.print(kUsageText);
    return output.finish();
  }
  return usage(output);
}

}  // namespace vmkeep::tools
