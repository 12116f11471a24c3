/* The service that every supervisor keeps: a process that says that it runs, and sleeps.
 *
 *   sleeper [NAME]             its name is that of its folder where none is given
 *   sleeper --pidfile FILE NAME   as a daemon of the old kind, for supervisors that only know these
 *
 * What it says is one line in the pipe TOLD (name, pid, CLOCK_MONOTONIC in ns): whoever measures can read it
 * at any later time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int become_daemon(const char* file) {
  char byte;
  int ends[2], written;
  FILE* out;
  if (pipe(ends) != 0) return -1;
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child != 0) {
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
  }
  setsid();
  out = fopen(file, "we");
  if (out == NULL) return -1;
  written = fprintf(out, "%d\n", (int)getpid());
  if (fclose(out) != 0 || written < 0 || write(ends[1], "", 1) != 1) return -1;
  close(ends[0]);
  close(ends[1]);
  return 0;
}

int main(int argc, char** argv) {
  char folder[PATH_MAX], line[NAME_MAX + 64];
  const char* name;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc == 4 && strcmp(argv[1], "--pidfile") == 0) {
    if (become_daemon(argv[2]) != 0) return 1;
    name = argv[3];
  } else if (argc > 1) {
    name = argv[1];
  } else {
    if (getcwd(folder, sizeof folder) == NULL) return 1;
    name = strrchr(folder, '/') + 1;
  }
  const int told = open(TOLD, O_WRONLY | O_CLOEXEC);
  const int size = snprintf(line, sizeof line, "%s %d %lld\n", name, (int)getpid(),
                            (long long)now.tv_sec * 1000000000 + now.tv_nsec);
  if (told < 0 || write(told, line, (size_t)size) != size) return 1;
  close(told);
  for (;;) pause();
}
