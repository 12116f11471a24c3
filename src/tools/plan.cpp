// vmkeep plan, and vmkeep shutdown: everything at once.
#include <poll.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cstdio>

#include "control/client.h"
#include "control/messages.h"
#include "tools/commands.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr char kPlanUsage[] =
    "Usage: vmkeep plan start|stop [--budget SECONDS] [--json]\n"
    "Prints in which order everything would start or stop now, what waits for what, and how long it would\n"
    "take by what was measured before. --budget (of stop): what of it has to be forced to be done in time.\n";
constexpr char kShutdownUsage[] =
    "Usage: vmkeep shutdown [--budget SECONDS]\n"
    "Brings everything down, dependents first, and waits for it. --budget: it is over by then; VMs that are\n"
    "not saved or shut down in time are powered off. Exit status 1: something is still up.\n";

// How long vmkeepd may say nothing before we look whether the connection still stands.
constexpr Instant kRound{60'000};

struct Wanted {
  std::vector<std::string> words;
  std::optional<int64_t> budget;
  bool json = false;
  bool help = false;
};

Result<int64_t> seconds(const std::string& text) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size() && value > 0) return value;
  return fail(ErrorKind::invalid, "--budget takes a number of seconds above 0, not \"" + text + "\"");
}

Result<Wanted> parse(const Arguments& arguments) {
  Wanted wanted;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    constexpr std::string_view kBudget = "--budget=";
    if (word == "--budget" || word.starts_with(kBudget)) {
      if (word == "--budget" && i + 1 == arguments.size()) {
        return fail(ErrorKind::invalid, "--budget needs a number of seconds");
      }
      auto value = seconds(word == "--budget" ? arguments[++i] : word.substr(kBudget.size()));
      if (!value) return value.error();
      wanted.budget = *value;
    } else if (word == "--json") {
      wanted.json = true;
    } else if (word == "--help" || word == "-h" || word == "-?") {
      wanted.help = true;
    } else if (word.starts_with("-")) {
      return fail(ErrorKind::invalid, "unknown option \"" + word + "\"");
    } else {
      wanted.words.push_back(word);
    }
  }
  return wanted;
}

int wrong(const std::string& message, const char* usage, Output& output) {
  if (!message.empty()) output.warn(message, kUsage);
  std::fputs(usage, stderr);
  output.raise(kUsage);
  return output.finish();
}

void told(const Error& error, Output& output) {
  output.warn(error.kind == ErrorKind::permission ? "Permission denied: " + error.message : error.message);
}

