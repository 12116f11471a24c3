# The guest that crashes: ready, and two seconds later a triple fault, which
# VirtualBox calls a guru meditation.
        .include "common.inc"

        prologue
        say_ready
        pause_ticks 36
        lidtw   nothing         # no vector exists any more, so neither the
        int     $0x21           # interrupt nor the faults that follow find one
nothing:
        .word   0
        .long   0
        epilogue
