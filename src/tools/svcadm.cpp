// svcadm: tells instances what to do (spec of the facility, 7.2).
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "control/text.h"
#include "tools/narrow_world.h"
#include "tools/operands.h"
#include "tools/tool.h"
#include "tools/waiting.h"
#include "tools/world.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using graph::State;

constexpr char kUsageText[] =
    "Usage: svcadm [-v] [-S state] [-z zone|-Z] command [arguments]\n\n"
    "\tsvcadm enable [-rst] [-T seconds] [-c comment] FMRI|pattern...\n"
    "\t                       enable and start, with -r what it requires too\n"
    "\tsvcadm disable [-st] [-T seconds] [-c comment] FMRI|pattern...\n"
    "\t                       stop and disable\n"
    "\tsvcadm restart [-ds] [-T seconds] FMRI|pattern...\n"
    "\t                       stop and start again, with -d by an abort that dumps core\n"
    "\tsvcadm refresh FMRI|pattern...               read the configuration again\n"
    "\tsvcadm mark [-It] {maintenance|degraded} FMRI|pattern...\n"
    "\tsvcadm clear [-s] [-T seconds] FMRI|pattern...\n"
    "\t                       leave maintenance or degraded\n"
    "\tsvcadm milestone [-d] FMRI|all|none          only what it depends on, until the next boot\n\n"
    "\t-t  until the next boot only     -s  wait until it is done, with -T not longer\n"
    "\t-d  of milestone: from now on at every boot, too\n"
    "\t-I  at once, without the stop method\n";

// How long a change that nobody tells of may go unseen.
constexpr Instant kLookAgain{3000};

struct Job {
  std::string verb;  // of the protocol
  bool temporary = false, immediate = false, wait = false, recursive = false, verbose = false;
  bool dump = false;
  std::optional<std::string> only_state, comment;
  std::optional<Instant> patience;
  Arguments operands;

  bool switches() const { return verb == "enable" || verb == "disable"; }
  Goal goal() const {
    if (verb == "disable") return Goal::disabled;
    if (verb == "restart") return Goal::restarted;
    return verb == "clear" ? Goal::cleared : Goal::enabled;
  }
};

// A method that asks for maintenance of somebody asks for its own instance.  An administrator has a terminal,
// or at least no method's environment.
std::optional<std::string> asking_instance() {
  const char* fmri = std::getenv("SMF_FMRI");
  if (fmri == nullptr || *fmri == '\0' || ::isatty(STDIN_FILENO) == 1) return std::nullopt;
  return fmri;
}

// The name of the action as -v tells it.
std::string action_name(const Job& job, const InstanceMessage& instance) {
  if (job.verb == "maintenance") {
    if (job.immediate && job.temporary) return "maint_on_immtemp";
    if (job.immediate) return "maint_on_immediate";
    return job.temporary ? "maint_on_temporary" : "maint_on";
  }
  if (job.verb == "degraded") return job.immediate ? "degrade_immediate" : "degraded";
  if (job.verb == "clear") return state_of(instance) == State::degraded ? "restore" : "maint_off";
  return job.verb;
}

std::string done_text(const Job& job, const InstanceMessage& instance) {
  if (job.switches()) return instance.fmri + (job.temporary ? " temporarily " : " ") + job.verb + "d.";
  return "Action " + action_name(job, instance) + " set for " + instance.fmri + ".";
}

int usage(Output& output) {
  return refuse_usage(kUsageText, output);
}

class Administrator {
 public:
  Administrator(const Job& job, Output& output) : job_(job), output_(output) {}

  int run() {
    auto connected = control::Client::connect();
    if (!connected) {
      output_.warn("Couldn't bind to configuration repository: " + connected.error().message);
      return output_.finish();
    }
    client_ = std::make_unique<control::Client>(std::move(*connected));
    if (!look()) return output_.finish();
    std::vector<std::string> targets = selection();
    if (job_.recursive) targets = with_requirements(targets);
    std::map<std::string, double> since;
    std::vector<std::string> told;
    for (const std::string& target : targets) {
      const InstanceMessage* instance = world_.find(target);
      if (instance == nullptr || !act(*instance)) continue;
      since[target] = instance->state_time;
      // A restart of what is not up does nothing, now or later.
      if (job_.verb != "restart" || is_up(*instance)) told.push_back(target);
    }
    output_.flush();
    if (job_.wait && !told.empty()) wait_for(told, since);
    return output_.finish();
  }

 private:
  bool look() {
    const bool everybody = job_.wait || job_.recursive || job_.operands.empty();
    auto world = everybody ? fetch_world(*client_, job_.wait || job_.recursive)
                           : fetch_world_of(*client_, job_.operands);
    if (!world) {
      output_.warn(world.error().message);
      return false;
    }
    world_ = std::move(*world);
    return true;
  }

  std::vector<std::string> selection() {
    std::vector<std::string> names;
    if (job_.operands.empty()) {
      for (const InstanceMessage& instance : world_.instances) names.push_back(instance.fmri);
    } else {
      names = select_unambiguously(job_.operands, world_.entries(), output_);
    }
    if (job_.only_state) {
      std::erase_if(names, [this](const std::string& name) {
        const InstanceMessage* instance = world_.find(name);
        return instance == nullptr || instance->state != *job_.only_state;
      });
    }
    return names;
  }

