// svcprop: the values of properties, for scripts (spec of the facility, 7.4).
#include "tools/svcprop.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>

#include "control/patterns.h"
#include "control/remote_repository.h"
#include "tools/json_text.h"
#include "tools/property_text.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

constexpr char kUsageText[] =
    "Usage: svcprop [-afqtv] [-C | -c | -s snapshot] [-g pgtype]... [-p {pg | pg/prop}]... [-z zone]\n"
    "               [--json] {FMRI|pattern}...\n"
    "       svcprop -w [-afqtv] [-p {pg | pg/prop}] [-z zone] [--json] {FMRI|pattern}\n\n"
    "\t-c  the current values instead of the running ones\n"
    "\t-C  the current values of the service or instance itself, without what it inherits\n"
    "\t-s  the values in a snapshot of an instance\n"
    "\t-p  this property, or this property group, only\n"
    "\t-g  property groups of this type only\n"
    "\t-t  with names and types      -f  with whole FMRIs\n"
    "\t-a  whatever was changed by whom, which is told here in any case; implies -t\n"
    "\t-w  wait until the property group changes, then print it\n"
    "\t--json  one JSON document (vmkeep-json(7))\n"
    "\t-q  print nothing: the exit status says whether it is there\n"
    "\t-v  with -q, still tell what is not there\n";

enum class View { running, current, own, snapshot };

struct Request {
  View view = View::running;
  std::string snapshot;
  PropertyQuestion question;
  bool quiet = false, verbose = false, json = false, wait = false;
};

struct Target {
  fmri::Fmri entity;
  std::vector<PropertyName> names;  // of a property FMRI; else those of -p count
};

using AwaitGroup = decltype(Properties::await);

int usage(Output& output) {
  return refuse_usage(kUsageText, output);
}

bool exists(const fmri::Fmri& entity, const std::vector<fmri::Entry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [&entity](const fmri::Entry& entry) {
    return entry.service == entity.service &&
           (!entity.is_instance() || std::find(entry.instances.begin(), entry.instances.end(),
                                               entity.instance) != entry.instances.end());
  });
}

// An exact name is that thing, a service too; a pattern that matches instances means them and not their
// services.
std::vector<Target> targets_of(const std::string& operand, const std::vector<fmri::Entry>& entries) {
  std::vector<Target> targets;
  if (const auto exact = fmri::Fmri::parse(operand); exact && exists(*exact, entries)) {
    Target target{*exact, {}};
    if (!exact->property_group.empty()) target.names.push_back({exact->property_group, exact->property});
    target.entity.property_group.clear();
    target.entity.property.clear();
    targets.push_back(std::move(target));
    return targets;
  }
  fmri::Match match = fmri::resolve(operand, entries, fmri::Want::instances);
  if (match.found.empty()) match = fmri::resolve(operand, entries, fmri::Want::services_or_instances);
  for (const fmri::Fmri& found : match.found) targets.push_back({found, {}});
  return targets;
}

// vmkeepd is asked for what has the property: it knows entities only.
std::vector<std::string> entities_of(const Arguments& operands) {
  std::vector<std::string> entities;
  for (const std::string& operand : operands) {
    const auto exact = fmri::Fmri::parse(operand);
    entities.push_back(exact && !exact->property_group.empty() ? exact->entity() : operand);
  }
  return entities;
}

Result<repository::Groups> read(repository::Repository& repository, const fmri::Fmri& entity,
                                const Request& request) {
  if (request.view == View::snapshot) {
    if (!entity.is_instance()) return fail(ErrorKind::invalid, "Only instances have snapshots.");
    auto levels = repository.read_snapshot(entity, request.snapshot);
    if (!levels) {
      if (levels.error().kind == ErrorKind::not_found) return fail(ErrorKind::not_found, "No such snapshot.");
      return levels.error();
    }
    return levels->composed();
  }
  auto levels = request.view == View::running && entity.is_instance() ? repository.read_running(entity)
                                                                      : repository.read(entity);
  if (!levels) return levels.error();
  return request.view == View::own ? levels->own : levels->composed();
}

