// Elements of services and instances to property groups (3.3).
#pragma once

#include "manifest/elements.h"
#include "manifest/manifest.h"

namespace vmkeep::manifest {

// Fills in the groups of one entity: of its restarter, dependencies, dependents, methods, contexts,
// notification parameters, property groups, stability and template.
class EntityReader {
 public:
  EntityReader(Reporter& reporter, fmri::Fmri self, EntityDescription& entity, bool profile)
      : reporter_(reporter), self_(std::move(self)), entity_(entity), profile_(profile) {}

  void read(const xmlNode* node);
  // Adds a group.  Several elements write to `general`; any other name that comes twice is a mistake.
  void add(const xmlNode* node, repository::PropertyGroup group);

 private:
  void read_restarter(const xmlNode* node);
  void read_dependency(const xmlNode* node);
  void read_dependent(const xmlNode* node);
  void read_method(const xmlNode* node);
  void read_context(const xmlNode* node, repository::PropertyGroup& group);
  void read_environment(const xmlNode* node, repository::PropertyGroup& group);
  void read_notification(const xmlNode* node);
  void read_property_group(const xmlNode* node);
  // stability, propval and property inside an element that becomes a group.
  void read_properties(const xmlNode* node, repository::PropertyGroup& group);
  void read_propval(const xmlNode* node, repository::PropertyGroup& group);
  void read_property(const xmlNode* node, repository::PropertyGroup& group);
  void add_property(const xmlNode* node, repository::PropertyGroup& group, const std::string& name,
                    repository::Property property);
  // Nothing: it was told, unless a profile just leaves the type out.
  std::optional<repository::ValueType> type_of(const xmlNode* node, const std::string& group,
                                               const std::string& property);
  bool leaves_type_out(const xmlNode* node) const;
  bool wants_removal(const xmlNode* node, const std::string& group);
  bool taken(const xmlNode* node, const std::string& group);

  Reporter& reporter_;
  fmri::Fmri self_;
  EntityDescription& entity_;
  bool profile_;  // types may be left out, templates may not be there
};

// The tm_* groups of a <template>.
std::vector<repository::PropertyGroup> read_template(Reporter& reporter, const xmlNode* node);

}  // namespace vmkeep::manifest
