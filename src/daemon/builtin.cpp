#include "daemon/builtin.h"

#include <algorithm>

namespace vmkeep::daemon {
namespace {

using repository::ChangeSet;
using repository::Property;
using repository::PropertyGroup;
using repository::ValueType;

PropertyGroup group(const char* name, const char* type,
                    std::map<std::string, Property, std::less<>> properties) {
  PropertyGroup result;
  result.name = name;
  result.type = type;
  result.properties = std::move(properties);
  return result;
}

Property text(const char* value) {
  return {ValueType::astring, {value}};
}

PropertyGroup method(const char* name) {
  return group(
      name, "method",
      {{"type", text("method")}, {"exec", text(":true")}, {"timeout_seconds", {ValueType::count, {"3"}}}});
}

struct FactService {
  const char* service;
  const char* fact;
  const char* name;
};
constexpr FactService kFactServices[] = {
    {"milestone/network", "network", "network milestone"},
    {"milestone/multi-user", "multi-user", "multi-user milestone"},
    {"milestone/multi-user-server", "multi-user", "multi-user plus exports milestone"},
    {"system/filesystem/local", "local-filesystems", "local file system mounts"},
    {"network/nfs/client", "remote-filesystems", "network file system mounts"},
    {"system/filesystem/autofs", "remote-filesystems", "automatic file system mounts"},
};

// A service without processes that is online exactly while a fact about the host holds.
void add_fact_service(ChangeSet& changes, const std::string& service, const char* fact, const char* name) {
  const fmri::Fmri entity{service, {}, {}, {}};
  const fmri::Fmri instance{service, "default", {}, {}};
  changes.emplace_back(repository::AddService{service});
  changes.emplace_back(repository::AddInstance{service, "default"});
  for (auto& pg :
       {method("start"), method("stop"), group("startd", "framework", {{"duration", text("transient")}}),
        group("tm_common_name", "template", {{"C", {ValueType::ustring, {name}}}}),
        group("host", "dependency",
              {{"grouping", text("require_all")},
               {"restart_on", text("restart")},
               {"type", text("host")},
               {"entities", {ValueType::astring, {std::string("host:") + fact}}}})}) {
    changes.emplace_back(repository::PutGroup{entity, pg, 0});
  }
  changes.emplace_back(repository::PutGroup{
      instance, group("general", "framework", {{"enabled", {ValueType::boolean, {"true"}}}}), 0});
}

}  // namespace

Result<> ensure_builtin(repository::Repository& store) {
  auto entries = store.entries();
  if (!entries) return entries.error();
  const auto missing = [&entries](const std::string& service) {
    return std::none_of(entries->begin(), entries->end(),
                        [&](const auto& e) { return e.service == service; });
  };
  ChangeSet changes;
  for (const auto& each : kFactServices) {
    if (missing(each.service)) add_fact_service(changes, each.service, each.fact, each.name);
  }
  if (missing("system/svc/restarter")) changes.emplace_back(repository::AddService{"system/svc/restarter"});
  return changes.empty() ? Result<>() : store.commit(changes);
}

}  // namespace vmkeep::daemon
