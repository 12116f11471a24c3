// One small program under several names.
#include <string>

#include "tools/commands.h"
#include "tools/tool.h"

int main(int argc, char** argv) {
  const std::string path = argc > 0 ? argv[0] : "vmkeep";
  const std::string name = path.substr(path.rfind('/') + 1);
  const vmkeep::tools::Arguments arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (name == "svcs") return vmkeep::tools::svcs(arguments);
  if (name == "svcadm") return vmkeep::tools::svcadm(arguments);
  if (name == "svcprop") return vmkeep::tools::svcprop(arguments);
  if (name == "ctstat") return vmkeep::tools::contracts_command(name, arguments);
  if (name == "vbox.sh") return vmkeep::tools::vbox_sh(name, arguments);
  if (const auto code = vmkeep::tools::open_window_link(name)) return *code;
  return vmkeep::tools::vmkeep(arguments);
}