// Several things in one answer must be told apart.
Detail detail_for(const Request& request, const std::vector<Target>& targets) {
  if (request.question.detail == Detail::full || targets.size() > 1) return Detail::full;
  if (request.question.detail == Detail::types) return Detail::types;
  const auto& names = request.question.names;
  const auto groups =
      std::count_if(names.begin(), names.end(), [](const auto& name) { return name.property.empty(); });
  return groups > 0 && groups < static_cast<std::ptrdiff_t>(names.size()) ? Detail::types : Detail::values;
}

void tell(const Request& request, Output& output, const std::string& message) {
  if (request.quiet && !request.verbose) {
    output.raise(kFailed);
  } else {
    output.warn(message);
  }
}

void print(const Request& request, const std::vector<Target>& targets, repository::Repository& repository,
           Output& output) {
  PropertyQuestion question = request.question;
  question.detail = detail_for(request, targets);
  boost::json::array all;
  for (const Target& target : targets) {
    question.names = target.names.empty() ? request.question.names : target.names;
    auto groups = read(repository, target.entity, request);
    if (!groups) {
      tell(request, output, groups.error().message);
      continue;
    }
    const PropertyAnswer answer = print_properties(target.entity, *groups, question);
    if (request.json) {
      boost::json::array list;
      for (const auto& each : answer.groups) list.push_back(group_json(*each.second));
      all.push_back(boost::json::object{{"fmri", target.entity.entity()}, {"groups", std::move(list)}});
    } else if (!request.quiet) {
      output.print(answer.text);
    }
    for (const std::string& missing : answer.missing) tell(request, output, missing);
  }
  if (!request.json || request.quiet) return;
  boost::json::object document = json_document("properties");
  document["entities"] = std::move(all);
  output.print(json_line(document));
}

// Reads the options; false: an error was told.
bool take_options(const CommandLine& line, Request& request, Output& output) {
  for (const char option : {'l', 'o'}) {
    if (!line.has(option)) continue;
    output.warn(option == 'l'
                    ? "-l means nothing here: there is one layer of customizations; svccfg listcust tells "
                      "what differs from the manifest"
                    : "-o means nothing here: -f tells names, types and values; --json all of it",
                kUsage);
    return false;
  }
  if ((line.has('C') ? 1 : 0) + (line.has('c') ? 1 : 0) + (line.has('s') ? 1 : 0) > 1) return false;
  if (line.has('C')) request.view = View::own;
  if (line.has('c')) request.view = View::current;
  if (const auto snapshot = line.last('s')) {
    request.view = View::snapshot;
    request.snapshot = *snapshot;
  }
  request.quiet = line.has('q');
  request.verbose = line.has('v');
  const bool types = line.has('t') || line.has('a');
  request.question.detail = line.has('f') ? Detail::full : (types ? Detail::types : Detail::values);
  request.question.types = line.all('g');
  request.wait = line.has('w');
  if (request.wait && request.view == View::running) request.view = View::current;
  for (const std::string& text : line.all('p')) {
    const auto name = property_name(text);
    if (!name) {
      output.warn("-p argument `" + text + "' has too many components.", kUsage);
      return false;
    }
    request.question.names.push_back(*name);
  }
  // What is waited for is one group, as it is now.
  if (request.wait && (request.view == View::snapshot || request.view == View::own ||
                       request.question.names.size() > 1 || line.operands.size() > 1)) {
    return false;
  }
  return !line.operands.empty();
}

std::vector<Target> all_targets(const Arguments& operands, const std::vector<fmri::Entry>& entries,
                                const Request& request, Output& output) {
  std::vector<Target> targets;
  for (const std::string& operand : operands) {
    if (operand.size() > fmri::kMaxFmri) {
      output.warn("Argument '" + operand + "' is too long, ignoring");
      continue;
    }
    const std::vector<Target> found = targets_of(operand, entries);
    if (found.empty()) tell(request, output, "Pattern '" + operand + "' doesn't match any entities");
    targets.insert(targets.end(), found.begin(), found.end());
  }
  return targets;
}

