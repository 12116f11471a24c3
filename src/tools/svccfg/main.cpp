// svccfg: edits the configuration of services.
#include <editline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "tools/svccfg/engine.h"

namespace {

// libedit's readline: a prompt, editing and history.
std::optional<std::string> read_line(const std::string& prompt) {
  char* const line = readline(prompt.c_str());
  if (line == nullptr) {
    std::cout << '\n';
    return std::nullopt;
  }
  if (*line != '\0') add_history(line);
  std::string text = std::string(line) + "\n";
  std::free(line);
  return text;
}

vmkeep::Result<std::unique_ptr<vmkeep::svccfg::Backend>> open_backend() {
  const char* const file = std::getenv("SVCCFG_REPOSITORY");
  if (file != nullptr && *file != '\0') return vmkeep::svccfg::open_file_repository(file);
  return vmkeep::svccfg::open_daemon();
}

}  // namespace

int main(int argc, char** argv) {
  const bool terminal = isatty(STDIN_FILENO) == 1;
  const vmkeep::svccfg::Program program{
      std::cout, std::cerr, std::cin,
      terminal ? vmkeep::svccfg::ReadLine(read_line) : vmkeep::svccfg::ReadLine(), open_backend};
  const int code = vmkeep::svccfg::run_program(program, {argv + 1, argv + argc});
  std::cout.flush();
  return code == 0 && !std::cout ? vmkeep::svccfg::kExitFailed : code;
}
