/* floor N: what it costs at least to start N sleeping processes: fork, setsid, /dev/null, exec, wait until the exec is done; nothing is
 * kept about them. Prints the seconds that passed and its own on a processor, then their pids; they are the caller's to end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  int n = argc > 1 ? atoi(argv[1]) : 0;
  pid_t* pids = calloc((size_t)n + 1, sizeof *pids);
  struct timespec begin, end;
  struct rusage used;
  if (pids == NULL) return 1;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < n; ++i) {
    int ends[2];
    char byte;
    if (pipe2(ends, O_CLOEXEC) != 0) return 1;
    pids[i] = fork();
    if (pids[i] < 0) return 1;
    if (pids[i] == 0) {
      static char* const words[] = {"/bin/sleep", "1000000", NULL};
      static char* const nothing[] = {NULL};
      const int null = open("/dev/null", O_RDWR);
      setsid();
      for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
      execve(words[0], words, nothing);
      _exit(127);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 0) return 1;
    close(ends[0]);
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  getrusage(RUSAGE_SELF, &used);
  printf("%.3f %.3f\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
         (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
  for (int i = 0; i < n; ++i) printf("%d\n", (int)pids[i]);
  return 0;
}
