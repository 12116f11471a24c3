// editprop: the properties of the selected entity as commands, in the caller's editor.
//
// Every command is a comment; what its user takes the "#" off, or adds, is executed.  The file is in a folder
// that nobody else can enter, and is gone afterwards.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/fd.h"
#include "base/spawn.h"
#include "tools/svccfg/commands.h"
#include "tools/svccfg/engine.h"
#include "tools/svccfg/values.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): unistd.h has it only for GNU

namespace vmkeep::svccfg {
namespace {

namespace fs = std::filesystem;

// A value with a line break cannot stand in a comment of one line.
bool fits_a_line(const repository::Property& property) {
  for (const std::string& value : property.values) {
    if (value.find_first_of("\r\n") != std::string::npos) return false;
  }
  return true;
}

std::string script_of(const fmri::Fmri& entity, const repository::Groups& groups) {
  std::string text = fmt::format(
      "# Take the \"#\" off a command, and change it, to have it executed.\n\nselect {}\n", entity.str());
  for (const auto& [name, group] : groups) {
    if (!group->persistent) continue;
    text +=
        fmt::format("\n# Property group \"{}\"\n# delpg {}\n# addpg {} {}\n", name, name, name, group->type);
    for (const auto& [property_name, property] : group->properties) {
      const std::string full = name + "/" + property_name;
      if (!fits_a_line(property)) {
        text += fmt::format("# {} has values of several lines.\n", full);
        continue;
      }
      std::string values = print_values(property);
      if (property.values.size() != 1) values = " (" + values + " )";
      text += fmt::format("# setprop {} = {}:{}\n", full, repository::to_string(property.type), values);
    }
  }
  return text;
}

// $EDITOR may have arguments of its own; empty: it is nowhere on PATH.
std::vector<std::string> editor() {
  const char* const named = std::getenv("EDITOR");
  std::istringstream words(named == nullptr || *named == '\0' ? "vi" : named);
  std::vector<std::string> argv;
  for (std::string word; words >> word;) argv.push_back(word);
  if (argv.empty() || argv.front().find('/') != std::string::npos) return argv;
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string program = folder + "/" + argv.front();
    if (folder.empty() || access(program.c_str(), X_OK) != 0) continue;
    argv.front() = program;
    return argv;
  }
  return {};
}

Result<> run_editor(const std::string& file) {
  SpawnSpec spec;
  spec.argv = editor();
  if (spec.argv.empty()) return fail(ErrorKind::not_found, "There is no such editor; set EDITOR to one.");
  spec.argv.push_back(file);
  for (char** entry = environ; *entry != nullptr; ++entry) spec.environment.emplace_back(*entry);
  std::error_code ignored;
  spec.working_directory = fs::current_path(ignored).string();
  if (spec.working_directory.empty()) spec.working_directory = "/";
  spec.standard_input = STDIN_FILENO;
  spec.standard_output = STDOUT_FILENO;
  spec.standard_error = STDERR_FILENO;
  spec.new_session = false;  // it needs the terminal
  const auto child = spawn(spec);
  if (!child) return child.error();
  int status = 0;
  while (::waitpid(child->pid, &status, 0) < 0) {
    if (errno != EINTR) return errno_error("waiting for " + spec.argv.front());
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorKind::io, fmt::format("{} failed: nothing was executed.", spec.argv.front()));
}

class PrivateFolder {
 public:
  PrivateFolder() {
    std::error_code error;
    path_ = (fs::temp_directory_path(error) / "svccfg-XXXXXX").string();
    if (error || mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

Outcome run_editprop(Session& session, const Arguments& arguments) {
  if (!arguments.empty()) return Outcome::usage;
  if (!session.snapshot().empty()) return session.fail("Invalid operation on a snapshot.");
  const repository::Levels* const levels = session.levels();
  if (levels == nullptr) return Outcome::failed;
  const PrivateFolder folder;
  if (folder.path().empty()) return session.fail("Could not make a temporary folder.");
  const std::string file = folder.path() + "/editprop";
  const std::string before = script_of(session.selection(), levels->own);
  if (const auto written = replace_file(file, before); !written) return session.fail(written.error());
  session.out().flush();
  if (const auto edited = run_editor(file); !edited) return session.fail(edited.error());
  const auto after = read_file(file);
  if (!after) return session.fail(after.error());
  if (*after == before) return Outcome::ok;
  const std::string place = session.place();
  const int code = run_text(session, *after, "editprop");
  session.set_place(place);
  return code == kExitOk ? Outcome::ok : Outcome::failed;
}

}  // namespace vmkeep::svccfg