// -w: the group is the instance's own, or the one that it has from its service.
Result<> wait_for_change(repository::Repository& repository, const Target& target, const Request& request,
                         const AwaitGroup& await) {
  const auto& names = target.names.empty() ? request.question.names : target.names;
  if (names.empty()) {
    return fail(ErrorKind::invalid,
                target.entity.is_instance() ? "Cannot wait for an instance." : "Cannot wait for a service.");
  }
  const std::string& group = names.front().group;
  auto levels = repository.read(target.entity);
  if (!levels) return levels.error();
  for (const bool own : {true, false}) {
    const auto& groups = own ? levels->own : levels->service;
    const auto found = groups.find(group);
    if (found == groups.end()) continue;
    return await(own ? target.entity : target.entity.service_fmri(), group, found->second->generation);
  }
  return fail(ErrorKind::not_found, "Not found.");
}

// vmkeepd tells when it changed; however long that takes.
Result<> await_group(control::Client& client, const fmri::Fmri& entity, const std::string& group,
                     uint64_t generation) {
  constexpr Instant kAgain{3'600'000};
  auto asked =
      client.begin("AwaitGroup", {{"fmri", entity.entity()}, {"group", group}, {"generation", generation}});
  if (!asked) return asked;
  for (;;) {
    auto told = client.next(now() + kAgain);
    if (told) return {};
    if (told.error().kind != ErrorKind::timeout) return told.error();
  }
}

Result<Properties> open_properties() {
  auto connected = control::Client::connect();
  if (!connected) return connected.error();
  const auto client = std::make_shared<control::Client>(std::move(*connected));
  return Properties{control::remote_repository(client),
                    [client](const std::vector<std::string>& operands) {
                      return control::matching_entries(*client, operands);
                    },
                    [client](const fmri::Fmri& entity, const std::string& group, uint64_t generation) {
                      return await_group(*client, entity, group, generation);
                    }};
}

}  // namespace

int svcprop_of(const Arguments& arguments, const OpenProperties& open) {
  Output output("svcprop");
  Arguments rest = arguments;
  Request request;
  request.json = take_long_option(rest, "--json");
  const auto line = command_line_of(rest, "afqtvCcws:p:g:z:l:o:?", kUsageText, output);
  if (!line) return output.finish();
  if (!take_options(*line, request, output)) return usage(output);
  if (!is_our_zone(*line, output)) return output.finish();
  auto source = open();
  if (!source) {
    output.warn("Could not connect to configuration repository: " + source.error().message);
    return output.finish();
  }
  const bool some = source->entries && !line->operands.empty();
  auto entries = some ? source->entries(entities_of(line->operands)) : source->repository->entries();
  if (!entries) {
    output.warn(entries.error().message);
    return output.finish();
  }
  const std::vector<Target> targets = all_targets(line->operands, *entries, request, output);
  if (request.wait) {
    if (targets.size() > 1) {
      std::string message = "Pattern '" + line->operands.front() + "' matches multiple instances:";
      for (const Target& target : targets) message += "\n\t" + target.entity.entity();
      output.warn(message);
      return output.finish();
    }
    if (targets.empty()) return output.finish();
    if (auto waited = wait_for_change(*source->repository, targets.front(), request, source->await);
        !waited) {
      output.warn(waited.error().message);
      return output.finish();
    }
  }
  print(request, targets, *source->repository, output);
  return output.finish();
}

int svcprop(const Arguments& arguments) {
  const char* file = std::getenv("SVCCFG_REPOSITORY");
  if (file != nullptr && *file != '\0') return become_svccfg("svcprop", arguments);
  return svcprop_of(arguments, open_properties);
}

}  // namespace vmkeep::tools
