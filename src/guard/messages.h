// What vmkeepd and a guard tell each other; `fmri` names the instance in each.
//
//   vmkeepd -> guard
//     configure {fmri, groups, history}   the running vm/* of an instance (control::to_json of Levels)
//     forget    {fmri}                    it is no VM instance of this owner any more
//     method    {fmri, call, method, commanded, budget_ms, limit_ms}    a method asks what to do
//     launched  {fmri, call, pid}         the method has executed what it was told to
//     died      {fmri, call, text}        ... and that ended already
//     adopted   {fmri, pid, text}         answer to adopt; text: why not, empty if done
//     ask       {fmri, question, cause, history}              a verdict, please
//     abandon   {fmri}                    the method ran out of time: end the call
//     verb      {fmri, call, verb, by, online, force, kill, if_running, timeout, name, path, text, history}
//                                         what a person asks for (control/org.vmkeep.varlink: Vm); online:
//                                         the VM's process lives in its instance's contract
//     inspect   {fmri, call, instance, details, history}    what there is to know of a VM (VmStatus)
//     list      {call}                    the owner's VMs
//   guard -> vmkeepd
//     step      {fmri, call, action, argv, environment, code, text, up}    what the method is to do next; up:
//                                         "born" or "adopted" once a start came about
//     adopt     {fmri, pid}               take this process into the instance's contract
//     verdict   {fmri, question, verdict, history}
//     report    {fmri, text}              the VM changed by itself, or its guest's check or heartbeat did
//     dossier   {fmri, why, state, process, log, screenshot, check, notes}    for the crash dossier
//     log       {fmri, text}              a line for the instance's log
//     progress  {fmri, call, percent, text}                 of a verb; either may be missing
//     outcome   {fmri, call, code, text, outage, start, argv, environment, vm, vms}    of verb, inspect, list
//                                         outage: the VM is now as the operator wanted it; start: it is to be
//                                         started next, by its instance's start method; code: an exit code
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "vm/policy.h"

namespace vmkeep::guard {

boost::json::object message(const char* kind, const std::string& fmri);

boost::json::object to_json(const vm::History& history);
vm::History history_from(const boost::json::object& json);

boost::json::object to_json(const vm::Verdict& verdict);
Result<vm::Verdict> verdict_from(const boost::json::object& json);

std::string_view to_string(vm::VerdictKind kind);
std::optional<vm::Cause> cause(std::string_view word);

boost::json::array to_json(const std::vector<std::string>& words);
std::vector<std::string> words_from(const boost::json::object& json, const char* member);
// "fmri", "kind" and the like; empty if it is missing or no string.
std::string text_of(const boost::json::object& json, const char* member);

}  // namespace vmkeep::guard
