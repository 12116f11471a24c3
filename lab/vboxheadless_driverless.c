/*
 * VBoxHeadless for a host without the vboxdrv kernel driver.  Lab use only.
 *
 * Debian's /usr/lib/virtualbox/VBoxHeadless is a small setuid program whose one
 * task is to open the driver and then to enter VBoxHeadless.so.  This program
 * takes its place: it brings up VirtualBox's runtime with the support library
 * in its driverless mode and enters the same VBoxHeadless.so.
 *
 * It is installed setuid root, as the original is, although it needs no
 * privilege: a process that was started so is closed to its owner in /proc
 * (exe, environ, fd) even after it dropped, and whoever watches VMs has to
 * live with that on real hosts.
 *
 * Compiled with another FRONT_END it is that program: VirtualBoxVM, the window,
 * is made of the same two parts.
 *
 * The libraries are looked for in the folder of this program and nowhere else.
 *
 * Exit status: that of VirtualBox's front end; 125 if it could not be entered.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef FRONT_END
#define FRONT_END "VBoxHeadless"
#endif

#define LAB_FAILED 125

/* Flags of SUPR3InitEx. */
#define SUPR3INIT_F_UNRESTRICTED UINT32_C(1)
#define SUPR3INIT_F_DRIVERLESS UINT32_C(4)

typedef int RuntimeInit(int argc, char ***argv, uint32_t flags);
typedef int SupportInit(uint32_t flags, void **session);
typedef int FrontEnd(int argc, char **argv, char **envp);

static char folder[PATH_MAX];

static _Noreturn void give_up(const char *format, ...)
{
    va_list args;
    fputs("lab " FRONT_END ": ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(LAB_FAILED);
}

/* For good: the saved ids too, and a proof that there is no way back. */
static void become_caller(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        give_up("cannot drop privileges: %m");
    if (uid != 0 && (setuid(0) == 0 || geteuid() == 0))
        give_up("privileges came back after they were dropped");
}

static void find_folder(void)
{
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0)
        give_up("cannot read /proc/self/exe: %m");
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        give_up("/proc/self/exe says \"%s\", which is no path", folder);
    *slash = '\0';
}

/* RTLD_GLOBAL, since the modules loaded later expect each other's symbols. */
static void *library(const char *name)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        give_up("the path of %s is too long", name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (handle == NULL)
        give_up("%s", dlerror());
    return handle;
}

static void *symbol(void *handle, const char *name)
{
    void *address = dlsym(handle, name);
    if (address == NULL)
        give_up("%s", dlerror());
    return address;
}

int main(int argc, char **argv, char **envp)
{
    become_caller();
    find_folder();

    void *runtime = library("VBoxRT.so");
    RuntimeInit *init_runtime = (RuntimeInit *)symbol(runtime, "RTR3InitExe");
    SupportInit *init_support = (SupportInit *)symbol(runtime, "SUPR3InitEx");

    int status = init_runtime(argc, &argv, 0);
    if (status < 0)
        give_up("VirtualBox's runtime did not start (status %d)", status);
    status = init_support(SUPR3INIT_F_UNRESTRICTED | SUPR3INIT_F_DRIVERLESS, NULL);
    if (status < 0)
        give_up("VirtualBox has no driverless mode here (status %d)", status);

    FrontEnd *front_end = (FrontEnd *)symbol(library(FRONT_END ".so"), "TrustedMain");
    return front_end(argc, argv, envp);
}
