// What is in a manifest, and whether it is good: validate, inventory.
#include <filesystem>

#include "tools/json_text.h"
#include "tools/svccfg/bundles.h"

namespace vmkeep::svccfg {
namespace {

Outcome validate_file(Session& session, const std::string& file, bool verbose) {
  manifest::Bundle bundle;
  if (!parse_bundle(session, file, bundle)) return Outcome::failed;
  if (verbose) {
    for (const std::string& note : manifest::without_meaning(bundle)) session.out() << note << '\n';
  }
  const bool good = tell_template_problems(session, manifest::validate_bundle(bundle, lookup_in(session)));
  return good ? Outcome::ok : Outcome::failed;
}

Outcome validate_entity(Session& session, const fmri::Fmri& entity) {
  repository::Repository* const repository = session.repository();
  if (repository == nullptr) return Outcome::failed;
  std::set<fmri::Fmri> checked{entity};
  if (!entity.is_instance()) {
    const auto instances = instances_of(*repository, {entity});
    if (!instances) return session.fail(instances.error());
    checked.insert(instances->begin(), instances->end());
  }
  bool good = true;
  for (const fmri::Fmri& each : checked) {
    const auto levels = repository->read(each);
    if (!levels) return session.fail(levels.error());
    good =
        tell_template_problems(session, manifest::validate_entity(each, *levels, lookup_in(session))) && good;
  }
  return good ? Outcome::ok : Outcome::failed;
}

// A file that is there is a file, whatever its name looks like.
bool means_file(const std::string& operand) {
  std::error_code error;
  return std::filesystem::exists(operand, error) ||
         (!operand.starts_with("svc:") && operand.find(':') == std::string::npos);
}

}  // namespace

Outcome run_validate(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "v", 0, 1, options, operands)) return Outcome::usage;
  if (!operands.empty() && means_file(operands.front())) {
    return validate_file(session, operands.front(), session.verbose() || !options.empty());
  }
  fmri::Fmri entity = session.selection();
  if (operands.empty()) {
    if (!session.entity_selected()) return session.fail("Instance not selected.");
    if (session.levels() == nullptr) return Outcome::failed;
  } else if (!session.resolve(operands.front(), entity)) {
    return Outcome::failed;
  }
  return validate_entity(session, entity);
}

Outcome run_inventory(Session& session, const Arguments& arguments) {
  std::vector<std::string> files;
  if (!words(arguments, 1, 2, files)) return Outcome::usage;
  const bool as_json = take_json(files);
  if (files.size() != 1) return Outcome::usage;
  manifest::Bundle bundle;
  if (!parse_bundle(session, files.front(), bundle)) return Outcome::failed;
  std::vector<std::string> instances;
  std::vector<std::string> services;
  for (const manifest::ServiceDescription& service : bundle.services) {
    services.push_back(fmri::Fmri{service.name, {}, {}, {}}.str());
    for (const manifest::InstanceDescription& instance : service.instances) {
      instances.push_back(fmri::Fmri{service.name, instance.name, {}, {}}.str());
    }
  }
  if (as_json) {
    boost::json::object document = tools::json_document("inventory");
    document["instances"] = tools::texts_json(instances);
    document["services"] = tools::texts_json(services);
    session.out() << tools::json_line(document);
    return Outcome::ok;
  }
  for (const auto* names : {&instances, &services}) {
    for (const std::string& name : *names) session.out() << name << '\n';
  }
  return Outcome::ok;
}

}  // namespace vmkeep::svccfg
