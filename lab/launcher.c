/*
 * Runs the lab's VirtualBox from the host.  Setuid root; lab use only.
 *
 * The lab's VirtualBox lives in a chroot.  This program stands on the host under
 * the names VBoxManage, VBoxHeadless, VBoxSVC, VirtualBoxVM and Xvfb; it enters the chroot, becomes
 * its caller again and executes the program of the same name there.  It never
 * forks: the process that the caller spawned becomes VirtualBox's, with the
 * caller's descriptors, cgroup, nice value, limits and supplementary groups.
 *
 * Who may call: anybody.  What a caller can choose is one of these programs, its
 * arguments and the environment; the chroot is compiled in (LAB_ROOT), and the
 * privilege is gone before anything of the caller's choosing is looked at.
 *
 * The environment is passed on, but LC_ALL is C, since the lab has no locales,
 * and PATH is the chroot's.  The C library takes LD_*, TMPDIR and a few others
 * away from every setuid program.
 *
 * Exit status: that of the program; 125 if it could not be executed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef LAB_ROOT
#error "LAB_ROOT must be the absolute path of the lab's chroot"
#endif

#define LAB_FAILED 125

static const struct program {
    const char *name;
    char *path;
    char *first_argument; /* put before the caller's own, or NULL */
} programs[] = {
    /* Straight to the programs: the wrappers in /usr/bin complain about the
     * missing driver on stdout.  -q leaves the banner out. */
    {"VBoxManage", "/usr/lib/virtualbox/VBoxManage", "-q"},
    {"VBoxHeadless", "/usr/lib/virtualbox/VBoxHeadless", NULL},
    {"VBoxSVC", "/usr/lib/virtualbox/VBoxSVC", NULL},
    /* Where the lab has windows. */
    {"VirtualBoxVM", "/usr/lib/virtualbox/VirtualBoxVM", NULL},
    {"Xvfb", "/usr/bin/Xvfb", NULL},
};

static _Noreturn void give_up(const char *format, ...)
{
    va_list args;
    fputs("lab launcher: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(LAB_FAILED);
}

static const struct program *chosen(const char *called_as)
{
    const char *slash = called_as ? strrchr(called_as, '/') : NULL;
    const char *name = slash ? slash + 1 : called_as;
    for (size_t i = 0; name != NULL && i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i].name, name) == 0)
            return &programs[i];
    give_up("call me VBoxManage, VBoxHeadless, VBoxSVC, VirtualBoxVM or Xvfb, not \"%s\"", name ? name : "");
}

static void enter_chroot(void)
{
    if (geteuid() != 0)
        give_up("not running as root: I am not setuid root, or on a nosuid mount, or"
                " my caller has no_new_privs");
    if (chroot(LAB_ROOT) != 0 || chdir("/") != 0)
        give_up("%s: %m", LAB_ROOT);
}

/* The supplementary groups are the caller's still: setuid changes none. */
static void become_caller(void)
{
    uid_t uid = getuid(), real, effective, saved;
    gid_t gid = getgid(), real_group, effective_group, saved_group;
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        give_up("cannot drop privileges: %m");
    if (getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid || saved != uid ||
        getresgid(&real_group, &effective_group, &saved_group) != 0 || real_group != gid ||
        effective_group != gid || saved_group != gid)
        give_up("the ids are not the caller's after the drop");
    if (uid != 0 && setuid(0) == 0)
        give_up("privileges came back after they were dropped");
}

int main(int argc, char **argv)
{
    const struct program *program = chosen(argc > 0 ? argv[0] : NULL);

    char cwd[PATH_MAX];
    int has_cwd = getcwd(cwd, sizeof cwd) != NULL && cwd[0] == '/';

    enter_chroot();
    become_caller();

    /* A folder that both sides have stays; any other becomes "/", as above. */
    if (has_cwd && chdir(cwd) != 0 && chdir("/") != 0)
        give_up("/: %m");

    if (setenv("LC_ALL", "C", 1) != 0 || setenv("PATH", "/usr/bin:/bin", 1) != 0)
        give_up("environment: %m");

    char **args = calloc((size_t)argc + 2, sizeof *args);
    if (args == NULL)
        give_up("%m");
    int n = 0;
    args[n++] = program->path;
    if (program->first_argument != NULL)
        args[n++] = program->first_argument;
    for (int i = 1; i < argc; i++)
        args[n++] = argv[i];

    execv(program->path, args);
    give_up("%s in the lab's chroot: %s", program->path, strerror(errno));
}
