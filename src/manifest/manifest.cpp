#include "manifest/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "base/named_file.h"
#include "manifest/document.h"
#include "manifest/reader.h"

namespace vmkeep::manifest {
namespace {

using repository::ValueType;

class BundleReader {
 public:
  BundleReader(Reporter& reporter, Bundle& bundle) : reporter_(reporter), bundle_(bundle) {}

  void read(const xmlNode* node) {
    for (const xmlNode* each : children(node)) {
      if (name_of(each) == "service") {
        read_service(each);
      } else if (name_of(each) == "service_bundle") {
        if (attribute(each, "type") != bundle_.type) {
          reporter_.problem(each, "included bundle of different type.");
        }
        read(each);
      }
    }
  }

 private:
  void read_service(const xmlNode* node) {
    ServiceDescription service;
    service.name = service_name(node);
    // A profile is not checked against the DTD (3.1), and speaks of what is there already.
    service.type = bundle_.type == "profile" ? attribute(node, "type").value_or("service")
                                             : reporter_.required(node, "type");
    service.version = attribute(node, "version").value_or("");
    const fmri::Fmri self{service.name, {}, {}, {}};
    EntityReader reader(reporter_, self, service, bundle_.type == "profile");
    reader.read(node);
    if (child(node, "single_instance") != nullptr) {
      auto general = make_group("general", "framework");
      set(general, "single_instance", ValueType::boolean, "true");
      reader.add(node, std::move(general));
    }
    for (const xmlNode* each : children(node)) {
      if (name_of(each) == "create_default_instance") read_instance(each, "default", service);
      if (name_of(each) == "instance") read_instance(each, reporter_.name(each), service);
    }
    if (std::any_of(bundle_.services.begin(), bundle_.services.end(),
                    [&](const ServiceDescription& other) { return other.name == service.name; })) {
      reporter_.problem(node, fmt::format("service \"{}\" is described twice", service.name));
    }
    bundle_.services.push_back(std::move(service));
  }

  std::string service_name(const xmlNode* node) {
    std::string name = reporter_.required(node, "name");
    const auto parsed = fmri::Fmri::parse("svc:/" + name);
    if (!parsed || parsed->service != name || !parsed->instance.empty() || !parsed->property_group.empty()) {
      reporter_.problem(
          node, fmt::format("illegal name \"{}\" of a service: its parts begin with a letter and have "
                            "letters, digits, \"-\" and \"_\", with \"/\" between them",
                            name));
    }
    return name;
  }

  void read_instance(const xmlNode* node, const std::string& name, ServiceDescription& service) {
    InstanceDescription instance;
    instance.name = name;
    const fmri::Fmri self{service.name, name, {}, {}};
    EntityReader reader(reporter_, self, instance, bundle_.type == "profile");
    if (attribute(node, "enabled")) {
      instance.enabled = reporter_.truth(node, "enabled", false);
      auto general = make_group("general", "framework");
      set(general, "enabled", ValueType::boolean, instance.enabled ? "true" : "false");
      reader.add(node, std::move(general));
    }
    reader.read(node);
    if (std::any_of(service.instances.begin(), service.instances.end(),
                    [&](const InstanceDescription& other) { return other.name == name; })) {
      reporter_.problem(node, fmt::format("instance \"{}\" is described twice", name));
    }
    service.instances.push_back(std::move(instance));
  }

  Reporter& reporter_;
  Bundle& bundle_;
};

// Those of the file as a whole come last.
void sort_by_line(std::vector<Problem>& problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return (a.line == 0 ? INT_MAX : a.line) < (b.line == 0 ? INT_MAX : b.line);
  });
}

}  // namespace

std::string Problem::str() const {
  return line == 0 ? fmt::format("{}: {}", file, reason) : fmt::format("{}:{}: {}", file, line, reason);
}

std::vector<Problem> parse(const std::string& file, const std::string& text, Bundle& bundle,
                           const ParseOptions& options) {
  bundle = Bundle{};
  bundle.file = file;
  std::vector<Problem> problems;
  if (const DocumentPtr document = load_document(file, text, options, problems)) {
    const xmlNode* root = xmlDocGetRootElement(document.get());
    Reporter reporter(file, problems);
    bundle.type = reporter.required(root, "type");
    bundle.name = attribute(root, "name").value_or("");
    if (bundle.name.empty()) reporter.problem(root, "service bundle lacks name attribute");
    BundleReader(reporter, bundle).read(root);
  }
  sort_by_line(problems);
  return problems;
}

std::vector<Problem> parse_file(const std::string& file, Bundle& bundle, const ParseOptions& options) {
  auto text = read_named_file(file);
  if (text) return parse(file, *text, bundle, options);
  bundle = Bundle{};
  bundle.file = file;
  return {{file, 0, "unable to open file: " + text.error().message}};
}

}  // namespace vmkeep::manifest
