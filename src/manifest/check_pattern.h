// Templates by themselves: attributes that are missing, values that are none of their type, and patterns that
// contradict each other (the second half of the messages of 3.6).
#pragma once

#include <string>
#include <vector>

#include "manifest/validate.h"

namespace vmkeep::manifest {

// The templates of one entity.  `inherited`: those of its service, which an instance must not say again.
void check_patterns(const std::vector<Template>& own, const std::vector<Template>& inherited,
                    TemplateProblems& problems);

// Templates that all speak about one entity: each of the first `news` against those behind it.
void check_conflicts(const std::string& entity, const std::vector<const Template*>& all, size_t news,
                     TemplateProblems& problems);

}  // namespace vmkeep::manifest
