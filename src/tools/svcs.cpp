// svcs: the states of instances, who depends on whom, and why something does not run (spec of the
// facility, 7.1).
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <ctime>
#include <map>
#include <set>

#include "control/remote_repository.h"
#include "tools/columns.h"
#include "tools/explain.h"
#include "tools/listing.h"
#include "tools/operands.h"
#include "tools/tool.h"

namespace vmkeep::tools {
namespace {

using control::InstanceMessage;
using Rows = std::vector<const InstanceMessage*>;

constexpr char kUsageText[] =
    "Usage: svcs [-aHpv?] [-o col[,col]...] [-R FMRI-instance]... [-sS col]... [FMRI|pattern]...\n"
    "       svcs {-d|-D} [-Hpv?] [-o col[,col]...] [-sS col]... [FMRI|pattern]...\n"
    "       svcs {-l|-L} [-pv] {FMRI|pattern}...\n"
    "       svcs -x [-v] [FMRI|pattern]...\n"
    "       svcs -?\n";

int usage(Output& output) {
  return refuse_usage(kUsageText, output);
}

int help(Output& output) {
  output.print(kUsageText);
  output.print(
      "\n\t-a  list all instances rather than only those that are enabled\n"
      "\t-d  list what the given instances depend on\n"
      "\t-D  list what depends on the given instances\n"
      "\t-H  omit the header line\n"
      "\t-l  list everything about the given instances\n"
      "\t-L  print the paths of the log files\n"
      "\t-o  list the given columns\n"
      "\t-p  list the processes of each instance\n"
      "\t-R  list only instances with this restarter\n"
      "\t-s  sort by this column, ascending\n"
      "\t-S  sort by this column, descending\n"
      "\t-v  list more\n"
      "\t-x  explain what does not run, and what that keeps from running\n\n"
      "\tInstances are named by an FMRI, the end of one, or a pattern:\n"
      "\t    svcs svc:/site/xvm/vbox:vm1\n\t    svcs vbox:vm1\n\t    svcs '*vbox:*'\n\n"
      "\tColumns for -o, -s and -S:\n\n");
  for (const Column& column : all_columns()) {
    std::string name = column.name;
    name.append(8 - name.size(), ' ');
    output.line("\t" + name + column.description);
  }
  return output.finish();
}

struct Request {
  char mode = 'p';  // plain, or one of d D l L x
  bool all = false, header = true, processes = false, verbose = false;
  std::vector<std::string> columns;
  std::vector<SortKey> keys;
  std::vector<std::string> restarters;
  Arguments operands;
};

// Reads -o, -s and -S; false: an error was told.
bool take_columns(const CommandLine& line, Request& request, Output& output) {
  for (const std::string& list : line.all('o')) {
    for (size_t begin = 0; begin <= list.size();) {
      const size_t end = std::min(list.find(',', begin), list.size());
      const std::string name = list.substr(begin, end - begin);
      begin = end + 1;
      if (name.empty()) continue;
      const Column* column = column_named(name);
      if (column == nullptr) {
        output.warn("Unknown column \"" + name + "\".", kUsage);
        return false;
      }
      request.columns.emplace_back(column->name);
    }
  }
  if (line.has('o') && request.columns.empty()) {
    output.warn("No columns specified.", kUsage);
    return false;
  }
  for (const Option& option : line.options) {
    if (option.letter != 's' && option.letter != 'S') continue;
    const Column* column = column_named(option.value);
    if (column == nullptr) {
      output.warn("Unrecognized sort column \"" + option.value + "\".", kUsage);
      return false;
    }
    request.keys.push_back({column->name, option.letter == 'S'});
  }
  return true;
}

// The combinations that 7.1 allows.
bool is_allowed(const CommandLine& line, char mode) {
  size_t modes = 0;
  for (const char letter : {'d', 'D', 'l', 'L', 'x'}) modes += line.has(letter) ? 1U : 0U;
  if (modes > 1) return false;
  const auto any = [&](const char* letters) {
    return std::any_of(letters, letters + std::char_traits<char>::length(letters),
                       [&](char c) { return line.has(c); });
  };
  if (mode != 'p' && any("aR")) return false;
  if ((mode == 'l' || mode == 'L' || mode == 'x') && any("sSoH")) return false;
  if ((mode == 'x' || mode == 'L') && line.has('p')) return false;
  return (mode != 'l' && mode != 'L') || !line.operands.empty();
}

Rows rows_of(const std::vector<std::string>& names, const World& world) {
  std::map<std::string, const InstanceMessage*> by_name;
  for (const InstanceMessage& instance : world.instances) by_name[instance.fmri] = &instance;
  Rows rows;
  for (const std::string& name : names) {
    if (const auto found = by_name.find(name); found != by_name.end()) rows.push_back(found->second);
  }
  return rows;
}

Rows everything(const World& world) {
  Rows rows;
  for (const InstanceMessage& instance : world.instances) rows.push_back(&instance);
  return rows;
}

Rows plain_rows(const Request& request, const World& world, Output& output) {
  Rows rows = request.operands.empty()
                  ? everything(world)
                  : rows_of(select_instances(request.operands, world.entries(), output), world);
  if (request.operands.empty() && !request.all && request.restarters.empty()) {
    std::erase_if(rows, [](const InstanceMessage* instance) {
      return !instance->enabled_permanent.value_or(false) && !instance->enabled_temporary.value_or(false);
    });
  }
  if (!request.restarters.empty()) {
    std::set<std::string> wanted;
    for (const std::string& text : request.restarters) {
      const auto restarter = fmri::Fmri::parse(text);
      if (!restarter || !restarter->is_instance()) {
        output.warn("Restarter FMRI \"" + text + "\" is invalid.");
      } else {
        wanted.insert(restarter->entity());
      }
    }
    std::erase_if(
        rows, [&wanted](const InstanceMessage* instance) { return !wanted.contains(instance->restarter); });
  }
  return rows;
}

// -d: what the selected instances depend on, services as their instances.
Rows dependency_rows(const Request& request, const World& world, Output& output) {
  std::set<std::string> names;
  const Rows from = request.operands.empty()
                        ? everything(world)
                        : rows_of(select_instances(request.operands, world.entries(), output), world);
  for (const InstanceMessage* instance : from) {
    for (const graph::Dependency& dependency : dependencies_of(*instance)) {
      if (dependency.grouping == graph::Grouping::exclude_all) continue;
      for (const graph::Entity& entity : dependency.entities) {
        if (entity.kind == graph::EntityKind::instance) names.insert(entity.name);
        if (entity.kind != graph::EntityKind::service) continue;
        for (const InstanceMessage* member : world.instances_of(entity.name)) names.insert(member->fmri);
      }
    }
  }
  return rows_of({names.begin(), names.end()}, world);
}

// -D: what depends on the selected instances or services.
Rows dependent_rows(const Request& request, const World& world, Output& output) {
  std::set<std::string> providers;
  for (const std::string& operand : request.operands) {
    const fmri::Match match = fmri::resolve(operand, world.entries(), fmri::Want::services_or_instances);
    if (match.found.empty()) output.warn("Pattern '" + operand + "' doesn't match any instances or services");
    for (const fmri::Fmri& found : match.found) {
      providers.insert(found.entity());
      // Who depends on a service depends on each of its instances, and a service is asked for with its
      // instances.
      if (found.is_instance()) {
        providers.insert(found.service_fmri().entity());
      } else {
        for (const InstanceMessage* member : world.instances_of(found.entity()))
          providers.insert(member->fmri);
      }
    }
  }
  Rows rows;
  for (const InstanceMessage& instance : world.instances) {
    const auto dependencies = dependencies_of(instance);
    const bool depends =
        std::any_of(dependencies.begin(), dependencies.end(), [&](const graph::Dependency& one) {
          return one.grouping != graph::Grouping::exclude_all &&
                 std::any_of(one.entities.begin(), one.entities.end(), [&](const graph::Entity& entity) {
                   return request.operands.empty() ? entity.name.starts_with("svc:")
                                                   : providers.contains(entity.name);
                 });
        });
    if (depends) rows.push_back(&instance);
  }
  return rows;
}

std::vector<control::ProcessMessage> processes_of(control::Client& client, const std::string& instance,
                                                  Output& output) {
  std::vector<control::ProcessMessage> processes;
  auto reply = client.call("Processes", {{"fmri", instance}});
  if (!reply) {
    output.warn(instance + ": " + reply.error().message);
    return processes;
  }
  const boost::json::value* list = reply->if_contains("processes");
  if (list == nullptr || !list->is_array()) return processes;
  for (const boost::json::value& element : list->get_array()) {
    if (auto process = control::process_from(element)) processes.push_back(std::move(*process));
  }
  return processes;
}

int print_table(const Request& request, Rows rows, control::Client& client, Output& output) {
  std::vector<std::string> columns = request.columns;
  if (columns.empty() && request.verbose) columns = {"STATE", "NSTATE", "STIME", "CTID", "FMRI"};
  if (columns.empty()) columns = {"STATE", "STIME", "FMRI"};
  std::vector<SortKey> keys = request.keys;
  if (keys.empty() && request.columns.empty()) keys = {{"STATE", false}, {"STIME", false}, {"FMRI", false}};
  const std::time_t now = std::time(nullptr);
  const Table table(columns, now);
  table.sort(rows, keys);
  if (request.header) output.print(table.header());
  for (const InstanceMessage* row : rows) {
    output.print(table.row(*row));
    if (!request.processes) continue;
    for (const auto& process : processes_of(client, row->fmri, output))
      output.print(process_line(process, now));
  }
  return output.finish();
}

int print_list(const Request& request, const World& world, const std::shared_ptr<control::Client>& client,
               Output& output) {
  const Rows rows = rows_of(select_instances(request.operands, world.entries(), output), world);
  const auto repository = control::remote_repository(client);
  for (size_t i = 0; i < rows.size(); ++i) {
    const InstanceMessage& instance = *rows[i];
    if (request.mode == 'L') {
      output.line(instance.log.empty() ? "-" : instance.log);
      continue;
    }
    if (i > 0) output.line("");
    std::vector<control::ProcessMessage> processes;
    if (request.processes) processes = processes_of(*client, instance.fmri, output);
    output.print(list_instance(world, instance, processes));
    if (!request.verbose) continue;
    if (auto name = fmri::Fmri::parse(instance.fmri)) {
      if (auto levels = repository->read_running(*name)) output.print(list_application_groups(*levels));
    }
  }
  return output.finish();
}

int print_explanation(const Request& request, const World& world,
                      const std::shared_ptr<control::Client>& client, Output& output) {
  const Explainer explainer(world);
  for (const std::string& complaint : explainer.complaints()) output.warn(complaint, kOk);
  const std::vector<std::string> chosen = request.operands.empty()
                                              ? explainer.causes()
                                              : select_instances(request.operands, world.entries(), output);
  if (chosen.empty()) return output.finish();
  const auto repository = control::remote_repository(client);
  std::string message_base;
  if (const auto restarter = fmri::Fmri::parse("svc:/system/svc/restarter:default")) {
    if (auto levels = repository->read(*restarter)) message_base = levels->value("msg", "base").value_or("");
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    Documentation documentation;
    if (auto name = fmri::Fmri::parse(chosen[i])) {
      if (auto levels = repository->read_running(*name)) documentation = documentation_from(*levels);
    }
    documentation.message_base = message_base;
    if (i > 0) output.line("");
    output.print(explainer.explain(chosen[i], documentation, request.verbose));
  }
  return output.finish();
}

int answer(const Request& request, Output& output) {
  auto connected = control::Client::connect();
  if (!connected) {
    output.warn("Could not bind to repository server: " + connected.error().message + ".  Exiting.");
    return output.finish();
  }
  const auto client = std::make_shared<control::Client>(std::move(*connected));
  auto world = fetch_world(*client, request.mode != 'p' && request.mode != 'L');
  if (!world) {
    output.warn(world.error().message);
    return output.finish();
  }
  switch (request.mode) {
    case 'd':
      return print_table(request, dependency_rows(request, *world, output), *client, output);
    case 'D':
      return print_table(request, dependent_rows(request, *world, output), *client, output);
    case 'l':
    case 'L':
      return print_list(request, *world, client, output);
    case 'x':
      return print_explanation(request, *world, client, output);
    default:
      return print_table(request, plain_rows(request, *world, output), *client, output);
  }
}

}  // namespace

int svcs(const Arguments& arguments) {
  Output output("svcs");
  const auto line = parse_options(arguments, "aHpvdDlLxo:R:s:S:z:Z?");
  if (!line) {
    output.warn(line.error().message, kUsage);
    return usage(output);
  }
  if (line->has('?')) return help(output);
  Request request;
  for (const char letter : {'d', 'D', 'l', 'L', 'x'}) {
    if (line->has(letter)) request.mode = letter;
  }
  if (!is_allowed(*line, request.mode)) return usage(output);
  request.all = line->has('a');
  request.header = !line->has('H');
  request.processes = line->has('p');
  request.verbose = line->has('v');
  request.restarters = line->all('R');
  request.operands = line->operands;
  if (!take_columns(*line, request, output)) return output.finish();
  if (request.all && !request.operands.empty()) output.warn("-a ignored when used with arguments.", kOk);
  return answer(request, output);
}

}  // namespace vmkeep::tools