// With one digit behind the point.
std::string in_seconds(int64_t milliseconds) {
  const int64_t tenths = (milliseconds + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string right(const std::string& text, size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string left(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

struct Row {
  std::string at, takes, what, fmri, after;
};

Row row_of(const json::object& step) {
  Row row;
  if (auto fmri = control::string_member(step, "fmri")) row.fmri = *fmri;
  if (auto what = control::string_member(step, "what")) row.what = *what;
  row.at = in_seconds(control::int_member(step, "at", 0));
  const auto takes = control::int_member(step, "takes", -1);
  if (takes >= 0) row.takes = in_seconds(takes);
  if (takes < 0) row.takes = row.what == "nothing" ? "-" : "?";
  if (row.what == "nothing") row.what = "-";
  if (control::bool_member(step, "forced", false)) row.what += "!";
  if (const auto after = control::strings_member(step, "after")) {
    for (const auto& name : *after) row.after += (row.after.empty() ? "" : " ") + name;
  }
  return row;
}

void print_plan(const json::object& plan, Output& output) {
  std::vector<Row> rows{{"AT", "TAKES", "WHAT", "FMRI", "AFTER"}};
  bool forced = false;
  bool unknown = false;
  if (const json::value* steps = plan.if_contains("steps"); steps != nullptr && steps->is_array()) {
    for (const json::value& step : steps->get_array()) {
      if (!step.is_object()) continue;
      rows.push_back(row_of(step.get_object()));
      forced = forced || rows.back().what.ends_with("!");
      unknown = unknown || rows.back().takes == "?";
    }
  }
  size_t widest = 0;
  for (const Row& row : rows) widest = std::max(widest, row.fmri.size());
  for (const Row& row : rows) {
    std::string line = right(row.at, 7) + " " + right(row.takes, 7) + " " + left(row.what, 6) + " ";
    line += row.after.empty() ? row.fmri : left(row.fmri, widest) + " " + row.after;
    output.line(line);
  }
  std::string chain;
  if (const auto names = control::strings_member(plan, "chain")) {
    for (const auto& name : *names) chain += (chain.empty() ? "" : ", then ") + name;
  }
  output.line("Total: " + in_seconds(control::int_member(plan, "total", 0)) + " s.");
  if (!chain.empty()) output.line("Longest chain: " + chain + ".");
  if (unknown) output.line("?: not measured yet; the total counts a guess.");
  if (forced) output.line("!: not done in time by itself; it will be forced.");
}

// One answer after the other until the end; the last one.
Result<json::object> follow_shutdown(control::Client& client, Output& output) {
  for (;;) {
    auto reply = client.next(now() + kRound);
    if (!reply) {
      if (reply.error().kind == ErrorKind::timeout) continue;
      return reply;
    }
    if (const json::value* down = reply->if_contains("instance"); down != nullptr && down->is_object()) {
      auto instance = control::instance_from(*down);
      if (instance) {
        output.line(instance->fmri + " is " + instance->state +
                    (instance->state == "maintenance" && !instance->why.empty() ? ": " + instance->why : "") +
                    ".");
      }
      output.flush();
    }
    if (control::bool_member(*reply, "done", false)) return reply;
  }
}

// vmkeepd may be lost in the middle of it.  What is started in its place goes on, and is asked how far it is.
Result<json::object> shut_down(json::object parameters, Output& output) {
  constexpr Instant kPatience = std::chrono::seconds(30);
  constexpr int kPause = 200;  // milliseconds
  std::optional<Instant> lost_for_good;
  for (;;) {
    auto client = control::Client::connect();
    if (!client && !lost_for_good) return client.error();
    Result<> asked;
    if (client) asked = client->call_more("Shutdown", parameters);
    Result<json::object> last = fail(ErrorKind::unavailable, "");
    if (client && asked) last = follow_shutdown(*client, output);
    if (last || last.error().kind != ErrorKind::unavailable) return last;
    if (client && asked) {
      output.line("vmkeepd was lost in the middle of it; waiting for what is started in its place.");
      output.flush();
      lost_for_good = now() + kPatience;
      parameters.erase("budget");  // it counts on from when it was given
    }
    if (now() >= lost_for_good.value_or(Instant{})) {
      return fail(ErrorKind::unavailable,
                  "vmkeepd was lost in the middle of it, and nothing was started in its place: what was up "
                  "then may be up still; start vmkeepd and ask again");
    }
    ::poll(nullptr, 0, kPause);
  }
}

}  // namespace

int plan(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  const auto wanted = parse(arguments);
  if (!wanted) return wrong(wanted.error().message, kPlanUsage, output);
  if (wanted->help) {
    output.print(kPlanUsage);
    return output.finish();
  }
  const bool known = wanted->words == Arguments{"start"} || wanted->words == Arguments{"stop"};
  if (!known) return wrong("a plan of what? start, or stop", kPlanUsage, output);
  if (wanted->budget && wanted->words[0] == "start")
    return wrong("--budget is of stop only", kPlanUsage, output);
  auto client = control::Client::connect();
  if (!client) {
    told(client.error(), output);
    return output.finish();
  }
  json::object parameters{{"what", wanted->words[0]}};
  if (wanted->budget) parameters["budget"] = *wanted->budget;
  auto reply = client->call("Plan", parameters);
  if (!reply) {
    told(reply.error(), output);
  } else if (wanted->json) {
    json::object all{{"schema", "vmkeep/plan/1"}};
    for (auto& member : *reply) all[member.key()] = std::move(member.value());
    output.line(json::serialize(all));
  } else {
    print_plan(*reply, output);
  }
  return output.finish();
}

int shutdown(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  const auto wanted = parse(arguments);
  if (!wanted) return wrong(wanted.error().message, kShutdownUsage, output);
  if (wanted->help) {
    output.print(kShutdownUsage);
    return output.finish();
  }
  if (!wanted->words.empty() || wanted->json) {
    return wrong("shutdown takes everything down, and only --budget", kShutdownUsage, output);
  }
  json::object parameters;
  if (wanted->budget) parameters["budget"] = *wanted->budget;
  auto last = shut_down(std::move(parameters), output);
  if (!last) {
    told(last.error(), output);
    return output.finish();
  }
  const auto still_up = control::strings_member(*last, "left");
  if (still_up && !still_up->empty()) {
    for (const auto& name : *still_up) output.warn(name + " is still up");
    return output.finish();
  }
  output.line("Everything is down. vmkeepd starts nothing until `vmkeep startup`.");
  return output.finish();
}

}  // namespace vmkeep::tools
