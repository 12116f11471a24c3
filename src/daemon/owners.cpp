#include "daemon/owners.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "contract/context.h"
#include "control/messages.h"
#include "daemon/owner.h"
#include "daemon/publish.h"
#include "guard/messages.h"

namespace vmkeep::daemon {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* kStandardDriver = "virtualbox";
constexpr Instant kBackoff = 1s;  // between two guards that die at once

std::string variable(const std::vector<std::string>& environment, std::string_view name) {
  std::string value;
  for (const auto& entry : environment) {
    if (entry.size() > name.size() && entry.compare(0, name.size(), name) == 0 && entry[name.size()] == '=') {
      value = entry.substr(name.size() + 1);
    }
  }
  return value;
}

}  // namespace

std::string Owners::key_of(const contract::MethodContext& context) {
  const auto& environment = context.environment;
  const uid_t uid = context.credentials ? context.credentials->uid : ::geteuid();
  const gid_t gid = context.credentials ? context.credentials->gid : ::getegid();
  std::string driver = variable(environment, "VMKEEP_DRIVER");
  std::string key = fmt::format(
      "{}:{}:{}:{}:{}:{}", uid, gid, variable(environment, "HOME"), variable(environment, "VBOX_USER_HOME"),
      variable(environment, "VBOX_IPC_SOCKETID"), driver.empty() ? kStandardDriver : driver.c_str());
  if (context.credentials) {
    for (const gid_t group : context.credentials->groups) key += "," + std::to_string(group);
  }
  return key;
}

Result<std::string> Owners::key_of(const Record& record) {
  auto context = contract::read_context(record.running, record.fmri, "start");
  if (!context) return context.error();
  return key_of(*context);
}

Result<std::shared_ptr<Owners::Owner>> Owners::owner_for(contract::MethodContext context) {
  auto owner = std::make_shared<Owner>();
  owner->context = std::move(context);
  owner->driver = variable(owner->context.environment, "VMKEEP_DRIVER");
  if (owner->driver.empty()) owner->driver = kStandardDriver;
  owner->key = key_of(owner->context);
  auto& slot = owners_[owner->key];
  if (!slot || slot->retired) slot = owner;
  if (!slot->channel) {
    slot->context = owner->context;
    if (auto launched = launch(*slot); !launched) return launched.error();
    start(core_.executor, serve(*this, slot));
  }
  return slot;
}

Result<std::shared_ptr<Owners::Owner>> Owners::owner_of(Record& record) {
  auto context = contract::read_context(record.running, record.fmri, "start");
  if (!context) return context.error();
  const std::string key = key_of(*context);
  if (!record.owner.empty() && record.owner != key) {
    send(record, guard::message("forget", record.fmri.str()));  // the one that it belonged to before
  }
  record.owner = key;
  return owner_for(std::move(*context));
}

Result<> Owners::launch(Owner& owner) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return errno_error("socketpair");
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  SpawnSpec spec;
  spec.argv = {core_.options.libexec + "/vmkeep-guard", "--driver", owner.driver};
  for (const auto& entry : owner.context.environment) {
    if (entry.rfind("SMF_", 0) != 0) spec.environment.push_back(entry);
  }
  spec.environment.push_back("VMKEEP_LIBEXEC=" + core_.options.libexec);
  spec.credentials = owner.context.credentials;
  spec.descriptors = {{theirs.get(), 3}};
  spec.standard_error = STDERR_FILENO;
  Fd cgroup;
  const std::string name =
      fmt::format("{}-{:08x}", owner.uid(), std::hash<std::string>{}(owner.key) & 0xffffffffU);
  if (core_.contracts->uses_cgroups()) {
    auto folder = core_.contracts->owner_folder(name, owner.uid(), owner.gid());
    if (!folder) return in("cannot make a cgroup for the guard", folder.error());
    auto leaf = open_file(*folder + "/guard", O_RDONLY | O_DIRECTORY);
    if (!leaf) return leaf.error();
    cgroup = std::move(*leaf);
    spec.cgroup = cgroup.get();
    spec.argv.insert(spec.argv.end(), {"--owner-cgroup", *folder});
  }
  auto child = spawn(spec);
  if (!child) return child.error();
  core_.reaper.expect(child->pid);
  owner.pid = child->pid;
  owner.pidfd = std::move(child->pidfd);
  owner.launched = now();
  owner.channel = std::make_unique<guard::Channel>(core_.executor, std::move(ours));
  core_.logs.notice(
      fmt::format("guard {} started for {} ({})", child->pid, owner.context.user, owner.driver));
  return {};
}

