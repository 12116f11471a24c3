// What svcs prints of the instances that were chosen: tables, lists, explanations, as text or as JSON.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <ctime>

#include "control/remote_repository.h"
#include "tools/explain.h"
#include "tools/json_text.h"
#include "tools/listing.h"
#include "tools/notifications.h"
#include "tools/operands.h"
#include "tools/svcs.h"

namespace vmkeep::tools {

namespace json = boost::json;
using control::InstanceMessage;

namespace {

// With `previous`: also those of contracts that are not the instance's any more, but for its VM that is in
// one.
std::vector<control::ProcessMessage> processes_of(control::Client& client, const std::string& instance,
                                                  Output& output, bool previous = false) {
  std::vector<control::ProcessMessage> processes;
  auto reply = client.call("Processes", {{"fmri", instance}, {"previous", previous}});
  if (!reply) {
    output.warn(instance + ": " + reply.error().message);
    return processes;
  }
  const json::value* list = reply->if_contains("processes");
  if (list == nullptr || !list->is_array()) return processes;
  for (const json::value& element : list->get_array()) {
    if (auto process = control::process_from(element)) processes.push_back(std::move(*process));
  }
  return processes;
}

json::array processes_json(const std::vector<control::ProcessMessage>& processes) {
  json::array all;
  for (const auto& process : processes) all.push_back(process_json(process));
  return all;
}

json::array dependencies_json(const World& world, const InstanceMessage& instance) {
  json::array all;
  if (!instance.dependencies) return all;
  for (const control::DependencyMessage& dependency : *instance.dependencies) {
    json::array entities;
    for (const std::string& entity : dependency.entities) {
      entities.push_back(json::object{{"fmri", entity}, {"standing", standing(world, entity)}});
    }
    all.push_back(json::object{{"name", dependency.name},
                               {"grouping", dependency.grouping},
                               {"restart_on", dependency.restart_on},
                               {"entities", std::move(entities)}});
  }
  return all;
}

Rows selected(const SvcsRequest& request, const World& world, Output& output) {
  return rows_of(select_instances(request.operands, world.entries(), output), world);
}

std::optional<repository::Levels> running_of(repository::Repository& repository, const std::string& fmri) {
  const auto name = fmri::Fmri::parse(fmri);
  auto levels = name ? repository.read_running(*name) : Result<repository::Levels>(name.error());
  if (!levels) return std::nullopt;
  return std::move(*levels);
}

json::array application_json(const repository::Levels& running) {
  json::array groups;
  for (const auto& [name, group] : running.composed()) {
    if (group->type == "application") groups.push_back(group_json(*group));
  }
  return groups;
}

json::object explanation_json(const Explanation& explanation, const Documentation& documentation) {
  json::array reasons;
  for (const auto& reason : explanation.reasons) {
    reasons.push_back(json::object{{"text", reason.text}, {"code", reason.code}});
  }
  json::array blockers;
  for (const auto& blocker : explanation.blockers) {
    blockers.push_back(json::object{
        {"fmri", blocker.fmri}, {"summary", blocker.summary}, {"path", texts_json(blocker.path)}});
  }
  json::array pages;
  for (const auto& page : documentation.pages) {
    pages.push_back(
        json::object{{"title", page.title}, {"section", page.section}, {"manpath", page.manpath}});
  }
  return {{"reasons", std::move(reasons)},
          {"blocked_by", std::move(blockers)},
          {"impact", texts_json(explanation.victims)},
          {"manual_pages", std::move(pages)},
          {"links", texts_json(documentation.links)}};
}

// Where the codes of reasons are explained, if anywhere.
std::string message_base_of(repository::Repository& repository) {
  const auto restarter = fmri::Fmri::parse("svc:/system/svc/restarter:default");
  auto levels = repository.read(*restarter);
  return levels ? std::string(levels->value("msg", "base").value_or("")) : std::string();
}

// The events that somebody is told of for this instance: its own, and for the others everybody's.
struct Notified {
  repository::GroupPtr event;
  fmri::Fmri source;
};

void add_events(repository::Repository& repository, const fmri::Fmri& source, std::vector<Notified>& all) {
  auto levels = repository.read(source);
  if (!levels) return;
  for (const auto& entry : levels->composed()) {
    const repository::GroupPtr& group = entry.second;
    const bool known = std::any_of(all.begin(), all.end(),
                                   [&group](const Notified& one) { return one.event->name == group->name; });
    if (group->type == kNotifyType && !known) all.push_back({group, source});
  }
}

}  // namespace

std::vector<std::string> columns_of(const SvcsRequest& request) {
  if (!request.columns.empty()) return request.columns;
  std::vector<std::string> columns{"STATE", "STIME", "FMRI"};
  if (request.verbose) columns = {"STATE", "NSTATE", "STIME", "CTID", "FMRI"};
  if (request.zones) columns.insert(columns.begin(), "ZONE");
  return columns;
}

void sort_rows(const SvcsRequest& request, const Table& table, Rows& rows) {
  std::vector<SortKey> keys = request.keys;
  if (keys.empty() && request.columns.empty()) keys = {{"STATE", false}, {"STIME", false}, {"FMRI", false}};
  table.sort(rows, keys);
}

int print_table(const SvcsRequest& request, Rows rows, control::Client& client, Output& output) {
  const std::time_t now = std::time(nullptr);
  const Table table(columns_of(request), now);
  sort_rows(request, table, rows);
  json::array all;
  if (request.header && !request.json) output.print(table.header());
  for (const InstanceMessage* row : rows) {
    std::vector<control::ProcessMessage> processes;
    if (request.processes) processes = processes_of(client, row->fmri, output);
    if (request.json) {
      json::object one = instance_json(*row);
      if (request.processes) one["processes"] = processes_json(processes);
      all.push_back(std::move(one));
      continue;
    }
    output.print(table.row(*row));
    for (const auto& process : processes) output.print(process_line(process, now));
  }
  if (request.json) {
    json::object document = json_document("instances");
    document["instances"] = std::move(all);
    output.print(json_line(document));
  }
  return output.finish();
}

int print_list(const SvcsRequest& request, const World& world, const std::shared_ptr<control::Client>& client,
               Output& output) {
  const auto repository = control::remote_repository(client);
  json::array all;
  bool first = true;
  for (const InstanceMessage* row : selected(request, world, output)) {
    if (request.mode == 'L' && !request.json) {
      output.line(row->log.empty() ? "-" : row->log);
      continue;
    }
    std::vector<control::ProcessMessage> processes;
    if (request.processes) processes = processes_of(*client, row->fmri, output);
    std::optional<repository::Levels> running;
    if (request.verbose && request.mode == 'l') running = running_of(*repository, row->fmri);
    if (request.json) {
      json::object one = instance_json(*row);
      if (request.mode == 'l') one["dependencies"] = dependencies_json(world, *row);
      if (request.processes) one["processes"] = processes_json(processes);
      if (running) one["groups"] = application_json(*running);
      all.push_back(std::move(one));
      continue;
    }
    if (!first) output.line("");
    first = false;
    output.print(list_instance(world, *row, processes, request.zone));
    if (running) output.print(list_application_groups(*running));
  }
  if (request.json) {
    json::object document = json_document("instances");
    document["instances"] = std::move(all);
    output.print(json_line(document));
  }
  return output.finish();
}

namespace {

std::vector<int64_t> left_running(const World& world, const std::string& fmri, control::Client& client,
                                  Output& output) {
  const InstanceMessage* instance = world.find(fmri);
  std::vector<int64_t> pids;
  if (instance == nullptr || !may_be_left_running(*instance)) return pids;
  for (const auto& process : processes_of(client, fmri, output, true)) pids.push_back(process.pid);
  return pids;
}

}  // namespace

int print_explanation(const SvcsRequest& request, const World& world,
                      const std::shared_ptr<control::Client>& client, Output& output) {
  const Explainer explainer(world);
  for (const std::string& complaint : explainer.complaints()) output.warn(complaint, kOk);
  const std::vector<std::string> chosen = request.operands.empty()
                                              ? explainer.causes()
                                              : select_instances(request.operands, world.entries(), output);
  if (chosen.empty() && !request.json) return output.finish();
  const auto repository = control::remote_repository(client);
  const std::string message_base = message_base_of(*repository);
  json::array all;
  for (size_t i = 0; i < chosen.size(); ++i) {
    Documentation documentation;
    if (const auto running = running_of(*repository, chosen[i])) documentation = documentation_from(*running);
    documentation.message_base = message_base;
    const auto running_on = left_running(world, chosen[i], *client, output);
    if (request.json) {
      const InstanceMessage* instance = world.find(chosen[i]);
      json::object one = instance != nullptr ? instance_json(*instance) : json::object{{"fmri", chosen[i]}};
      for (auto& member : explanation_json(explainer.facts(chosen[i]), documentation)) {
        one[member.key()] = std::move(member.value());
      }
      one["left_running"] = json::array(running_on.begin(), running_on.end());
      all.push_back(std::move(one));
      continue;
    }
    if (i > 0) output.line("");
    output.print(explainer.explain(chosen[i], documentation, request.verbose, request.zone, running_on));
  }
  if (request.json) {
    json::object document = json_document("explanations");
    document["instances"] = std::move(all);
    document["complaints"] = texts_json(explainer.complaints());
    output.print(json_line(document));
  }
  return output.finish();
}

int print_notifications(const SvcsRequest& request, const World& world,
                        const std::shared_ptr<control::Client>& client, Output& output) {
  const auto repository = control::remote_repository(client);
  const auto everybody = fmri::Fmri::parse(kNotifyEverybody);
  json::array all;
  std::vector<fmri::Fmri> chosen{*everybody};
  if (!request.operands.empty()) {
    chosen.clear();
    for (const std::string& name : select_instances(request.operands, world.entries(), output)) {
      if (auto parsed = fmri::Fmri::parse(name)) chosen.push_back(std::move(*parsed));
    }
  }
  for (const fmri::Fmri& instance : chosen) {
    std::vector<Notified> events;
    add_events(*repository, instance, events);
    if (instance != *everybody) add_events(*repository, *everybody, events);
    json::array list;
    std::string text;
    for (const Notified& each : events) {
      if (request.json) list.push_back(notification_json(*each.event, each.source));
      text += notification_text(*each.event, each.source);
    }
    if (request.json) {
      all.push_back(json::object{{"fmri", instance.str()}, {"events", std::move(list)}});
    } else {
      const bool system = request.operands.empty();
      output.print((system ? "System wide notification parameters:" : instance.str() + ":") + "\n" + text);
    }
  }
  if (request.json) {
    json::object document = json_document("notifications");
    document["instances"] = std::move(all);
    output.print(json_line(document));
  }
  return output.finish();
}

}  // namespace vmkeep::tools