  std::vector<std::string> with_requirements(const std::vector<std::string>& targets) {
    std::vector<std::string> all;
    const auto add = [&all](const std::string& name) {
      if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
    };
    for (const std::string& target : targets) {
      auto required = requirements(world_, target);
      if (!required) {
        output_.warn(required.error().message);
        continue;
      }
      for (const std::string& name : *required) add(name);
      add(target);
    }
    return all;
  }

  // What the state does not allow is refused here, with the words that scripts know.
  bool is_possible(const InstanceMessage& instance) {
    const State state = state_of(instance);
    if (job_.verb == "clear" && state != State::maintenance && state != State::degraded) {
      output_.warn("Instance \"" + instance.fmri + "\" is not in a maintenance or degraded state.");
      return false;
    }
    if (job_.verb == "degraded" && !graph::is_up(state)) {
      output_.warn("Instance \"" + instance.fmri + "\" is not online.");
      return false;
    }
    return true;
  }

  bool act(const InstanceMessage& instance) {
    if (!is_possible(instance)) return false;
    boost::json::object parameters{{"fmri", instance.fmri}, {"verb", job_.verb}};
    if (job_.temporary) parameters["temporary"] = true;
    if (job_.immediate) parameters["immediate"] = true;
    if (job_.dump) parameters["dump"] = true;
    if (job_.comment) parameters["comment"] = control::as_utf8(*job_.comment);
    if (const auto by = asking_instance(); by && job_.verb == "maintenance") parameters["by"] = *by;
    auto reply = client_->call("Act", parameters);
    if (!reply) {
      const Error& error = reply.error();
      const bool denied = error.kind == ErrorKind::permission;
      output_.warn(instance.fmri + ": " + (denied ? "Permission denied." : error.message));
      if (denied) output_.warn(error.message);  // which authorization it takes
      return false;
    }
    if (job_.verbose) output_.line(done_text(job_, instance));
    return true;
  }

  // Each change of one of them is told by the daemon; what else decides (a dependency, a file) is looked at
  // every few seconds.
  void wait_for(std::vector<std::string> waiting, const std::map<std::string, double>& since) {
    auto watcher = control::Client::connect();
    boost::json::array names(waiting.begin(), waiting.end());
    bool watching = watcher && watcher->call_more("Watch", {{"fmris", std::move(names)}});
    const Instant end = job_.patience ? now() + *job_.patience : Instant::max();
    while (!waiting.empty()) {
      const Instant begun = now();
      if (!look_at_all(waiting, since) || waiting.empty()) break;
      if (begun >= end) {
        for (const std::string& name : waiting)
          output_.warn("Instance \"" + name + "\" is not there in time.");
        break;
      }
      if (!watching) {
        unavailable(waiting);
        break;
      }
      watching = follow(*watcher, waiting, since, now() - begun, end);
    }
    // 3 wins over 4.
    if (otherwise_) output_.settle(kOtherwise);
  }

  void unavailable(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      output_.warn("Restarter for instance \"" + name + "\" is unavailable.", kImpossible);
    }
  }

  // False: nobody answers any more.
  bool look_at_all(std::vector<std::string>& waiting, const std::map<std::string, double>& since) {
    auto world = fetch_world(*client_, true);
    if (!world) {
      unavailable(waiting);
      return false;
    }
    world_ = std::move(*world);
    const auto graph = world_.graph();
    std::erase_if(waiting, [&](const std::string& name) { return is_over(world_, *graph, name, since); });
    return true;
  }

  bool is_over(const World& world, const graph::Graph& graph, const std::string& name,
               const std::map<std::string, double>& since) {
    const Wait result = judge(world, graph, name, job_.goal(), since.at(name));
    if (result.over && !result.message.empty()) note(result);
    return result.over;
  }

  // Takes what the daemon tells of those that we wait for, as long as that suffices: a look at everybody
  // after each change would make a thousand of them a million.  False: it tells no more.
  bool follow(control::Client& watcher, std::vector<std::string>& waiting,
              const std::map<std::string, double>& since, Instant look_took, Instant end) {
    static const graph::Graph kNobody;
    const std::set<std::string> open(waiting.begin(), waiting.end());
    std::set<std::string> over;
    Instant deadline = std::min(end, now() + kLookAgain);
    bool telling = true;
    while (over.size() < open.size()) {
      const auto change = watcher.next(deadline);
      if (!change) {
        telling = change.error().kind == ErrorKind::timeout;
        break;
      }
      const auto* told = change->if_contains("instance");
      auto instance =
          told != nullptr ? control::instance_from(*told) : Result<InstanceMessage>(InstanceMessage{});
      if (!instance || !open.contains(instance->fmri) || over.contains(instance->fmri)) continue;
      if (hangs_on_others(*instance)) {
        deadline = std::min(deadline, now() + 4 * look_took);
        continue;
      }
      const std::string name = instance->fmri;
      World alone;
      alone.instances.push_back(std::move(*instance));
      if (is_over(alone, kNobody, name, since)) over.insert(name);
    }
    std::erase_if(waiting, [&over](const std::string& name) { return over.contains(name); });
    return telling;
  }

  void note(const Wait& result) {
    otherwise_ = otherwise_ || result.status == kOtherwise;
    output_.warn(result.message, result.status);
  }

  const Job& job_;
  Output& output_;
  std::unique_ptr<control::Client> client_;
  World world_;
  bool otherwise_ = false;
};

