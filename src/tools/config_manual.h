// The table of vm/* (vm/properties.h) as people and programs read it: `vmkeep properties` on a terminal and
// as JSON, the generated parts of vmkeep-vm(7), and those of the shipped manifest.  Pure.
//
// The page and the manifest hold their parts between two marks; config_manual_test.cpp compares them with
// what comes out here, and says how to renew them.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "vm/properties.h"

namespace vmkeep::tools {

using PropertyList = std::vector<const vm::PropertyInfo*>;

PropertyList all_properties();

std::string manual_text(const PropertyList& properties);
boost::json::array manual_json(const PropertyList& properties);
// Lists of one section of the manual, as mdoc.
std::string manual_mdoc();
// <property_group name='vm'> with what the manifest sets, and <pg_pattern> with what it says.
std::string manifest_group();
std::string manifest_template();

// The known property that a mistyped name may have meant; empty: none is near.
std::string_view nearest_property(std::string_view name);

// Lines of at most `width` characters, each with `indent` in front.
std::string wrapped(std::string_view text, size_t width, const std::string& indent);

}  // namespace vmkeep::tools
