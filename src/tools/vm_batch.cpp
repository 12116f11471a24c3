#include "tools/vm_batch.h"

#include <poll.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/spawn.h"
#include "control/client.h"
#include "control/messages.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;

constexpr Instant kLookLimit{120'000};
// Each look is a call of the hypervisor's program.
constexpr size_t kLooksAtOnce = 32;

struct Question {
  const char* method;
  json::object parameters;
  bool more = false;  // the last answer says "done"
  std::optional<Instant> limit;
  size_t at_once = std::numeric_limits<size_t>::max();
};

struct Talk {
  VmOutcome outcome;
  std::unique_ptr<control::Client> client;  // null: it is over
};

void over(Talk& talk, const Error& error) {
  talk.outcome.error = error;
  talk.client.reset();
}

void begin(Talk& talk, const Question& question) {
  auto connected = control::Client::connect();
  if (!connected) return over(talk, connected.error());
  talk.client = std::make_unique<control::Client>(std::move(*connected));
  json::object all = question.parameters;
  all["fmri"] = talk.outcome.fmri;
  // A file for each: in the folder that is named.
  if (json::value* path = all.if_contains("path"); path != nullptr && path->is_string()) {
    if (path->get_string().ends_with('/')) {
      path->get_string().append(short_name(talk.outcome.fmri) + ".png");
    }
  }
  auto sent =
      question.more ? talk.client->call_more(question.method, all) : talk.client->begin(question.method, all);
  if (!sent) over(talk, sent.error());
}

// Everything that has arrived.
void hear(Talk& talk, const Question& question, Progress& progress) {
  while (talk.client) {
    auto reply = talk.client->next(now());
    if (!reply) {
      if (reply.error().kind == ErrorKind::timeout) return;
      Error error = reply.error();
      if (error.kind == ErrorKind::unavailable && question.more) {
        error.message = "vmkeepd went away while this was under way; `vmkeep status` tells how far it came";
      }
      return over(talk, error);
    }
    if (!question.more || control::bool_member(*reply, "done", false)) {
      talk.outcome.answer = std::move(*reply);
      talk.client.reset();
      return;
    }
    auto text = control::string_member(*reply, "text");
    progress.set(short_name(talk.outcome.fmri), text ? *text : "",
                 static_cast<int>(control::int_member(*reply, "percent", -1)));
  }
}

std::vector<VmOutcome> ask(const std::vector<std::string>& fmris, const Question& question, const char* doing,
                           Progress& progress, const Watch& watch = {}) {
  raise_descriptor_limit();  // a connection for each
  std::vector<Talk> talks(fmris.size());
  for (size_t i = 0; i < fmris.size(); ++i) talks[i].outcome.fmri = fmris[i];
  size_t begun = 0;
  for (;;) {
    const auto under_way =
        std::count_if(talks.begin(), talks.end(), [](const Talk& talk) { return talk.client != nullptr; });
    for (auto n = static_cast<size_t>(under_way); n < question.at_once && begun < talks.size();
         ++n, ++begun) {
      progress.set(short_name(fmris[begun]), doing, -1);
      begin(talks[begun], question);
    }
    std::vector<pollfd> waiting;
    std::vector<Talk*> open;
    for (Talk& talk : talks) {
      if (!talk.client) continue;
      waiting.push_back({talk.client->descriptor(), POLLIN, 0});
      open.push_back(&talk);
    }
    if (waiting.empty() && begun < talks.size()) continue;
    if (waiting.empty()) break;
    ::poll(waiting.data(), waiting.size(), static_cast<int>(Progress::kTurn.count()));
    for (size_t i = 0; i < open.size(); ++i) {
      Talk& talk = *open[i];
      if (waiting[i].revents != 0) hear(talk, question, progress);
      if (talk.client && question.limit && now() >= *question.limit) {
        over(talk, fail(ErrorKind::timeout, "vmkeepd did not answer in time"));
      }
      if (!talk.client) progress.drop(short_name(talk.outcome.fmri));
      if (talk.client && watch && progress.shown()) watch(talk.outcome.fmri, progress);
    }
    progress.draw();
  }
  progress.clear();
  std::vector<VmOutcome> outcomes;
  outcomes.reserve(talks.size());
  for (Talk& talk : talks) outcomes.push_back(std::move(talk.outcome));
  return outcomes;
}

}  // namespace

std::string short_name(const std::string& fmri) {
  return fmri.substr(fmri.rfind(':') + 1);
}

int VmOutcome::code() const {
  if (!answer) return 1;
  return static_cast<int>(control::int_member(*answer, "code", 0));
}

std::string VmOutcome::text() const {
  if (!answer)
    return error.kind == ErrorKind::permission ? "Permission denied: " + error.message : error.message;
  auto text = control::string_member(*answer, "text");
  return text ? *text : std::string();
}

std::vector<VmOutcome> tell_vms(const std::vector<std::string>& fmris, const json::object& parameters,
                                Progress& progress, const Watch& watch) {
  auto verb = control::string_member(parameters, "verb");
  return ask(fmris, {"Vm", parameters, true, {}}, verb ? verb->c_str() : "", progress, watch);
}

std::vector<VmOutcome> look_at_vms(const std::vector<std::string>& fmris, bool hook, bool details,
                                   Progress& progress) {
  const Question question{
      "VmStatus", {{"hook", hook}, {"details", details}}, false, now() + kLookLimit, kLooksAtOnce};
  std::vector<VmOutcome> outcomes = ask(fmris, question, "looking", progress);
  for (VmOutcome& outcome : outcomes) {
    if (!outcome.answer) continue;
    const json::value* vm = outcome.answer->if_contains("vm");
    if (vm != nullptr && vm->is_object()) {
      json::object object = vm->get_object();
      outcome.answer = std::move(object);
    } else {
      outcome.answer.reset();
      outcome.error = fail(ErrorKind::invalid, "vmkeepd answered without a VM");
    }
  }
  return outcomes;
}

}  // namespace vmkeep::tools
