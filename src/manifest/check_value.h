// One value against what a prop_pattern allows (3.6).
#pragma once

#include <string>

#include "manifest/pattern.h"

namespace vmkeep::manifest {

bool is_number(repository::ValueType type);  // count or integer: what ranges are for

enum class Literal { good, too_large, bad };
// A value that a pattern itself names.
Literal judge_literal(repository::ValueType type, const std::string& text);

bool count_fits(const PropPattern& pattern, size_t values);

enum class Judged { fits, out_of_range, illegal };
// A value must be one of those named, or in one of the ranges; without either anything fits.  Where a value
// has parts (internal_separators), each of them is looked at.
Judged judge_value(const PropPattern& pattern, repository::ValueType type, const std::string& value);

}  // namespace vmkeep::manifest