// Which options a command takes; null: there is no such command.
const char* options_of(const std::string& command) {
  static const std::map<std::string, const char*> kCommands{{"enable", "rstT:c:"}, {"disable", "stT:c:"},
                                                            {"restart", "dsT:"},   {"refresh", ""},
                                                            {"mark", "It"},        {"clear", "sT:"}};
  const auto found = kCommands.find(command);
  return found == kCommands.end() ? nullptr : found->second;
}

// mark {maintenance|degraded}; false: an error was told.
bool take_mark(Job& job, Output& output) {
  if (job.operands.empty()) return false;
  job.verb = job.operands.front();
  job.operands.erase(job.operands.begin());
  if (job.verb != "maintenance" && job.verb != "degraded") {
    output.warn("State must be 'degraded' or 'maintenance'", kUsage);
    return false;
  }
  if (job.verb == "degraded" && job.temporary) {
    output.warn("-t may not be used with degraded.", kUsage);
    return false;
  }
  return true;
}

// milestone [-d] NAME
int change_milestone(const Arguments& arguments, Output& output) {
  const auto line = parse_options(arguments, "d");
  if (!line) output.warn(line.error().message, kUsage);
  if (!line || line->operands.size() != 1) return usage(output);
  const std::string& name = line->operands.front();
  auto client = control::Client::connect();
  if (!client) {
    output.warn("Couldn't bind to configuration repository: " + client.error().message);
    return output.finish();
  }
  auto reply = client->call("Milestone", {{"name", name}, {"boot", line->has('d')}});
  if (!reply) {
    if (reply.error().kind == ErrorKind::permission) output.warn(name + ": Permission denied.");
    output.warn(reply.error().message);
  }
  return output.finish();
}

// Of commands of the original that mean nothing here, what to do in their place.
const char* why_not_here(const std::string& verb) {
  if (verb == "delegate")
    return "there is one restarter here, vmkeepd, and nobody to delegate to; general/restarter names it";
  if (verb == "_smf_backup")
    return "the repository makes no backups of its own; write one with svccfg archive > FILE";
  if (verb == "_smf_repository_switch")
    return "the repository does not move; vmkeepd --state says where it is";
  return nullptr;
}

// The options of a command; false: an error was told, or is one of usage.
bool take_command(const CommandLine& command, Job& job, Output& output) {
  job.temporary = command.has('t');
  job.immediate = command.has('I');
  job.wait = command.has('s');
  job.recursive = command.has('r');
  job.dump = command.has('d');
  job.comment = command.last('c');
  job.operands = command.operands;
  if (const auto seconds = command.last('T')) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(seconds->data(), seconds->data() + seconds->size(), number);
    constexpr int64_t kLongest = 31'536'000;  // a year
    if (error != std::errc() || end != seconds->data() + seconds->size() || number <= 0 ||
        number > kLongest || !job.wait) {
      output.warn("-T takes seconds to wait with -s.", kUsage);
      return false;
    }
    job.patience = Instant(number * 1000);
  }
  return true;
}

}  // namespace

int svcadm(const Arguments& arguments) {
  Output output("svcadm");
  const auto line = command_line_of(arguments, "vS:z:Z?", kUsageText, output);
  if (!line) return output.finish();
  if (line->operands.empty() || (line->has('z') && line->has('Z'))) return usage(output);
  if (!is_our_zone(*line, output)) return output.finish();
  Job job;
  job.verb = line->operands.front();
  job.verbose = line->has('v');
  job.only_state = line->last('S');
  if (job.verb == "milestone") {
    return change_milestone({line->operands.begin() + 1, line->operands.end()}, output);
  }
  if (const char* why = why_not_here(job.verb)) {
    output.warn(job.verb + ": " + why);
    return output.finish();
  }
  const char* options = options_of(job.verb);
  if (options == nullptr) return usage(output);
  if (job.only_state && !graph::state(*job.only_state)) {
    output.warn("\"" + *job.only_state + "\" is no state of an instance.", kUsage);
    return usage(output);
  }
  const auto command = parse_options({line->operands.begin() + 1, line->operands.end()}, options);
  if (!command) {
    output.warn(command.error().message, kUsage);
    return usage(output);
  }
  if (!take_command(*command, job, output)) return usage(output);
  if (job.verb == "mark" && !take_mark(job, output)) return usage(output);
  if (job.operands.empty() && !job.only_state) return usage(output);
  return Administrator(job, output).run();
}

}  // namespace vmkeep::tools
