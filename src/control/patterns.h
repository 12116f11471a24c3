// Asking for what operands match, and not for everything: who resolves the operands in the answer gets the
// same.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "control/client.h"
#include "fmri/fmri.h"

namespace vmkeep::control {

// As the protocol carries them.  What is no UTF-8 cannot be asked for, and is the name of nothing.
boost::json::array patterns_of(const std::vector<std::string>& operands);
Result<std::vector<fmri::Entry>> matching_entries(Client& client, const std::vector<std::string>& operands);

}  // namespace vmkeep::control
