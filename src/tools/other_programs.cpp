// What is a program of its own because this one does not pay for what it needs: `vmkeep simulate`
// (src/tools/simulate/) reads manifests, and svcprop on a file opens a repository as svccfg does.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "tools/commands.h"

namespace vmkeep::tools {
namespace {

constexpr char kProgram[] = "/vmkeep-simulator";

std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string program(path.data(), n > 0 ? static_cast<size_t>(n) : 0);
  return program.substr(0, program.rfind('/'));
}

// As vmkeepd finds its guard.
std::string find_simulator() {
  const char* wanted = std::getenv("VMKEEP_LIBEXEC");
  const std::string here = own_folder();
  for (const std::string& folder :
       {std::string(wanted != nullptr ? wanted : ""), here, here + "/../libexec/vmkeep"}) {
    if (!folder.empty() && ::access((folder + kProgram).c_str(), X_OK) == 0) return folder + kProgram;
  }
  return here + kProgram;
}

// Comes back only if it cannot be executed.
int become(const std::string& program, const std::string& name, const std::string& who,
           const Arguments& arguments) {
  std::vector<std::string> words{name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  Output output(who);
  output.warn("cannot execute " + program + ": " + std::strerror(errno) + "; is all of vmkeep installed?");
  return output.finish();
}

}  // namespace

int simulate_command(const std::string&, const Arguments& arguments) {
  const std::string program = find_simulator();
  return become(program, program, "vmkeep", arguments);
}

int become_svccfg(const std::string& name, const Arguments& arguments) {
  return become(own_folder() + "/svccfg", name, name, arguments);
}

}  // namespace vmkeep::tools
