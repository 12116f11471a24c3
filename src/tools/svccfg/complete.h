// What a word that is being typed can become: commands, names and FMRIs, property groups, properties, types,
// snapshots.  Says nothing, changes nothing, and knows nothing where there is no repository.
#pragma once

#include <string>
#include <vector>

#include "tools/svccfg/session.h"

namespace vmkeep::svccfg {

struct Completion {
  std::vector<std::string> words;  // in order, each once; all begin with what was typed
  bool files = false;              // a file name may stand here, too
};

// `before`: the line up to the word.
Completion complete(Session& session, const std::string& before, const std::string& word);

// What separates words, for the line editor.
inline constexpr char kWordBreaks[] = " \t\n\"=()>";

}  // namespace vmkeep::svccfg
