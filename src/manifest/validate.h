// Whether a configuration keeps to its templates, and templates to themselves (3.6).
//
// Whose templates speak about an instance: its own and its service's (targets this, instance and all), its
// restarter's (delegate and all), and those of svc:/system/svc/global (all).  A pattern is for the groups of
// its name and type, where it has them; a group of its name and of another type is a mistake.
//
// Pure: the caller says what the repository knows of services outside the bundle.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "manifest/manifest.h"
#include "manifest/pattern.h"

namespace vmkeep::manifest {

struct TemplateProblem {
  std::string message;  // "Required property missing"
  std::vector<std::pair<std::string, std::string>> items;
  // `MESSAGE: Item="value"; Item="value"`, or, for somebody who types, an item a line.
  std::string str(bool interactive) const;
};
using TemplateProblems = std::vector<TemplateProblem>;

// The groups of a service or instance outside, composed; empty: unknown.
using Lookup = std::function<repository::Groups(const fmri::Fmri& entity)>;

// Every service and instance of a bundle.
TemplateProblems validate_bundle(const Bundle& bundle, const Lookup& lookup);

// One instance (or a service, of which nothing is required) as the repository has it.
TemplateProblems validate_entity(const fmri::Fmri& entity, const repository::Levels& levels,
                                 const Lookup& lookup);

// What the method contexts ask for that this system has no such thing as: "FMRI: START: project \"x\" means
// nothing on Linux; it is kept and ignored".
std::vector<std::string> without_meaning(const Bundle& bundle);

// All templates that speak about an entity, the nearest first.
std::vector<Template> templates_for(const fmri::Fmri& entity, const repository::Levels& levels,
                                    const Lookup& lookup);
// Whether a pattern speaks about a group.
bool covers(const PgPattern& pattern, const std::string& name, const std::string& type);

}  // namespace vmkeep::manifest
