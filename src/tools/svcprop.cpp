// svcprop: the values of properties, for scripts (spec of the facility, 7.4).
#include <algorithm>
#include <cstdio>

#include "control/remote_repository.h"
#include "tools/property_text.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

constexpr char kUsageText[] =
    "Usage: svcprop [-fqtv] [-C | -c | -s snapshot] [-p {pg | pg/prop}]... {FMRI|pattern}...\n\n"
    "\t-c  the current values instead of the running ones\n"
    "\t-C  the current values of the service or instance itself, without what it inherits\n"
    "\t-s  the values in a snapshot of an instance\n"
    "\t-p  this property, or this property group, only\n"
    "\t-t  with names and types      -f  with whole FMRIs\n"
    "\t-q  print nothing: the exit status says whether it is there\n"
    "\t-v  with -q, still tell what is not there\n";

enum class View { running, current, own, snapshot };

struct Request {
  View view = View::running;
  std::string snapshot;
  PropertyQuestion question;
  bool quiet = false, verbose = false;
};

struct Target {
  fmri::Fmri entity;
  std::vector<PropertyName> names;  // of a property FMRI; else those of -p count
};

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

void print(const Request& request, const std::vector<Target>& targets, repository::Repository& repository,
           Output& output) {
  PropertyQuestion question = request.question;
  question.detail = detail_for(request, targets);
  const bool silent = request.quiet && !request.verbose;
  for (const Target& target : targets) {
    question.names = target.names.empty() ? request.question.names : target.names;
    auto groups = read(repository, target.entity, request);
    if (!groups) {
      if (silent) {
        output.raise(kFailed);
      } else {
        output.warn(groups.error().message);
      }
      continue;
    }
    const PropertyAnswer answer = print_properties(target.entity, *groups, question);
    if (!request.quiet) output.print(answer.text);
    for (const std::string& missing : answer.missing) {
      if (silent) {
        output.raise(kFailed);
      } else {
        output.warn(missing);
      }
    }
  }
}

// Reads the options; false: an error was told.
bool take_options(const CommandLine& line, Request& request, Output& output) {
  if ((line.has('C') ? 1 : 0) + (line.has('c') ? 1 : 0) + (line.has('s') ? 1 : 0) > 1) return false;
  if (line.has('C')) request.view = View::own;
  if (line.has('c')) request.view = View::current;
  if (const auto snapshot = line.last('s')) {
    request.view = View::snapshot;
    request.snapshot = *snapshot;
  }
  request.quiet = line.has('q');
  request.verbose = line.has('v');
  request.question.detail = line.has('f') ? Detail::full : (line.has('t') ? Detail::types : Detail::values);
  for (const std::string& text : line.all('p')) {
    const auto name = property_name(text);
    if (!name) {
      output.warn("-p argument `" + text + "' has too many components.", kUsage);
      return false;
    }
    request.question.names.push_back(*name);
  }
  return !line.operands.empty();
}

}  // namespace

int svcprop(const Arguments& arguments) {
  Output output("svcprop");
  const auto line = command_line_of(arguments, "fqtvCcs:p:z:?", kUsageText, output);
  if (!line) return output.finish();
  Request request;
  if (!take_options(*line, request, output)) return usage(output);
  auto connected = control::Client::connect();
  if (!connected) {
    output.warn("Could not connect to configuration repository: " + connected.error().message);
    return output.finish();
  }
  const auto repository =
      control::remote_repository(std::make_shared<control::Client>(std::move(*connected)));
  auto entries = repository->entries();
  if (!entries) {
    output.warn(entries.error().message);
    return output.finish();
  }
  std::vector<Target> targets;
  for (const std::string& operand : line->operands) {
    const std::vector<Target> found = targets_of(operand, *entries);
    if (found.empty() && request.quiet && !request.verbose) {
      output.raise(kFailed);
    } else if (found.empty()) {
      output.warn("Pattern '" + operand + "' doesn't match any entities");
    }
    targets.insert(targets.end(), found.begin(), found.end());
  }
  print(request, targets, *repository, output);
  return output.finish();
}

}  // namespace vmkeep::tools
