// Who is told about which events: the groups of type notify_params, one for each event, with properties
// TYPE,PARAMETER.  Nothing here tells anybody; the parameters are kept and shown.  Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "fmri/fmri.h"
#include "repository/types.h"

namespace vmkeep::tools {

inline constexpr char kNotifyType[] = "notify_params";
// Whose parameters hold for everybody who has none of his own.
inline constexpr char kNotifyEverybody[] = "svc:/system/svc/global:default";

// A block for one event; `source`: whose group it is.
std::string notification_text(const repository::PropertyGroup& event, const fmri::Fmri& source);
boost::json::object notification_json(const repository::PropertyGroup& event, const fmri::Fmri& source);

}  // namespace vmkeep::tools