// Until the guard's end, which its channel tells at once; then its successor takes over.
Task<> Owners::serve(Owners& self, std::shared_ptr<Owner> owner) {
  for (;;) {
    for (;;) {
      const auto message = co_await owner->channel->receive();
      if (!message) break;
      self.handle(*owner, *message);
    }
    end_process(owner->pidfd);  // it may have closed the channel without ending
    const auto status = co_await self.core_.reaper.exited(owner->pid);
    self.core_.logs.notice(fmt::format("guard {} {}", owner->pid, status->text()));
    if (owner->retired) break;
    if (now() - owner->launched < kBackoff) co_await sleep_until(now() + kBackoff);
    while (true) {
      auto launched = self.launch(*owner);
      if (launched) break;
      self.core_.logs.notice("cannot start a guard: " + launched.error().message);
      co_await sleep_until(now() + Instant(5s));
    }
    self.lost(*owner);
  }
  const auto slot = self.owners_.find(owner->key);
  if (slot != self.owners_.end() && slot->second == owner) self.owners_.erase(slot);
}

void Owners::lost(Owner& owner) {
  for (auto request = requests_.begin(); request != requests_.end();) {
    if (request->second.owner != owner.key) {
      ++request;
      continue;
    }
    request->second.answers->push({{"kind", "outcome"},
                                   {"code", 1},
                                   {"lost", true},
                                   {"text", "the guard ended in the middle of it; try again"}});
    request = requests_.erase(request);
  }
  for (auto& [fmri, record] : core_.records) {
    if (!record.claimed || record.owner != owner.key) continue;
    configure(record);
    if (const auto call = waiting_.find(fmri); call != waiting_.end()) {
      call->second.reply({{"action", "wait"}, {"code", 0}, {"text", ""}});
      waiting_.erase(call);
    }
    const auto question = questions_.find(fmri);
    if (question != questions_.end()) {
      send_question(record, question->second);
    } else if (graph::is_up(record.state) && record.runs.empty()) {
      // The successor has to look before it can watch.  Number 0 is nobody's question: only the look counts.
      Question look{0, vm::Cause::look, owner.key, {}};
      send_question(record, look);
    }
  }
}

void Owners::send(Record& record, const json::object& message) {
  const auto found = owners_.find(record.owner);
  if (found != owners_.end() && found->second->channel) found->second->channel->send(message);
}

Result<> Owners::claim(Record& record) {
  auto owner = owner_of(record);
  if (!owner) return owner.error();
  if (!record.claimed) {
    record.claimed = true;
    publish_vm(core_, record);
    core_.events.push(restarter::Claimed{record.fmri.str()});
  }
  configure(record);
  return {};
}

void Owners::configure(Record& record) {
  if (record.claimed) send_configuration(record);
}

void Owners::send_configuration(Record& record) {
  repository::Levels only;
  for (auto [from, to] :
       {std::pair(&record.running.own, &only.own), {&record.running.service, &only.service}}) {
    if (const auto group = from->find("vm"); group != from->end()) to->insert(*group);
  }
  auto message = guard::message("configure", record.fmri.str());
  message["groups"] = control::to_json(only);
  message["history"] = guard::to_json(record.history);
  send(record, message);
}

void Owners::forget(Record& record) {
  questions_.erase(record.fmri.str());
  if (record.claimed) send(record, guard::message("forget", record.fmri.str()));
}

void Owners::send_question(Record& record, Question& question) {
  question.sent = record.history;
  auto message = guard::message("ask", record.fmri.str());
  message["question"] = question.number;
  message["cause"] = vm::to_string(question.cause);
  message["history"] = guard::to_json(record.history);
  send(record, message);
}

void Owners::ask(const restarter::AskVerdict& action) {
  Record* record = core_.record(action.fmri);
  if (record == nullptr) return;
  if (auto owner = owner_of(*record); !owner) {
    core_.logs.line(record->fmri, "No guard can be started for the VM: " + owner.error().message);
    return;  // the restarter's deadline takes care of the rest
  }
  configure(*record);
  Question& question = questions_[action.fmri];
  question = Question{action.question, action.cause, record->owner, {}};
  send_question(*record, question);
}

void Owners::replace(const std::string& fmri) {
  const Record* record = core_.record(fmri);
  const auto found = record != nullptr ? owners_.find(record->owner) : owners_.end();
  if (found == owners_.end() || found->second->pid <= 0) return;
  core_.logs.notice(fmt::format("guard {} does not answer for {}: replaced", found->second->pid, fmri));
  end_process(found->second->pidfd);  // serve() sees the end and starts the successor
}

void Owners::abandon(const std::string& fmri) {
  waiting_.erase(fmri);
  if (Record* record = core_.record(fmri)) send(*record, guard::message("abandon", fmri));
}

}  // namespace vmkeep::daemon
