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
  std::vector<std::string> requires_too;  // other services, by the names of their instances
};
const FactService kFactServices[] = {
    {"milestone/single-user", "single-user", "single-user milestone", {}},
    {"milestone/devices", "devices", "device configuration milestone", {}},
    {"milestone/sysconfig", "single-user", "basic system configuration milestone", {}},
    {"milestone/name-services", "name-services", "name services milestone", {}},
    {"milestone/network", "network", "network milestone", {}},
    {"milestone/multi-user",
     "multi-user",
     "multi-user milestone",
     {"svc:/milestone/single-user:default", "svc:/system/filesystem/local:default"}},
    {"milestone/multi-user-server",
     "multi-user",
     "multi-user plus exports milestone",
     {"svc:/milestone/multi-user:default"}},
    {"system/filesystem/local", "local-filesystems", "local file system mounts", {}},
    {"network/nfs/client", "remote-filesystems", "network file system mounts", {}},
    {"system/filesystem/autofs", "automounts", "automatic file system mounts", {}},
    {"network/iscsi/initiator", "iscsi", "iSCSI initiator", {}},
};

// A service without processes that is online exactly while a fact about the host holds.
void add_fact_service(ChangeSet& changes, const FactService& wanted) {
  const std::string service = wanted.service;
  const fmri::Fmri entity{service, {}, {}, {}};
  const fmri::Fmri instance{service, "default", {}, {}};
  changes.emplace_back(repository::AddService{service});
  changes.emplace_back(repository::AddInstance{service, "default"});
  for (auto& pg :
       {method("start"), method("stop"), group("startd", "framework", {{"duration", text("transient")}}),
        group("tm_common_name", "template", {{"C", {ValueType::ustring, {wanted.name}}}}),
        group("host", "dependency",
              {{"grouping", text("require_all")},
               {"restart_on", text("restart")},
               {"type", text("host")},
               {"entities", {ValueType::astring, {std::string("host:") + wanted.fact}}}})}) {
    changes.emplace_back(repository::PutGroup{entity, pg, 0});
  }
  if (!wanted.requires_too.empty()) {
    // Of what is up nothing goes down with them: what is true of the host is said by its fact.
    const auto others = group("others", "dependency",
                              {{"grouping", text("require_all")},
                               {"restart_on", text("none")},
                               {"type", text("service")},
                               {"entities", {ValueType::fmri, wanted.requires_too}}});
    changes.emplace_back(repository::PutGroup{entity, others, 0});
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
    if (missing(each.service)) add_fact_service(changes, each);
  }
  if (missing("system/svc/restarter")) changes.emplace_back(repository::AddService{"system/svc/restarter"});
  return changes.empty() ? Result<>() : store.commit(changes);
}

}  // namespace vmkeep::daemon
