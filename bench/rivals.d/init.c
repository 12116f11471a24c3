/* init PROGRAM ARGUMENT...: process 1 of the namespaces that a supervisor is measured in. It says "ready",
 * starts the program when it is sent a byte, takes what is orphaned, and ends, and with it everything there,
 * when standard input is closed: whoever measures is gone then. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void nothing(int signal) {
  (void)signal;
}

int main(int argc, char** argv) {
  char byte;
  sigset_t child, none;
  struct sigaction action = {.sa_handler = nothing};
  struct pollfd input = {.fd = 0, .events = 0};
  sigemptyset(&none);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigaction(SIGCHLD, &action, NULL);
  if (argc < 2 || write(1, "ready\n", 6) != 6 || read(0, &byte, 1) != 1) return 1;
  const pid_t program = fork();
  if (program == 0) {
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(2, 1);
    execv(argv[1], argv + 1);
    _exit(127);
  }
  /* A child that ends between waitpid() and ppoll() interrupts ppoll(), which alone lets the signal through.
   */
  sigprocmask(SIG_BLOCK, &child, NULL);
  while ((input.revents & (POLLHUP | POLLERR)) == 0) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    input.revents = 0;
    ppoll(&input, 1, NULL, &none);
  }
  return 0;
}
