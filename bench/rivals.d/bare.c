/* bare N PROGRAM: the floor. It starts PROGRAM N times (argument: s1 to sN) and starts again whatever dies,
 * and that is all: nothing is kept on record, nothing can be asked or told. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(char* program, int number) {
  const pid_t child = fork();
  if (child == 0) {
    static char* const nothing[] = {NULL};
    char name[16];
    char* const words[] = {program, name, NULL};
    const int null = open("/dev/null", O_RDWR);
    snprintf(name, sizeof name, "s%d", number + 1);
    setsid();
    for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
    if (null > 2) close(null);
    execve(program, words, nothing);
    _exit(127);
  }
  return child;
}

int main(int argc, char** argv) {
  const int n = argc == 3 ? atoi(argv[1]) : 0;
  pid_t* pids = calloc((size_t)n + 1, sizeof *pids);
  if (n <= 0 || pids == NULL) return 2;
  for (int i = 0; i < n; ++i) {
    if ((pids[i] = start(argv[2], i)) < 0) return 1;
  }
  for (;;) {
    const pid_t dead = wait(NULL);
    for (int i = 0; i < n && dead > 0; ++i) {
      if (pids[i] == dead) pids[i] = start(argv[2], i);
    }
  }
}
