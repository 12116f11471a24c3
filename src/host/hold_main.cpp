// vmkeep-hold: stays where it was put and does nothing.  A scope of systemd's lives only as long as some
// process in it (scope.h).  It ends by SIGTERM, when systemd stops the scope.
#include <unistd.h>

int main() {
  for (;;) ::pause();
}
