// The guards: one process for each owner key (uid, gid, groups, HOME, VBOX_USER_HOME, VBOX_IPC_SOCKETID,
// driver), started when the first VM instance of that owner claims itself, started again when it dies.
//
// What was under way when a guard died is taken up again by its successor: the methods that wait are told to
// ask again, the questions are asked again.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "contract/context.h"
#include "control/server.h"
#include "daemon/core.h"
#include "guard/channel.h"

namespace vmkeep::daemon {

class Owners {
 public:
  explicit Owners(Core& core) : core_(core) {}

  // Makes the instance a VM instance and tells its guard about it.
  Result<> claim(Record& record);
  void configure(Record& record);
  void forget(Record& record);
  void ask(const restarter::AskVerdict& action);
  void replace(const std::string& fmri);
  void abandon(const std::string& fmri);
  void send(Record& record, const boost::json::object& message);  // to its guard, if there is one
  // Asks the guard of an instance's VM something (verb, inspect); it is started if there is none.  Answers
  // come into the queue, the last one is an "outcome"; if the guard ends before that, one with `lost` is made
  // up.
  using Answers = std::shared_ptr<Queue<boost::json::object>>;
  Result<Answers> request(Record& record, boost::json::object message);
  // The VMs of a user: an "outcome" with `vms`.  A guard that was started only for this ends after it.
  Result<Answers> request_list(contract::MethodContext context);
  // The key of the guard that an instance, or a user with this context, belongs to.
  static Result<std::string> key_of(const Record& record);
  static std::string key_of(const contract::MethodContext& context);

  // VmMethod of the control protocol; the call is answered when the guard has said what is next.
  void method(Record& record, const MethodRun& run, uint64_t number, const control::Call& call);

 private:
  struct Owner;
  struct Question {
    uint64_t number = 0;
    vm::Cause cause = vm::Cause::look;
    std::string owner;
    vm::History sent;  // what the answer's history is to be compared with
  };

  struct Request {
    std::string owner;
    Answers answers;
    bool list = false;
  };

  Result<std::shared_ptr<Owner>> owner_of(Record& record);
  Result<std::shared_ptr<Owner>> owner_for(contract::MethodContext context);
  void send_configuration(Record& record);
  void started(Record& record, const boost::json::object& step);
  void on_answer(Owner& owner, const boost::json::object& message);
  void retire(Owner& owner);
  Result<> launch(Owner& owner);
  void send_question(Record& record, Question& question);
  static Task<> serve(Owners& self, std::shared_ptr<Owner> owner);
  void lost(Owner& owner);
  void handle(Owner& owner, const boost::json::object& message);
  void on_step(Record& record, const boost::json::object& message);
  void on_adopt(Owner& owner, Record& record, const boost::json::object& message);
  void on_verdict(Record& record, const boost::json::object& message);
  void follow_name(Record& record, const std::string& name);
  static Task<> reboot(Owners& self, std::string fmri, Instant patience);

  Core& core_;
  std::map<std::string, std::shared_ptr<Owner>> owners_;  // by key
  std::map<std::string, control::Call> waiting_;          // methods that wait for a step, by FMRI
  std::map<std::string, Question> questions_;             // open questions, by FMRI
  std::map<uint64_t, Request> requests_;                  // verbs and the like that are under way
  uint64_t last_request_ = 0;
};

}  // namespace vmkeep::daemon
